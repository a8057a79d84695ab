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
    ...rules.flatMap(({ where, rule }) => neverTrue(where, rule, book)),
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

function neverTrue(where: string, rule: AllowRule, book: ExpressionBook): Diagnostic[] {
  if (rule.where === null || !isNever(book.of(rule.where), rule.to.every((role) => role === "public"))) return [];
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
    const fields = ownedBy(book.of(rule.where!), table);
    if (fields === null || fields.length === 0) return [];
    return [warn("RULE_SCANS", rule.position, { message: `Reading ${table.name} under this rule looks at every row: ${fields.join(", ")} has no index.`, why: "It picks the few rows that are the caller's, so its cost grows with everybody's.", fix: `Add @indexed to ${fields[0]!}.` })];
  });
}

/** Fields without an index by which the rule finds whose a row is; null: an index finds them, or nothing is compared with the caller. */
function ownedBy(expression: Expression, table: Table): string[] | null {
  if (expression.op === "and") {
    const found = expression.operands.map((operand) => ownedBy(operand, table));
    const indexed = found.some((fields) => fields?.length === 0);
    return indexed ? [] : found.reduce((all, one) => (one === null ? all : [...all ?? [], ...one]), null);
  }
  if (expression.op === "or") {
    const found = expression.operands.map((operand) => ownedBy(operand, table));
    return found.includes(null) ? null : found.flatMap((one) => one ?? []);
  }
  if (expression.op !== "compare" || expression.comparison !== "eq") return null;
  const pair = [[expression.left, expression.right], [expression.right, expression.left]] as const;
  const [field] = pair.flatMap(([own, other]) => (own.op === "field" && own.row === "record" && own.path.length === 0 && own.within.length === 0 && other.op === "variable" && other.root === "auth" ? [own.field] : []));
  if (field === undefined) return null;
  return field === table.primaryKey || table.indexes.some(({ kind, fields }) => kind === "BTREE" && fields[0] === field) ? [] : [field];
}

function warn(code: string, position: SourcePosition, told: Pick<Diagnostic, "message" | "why" | "fix">): Diagnostic {
  return { code, severity: "warning", position, ...told, edits: [] };
}
