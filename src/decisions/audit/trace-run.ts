// All that happened in a run, for whoever may inspect it: what the model was sent and said, byte for byte, what each step cost, which bounds held and
// over which values. From its record; asks nothing. What is @secret is in none of it.
import type { Json, RecordValues, Value } from "../../base/value.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import type { Expression } from "../../expression/expression.ts";
import { partsOf as expressionsIn } from "../../expression/inspect.ts";
import { coerceFields, coerceValue, noLimits } from "../../schema/coerce-value.ts";
import type { BoundPoint } from "../../schema/decision.ts";
import { inputsOf } from "../../schema/page-arguments.ts";
import type { Connection } from "../../storage/connection.ts";
import { askedBy, readPayloads, recordsFrom, stepsOf, type DecisionRow } from "../../storage/decision-rows.ts";
import { valueOf, violations, type Variables } from "../bounds/judge.ts";
import { gatherFrom, type Gathered } from "../context/gather.ts";
import { memValues } from "../memory/recall.ts";
import { shownMemory } from "../memory/shown-memory.ts";
import { HIDDEN, shownRow, type Showing } from "../policy/answer-shape.ts";
import { runValue } from "../policy/decision-values.ts";
import { withoutSecretlySet } from "../policy/secretly-set.ts";
import { shown, shownTyped } from "../policy/shown-value.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { readsSecret } from "../policy/read-fields.ts";
import { plannedEffects } from "../effects/planned-effects.ts";
import type { Members } from "./payloads.ts";
import { stagedIn, type Exchange } from "./staged-in.ts";
import type { AskedStep, AskingStep } from "../reason/journal.ts";
import { ANSWER } from "../policy/tool-names.ts";
import { readValue, type ParseJson } from "../reason/read-arguments.ts";

/** A decision as it stands now. */
export interface TraceParts {
  readonly decision: CompiledDecision;
  readonly version: string;
  readonly book: ExpressionBook;
  readonly parse: ParseJson;
  /** Of what its model costs; null: it has no price. */
  readonly currency: string | null;
}

type Rows = Gathered["rows"];
type Memory = Gathered["memory"];

function memoryIn(kept: Members): Memory {
  return (kept["memory"] ?? []) as unknown as Memory;
}

/** `parts` null: the app has the decision no more; then nothing is told that might be secret. */
export function traceRun(connection: Connection, row: DecisionRow, parts: TraceParts | null): { readonly [name: string]: Json } {
  const record = row.leaf === null ? null : JSON.parse(recordsFrom(connection, row.leaf, 1)[0]!.record) as Members;
  const kept: Members = row.leaf === null ? {} : JSON.parse(readPayloads(connection, row.leaf)?.payloads ?? "{}") as Members;
  const erased = Object.keys((record?.["commitments"] ?? {}) as Members).filter((name) => !(name in kept));
  const judged = parts === null || record === null || parts.version !== row.version || kept["contexts"] === undefined || kept["contexts"] === null ? null : new JudgedRun(parts, kept, record);
  return {
    run: row.id, decision: row.name, version: row.version, isCurrent: parts?.version === row.version, parent: row.parent, asked: askedBy(connection, row.id).map(({ id }) => id),
    state: row.state, source: row.source, reason: row.reason, taint: row.isUntrusted ? "UNTRUSTED" : null, principal: row.principal, subject: row.subject,
    admittedAt: new Date(row.admittedMs).toISOString(), endedAt: row.endedMs === null ? null : new Date(row.endedMs).toISOString(), leaf: row.leaf, erased,
    ...spentOf(record), currency: parts?.currency ?? null, ...(parts === null ? {} : openly(kept, parts.decision)), tells: kept["tells"] ?? [],
    verdicts: judged?.verdicts() ?? [], steps: stepsIn(connection, row.id, sentIn(kept), judged),
  };
}

function spentOf(record: Members | null): { readonly [name: string]: Json } {
  if (record === null) return {};
  const { repairs = 0, tokens = null, costMicros = 0, clamped = [], noted = [] } = record;
  return { repairs, tokens, costMicros, clamped, noted };
}

interface Sent { readonly model: string; readonly messages: Json; readonly tools?: Json; readonly beside?: Json; /** Absent: none came. */ readonly answer?: AskedStep["answer"] }

function sentIn(kept: Members): readonly Sent[] {
  const { transcript = [], unanswered = null } = kept;
  return [...transcript as unknown as readonly Sent[], ...(unanswered === null ? [] : [unanswered as unknown as Sent])];
}

/** The journal has what each cost, the transcript what was said: a shadow keeps no journal, a run that goes on no transcript. */
function stepsIn(connection: Connection, run: string, sent: readonly Sent[], judged: JudgedRun | null): Json {
  const begin = Math.max(0, sent.findLastIndex(({ tools }) => tools !== undefined));
  const last = sent.slice(begin).map((one): Exchange => ({ ...one, messages: one.messages as unknown as readonly Members[], answer: one.answer ?? { calls: [] } }));
  const costs = stepsOf(connection, run).map(({ facts }) => JSON.parse(facts) as AskingStep | AskedStep);
  return Array.from({ length: Math.max(costs.length, sent.length) }, (_, index): Json => {
    const [cost, said] = [costs[index], sent[index]];
    const answer = said?.answer ?? (cost !== undefined && "answer" in cost ? cost.answer : null);
    return {
      number: index + 1, model: said?.model ?? cost?.model ?? null, sent: said?.messages ?? null, tools: said?.tools ?? null, answer: answer as unknown as Json,
      reserved: cost === undefined ? null : { ...cost.reserved }, settled: cost !== undefined && "settled" in cost ? { ...cost.settled } : null, lost: cost === undefined ? null : { ...cost.lost },
      verdict: answer === null ? null : index < begin ? null : judged?.ofAnswer(answer, { asked: last, step: index - begin }) ?? null,
    };
  });
}

/** What may be shown of what the run has read and done. */
function openly(kept: Members, decision: CompiledDecision): { readonly [name: string]: Json } {
  const { declaration: { callable }, catalog } = decision;
  const showing: Showing = { catalog, isHidden: ({ limits }) => limits.secret };
  const rowsOf = (rows: Json | undefined): Json => (rows === undefined || rows === null ? null : Object.fromEntries(decision.contexts.flatMap(({ declaration: { name }, source }) => (
    source.kind === "extract" ? [] : [[name, ((rows as unknown as Rows)[name] ?? []).map((row) => shownRow(row, source.shape.row, showing))]]))));
  return {
    input: shown(kept["input"] ?? null, callable.arguments, catalog), extracted: extractedOf(kept, decision), contexts: rowsOf(kept["contexts"]), after: rowsOf(kept["after"]), memory: shownMemory(decision, memoryIn(kept)).json,
    remembered: kept["remembered"] ?? [], comparison: comparedIn(kept, decision),
    output: shownTyped(kept["output"] ?? null, callable.result, catalog), effects: ((kept["effects"] ?? []) as unknown as readonly Effect[]).map((effect) => shownEffect(effect, decision)),
  };
}

/** What a shadow would have answered against what was. */
function comparedIn({ comparison = null }: Members, { declaration: { callable }, catalog }: CompiledDecision): Json {
  if (comparison === null) return null;
  const { answered = null, agrees = null } = comparison as Members;
  return { answered: shownTyped(answered, callable.result, catalog), agrees };
}

function extractedOf(kept: Members, { contexts }: CompiledDecision): Json {
  const seen = (kept["seen"] ?? {}) as Members;
  return Object.fromEntries(contexts.flatMap(({ declaration: { name }, source }) => (source.kind === "extract" ? [[name, seen[name] ?? null]] : [])));
}

interface Effect { readonly operation: string; readonly id: Json; readonly args: Json; readonly before: Json; readonly after: Json }

function shownEffect({ operation, id, args, before, after }: Effect, decision: CompiledDecision): Json {
  const { catalog } = decision;
  const [name, verb] = operation.split(".");
  const table = catalog.tables.get(name ?? "");
  if (table === undefined) return { operation, id };
  const members = table.actions.get(verb ?? "")?.arguments ?? table.fields;
  const openly = (values: Json, fields: typeof members): Json => withoutSecretlySet(shown(values, fields, catalog), operation, decision);
  return { operation, id, args: openly(args, members), before: openly(before, table.fields), after: openly(after, table.fields) };
}

/** A run whose decision is still the same, so that its bounds can be held against what it saw once more. */
class JudgedRun {
  readonly #parts: TraceParts;
  readonly #kept: Members;
  readonly #record: Members;
  readonly #input: RecordValues;
  readonly #secretContexts: ReadonlySet<string>;

  constructor(parts: TraceParts, kept: Members, record: Members) {
    this.#parts = parts;
    this.#kept = kept;
    this.#record = record;
    const { catalog, declaration: { callable }, contexts } = parts.decision;
    this.#input = coerceFields(kept["input"], inputsOf(callable), { catalog, dialect: "wire", path: "" }, []) ?? {};
    this.#secretContexts = new Set(contexts.filter(({ declaration: { name } }) => ["contexts", "after"].some((part) => hasHidden(((kept[part] ?? {}) as Members)[name] ?? null))).map(({ declaration: { name } }) => name));
  }

  /** Of the points that the run came to, in order of declaration. TOTAL is not judged again: the sums have moved on. */
  verdicts(): Json {
    const { decision: { catalog, declaration: { callable: { result } } } } = this.#parts;
    const seen = this.#variables(this.#kept["contexts"] as unknown as Rows, memoryIn(this.#kept));
    const output = this.#kept["output"] ?? null;
    const out = output === null ? null : coerceValue(output, { type: result, limits: noLimits }, { catalog, dialect: "wire", path: "out" }, []) ?? null;
    const outcome: Variables = { ...seen, out, effects: this.#kept["effects"] as unknown as Value, run: this.#run };
    const after = this.#kept["after"] ?? null;
    const final: Variables = after === null ? outcome : { ...outcome, after: this.#contexts(this.#variables(after as unknown as Rows, memoryIn(this.#kept))) };
    return [
      ...this.#at("INPUT", seen), ...(output === null ? [] : this.#at("OUTPUT", outcome)), ...(after === null ? [] : this.#at("COMMIT", final)),
    ];
  }

  /** What was said of the last answer in it. Null: it has none. `conversation`: the one over the contexts that the run ended with reasoning over. */
  ofAnswer({ calls }: AskedStep["answer"], conversation: { readonly asked: readonly Exchange[]; readonly step: number }): Json {
    const call = calls.findLast(({ name }) => name === ANSWER);
    const over = (this.#kept["reasonedOver"] ?? null) as { readonly rows: Json; readonly memory?: Json } | null;
    if (call === undefined || over === null) return null;
    const { decision, parse, book } = this.#parts;
    const out = readValue(call.arguments, decision.declaration.callable.result, { parse, catalog: decision.catalog });
    if (out === undefined) return { malformed: true, violated: [] };
    const variables: Variables = { ...this.#variables(over.rows as unknown as Rows, (over.memory ?? []) as unknown as Memory), out, run: this.#run };
    const judging = { variables, now: String(variables["now"]), book };
    const effects = plannedEffects(decision, stagedIn(conversation.asked, conversation.step, decision, { parse, catalog: decision.catalog }), judging);
    return { malformed: false, violated: violations({ ...judging, bounds: decision.bounds, variables: effects === null ? variables : { ...variables, effects: effects as unknown as Value } }, "OUTPUT").map(({ declaration: { name } }) => name) };
  }

  #variables(rows: Rows, memory: Memory): Variables {
    const { auth = null, now = null, negotiation = null, ...extracted } = (this.#kept["seen"] ?? {}) as Members;
    const { decision } = this.#parts;
    const { variables } = gatherFrom({ decision, input: this.#input }, { auth: auth as Value, now: String(now), extracted: extracted as RecordValues, negotiation: negotiation as Value, rowsOf: ({ declaration: { name } }) => rows[name] ?? [], memoryOf: () => memory });
    return { ...variables, mem: memValues(decision, memory) };
  }

  get #run(): Value {
    return runValue(this.#record["untrusted"] === true);
  }

  #contexts(variables: Variables): Value {
    return Object.fromEntries(this.#parts.decision.contexts.map(({ declaration: { name } }) => [name, variables[name] ?? null]));
  }

  #at(point: BoundPoint, variables: Variables): Json[] {
    const { decision: { bounds }, book } = this.#parts;
    const judging = { variables, now: String(variables["now"]), book };
    return bounds.filter(({ declaration: { at } }) => at === point).map(({ declaration, rule }): Json => ({
      bound: declaration.name, at: point, else: declaration.else, soft: declaration.soft, rule: declaration.rule.source,
      holds: violations({ ...judging, bounds: [{ declaration: { ...declaration, soft: false }, rule, readsEffects: false, of: null, to: new Map() }] }, point).length === 0,
      operands: this.#operands(rule, judging),
    }));
  }

  /** Plain values that the rule names, without secret ones. */
  #operands(rule: Expression, judging: { readonly variables: Variables; readonly now: string; readonly book: ExpressionBook }): Json {
    const found: { [name: string]: Json } = {};
    const visit = (part: Expression): void => {
      if (part.op !== "variable") return expressionsIn(part).forEach(visit);
      const context = part.root === "after" ? part.path[0] ?? "" : part.root;
      if (this.#secretContexts.has(context) || readsSecret(part, this.#parts.decision)) return;
      const value = valueOf(part, judging);
      if (typeof value === "bigint") found[[part.root, ...part.path].join(".")] = String(value);
      else if (typeof value !== "object" && value !== undefined) found[[part.root, ...part.path].join(".")] = value as Json;
      else if (value === null) found[[part.root, ...part.path].join(".")] = null;
    };
    visit(rule);
    return found;
  }
}

/** Some row in it is secret as a whole. */
function hasHidden(value: Json): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (Array.isArray(value)) return value.some(hasHidden);
  return (value as Members)[HIDDEN] === true || Object.values(value).some(hasHidden);
}
