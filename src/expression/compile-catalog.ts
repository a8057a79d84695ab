// Every CEL source of a Catalog, compiled for its place. All problems of all of them, and the book in which the rest is found.
import type { Diagnostic } from "../base/diagnostic.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import type { AllowRule, Callable, Catalog, Cel, Channel, CheckRule, Field, InputField, Table, Webhook } from "../schema/catalog.ts";
import { messageTable } from "../schema/message-table.ts";
import { celDiagnostic, type CelPlace } from "./cel-context.ts";
import { compileCel } from "./cel-compile.ts";
import { compileCelMap } from "./cel-map.ts";
import type { Expected } from "./cel-convert.ts";
import { unguardedNulls } from "./check-nullable.ts";
import { computedCycles, foreignInStored } from "./computed-fields.ts";
import type { Expression } from "./expression.ts";
import { expressionBook, type ExpressionBook } from "./expression-book.ts";
import { oversized } from "./expression-size.ts";
import { typeOfField } from "./field-type.ts";
import { someIn } from "./inspect.ts";
import { misplacedNow } from "./now-placement.ts";

export interface CompiledExpressions {
  /** Complete only without errors among the diagnostics. */
  readonly book: ExpressionBook;
  readonly diagnostics: readonly Diagnostic[];
}

/** What the rules of one source are held to, besides its type. */
type Restriction = (expression: Expression, compiled: { readonly cel: Cel; rangeOf(part: Expression): { start: number; end: number } }) => Diagnostic[];

interface Collected { readonly catalog: Catalog; readonly compiled: Map<Cel, Expression>; readonly inputs: Map<Cel, ReadonlyMap<string, Expression>>; readonly diagnostics: Diagnostic[] }

const VERDICT: Expected = { type: { kind: "bool" }, domain: null, what: "A rule" };

export function compileCatalogExpressions(catalog: Catalog, limits: Pick<Limits, "ruleSteps"> = defaultLimits): CompiledExpressions {
  const collected: Collected = { catalog, compiled: new Map(), inputs: new Map(), diagnostics: [] };
  for (const table of catalog.tables.values()) compileTable(table, collected);
  for (const channel of catalog.channels.values()) compileChannel(channel, collected);
  for (const endpoint of catalog.endpoints.values()) compileCallable(endpoint, null, collected);
  for (const fact of catalog.facts.values()) compileCallable(fact, null, collected);
  for (const job of catalog.jobs.values()) for (const { input } of job.schedules) if (input !== null) compileInput(input, job, collected);
  for (const { schedules, callable } of catalog.decisions.values()) for (const { input } of schedules) if (input !== null) compileInput(input, callable, collected);
  collected.diagnostics.push(...computedCycles(catalog, collected.compiled), ...oversized(catalog, collected.compiled));
  return { book: expressionBook(catalog, collected, limits.ruleSteps), diagnostics: collected.diagnostics };
}

function compileTable(table: Table, collected: Collected): void {
  for (const rule of table.allow) compileAllow(rule, table, collected);
  for (const check of table.checks) compileCheck(check, table, collected);
  compileSecret(table, collected);
  for (const field of table.fields.values()) {
    for (const rule of field.allow) compileAllow(rule, table, collected);
    compileFill(field, table, collected);
  }
  for (const action of table.actions.values()) compileCallable(action, table, collected);
}

/** `record` is the message; what was sent of it is `input`, for who publishes alone. */
function compileChannel(channel: Channel, collected: Collected): void {
  const table = messageTable(channel);
  for (const { where, do: verbs } of channel.allow) {
    if (where === null) continue;
    const absent = { input: "There is an input only in a rule for PUBLISH alone.", old: "A message has nothing before it." };
    const input = verbs.every((verb) => verb === "PUBLISH") ? sentFields(channel) : null;
    add(where, { catalog: collected.catalog, rows: new Map([["record", table]]), auth: true, input, absent }, { expected: VERDICT, restrict: boundNow(collected.catalog) }, collected);
  }
  for (const field of channel.fields.values()) compileFill(field, table, collected);
}

function sentFields({ fields }: Channel): ReadonlyMap<string, InputField> {
  return new Map([...fields].map(([name, { description, position, type, limits }]) => [name, { name, description, position, limits, type: { ...type, required: false }, defaultValue: undefined }]));
}

function add(cel: Cel, place: CelPlace, { expected, restrict }: { readonly expected: Expected; readonly restrict: Restriction }, collected: Collected): void {
  const { expression, diagnostics, rangeOf } = compileCel(cel, place, expected);
  collected.diagnostics.push(...diagnostics);
  if (expression === null) return;
  collected.compiled.set(cel, expression);
  collected.diagnostics.push(...restrict(expression, { cel, rangeOf }));
}

function compileAllow(rule: AllowRule, table: Table, collected: Collected): void {
  if (rule.where === null) return;
  const updates = rule.do.includes("UPDATE");
  const rows = new Map([["record", table], ...(updates ? [["old", table]] as const : [])]);
  const absent = { input: "There is an input only where something is called.", old: "There is a record before only for UPDATE." };
  add(rule.where, { catalog: collected.catalog, rows, auth: true, input: null, absent }, { expected: VERDICT, restrict: boundNow(collected.catalog) }, collected);
}

function compileCallable(callable: Callable, table: Table | null, collected: Collected): void {
  const record = table !== null && callable.on === "RECORD" ? table : null;
  const rows = new Map(record === null ? [] : [["record", record]]);
  const absent = { record: `${callable.name} is not called on a record.`, old: "There is a record before only for UPDATE." };
  const place: CelPlace = { catalog: collected.catalog, rows, auth: true, input: callable.arguments, absent };
  for (const rule of callable.allow) if (rule.where !== null) add(rule.where, place, { expected: VERDICT, restrict: boundNow(collected.catalog) }, collected);
  if (callable.webhook !== undefined) compileWebhook(callable.webhook, place, collected);
}

/** Over what was sent alone: who sent it says its signature. */
function compileWebhook({ dedupe, sequence, per }: Webhook, callable: CelPlace, collected: Collected): void {
  const place: CelPlace = { ...callable, auth: false, absent: { ...callable.absent, auth: "Whoever calls a webhook is not signed in." } };
  const of = (cel: Cel | null, kind: "string" | "int", what: string): void => {
    if (cel !== null) add(cel, place, { expected: { type: { kind }, domain: null, what }, restrict: () => [] }, collected);
  };
  of(dedupe, "string", "dedupe");
  of(sequence, "int", "sequence");
  of(per, "string", "per");
}

/** Arguments of an @every: nobody asks, so nothing but the time is known. */
function compileInput(cel: Cel, job: Callable, collected: Collected): void {
  const { catalog, diagnostics, inputs } = collected;
  const why = "A schedule fires by itself, so only now() and constants are known.";
  const place: CelPlace = { catalog, rows: new Map(), auth: false, input: null, absent: { record: why, old: why, input: why, auth: why } };
  const expected = new Map([...job.arguments].map(([name, { type }]): [string, Expected] => [name, { type: typeOfField(type, catalog), domain: type.kind === "enum" ? { kind: "enum", name: type.name } : null, what: `${job.name}.${name}` }]));
  const { entries: values, diagnostics: found } = compileCelMap(cel, place, expected);
  inputs.set(cel, values);
  diagnostics.push(...found);
  if (found.length > 0) return;
  for (const { name, type, defaultValue } of job.arguments.values()) {
    if (!type.required || defaultValue !== undefined || values.has(name)) continue;
    diagnostics.push(celDiagnostic(cel, { start: 0, end: cel.source.length }, { code: "EVERY_INPUT", message: `@every of ${job.name} gives no ${name}.`, why: "Nobody else could give the required argument.", fix: `Add "${name}" to the map.` }));
  }
}

function boundNow(catalog: Catalog): Restriction {
  return (expression, { cel, rangeOf }) => misplacedNow(expression, catalog).map((part) => celDiagnostic(cel, rangeOf(part), {
    message: "now() stands here only as FIELD OP now() ± duration, on an indexed field.",
    why: "A read with this rule must know until when it holds, and be served by an index.",
    fix: "Write record.FIELD > now() - duration('PT1H'), and index the field.",
  }));
}

function compileCheck(check: CheckRule, table: Table, collected: Collected): void {
  const place: CelPlace = {
    catalog: collected.catalog, rows: new Map([["record", table], ["old", table]]), auth: false, input: null,
    absent: { auth: "A check is about the data, whoever writes it.", input: "A check sees the final record." },
  };
  add(check.rule, place, { expected: { ...VERDICT, what: "A check" }, restrict: guarded(collected.catalog) }, collected);
}

/** Which rows no model sees: of the record alone, whoever asks. */
function compileSecret(table: Table, collected: Collected): void {
  const { secretWhere = null } = table;
  if (secretWhere === null) return;
  const place: CelPlace = {
    catalog: collected.catalog, rows: new Map([["record", table]]), auth: false, input: null,
    absent: { auth: "What is secret is so for every model, whoever asks.", input: "What is secret is decided by the record.", old: "What is secret is decided by the record as it is." },
  };
  add(secretWhere, place, { expected: { ...VERDICT, what: "What is secret" }, restrict: boundNow(collected.catalog) }, collected);
}

function guarded(catalog: Catalog): Restriction {
  return (expression, { cel, rangeOf }) => unguardedNulls(expression, catalog).map(({ name, field }) => celDiagnostic(cel, rangeOf(field), {
    code: "CHECK_NULLABLE",
    message: name === "old" ? "The check reads old, which is null when a record is created." : `The check is unknown, and so fails, whenever ${name} is null.`,
    why: "A comparison with null is neither true nor false.",
    fix: `Write ${name} == null || (...).`,
    edits: [{ start: 0, end: 0, text: `${name} == null || (` }, { start: cel.source.length, end: cel.source.length, text: ")" }],
  }));
}

function compileFill(field: Field, table: Table, collected: Collected): void {
  const { fill } = field;
  if (fill?.kind !== "default-rule" && fill?.kind !== "computed") return;
  const isDefault = fill.kind === "default-rule";
  const expected: Expected = {
    type: typeOfField(field.type, collected.catalog), domain: field.type.kind === "enum" ? { kind: "enum", name: field.type.name } : null, what: `${table.name}.${field.name}`,
  };
  const place: CelPlace = {
    catalog: collected.catalog, rows: new Map([["record", table]]), auth: isDefault, input: null,
    absent: { auth: "A computed field is the same for every reader.", old: "There is a record before only in rules for UPDATE and in checks.", input: "There is an input only where something is called." },
  };
  add(fill.rule, place, { expected, restrict: isDefault ? () => [] : computedRestriction(table, field) }, collected);
}

function computedRestriction(table: Table, field: Field): Restriction {
  return (expression, { cel, rangeOf }) => {
    const found: Diagnostic[] = [];
    someIn(expression, (part) => {
      if (part.op === "now") found.push(celDiagnostic(cel, rangeOf(part), { message: "A computed field cannot depend on the time.", why: "It would change without any write.", fix: "Compare with now() in a rule or a query instead." }));
      return false;
    });
    const foreign = field.fill?.kind === "computed" && field.fill.stored ? foreignInStored(expression, table) : null;
    if (foreign !== null) found.push(celDiagnostic(cel, rangeOf(foreign), {
      code: "COMPUTED_SHAPE", message: `A stored computed field reads ${foreign.path.length > 0 ? "another record" : "one that is not stored"}.`,
      why: "It would not change when that does.", fix: "Use stored fields of the record only, or leave out stored.",
    }));
    return found;
  };
}
