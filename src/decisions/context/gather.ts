// The contexts of a decision as they are in one state: as values for expressions, and as JSON of which a model is shown what is not secret.
// Reads with the author's authority inside the caller's tenant; a record that the caller's input names must be one that they may read.
import type { Json, RecordValues, Value } from "../../base/value.ts";
import type { Environment } from "../../expression/expression.ts";
import { evaluate } from "../../expression/evaluate.ts";
import { someIn } from "../../expression/inspect.ts";
import { openValuesRoot } from "../../query/open-operand.ts";
import { isSearchable, searchMatch } from "../../query/rankings.ts";
import { recordJson } from "../../query/record-plan.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import type { Body, Caller } from "../../resources/body.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { WriteSession } from "../../tables/write-session.ts";
import type { State } from "../../resources/work.ts";
import type { Connection } from "../../storage/connection.ts";
import { rowValues, shownRow, type Showing } from "../policy/answer-shape.ts";
import type { CompiledContext, CompiledDecision } from "../policy/compiled-decision.ts";
import type { CompiledQuery, Hole } from "../policy/compile-query.ts";
import { valueOf as valueIn } from "../bounds/judge.ts";
import { aboutOf, isAboutInput, recall, recordNamed, tenantOfMemory, type Recalled } from "../memory/recall.ts";
import { shownMemory } from "../memory/shown-memory.ts";
import { isHidden } from "./kept-back.ts";
import { SUBJECT } from "./of-subject.ts";
import { untrustedIn, type Labelling } from "./taint.ts";

/** What one run is about. */
export interface Question {
  readonly decision: CompiledDecision;
  readonly caller: Caller;
  readonly input: RecordValues;
  /** Asked by a run whose words are nobody's: so is the text of the input. */
  readonly isFromUntrusted?: boolean;
  /** Ids of memories that lie near its words (memory/near-memories.ts), found when the run began. */
  readonly brought?: readonly string[];
  /** Its answer is an offer of this round. */
  readonly negotiating?: Negotiating;
}

export interface Answered { readonly state: string; readonly output: Value | undefined; readonly effects: readonly { readonly operation: string; readonly id: Json; readonly args: Json }[] }

/** One round, as the run that answers in it meets it. */
export interface Negotiating {
  /** Of the negotiation. */
  readonly id: string;
  /** For expressions. */
  readonly value: Value;
  /** As a model is shown it. */
  readonly shown: Json;
  /** What the other party has said is text that nobody answers for. */
  readonly isUntrusted: boolean;
  /** Before the effects of the next offer: what the last one held is free again. */
  release(body: Body): Promise<void>;
  /** In the commit of the run's end. */
  offered(session: WriteSession, ending: Answered): void;
}

type Rows = readonly { readonly [name: string]: Json }[];

export interface Gathered {
  /** Variables of expressions: `input`, `auth`, `now`, the contexts, `has_NAME`. */
  readonly variables: Readonly<Record<string, Value>>;
  /** By context: all rows, as the database gave them. */
  readonly rows: Readonly<Record<string, Rows>>;
  /** By @memory, in their order. */
  readonly memory: readonly Recalled[];
  /** As of the question. */
  readonly brought?: readonly string[];
  /** A record that must be there and is not, or not for the caller. */
  readonly missing: string | null;
  /** A context with more rows than it may have. */
  readonly overflow: string | null;
  /** Text that nobody answers for is among them. */
  readonly isUntrusted: boolean;
  /** And among what a model is shown. */
  readonly isShownUntrusted: boolean;
}

/** `extracted`: what quarantined calls have read, by context. */
export function gather(question: Question, state: State, core: DispatchCore, extracted: Readonly<Record<string, Value>> = {}): Gathered {
  const { caller } = question;
  return gatherFrom(question, {
    auth: caller.rights.auth, now: state.now, extracted,
    rowsOf: (context, variables) => readContext(context, { variables, caller, state, core }),
    memoryOf: (variables) => memoryIn(core.storage.reader, question, { variables, caller, state, core }),
  });
}

/** What is remembered, in the state of this connection. Null: it is about a record that the caller names and may not read. */
export function memoryIn(connection: Connection, { decision, input, brought = [] }: Pick<Question, "decision" | "input" | "brought">, { variables, caller, state, core }: Reading): readonly Recalled[] | null {
  if (decision.memories.length === 0) return [];
  const isForeign = decision.memories.some((memory) => {
    const about = isAboutInput(memory) ? aboutOf(memory, { variables, core }) : null;
    const named = about === null ? null : recordNamed(about, core.catalog);
    return named !== null && !isSeen(named, named.id, { variables, caller, state, core });
  });
  return isForeign ? null : recall({ decision, input, brought, variables, connection, core, tenantOf: (about) => tenantOfMemory(about, caller, { get: (table, id) => state.get(table, id), catalog: core.catalog }) });
}

/** What a run has read, to be read again where the run goes on. */
export interface Recorded { readonly now: string; readonly rows: Gathered["rows"]; readonly memory: readonly Recalled[]; readonly brought?: readonly string[] }

export function recordOf({ variables, rows, memory, brought }: Gathered): Recorded {
  return { now: String(variables["now"]), rows, memory, ...(brought === undefined ? {} : { brought }) };
}

/** As it was then, whatever it is by now. */
export function gatheredAgain(question: Question, { now, rows, memory }: Recorded): Gathered {
  return gatherFrom(question, { auth: question.caller.rights.auth, now, extracted: {}, rowsOf: ({ declaration: { name } }) => rows[name] ?? [], memoryOf: () => memory });
}

export interface GatherSource {
  readonly auth: Value;
  readonly now: string;
  readonly extracted: Readonly<Record<string, Value>>;
  /** Of what was recorded. */
  readonly negotiation?: Value;
  rowsOf(context: CompiledContext, variables: Readonly<Record<string, Value>>): Rows;
  /** Null: it may not be read. */
  memoryOf(variables: Readonly<Record<string, Value>>): readonly Recalled[] | null;
}

/** Wherever the rows come from: the data, or the record of a run. */
export function gatherFrom({ decision, input, isFromUntrusted = false, negotiating, brought }: Omit<Question, "caller">, { auth, now, extracted, negotiation = null, rowsOf, memoryOf }: GatherSource): Gathered {
  const variables: Record<string, Value> = { input, auth, now, negotiation: negotiating?.value ?? negotiation };
  const rows: Record<string, Rows> = {};
  let missing: string | null = null;
  let overflow: string | null = null;
  const given = decision.declaration.callable.arguments;
  const labelling: Labelling = { catalog: decision.catalog, all: isFromUntrusted };
  const showing: Showing & Labelling = { catalog: decision.catalog, isHidden: (field) => isHidden(decision, field) };
  let isUntrusted = untrustedIn(input, given, labelling);
  let isShownUntrusted = untrustedIn(input, given, { ...showing, all: isFromUntrusted });
  for (const context of decision.contexts) {
    const { name, required } = context.declaration;
    if (context.source.kind === "extract") {
      variables[name] = extracted[name] ?? null;
      continue;
    }
    const found = rowsOf(context, variables);
    const { shape, query } = context.source;
    if (isOverlong(found, query)) overflow ??= name;
    const values = found.map((row) => rowValues(row, shape.row, decision.catalog));
    rows[name] = found;
    variables[name] = query.id === null ? values : values[0] ?? null;
    if (query.id !== null && !required) variables[`has_${name}`] = values.length > 0;
    if (query.id !== null && required && values.length === 0) missing ??= name;
    isUntrusted ||= values.some((row) => untrustedIn(row, shape.row.fields, { catalog: decision.catalog }));
    isShownUntrusted ||= values.some((row) => untrustedIn(row, shape.row.fields, showing));
    // What comes after may lean on what is not there.
    if (missing !== null) break;
  }
  const recalled = missing === null ? memoryOf(variables) : [];
  if (recalled === null) missing = "record";
  const memory = recalled ?? [];
  return {
    variables, rows, memory, missing, overflow,
    isUntrusted: isUntrusted || negotiating?.isUntrusted === true || memory.some(({ items }) => items.some((item) => item.isUntrusted)),
    isShownUntrusted: isShownUntrusted || negotiating?.isUntrusted === true || shownMemory(decision, memory).isUntrusted,
    ...(brought === undefined ? {} : { brought }),
  };
}

export interface Reading { readonly variables: Readonly<Record<string, Value>>; readonly caller: Caller; readonly state: State; readonly core: DispatchCore }

export function readContext({ source }: CompiledContext, reading: Reading): Rows {
  if (source.kind === "extract") return [];
  const { query } = source;
  const { caller, state } = reading;
  const environment: Environment = { rows: {}, variables: reading.variables, now: state.now, source: null };
  const valueOf = (hole: Hole): Value => (hole.kind === "value" ? evaluate(hole.expression, environment, reading.core.book) : null);
  const id = query.id === null ? null : valueOf(query.id);
  if (query.id !== null && (id === null || (isFromInput(query.id) && !isSeen(query, id, reading)))) return [];
  return readQuery(query, { id, values: query.holes.map(valueOf), rights: caller.system }, reading);
}

export interface QueryRun { readonly id: Value; readonly values: readonly Value[]; readonly rights: Caller["rights"]; /** Its key, where the plan is of a subject. */ readonly subject?: Value }

/** In one state, under these rights. */
export function readQuery(query: CompiledQuery, { id, values, rights, subject = null }: QueryRun, { state, core }: Pick<Reading, "state" | "core">): Rows {
  const open = query.holes.map((hole, index) => (hole.isWords === true ? wordsOf(values[index] ?? null) : values[index] ?? null));
  if (open.includes(undefined)) return [];
  const plan = query.id === null ? query.plan : core.planner.byKey(query.plan);
  const { compiled, record } = core.planner.prepare(plan, rights, "code");
  if (record !== null) {
    const found = recordJson(record, id, (table, key) => state.get(table, key)?.values ?? null, core.catalog);
    return found === null ? [] : [found];
  }
  const { json } = state.rows(compiled, { rows: {}, variables: { auth: rights.auth, args: { key: id, [SUBJECT]: subject }, [openValuesRoot]: open as readonly Value[] }, now: state.now, source: null });
  return JSON.parse(json) as Rows;
}

/** What is asked of the index. Undefined: nothing can be searched for so, and nothing is found. */
function wordsOf(value: Value): string | undefined {
  return typeof value === "string" && isSearchable(value) ? searchMatch(value) : undefined;
}

function isFromInput(hole: Hole): boolean {
  return hole.kind === "value" && someIn(hole.expression, (part) => part.op === "variable" && part.root === "input");
}

function isSeen({ table }: Pick<CompiledQuery, "table">, id: Value, { caller, state, core }: Reading): boolean {
  const stored = state.get(table.name, id);
  if (stored === null) return false;
  if (caller.rights.permission(table.name, "READ") === false) return false;
  return core.views.of(table.name, caller.rights, "wire").show({ rights: caller.rights, values: stored.values, now: state.now, source: state.source }) !== null;
}

/** Bounds see whole answers or none. */
function isOverlong(rows: Rows, { maxRows, id }: CompiledQuery): boolean {
  if (id === null && rows.length > maxRows) return true;
  return rows.some((row) => Object.values(row).some((value) => hasLong(value, maxRows)));
}

function hasLong(value: Json, max: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  // Lists of rows only: a list of values is a field of its own.
  if (Array.isArray(value)) return (value.length > max && typeof value[0] === "object") || value.some((item) => hasLong(item, max));
  return Object.values(value).some((item) => hasLong(item, max));
}

/** `TABLE:id` of the record whose relationship it is. */
export function subjectOf({ subject }: CompiledDecision, { variables }: Gathered, core: DispatchCore): string | null {
  const value = subject === null ? null : valueIn(subject, { variables, now: String(variables["now"]), book: core.book });
  return typeof value === "string" ? value : null;
}

/** What a model is shown of the contexts, each within its `maxBytes`, cut at the border of a row, which is said. */
export function shownContexts(decision: CompiledDecision, { rows, variables }: Gathered): { [name: string]: Json } {
  const shown: { [name: string]: Json } = {};
  const showing: Showing = { catalog: decision.catalog, isHidden: (field) => isHidden(decision, field) };
  for (const { declaration: { name, maxBytes }, source } of decision.contexts) {
    if (source.kind === "extract") {
      shown[name] = toWireValue(variables[name] ?? null, { kind: "object", name: source.type, list: false, required: false, itemRequired: false }, decision.catalog);
      continue;
    }
    const all = (rows[name] ?? []).map((row) => shownRow(row, source.shape.row, showing)).filter((row) => row !== null);
    shown[name] = source.query.id === null ? cut(all, maxBytes) : cutRecord(all[0] ?? null, maxBytes);
  }
  return shown;
}

function cut(rows: readonly Json[], maxBytes: number): Json {
  const kept: Json[] = [];
  let bytes = 2;
  for (const row of rows) {
    bytes += Buffer.byteLength(JSON.stringify(row)) + 1;
    if (bytes > maxBytes) return [...kept, { "...": `${rows.length - kept.length} more rows are not shown` }];
    kept.push(row);
  }
  return kept;
}

/** Lists in a record are cut, from the longest. */
function cutRecord(row: { [name: string]: Json } | null, maxBytes: number): Json {
  if (row === null || Buffer.byteLength(JSON.stringify(row)) <= maxBytes) return row;
  const lists = Object.entries(row).filter((entry): entry is [string, Json[]] => Array.isArray(entry[1])).sort((left, right) => JSON.stringify(right[1]).length - JSON.stringify(left[1]).length);
  const rest = { ...row };
  for (const [name, items] of lists) {
    const others = Buffer.byteLength(JSON.stringify({ ...rest, [name]: [] }));
    rest[name] = cut(items, Math.max(0, maxBytes - others));
    if (Buffer.byteLength(JSON.stringify(rest)) <= maxBytes) return rest;
  }
  return { "...": "the record is too large to be shown" };
}
