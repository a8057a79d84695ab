// KIND_SHAPE, ESCALATE_NOBODY, ASK_SHAPE, EXTRACT_SHAPE, and names: what a kind of decision may have, whom it may ask, that all of it exists; and
// DIRECTIVE_PLACE of @commitment.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { effectTarget } from "../build-decision.ts";
import { describeField, diagnose, unknownName, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, textOf, textsOf, useOf, usesOf, type DeclaredField, type DeclaredType, type DirectiveUse } from "../declarations.ts";
import type { Located } from "../source-text.ts";
import { decisionFields } from "./decision-sources.ts";

export function decisionShape(context: CompileContext): Diagnostic[] {
  return decisionFields(context).flatMap((field) => [
    ...checkKind(field, context), ...checkEscalation(field, context), ...checkHolds(field, context), ...usesOf(field, "approval").flatMap((use) => checkApproval(use, context)), ...checkNames(field, context), ...checkContextNames(field, context),
    ...checkAsked(field, context), ...usesOf(field, "context").flatMap((use) => checkExtract(use, context)),
    ...["mayWrite", "effect"].flatMap((directive) => usesOf(field, directive).flatMap((use) => checkOperation(use, context))),
  ]);
}

const MAY: readonly string[] = ["mayRead", "mayCall", "mayAsk", "mayWrite"];

function checkKind(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const use = useOf(field, "decision");
  const kind = use?.values?.["kind"];
  if (use === undefined || (kind !== "RULE" && kind !== "JUDGE")) return [];
  const report = (at: Located, what: string): Diagnostic => diagnose(context, {
    code: "KIND_SHAPE", at, message: `${describeField(field)} is of kind ${kind} and has ${what}.`,
    why: kind === "RULE" ? "No model is asked, so nothing of a model's is there." : "A judgement is one typed answer, without tools.", fix: `Remove it, or use kind: ${kind === "RULE" ? "JUDGE or REASON" : "REASON"}.`,
  });
  const found = MAY.flatMap((name) => usesOf(field, name).map(({ node }) => report(node, `@${name}`)));
  for (const memory of usesOf(field, "memory")) if (kind === "JUDGE" && argumentNode(memory, "writes") !== undefined) found.push(report(memory.node, "memory that it writes"));
  if (kind === "JUDGE") return found;
  const model = argumentNode(use, "model");
  if (model !== undefined) found.push(report(model, "a model"));
  for (const budget of usesOf(field, "budget")) for (const name of ["tokens", "cost"]) if (argumentNode(budget, name) !== undefined) found.push(report(budget.node, `a budget of ${name}`));
  for (const one of usesOf(field, "context")) if (argumentNode(one, "extract") !== undefined) found.push(report(one.node, "an extraction"));
  return [...found, ...usesOf(field, "rollout").map(({ node }) => report(node, "@rollout"))];
}

function checkEscalation(field: DeclaredField, context: CompileContext): Diagnostic[] {
  if (useOf(field, "approval") !== undefined) return [];
  const uses = [...usesOf(field, "bound").filter(({ values }) => values?.["else"] === "ESCALATE"), ...["mayCall", "mayWrite", "negotiates"].flatMap((name) => usesOf(field, name).filter(({ values }) => values?.["taint"] === "ESCALATE"))];
  return uses.map((use) => diagnose(context, { code: "ESCALATE_NOBODY", at: use.node, message: `@${use.name} of ${describeField(field)} escalates, and nobody approves.`, why: "What waits for a person who is not there never ends.", fix: "Add @approval, or choose another ending." }));
}

const NO_UNDOING: readonly string[] = ["create", "update"];

/** What an offer takes can be given back, and made final. */
function checkHolds(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const report = (at: DirectiveUse["node"], message: string, fix: string): Diagnostic => diagnose(context, { code: "HOLD_SHAPE", at, message, why: "An offer that is not accepted leaves nothing behind; one that is accepted needs no second look.", fix });
  if (useOf(field, "negotiates") === undefined) {
    return usesOf(field, "mayWrite").filter((use) => argumentNode(use, "release") !== undefined || argumentNode(use, "convert") !== undefined).map(({ node }) => report(node, `${describeField(field)} holds something, and makes no offers.`, "Add @negotiates, or remove release and convert."));
  }
  return [
    ...usesOf(field, "effect").map(({ node }) => report(node, `@effect of ${describeField(field)} would happen with each offer.`, "Use @mayWrite with release and convert, or let what accepts it do that.")),
    ...usesOf(field, "mayWrite").flatMap((use) => ["release", "convert"].flatMap((name) => {
      const wrong = checkTarget(use, name, context);
      if (wrong.length > 0) return wrong;
      const table = (textOf(use, "operation") ?? "").split(".")[0];
      if (textOf(use, name) !== undefined && (textOf(use, name)!).split(".")[0] !== table) return [report(use.node, `${name} of ${describeField(field)} is of another table than what is held.`, `Name an action of ${table}.`)];
      const verb = (textOf(use, name) ?? "").split(".")[1];
      return verb !== undefined && !NO_UNDOING.includes(verb) ? [] : [report(use.node, `@mayWrite of ${describeField(field)} needs ${name}: a delete, an increment or an action.`, `Add ${name}: "Table.action".`)];
    })),
  ];
}

const NOBODYS: readonly string[] = ["public", "authenticated"];

function checkApproval(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const [by, node] = [textsOf(use, "by"), argumentNode(use, "by")];
  if (by === undefined || node === undefined) return [];
  const other = by.find((role) => NOBODYS.includes(role) || role.startsWith("decision:"));
  if (by.length > 0 && other === undefined) return [];
  return [diagnose(context, { code: "ARGUMENT_VALUE", at: node.value, message: by.length === 0 ? "@approval(by) names nobody." : `@approval(by) names ${other}, which is no role that somebody was given.`, why: "Who approves answers for it.", fix: "Name roles of people." })];
}

/** Refusals and warnings that an author may answer for. */
const ACKNOWLEDGED: readonly string[] = ["FALLBACK_ANSWER", "FALLBACK_BOUND", "TRIGGER_TENANT", "UNBOUNDED_WRITE", "UNMARKED_TEXT"];

function checkNames(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const named = (kind: DeclaredType["kind"]): string[] => context.types.filter((type) => type.kind === kind).flatMap((type) => type.fields.map(({ name }) => name));
  const check = (directive: string, argument: string, candidates: readonly string[]): Diagnostic[] => usesOf(field, directive).flatMap((use) => {
    const [name, node] = [textOf(use, argument), argumentNode(use, argument)];
    return name === undefined || node === undefined || candidates.includes(name) ? [] : [unknownName(context, { at: node.value, name, label: name, candidates, place: `@${directive}(${argument})` })];
  });
  return [...check("mayCall", "tool", named("tools")), ...check("mayAsk", "decision", named("decisions")), ...check("acknowledge", "rule", ACKNOWLEDGED)];
}

/** What expressions call by other names. */
const TAKEN: readonly string[] = ["input", "auth", "now", "args", "row", "out", "effects", "mem", "negotiation", "run", "after", "total", "own", "told", "memory", "answer", "remember"];

function checkContextNames(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const seen = new Map<string, Set<string>>([["context", new Set()], ["bound", new Set()]]);
  return field.uses.flatMap((use) => {
    const names = seen.get(use.name);
    const [name, node] = [textOf(use, "name"), argumentNode(use, "name")];
    if (names === undefined || name === undefined || node === undefined) return [];
    const isTwice = names.has(name);
    names.add(name);
    if (isTwice) return [diagnose(context, { code: "DUPLICATE_NAME", at: node.value, message: `${describeField(field)} has two of the name ${name}.`, why: "Records and expressions tell them apart by name.", fix: "Rename one." })];
    if (use.name !== "context" || (/^(?!__)[A-Za-z_]\w*$/.test(name) && !TAKEN.includes(name) && !name.startsWith("has_"))) return [];
    return [diagnose(context, { code: "ARGUMENT_VALUE", at: node.value, message: `A context cannot be called ${name}.`, why: "Expressions call it by that name, which is taken or no name.", fix: "Choose another name, of letters and digits." })];
  });
}

const WRITES: readonly string[] = ["mayWrite", "effect", "negotiates", "approval"];

function checkAsked(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const decisions = new Map(decisionFields(context).map((one) => [one.name, one]));
  return usesOf(field, "mayAsk").flatMap((use) => {
    const asked = decisions.get(textOf(use, "decision") ?? "");
    if (asked === undefined) return [];
    const report = (message: string, fix: string): Diagnostic[] => [diagnose(context, { code: "ASK_SHAPE", at: use.node, message, why: "Who is asked advises: it changes nothing, and asks nobody who waits for it.", fix })];
    const writes = WRITES.find((name) => useOf(asked, name) !== undefined) ?? (usesOf(asked, "memory").some((one) => argumentNode(one, "writes") !== undefined) ? "memory(writes)" : undefined);
    if (writes !== undefined) return report(`${describeField(asked)} has @${writes}, so it cannot be asked for advice.`, "Ask another decision, or remove it there.");
    return reaches(asked, field.name, decisions, new Set()) ? report(`${describeField(asked)} asks ${describeField(field)} in turn.`, "Remove one of the two.") : [];
  });
}

function reaches(from: DeclaredField, name: string, decisions: ReadonlyMap<string, DeclaredField>, seen: Set<string>): boolean {
  if (from.name === name) return true;
  if (seen.has(from.name)) return false;
  seen.add(from.name);
  return usesOf(from, "mayAsk").some((use) => {
    const next = decisions.get(textOf(use, "decision") ?? "");
    return next !== undefined && reaches(next, name, decisions, seen);
  });
}

const EXTRACTED: readonly string[] = ["Boolean", "DateTime", "Date", "ID"];
const BOUNDED: readonly string[] = ["Int", "Long", "Float", "Money", "Decimal"];

function checkExtract(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const [name, node] = [textOf(use, "extract"), argumentNode(use, "extract")];
  if (name === undefined || node === undefined) return [];
  const type = context.byName.get(name);
  if (type === undefined || type.kind !== "nested") {
    return [unknownName(context, { at: node.value, name, label: `the type ${name}`, candidates: [...context.byName.values()].filter(({ kind }) => kind === "nested").map((one) => one.name), place: "@context(extract)" })];
  }
  return type.fields.filter((field) => !isExtractable(field)).map((field) => diagnose(context, {
    code: "EXTRACT_SHAPE", at: field.node.type, message: `${describeField(field)} could carry text out of what is extracted.`, why: "What a quarantined call reads may only be chosen, counted or dated: never said in words.", fix: "Use an enum, Boolean, a number with @range, a date or an ID.",
  }));
}

function isExtractable(field: DeclaredField): boolean {
  const { type } = field;
  if (type === null || type.kind === "enum") return true;
  if (type.kind !== "scalar") return false;
  const range = useOf(field, "range");
  const isBounded = range !== undefined && argumentNode(range, "min") !== undefined && argumentNode(range, "max") !== undefined;
  return EXTRACTED.includes(type.name) || (BOUNDED.includes(type.name) && isBounded);
}

const VERBS: readonly string[] = ["create", "update", "delete", "increment"];

/** The table and what is done with it, or why there is no such thing. */
function targetIn(use: DirectiveUse, argument: string, context: CompileContext): { readonly table: DeclaredType; readonly verb: string } | readonly Diagnostic[] {
  const [text, node] = [textOf(use, argument), argumentNode(use, argument)];
  if (text === undefined || node === undefined) return [];
  const target = effectTarget(text);
  const place = `@${use.name}(${argument})`;
  if (target === null) return [diagnose(context, { code: "ARGUMENT_VALUE", at: node.value, message: `${place} is "${text}".`, why: "It names a table and what is done with it.", fix: "Write Table.create, Table.update, Table.delete, Table.increment or Table.ACTION." })];
  const table = context.byName.get(target.table);
  if (table?.kind !== "table") return [unknownName(context, { at: node.value, name: target.table, label: `the table ${target.table}`, candidates: context.tables.map(({ name }) => name), place })];
  if (!VERBS.includes(target.verb) && fieldNamed(table, target.verb)?.kind !== "action") {
    return [unknownName(context, { at: node.value, name: target.verb, label: text, candidates: [...VERBS, ...table.fields.filter(({ kind }) => kind === "action").map(({ name }) => name)], place })];
  }
  return { table, verb: target.verb };
}

/** What an operation is called with later is known by name: only that there is one. */
function checkTarget(use: DirectiveUse, argument: string, context: CompileContext): Diagnostic[] {
  const found = targetIn(use, argument, context);
  return "verb" in found ? [] : [...found];
}

/** What is owed for a breach is there, and somebody negotiates about it. */
export function commitmentShape(context: CompileContext): Diagnostic[] {
  const negotiated = decisionFields(context).filter((field) => useOf(field, "negotiates") !== undefined).map(({ type }) => type?.name);
  return context.types.flatMap((type) => usesOf(type, "commitment").flatMap((use) => [
    ...checkTarget(use, "remedy", context),
    ...(negotiated.includes(type.name) ? [] : [diagnose(context, {
      code: "DIRECTIVE_PLACE", at: use.node, message: `@commitment stands on ${type.name}, which no decision negotiates.`,
      why: "It is made when an offer is accepted: nobody would ever look at it.", fix: `Add @negotiates to the decision that answers with ${type.name}, or remove it.`,
    })]),
  ]));
}

function checkOperation(use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const found = targetIn(use, "operation", context);
  if (!("verb" in found)) return [...found];
  const { table, verb } = found;
  const target = { table: table.name, verb };
  const action = fieldNamed(table, verb);
  const known = action?.kind === "action" ? [...action.arguments.map(({ name }) => name), "id"] : [...table.fields.filter(({ kind }) => kind === "stored").map(({ name }) => name), ...(target.verb === "increment" ? ["id", "field", "by"] : ["id"])];
  const fields = argumentNode(use, "fields")?.value;
  const nodes = fields?.kind === "ListValue" ? fields.values : fields === undefined ? [] : [fields];
  const supplied = nodes.flatMap((one) => (one.kind === "StringValue" ? [one] : []));
  const set = argumentNode(use, "set")?.value;
  const written = set?.kind === "ObjectValue" ? set.fields : [];
  return [
    ...(textsOf(use, "fields") === undefined ? [] : supplied.filter(({ value }) => !known.includes(value)).map((one) => unknownName(context, { at: one, name: one.value, label: `${target.table}.${one.value}`, candidates: known, place: `@${use.name}(fields)` }))),
    ...written.filter(({ name }) => !known.includes(name.value)).map(({ name }) => unknownName(context, { at: name, name: name.value, label: `${target.table}.${name.value}`, candidates: known, place: `@${use.name}(set)` })),
  ];
}
