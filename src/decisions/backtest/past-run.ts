// A past run made ready to be decided once more, by the same decision or a changed one: its input and contexts as they were, and what it was told.
// All from its record; reads no table of the app.
import type { Json, RecordValues, Value } from "../../base/value.ts";
import type { Catalog, ObjectType } from "../../schema/catalog.ts";
import { coerceFields, coerceValue, noLimits, type Issue } from "../../schema/coerce-value.ts";
import { inputsOf } from "../../schema/page-arguments.ts";
import { fromWireValue } from "../../schema/wire-value.ts";
import type { ModelAnswer } from "../../models/model.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import type { Members } from "../audit/payloads.ts";
import type { RecordedRun } from "../audit/recorded-run.ts";
import type { ReplayParts } from "../audit/replay-run.ts";
import { resultsOf, type Exchange } from "../audit/staged-in.ts";
import { gatherFrom, type Gathered } from "../context/gather.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { REMEMBER } from "../policy/tool-names.ts";
import { callKey, kindOfCall, type ActData } from "../reason/act.ts";

/** A decision as it stands now, or as somebody would have it. */
export interface BacktestedDecision extends ReplayParts {
  /** Whose runs are gone through: what is declared otherwise there was not recorded. */
  readonly recordedBy: CompiledDecision;
}

/** Why a run says nothing of a decision. */
export type LeftOut = "ERASED" | "DAMAGED" | "INCOMPATIBLE" | "NOT_RECORDED" | "NOT_ASKED";

interface Asked extends Exchange { readonly tools?: Json; readonly answer: ModelAnswer }

export interface PastRun {
  readonly recorded: RecordedRun;
  readonly input: RecordValues;
  /** As its commit saw them. */
  readonly committed: Gathered;
  /** As its model saw them. */
  readonly reasoned: Gathered;
  /** The caller's own answer, where that was what it gave. */
  readonly own: Value | undefined;
  readonly isUntrusted: boolean;
  /** What the model said in the last conversation, in order. Empty: none was asked. */
  readonly answers: readonly ModelAnswer[];
  /** What its calls were told, by `callKey`. */
  readonly told: ReadonlyMap<string, string>;
  readonly data: ActData;
}

/** `shadow`: the run beside it, where that one asked the model. */
export function pastRun(recorded: RecordedRun, shadow: RecordedRun | null, by: BacktestedDecision): PastRun | { readonly leftOut: LeftOut } {
  if (recorded.changed.length > 0) return { leftOut: "DAMAGED" };
  if (recorded.erased.length > 0) return { leftOut: "ERASED" };
  const { payloads, record } = recorded;
  const { decision } = by;
  const issues: Issue[] = [];
  const input = coerceFields(payloads["input"], inputsOf(decision.declaration.callable), { catalog: decision.catalog, dialect: "wire", path: "" }, issues);
  if (input === undefined || issues.length > 0) return { leftOut: "INCOMPATIBLE" };
  const talk = shadow === null || shadow.changed.length + shadow.erased.length > 0 ? payloads : shadow.payloads;
  const over = (talk["reasonedOver"] ?? null) as Kept | null;
  const kept: Kept | null = (payloads["contexts"] ?? null) === null ? over : { rows: payloads["contexts"] as Gathered["rows"], seen: payloads["seen"] as Members, memory: (payloads["memory"] ?? []) as unknown as Gathered["memory"] };
  if (kept === null) return { leftOut: "NOT_RECORDED" };
  const extracted = { ...over?.seen, ...kept.seen, ...(talk["seen"] as Members | null) };
  const [committed, reasoned] = [kept, over ?? kept].map((one) => gatheredFrom(one, { input, extracted, by }));
  for (const found of [committed!, reasoned!]) if (typeof found === "string") return { leftOut: found };
  const asked = (talk["transcript"] ?? []) as unknown as readonly Asked[];
  const { approval } = record as { readonly approval?: { readonly untrusted?: boolean } };
  return {
    recorded, input, committed: committed as Gathered, reasoned: reasoned as Gathered, own: ownAnswer(recorded, by),
    isUntrusted: record["untrusted"] === true || approval?.untrusted === true, answers: lastConversation(asked), told: toldIn(asked, by), data: dataOf(payloads, by),
  };
}

interface Kept { readonly rows: Gathered["rows"]; readonly seen: Members; readonly memory?: Gathered["memory"] }

function gatheredFrom({ rows, seen, memory = [] }: Kept, { input, extracted, by: { decision, recordedBy } }: { readonly input: RecordValues; readonly extracted: Members; readonly by: BacktestedDecision }): Gathered | LeftOut {
  const problems: LeftOut[] = [];
  const values = Object.fromEntries(decision.contexts.flatMap(({ declaration: { name, from, extract }, source }) => {
    if (source.kind !== "extract") return [];
    const own = recordedBy.contexts.find((one) => one.declaration.name === name)?.declaration;
    if (own?.extract !== extract || own?.from?.source !== from?.source) problems.push("NOT_RECORDED");
    return [[name, extracted[name] ?? null]];
  }));
  const gathered = gatherFrom({ decision, input }, {
    auth: seen["auth"] as Value, now: String(seen["now"]), extracted: values as RecordValues, negotiation: (seen["negotiation"] ?? null) as Value, memoryOf: () => memory,
    rowsOf({ declaration, source }) {
      const { name } = declaration;
      const own = recordedBy.contexts.find((one) => one.declaration.name === name);
      const found = own !== undefined && own.declaration.query?.text.source === declaration.query?.text.source ? rows[name] : undefined;
      if (found === undefined) problems.push("NOT_RECORDED");
      else if (source.kind === "query" && !found.every((row) => fits(row, source.shape.row, decision.catalog))) problems.push("INCOMPATIBLE");
      return problems.length > 0 ? [] : found!;
    },
  });
  return problems[0] ?? gathered;
}

/** Whether all is there that must be, by today's types. */
function fits(row: Members, { fields }: ObjectType, catalog: Catalog): boolean {
  return [...fields.values()].every(({ name, type }) => {
    const value = row[name] ?? null;
    if (value === null) return !type.required;
    if (type.list !== Array.isArray(value) && type.name !== "JSON") return false;
    const inner = type.kind === "object" ? catalog.objects.get(type.name) : undefined;
    if (inner === undefined) return type.kind !== "enum" || [value].flat().every((item) => catalog.enums.get(type.name)?.values.includes(String(item)) === true);
    return [value].flat().every((item) => typeof item === "object" && item !== null && !Array.isArray(item) && fits(item, inner, catalog));
  });
}

/** What the caller sent beside the input is kept where it was the answer. */
function ownAnswer({ row, payloads }: RecordedRun, { decision, recordedBy }: BacktestedDecision): Value | undefined {
  if (recordedBy.declaration.fallback?.kind !== "own" || row.state !== "FELL_BACK") return undefined;
  return coerceValue(payloads["output"], { type: decision.declaration.callable.result, limits: noLimits }, { catalog: decision.catalog, dialect: "wire", path: "out" }, []);
}

/** Without the quarantined calls before it, which have another question. */
function lastConversation(asked: readonly Asked[]): readonly ModelAnswer[] {
  const begin = asked.findLastIndex(({ messages, tools }) => tools !== undefined && isQuestion(messages.at(-1)));
  return begin < 0 ? [] : asked.slice(begin).map(({ answer }) => answer);
}

function isQuestion(message: Members | undefined): boolean {
  const { role, text } = message ?? {};
  if (role !== "user" || typeof text !== "string") return false;
  const question = JSON.parse(text) as Json;
  return typeof question === "object" && question !== null && "contexts" in question;
}

/** Of tools that the decision has as they were. */
function toldIn(asked: readonly Asked[], { decision, recordedBy }: BacktestedDecision): ReadonlyMap<string, string> {
  const told = new Map<string, string>();
  const isOther = (tool: string): boolean => (kindOfCall(decision, tool) === "other" && tool !== REMEMBER) || queryOf(decision, tool) !== queryOf(recordedBy, tool);
  asked.forEach(({ answer: { calls } }, index) => {
    const results = resultsOf(asked, index);
    for (const { id, name, arguments: text } of calls) {
      const result = results.find((one) => one.id === id);
      if (result !== undefined && !isOther(name)) told.set(callKey(name, text), result.json);
    }
  });
  return told;
}

function queryOf({ declaration: { mayRead } }: CompiledDecision, tool: string): string | undefined {
  return mayRead.find(({ name }) => name === tool)?.query.text.source;
}

/** Records that its effects have met. */
function dataOf(payloads: Members, { decision: { catalog } }: BacktestedDecision): ActData {
  const effects = (payloads["effects"] ?? []) as unknown as readonly { readonly operation: string; readonly id: Json; readonly before: Members | null }[];
  return {
    rows: () => undefined,
    record(name, id) {
      const before = effects.find((effect) => effect.operation.startsWith(`${name}.`) && canonicalJson(effect.id) === canonicalJson(id as Json))?.before ?? null;
      const table = catalog.tables.get(name);
      if (before === null || table === undefined) return undefined;
      return Object.fromEntries([...table.fields.values()].filter(({ kind }) => kind === "stored").map(({ name: field, type }) => [field, fromWireValue(before[field], type, catalog)]));
    },
  };
}
