// A past run gone through again from its record: the same questions to the model, the same verdicts over its recorded answers, the same answer to
// the caller, byte for byte. Asks no model, reads no table of the app, changes nothing.
import type { Json, RecordValues, Value } from "../../base/value.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import type { AppFunction } from "../../resources/app-code.ts";
import { coerceFields, coerceValue, noLimits } from "../../schema/coerce-value.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import { inputsOf } from "../../schema/page-arguments.ts";
import type { Connection } from "../../storage/connection.ts";
import { readRun, type DecisionRow } from "../../storage/decision-rows.ts";
import type { ModelAnswer } from "../../models/model.ts";
import { clampedOutput } from "../bounds/clamp.ts";
import { earlyViolations, lateViolations, noted, violations, type Variables } from "../bounds/judge.ts";
import { gatherFrom, type Gathered } from "../context/gather.ts";
import { memValues } from "../memory/recall.ts";
import { runValue } from "../policy/decision-values.ts";
import type { CompiledBound, CompiledDecision } from "../policy/compiled-decision.ts";
import { ANSWER } from "../policy/tool-names.ts";
import { judgeAnswer, type JudgedAnswer } from "../reason/judge-answer.ts";
import { firstMessages, toolsOf, type Schemas } from "../reason/prompt.ts";
import type { ParseJson } from "../reason/read-arguments.ts";
import { answerOf, isAnswered, type Ending } from "../run/ending.ts";
import { fallbackAnswer } from "../run/fallback.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import type { Members } from "./payloads.ts";
import { recordedRun } from "./recorded-run.ts";
import { resultsOf, stagedIn, type Exchange } from "./staged-in.ts";
import type { StagedEffect } from "../run/commit-run.ts";

export interface Replay {
  readonly run: string;
  /** OTHER_VERSION: the decision is another one by now, so nothing was compared. OPEN: it has not ended. */
  readonly outcome: "SAME" | "DIFFERS" | "ERASED" | "OTHER_VERSION" | "OPEN";
  readonly differences: readonly string[];
}

/** A decision as it stands now. */
export interface ReplayParts {
  readonly decision: CompiledDecision;
  readonly version: string;
  readonly policy: string;
  readonly schemas: Schemas;
  readonly parse: ParseJson;
  readonly book: ExpressionBook;
  readonly fallbacks: ReadonlyMap<string, AppFunction>;
}

interface Asked extends Exchange { readonly tools?: Json; readonly answer: ModelAnswer }

/** Null: there is no such run. `partsFor`: null, if there is no such decision any more. */
export function replayRun(connection: Connection, id: string, partsFor: (name: string) => ReplayParts | null): Replay | null {
  const row = readRun(connection, id);
  if (row === null) return null;
  const told = (outcome: Replay["outcome"], differences: readonly string[] = []): Replay => ({ run: id, outcome, differences });
  const recorded = recordedRun(connection, row);
  if (recorded === null) return told("OPEN");
  const { record, payloads, changed, erased } = recorded;
  if (changed.length > 0) return told("DIFFERS", [...changed, ...erased].map((name) => `${name} is not what the record committed to`));
  if (erased.length > 0) return told("ERASED");
  const parts = partsFor(row.name);
  if (parts === null || parts.version !== row.version) return told("OTHER_VERSION");
  const differences = new RunReplay(row, record, payloads, parts).differences();
  return told(differences.length === 0 ? "SAME" : "DIFFERS", differences);
}

class RunReplay {
  readonly #row: DecisionRow;
  readonly #record: Members;
  readonly #payloads: Members;
  readonly #parts: ReplayParts;
  readonly #found: string[] = [];
  /** By the model, beside its last answer. */
  #staged: readonly StagedEffect[] = [];

  constructor(row: DecisionRow, record: Members, payloads: Members, parts: ReplayParts) {
    this.#row = row;
    this.#record = record;
    this.#payloads = payloads;
    this.#parts = parts;
  }

  differences(): readonly string[] {
    const { state } = this.#row;
    const ending = this.#ending();
    if (this.#payloads["contexts"] !== null) {
      const input = this.#input();
      const gathered = this.#gathered(input, this.#payloads["contexts"] as Gathered["rows"], this.#payloads["seen"] as Members, this.#memory());
      const asked = (this.#payloads["transcript"] ?? []) as unknown as readonly Asked[];
      const proposed = asked.length === 0 ? null : this.#reasoned(input, asked);
      if (state === "DENIED") this.#denied(gathered);
      if (isAnswered(state)) this.#decided(input, gathered, proposed, ending);
    }
    const { decision: { catalog, declaration: { callable: { result } } } } = this.#parts;
    this.#same("the answer to the caller", answerOf(ending, { type: { result, catalog }, run: this.#row.id }), { status: this.#row.status, body: this.#row.answer });
    return this.#found;
  }

  #same(what: string, now: unknown, then: unknown): void {
    if (canonicalJson(now as Json) !== canonicalJson(then as Json)) this.#found.push(`${what} is another one`);
  }

  #ending(): Ending {
    const { decision: { catalog, declaration: { callable: { result } } } } = this.#parts;
    const { state, reason, source, untrusted } = this.#record;
    const isOutput = isAnswered(String(state));
    const output = isOutput ? coerceValue(this.#payloads["output"], { type: result, limits: noLimits }, { catalog, dialect: "wire", path: "out" }, []) : undefined;
    return {
      state: state as Ending["state"], reason: reason as string | null, source: source as Ending["source"], output, tells: this.#payloads["tells"] as string[],
      isUntrusted: untrusted === true, clamped: this.#record["clamped"] as string[], noted: this.#record["noted"] as string[], effects: this.#payloads["effects"] as unknown as Ending["effects"],
    };
  }

  #input(): RecordValues {
    const { decision: { catalog, declaration: { callable } } } = this.#parts;
    return coerceFields(this.#payloads["input"], inputsOf(callable), { catalog, dialect: "wire", path: "" }, []) ?? {};
  }

  #memory(): Gathered["memory"] {
    return (this.#payloads["memory"] ?? []) as unknown as Gathered["memory"];
  }

  #gathered(input: RecordValues, rows: Gathered["rows"], { auth, now, negotiation, ...extracted }: Members, memory: Gathered["memory"]): Gathered {
    return gatherFrom({ decision: this.#parts.decision, input }, { auth: auth as Value, now: String(now), extracted: extracted as RecordValues, negotiation: (negotiation ?? null) as Value, rowsOf: ({ declaration: { name } }) => rows[name] ?? [], memoryOf: () => memory });
  }

  #unlifted(violated: readonly CompiledBound[]): readonly string[] {
    const lifted = (this.#record["lifted"] ?? []) as readonly string[];
    return violated.map(({ declaration: { name } }) => name).filter((name) => !lifted.includes(name));
  }

  #judging(variables: Variables): Parameters<typeof violations>[0] {
    return { bounds: this.#parts.decision.bounds, variables, now: String(variables["now"]), book: this.#parts.book };
  }

  /** What came of the last conversation: its questions are made anew, its answers judged anew. */
  #reasoned(input: RecordValues, asked: readonly Asked[]): JudgedAnswer | null {
    const { decision, policy, schemas } = this.#parts;
    const { rows, seen, memory = [] } = this.#payloads["reasonedOver"] as unknown as { readonly rows: Gathered["rows"]; readonly seen: Members; readonly memory?: Gathered["memory"] };
    // Extracted values are there by the commit at the latest.
    const { auth: _auth, now: _now, ...extracted } = (this.#payloads["seen"] ?? {}) as Members;
    const gathered = this.#gathered(input, rows, { ...extracted, auth: seen["auth"] ?? null, now: seen["now"] ?? null, negotiation: seen["negotiation"] ?? null }, memory);
    const messages = firstMessages({ decision, input, gathered, policy, negotiating: (seen["negotiation"] ?? null) === null ? undefined : { shown: seen["negotiation"]! } });
    const begin = asked.findLastIndex((one) => canonicalJson(one.messages.at(-1)!) === canonicalJson(messages[1] as unknown as Json));
    if (begin < 0) {
      this.#found.push("the question to the model is another one");
      return null;
    }
    this.#same("what the model saw", { messages, tools: toolsOf(decision, schemas) }, { messages: asked[begin]!.messages, tools: asked[begin]!.tools ?? null });
    let judged: JudgedAnswer | null = null;
    for (let step = begin; step < asked.length; step++) {
      const call = asked[step]!.answer.calls.findLast(({ name }) => name === ANSWER);
      this.#staged = stagedIn(asked.slice(begin), step - begin, decision, { parse: this.#parts.parse, catalog: decision.catalog });
      judged = call === undefined ? null : judgeAnswer(call.arguments, { ...this.#parts, gathered, staged: this.#staged, isUntrusted: this.#record["untrusted"] === true });
      if (call === undefined || asked[step + 1] === undefined) continue;
      const result = resultsOf(asked, step).find(({ id }) => id === call.id);
      this.#same(`the verdict over answer ${step + 1}`, judged !== null && "repair" in judged ? JSON.stringify(judged.repair) : null, result?.json ?? null);
    }
    return judged;
  }

  #denied({ variables }: Gathered): void {
    this.#same("the verdict over the input", this.#unlifted(violations(this.#judging(variables), "INPUT")).map((name) => `bound:${name}`)[0] ?? null, this.#record["reason"] ?? null);
  }

  #decided(input: RecordValues, gathered: Gathered, proposed: JudgedAnswer | null, ending: Ending): void {
    const { decision, fallbacks, book } = this.#parts;
    const approval = this.#record["approval"] as Members | undefined;
    // What a person has let through, or written, is theirs.
    const given = ending.source === "human" ? ending.output : ending.source === "model" ? (proposed !== null && "output" in proposed ? proposed.output : undefined)
      : decision.declaration.fallback?.kind === "own" ? ending.output : fallbackAnswer(decision, { input, own: undefined, gathered }, { fallbacks, clock: null, book }).output;
    this.#same("the output", this.#wire(ending.source === "human" ? given : this.#clamped(given, gathered, ending)), this.#payloads["output"]);
    const outcome: Variables = { ...gathered.variables, out: ending.output ?? null, effects: ending.effects as unknown as Value, run: runValue(ending.isUntrusted || approval?.["untrusted"] === true), mem: memValues(decision, gathered.memory) };
    this.#same("the verdict over the output", this.#unlifted(earlyViolations(this.#judging(outcome))), []);
    const after = this.#payloads["after"] as Gathered["rows"] | null;
    if (after === null) return;
    const later = this.#gathered(input, after, this.#payloads["seen"] as Members, gathered.memory);
    const contexts = Object.fromEntries(decision.contexts.map(({ declaration: { name } }) => [name, later.variables[name] ?? null]));
    const final: Variables = { ...outcome, after: contexts };
    this.#same("the verdict in the commit", this.#unlifted(lateViolations(this.#judging(final))), []);
    this.#same("what was noted", [...noted(this.#judging(final))], [...ending.noted]);
  }

  #clamped(output: Value | undefined, gathered: Gathered, { clamped, source, isUntrusted }: Ending): Value | undefined {
    const { decision } = this.#parts;
    const staged = source === "model" ? this.#staged : [];
    return clamped.reduce<Value | undefined>((value, name) => {
      const bound = decision.bounds.find(({ declaration }) => declaration.name === name);
      if (bound === undefined || value === undefined) return undefined;
      return clampedOutput(decision, bound, { output: value, staged }, this.#judging({ ...gathered.variables, out: value, run: runValue(isUntrusted), mem: memValues(decision, gathered.memory) }));
    }, output);
  }

  #wire(output: Value | undefined): Json {
    if (output === undefined) return null;
    const { decision: { catalog, declaration: { callable: { result } } } } = this.#parts;
    return toWireValue(output, { ...result, required: false }, catalog);
  }
}
