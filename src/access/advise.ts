// What `ambit check` advises about rules that are valid: tables that anybody may write, rules that can never be true, fields that seem to be
// more open than their type, rules that read every row to find the few that are somebody's. Warnings: each may be meant.
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import type { Expression } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { AllowRule, Callable, Catalog, Table, Verb } from "../schema/catalog.ts";
import { isNever } from "./never-true.ts";

const WRITES: readonly Verb[] = ["CREATE", "UPDATE", "DELETE"];

/** Of a schema whose expressions have compiled. */
export function advise(catalog: Catalog, book: ExpressionBook): Diagnostic[] {
  const tables = [...catalog.tables.values()];
  const rules = [
    ...tables.flatMap((table) => [...placed(table.name, table.allow), ...[...table.fields.values()].flatMap((field) => placed(`${table.name}.${field.name}`, field.allow)), ...[...table.actions.values()].flatMap(ofCallable)]),
    ...[...catalog.channels.values()].flatMap((channel) => placed(channel.name, channel.allow)),
    ...[...catalog.endpoints.values()].flatMap(ofCallable),
  ];
  return [
    ...tables.filter(({ exportName }) => exportName !== null).flatMap(openToPublic),
    ...rules.flatMap(({ where, rule }) => neverTrue(where, rule, { book, catalog })),
    ...tables.flatMap(moreOpen),
    ...tables.filter(({ exportName }) => exportName !== null).flatMap((table) => scanning(table, book)),
  ];
}

interface Placed { readonly where: string; readonly rule: AllowRule }

function placed(where: string, rules: readonly AllowRule[]): Placed[] {
  return rules.map((rule) => ({ where, rule }));
}

function ofCallable(callable: Callable): Placed[] {
  return placed(callable.table === null ? callable.name : `${callable.table}.${callable.name}`, callable.allow);
}

/** A rate holds back who floods it, a condition who changes what is not theirs. */
function openToPublic(table: Table): Diagnostic[] {
  const isRated = table.usage?.some(({ rate }) => rate !== null) === true;
  return table.allow.filter(({ to }) => to.includes("public")).flatMap((rule) => {
    const verbs = rule.do.filter((verb) => WRITES.includes(verb) && !(verb === "CREATE" ? isRated : rule.where !== null));
    if (verbs.length === 0) return [];
    const fix = verbs.includes("CREATE") ? 'Let only "authenticated" write, or add for example @limit(rate: "10/min", per: IP).' : 'Let only "authenticated" write, or add a where.';
    return [warn("OPEN_TO_PUBLIC", rule.position, { message: `Anybody may ${verbs.join(", ")} ${table.name}, without signing in.`, why: "Programs find such tables and fill or change them.", fix })];
  });
}

function neverTrue(where: string, rule: AllowRule, { book, catalog }: { readonly book: ExpressionBook; readonly catalog: Catalog }): Diagnostic[] {
  const nobody = rule.to.every((role) => role === "public");
  if (rule.where === null || !isNever(book.of(rule.where), { nobody, isRequired: (table, field) => catalog.tables.get(table)?.fields.get(field)?.type.required === true })) return [];
  return [warn("NEVER_TRUE", rule.position, { message: `The where of an @allow on ${where} can never be true.`, why: "It lets nobody in: null makes a comparison unknown, for public every auth.* is absent, and unknown denies.", fix: "Correct the condition, or remove the @allow." })];
}

/** A field's own rules are AND-ed with those of its type. */
function moreOpen(table: Table): Diagnostic[] {
  return [...table.fields.values()].flatMap((field) => field.allow.flatMap((rule) => {
    if (rule.on !== null) return [];
    const wrong = rule.do.flatMap((verb) => rule.to.filter((role) => !isCovered(role, verb, table)).map((role) => `${verb} for ${role}`));
    if (wrong.length === 0) return [];
    return [warn("MORE_OPEN", rule.position, { message: `${table.name}.${field.name} allows ${wrong.join(", ")}, which ${table.name} does not.`, why: "Both must allow it, so this has no effect.", fix: `Allow it on ${table.name} too, or take it away from the field.` })];
  }));
}

function isCovered(role: string, verb: Verb, table: Table): boolean {
  return table.allow.some(({ to, do: verbs }) => verbs.includes(verb) && (to.includes(role) || to.includes("public") || (role !== "public" && to.includes("authenticated"))));
}

function scanning(table: Table, book: ExpressionBook): Diagnostic[] {
  return table.allow.filter((rule) => rule.do.includes("READ") && rule.where !== null).flatMap((rule) => {
    const [first] = scannedBy(book.of(rule.where!), table) ?? [];
    if (first === undefined) return [];
    return [warn("RULE_SCANS", rule.position, { message: `Reading ${table.name} under this rule looks at every row: ${first.because}.`, why: "It picks the few rows that are the caller's, so its cost grows with everybody's.", fix: first.fix })];
  });
}

interface Scan { readonly because: string; readonly fix: string }

/** Why no index finds the rows that are the caller's; empty: one does. Null: nothing is compared with the caller. */
function scannedBy(expression: Expression, table: Table): readonly Scan[] | null {
  if (expression.op === "and") {
    const found = expression.operands.map((operand) => scannedBy(operand, table));
    const isFound = found.some((scans) => scans?.length === 0);
    return isFound ? [] : found.reduce((all, one) => (one === null ? all : [...all ?? [], ...one]), null);
  }
  if (expression.op === "or") {
    const found = expression.operands.map((operand) => scannedBy(operand, table));
    return found.includes(null) ? null : found.flatMap((one) => one ?? []);
  }
  const own = ofCaller(expression);
  return own === null ? null : scansOf(own, table);
}

/** What of the record must be what the caller is or has. */
function ofCaller(expression: Expression): Expression | null {
  const isCaller = (one: Expression): boolean => one.op === "variable" && one.root === "auth";
  switch (expression.op) {
    case "compare": return expression.comparison !== "eq" ? null : isCaller(expression.right) ? expression.left : isCaller(expression.left) ? expression.right : null;
    case "in": return isCaller(expression.list) ? expression.item : isCaller(expression.item) ? expression.list : null;
    default: return null;
  }
}

function scansOf(own: Expression, table: Table): readonly Scan[] | null {
  if (own.op === "call") return own.arguments.some((argument) => argument.op === "field" && argument.row === "record") ? [{ because: `no index has what ${own.function} makes of its fields`, fix: "Compare the field itself: with @indexed(fold: true) case does not count." }] : null;
  if (own.op !== "field" || own.row !== "record") return null;
  const { path, within, field } = own;
  // Parts of another record are asked for by that record, as a rule.
  if (path.length > 0) return null;
  if (own.type.kind === "list") return [{ because: `${field} is a list, which no index looks into`, fix: "Keep its items as rows of a table, or give roles within a record with @grants." }];
  if (within.length > 0) return null;
  return field === table.primaryKey || table.indexes.some(({ kind, fields }) => kind === "BTREE" && fields[0] === field) ? [] : [{ because: `${field} has no index`, fix: `Add @indexed to ${field}.` }];
}

function warn(code: string, position: SourcePosition, told: Pick<Diagnostic, "message" | "why" | "fix">): Diagnostic {
  return { code, severity: "warning", position, ...told, edits: [] };
}
