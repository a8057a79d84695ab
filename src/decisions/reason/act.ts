// Carries out what a model calls: reads, tools, advice and staged effects, each as it was declared and no further. Answers what the model is told;
// writes nothing. What must end the reasoning is thrown as a Halt.
import { createHash } from "node:crypto";
import { AmbitError } from "../../base/error.ts";
import { uuidv7 } from "../../base/random.ts";
import type { Json, RecordValues, Value } from "../../base/value.ts";
import type { Expression } from "../../expression/expression.ts";
import { someIn } from "../../expression/inspect.ts";
import { evaluate } from "../../expression/evaluate.ts";
import type { InputField, Table } from "../../schema/catalog.ts";
import type { TaintRule } from "../../schema/decision.ts";
import { BodyConflict } from "../../resources/body-conflict.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { ReadWatch } from "../../resources/reading-work.ts";
import type { ModelCall } from "../../models/model.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import { environmentOf, permits, valueOf as subjectOf, violations, type Variables } from "../bounds/judge.ts";
import type { Gathered, Question } from "../context/gather.ts";
import { readRemembered, type StagedFact } from "../memory/remember.ts";
import { holdsOne, isHidden, keptBack } from "../context/kept-back.ts";
import { untrustedIn } from "../context/taint.ts";
import { rowValues, shownRow, type Showing } from "../policy/answer-shape.ts";
import type { TextWriters } from "../approvals/text-writers.ts";
import type { CompiledBound, CompiledCall, CompiledDecision, CompiledRead, CompiledWrite } from "../policy/compiled-decision.ts";
import type { Hole } from "../policy/compile-query.ts";
import { readsSecret } from "../policy/read-fields.ts";
import { SECRET_REPAIRS_MAX } from "../policy/secret-leaks.ts";
import { REMEMBER } from "../policy/tool-names.ts";
import type { StagedEffect } from "../run/commit-run.ts";
import type { FallbackReason } from "../run/ending.ts";
import type { Acted } from "./journal.ts";
import { argument, readFields, type ArgumentReader } from "./read-arguments.ts";
import { hashOfReading, type Reading } from "./strict-reads.ts";
import { knownArguments, stagedAgain, stagedArguments } from "./staged-arguments.ts";

/** The reasoning ends here, with this. */
export class Halt extends Error {
  override readonly name = "Halt";
  readonly reason: FallbackReason;
  constructor(reason: FallbackReason) {
    super(reason);
    this.reason = reason;
  }
}

/** It ends here by bounds that refuse. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly bounds: readonly string[];
  constructor(bounds: readonly string[]) {
    super(bounds.join(" "));
    this.bounds = bounds;
  }
}

/** Where reads and the rows of effects come from. */
export interface ActData {
  /** JSON rows, in the shape of the read. Null: the caller may not read this. Undefined: it was not recorded. */
  rows(read: CompiledRead, values: ReadValues): readonly { readonly [name: string]: Json }[] | null | undefined;
  /** A record as it is stored; null: there is none. Undefined: it was not recorded. */
  record(table: string, id: Value): RecordValues | null | undefined;
}

export interface ReadValues {
  readonly valueOf: (hole: Hole) => Value;
  /** Whose rows alone are read; null: the decision is about nobody. */
  readonly about: { readonly table: Table; readonly id: Value } | null;
}

export interface ActParts {
  readonly core: Pick<DispatchCore, "book" | "catalog" | "clock" | "limits" | "log" | "random">;
  readonly question: Omit<Question, "caller">;
  readonly reader: ArgumentReader;
  readonly data: ActData;
  /** Of text among what it reads. Null: nobody wants to know. */
  readonly writers: TextWriters | null;
  /** What was read must still be so. Not of a conversation whose proposal is void. */
  readonly isStrict?: boolean;
  /** Tools and other decisions. Null in a shadow: what was not recorded is not asked. */
  readonly beyond: {
    /** Runs the body of a tool, which only reads. `key`: of this call within the run. */
    callTool(call: CompiledCall, args: RecordValues, how: { readonly key: string; readonly watch: ReadWatch | null }): Promise<Json>;
    /** Asks another decision for its advice. */
    ask(name: string, args: RecordValues, isUntrusted: boolean): Promise<Advice>;
  } | null;
}

/** Of another decision. */
export interface Advice { readonly answer: Json; readonly isUntrusted: boolean; /** Subjects who wrote text that it rests on. */ readonly writers: readonly string[] }

interface Known { readonly json: string; times: number }

export class Acting {
  readonly #parts: ActParts;
  readonly #gathered: Gathered;
  readonly #counts = new Map<string, number>();
  readonly #known = new Map<string, Known>();
  readonly staged: StagedEffect[] = [];
  readonly remembered: StagedFact[] = [];
  /** Where what was read must still be so: each, in order. */
  readonly readings: Reading[] = [];
  /** What only a person may let through: `taint:TOOL`, `bound:NAME` of a call. */
  readonly escalated = new Set<string>();
  isUntrusted: boolean;
  #refusedTools = 0;
  /** Of calls and effects, by conditions and bounds. */
  #refusals = 0;
  readonly #keptBack: readonly string[];

  constructor(parts: ActParts, gathered: Gathered) {
    this.#parts = parts;
    this.#gathered = gathered;
    this.isUntrusted = gathered.isShownUntrusted;
    const { secret, quarantined } = keptBack(parts.question.decision, parts.question.input, gathered.rows);
    this.#keptBack = [...secret, ...quarantined];
  }

  /** JSON text for the model. Throws Halt and Refusal. */
  async act({ name, arguments: text }: ModelCall): Promise<string> {
    const key = callKey(name, text);
    const known = this.#known.get(key);
    if (known !== undefined) {
      if (++known.times > 2) throw new Halt("loop_detected");
      return known.json;
    }
    const found = await this.#first(name, text);
    const json = this.#told(found);
    this.#know(key, json, found);
    this.#note(name, text, { json, found });
    return json;
  }

  /** A call of a run that goes on after a crash: told the same, and done no second time. */
  restore({ name, arguments: text }: ModelCall, { json, isUntrusted, escalated = [], writers = [] }: Acted): string {
    const key = callKey(name, text);
    const known = this.#known.get(key);
    this.isUntrusted ||= isUntrusted;
    if (known !== undefined) {
      known.times++;
      return json;
    }
    if (this.#parts.isStrict === true) this.#confirm(name, text, json);
    const told = JSON.parse(json) as Json;
    this.#know(key, json, told);
    this.#note(name, text, { json, found: told });
    if (wasDone(told)) this.#count(name);
    if (JUDGED.includes(refusalIn(told) ?? "") && kindOfCall(this.#parts.question.decision, name) !== "read") this.#refusals++;
    for (const one of escalated) this.escalated.add(one);
    this.#parts.writers?.add(writers);
    if (refusalIn(told) === "TOOL_NOT_ALLOWED") this.#refusedTools++;
    const write = this.#parts.question.decision.writes.find((one) => one.name === name);
    const args = write === undefined ? undefined : stagedAgain(write, { arguments: text, json }, this.#parts.reader);
    if (args !== undefined) this.staged.push({ write: write!, args });
    if (name === REMEMBER && refusalIn(told) === undefined) this.#remember(text);
    return json;
  }

  /** A tool that does not exist is refused for what it is, each time. */
  #know(key: string, json: string, found: Json): void {
    if (refusalIn(found) !== "TOOL_NOT_ALLOWED") this.#known.set(key, { json, times: 1 });
  }

  #note(name: string, text: string, { json, found }: { readonly json: string; readonly found: Json }): void {
    const isReading = ["read", "call"].includes(kindOfCall(this.#parts.question.decision, name));
    if (this.#parts.isStrict === true && isReading && wasDone(found)) this.readings.push({ name, arguments: text, hash: hashOfReading(json) });
  }

  #told(found: Json): string {
    return JSON.stringify(holdsOne(found, this.#keptBack) ? refused("KEPT_BACK", null) : found);
  }

  /** What a read answered then it answers now; what a tool had looked at nobody knows any more. Throws Halt. */
  #confirm(name: string, text: string, json: string): void {
    if (!wasDone(JSON.parse(json) as Json)) return;
    const { reads, calls } = this.#parts.question.decision;
    const read = reads.find((one) => one.name === name);
    const isOther = read === undefined ? calls.some(({ tool }) => tool.name === name) : this.#told(this.#read(read, text)) !== json;
    if (isOther) throw new Halt("conflict");
  }

  async #first(name: string, text: string): Promise<Json> {
    const { decision } = this.#parts.question;
    const read = decision.reads.find((one) => one.name === name);
    if (read !== undefined) return this.#atMost(read.max, name, () => this.#read(read, text));
    const call = decision.calls.find(({ tool }) => tool.name === name);
    if (call !== undefined) return this.#atMost(call.declaration.max, name, () => this.#call(call, text));
    const ask = decision.declaration.mayAsk.find((one) => one.decision === name);
    if (ask !== undefined) return this.#atMost(ask.max, name, () => this.#ask(name, text));
    const write = decision.writes.find((one) => one.name === name);
    if (write !== undefined) return this.#atMost(write.declaration.max, name, () => this.#stage(write, text));
    if (name === REMEMBER && decision.memories.some(({ declaration: { writes } }) => writes.length > 0)) return this.#atMost(this.#parts.core.limits.memoryWrites, name, () => this.#remember(text));
    // Once it may be a slip.
    if (++this.#refusedTools > 1) throw new Halt("tool_not_allowed");
    return refused("TOOL_NOT_ALLOWED", "There is no such tool.");
  }

  /** What is refused before it is done may be tried otherwise. */
  async #atMost(max: number, name: string, run: () => Json | Promise<Json>): Promise<Json> {
    if ((this.#counts.get(name) ?? 0) >= max) return refused("TOO_MANY_CALLS", `This tool is used at most ${max} times.`);
    const found = await run();
    if (wasDone(found)) this.#count(name);
    return found;
  }

  #count(name: string): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  #read(read: CompiledRead, text: string): Json {
    const { core, question, data, writers } = this.#parts;
    const fields = new Map([...read.arguments].map(([name, { type }]): [string, InputField] => [name, argument(name, type)]));
    const args = readFields(text, fields, this.#parts.reader);
    if (args === undefined) return malformed();
    const environment = environmentOf({ ...this.#gathered.variables }, String(this.#gathered.variables["now"]));
    const valueOf = (hole: Hole): Value => (hole.kind === "argument" ? args[hole.name] ?? null : evaluate(hole.expression, environment, core.book));
    const about = this.#subject();
    const found = about === undefined ? null : data.rows(read, { valueOf, about });
    if (found === undefined) return notRecorded();
    if (found === null) return refused("NOT_PERMITTED", "This may not be read.");
    const { catalog } = question.decision;
    const showing: Showing = { catalog, isHidden: (field) => isHidden(question.decision, field) };
    this.isUntrusted ||= found.some((row) => untrustedIn(rowValues(row, read.shape.row, catalog), read.shape.row.fields, showing));
    writers?.addRows(found, read.query.plan);
    const shown = found.slice(0, read.query.maxRows).map((row) => shownRow(row, read.shape.row, showing)).filter((row) => row !== null);
    return read.query.id === null ? shown as Json : shown[0] ?? null;
  }

  /** Null: the decision has none. Undefined: nobody knows whom it is about. */
  #subject(): { readonly table: Table; readonly id: Value } | null | undefined {
    const { core, question: { decision } } = this.#parts;
    if (decision.subject === null) return null;
    const value = subjectOf(decision.subject, { variables: this.#gathered.variables, now: String(this.#gathered.variables["now"]), book: core.book });
    const [, name, key] = typeof value === "string" ? /^([A-Za-z_]\w*):(.+)$/s.exec(value) ?? [] : [];
    const table = core.catalog.tables.get(name ?? "");
    if (table === undefined || key === undefined) return undefined;
    return { table, id: ["Int", "Long"].includes(table.fields.get(table.primaryKey)!.type.name) ? Number(key) : key };
  }

  async #call(call: CompiledCall, text: string): Promise<Json> {
    const { declaration, tool, where } = call;
    this.#checkTaint(declaration.taint, tool.name);
    const args = readFields(text, tool.arguments, this.#parts.reader);
    if (args === undefined) return malformed();
    const refusal = this.#judge({ ...this.#gathered.variables, args, row: null }, { where, bounds: this.#parts.question.decision.bounds, point: "CALL" });
    const { beyond, writers } = this.#parts;
    if (beyond === null) return refusal ?? notRecorded();
    return refusal ?? this.#given(async () => {
      const read = writers?.apart();
      const found = await beyond.callTool(call, args, { key: callKey(tool.name, text).slice(0, 32), watch: read?.watch() ?? null });
      if (untrustedIn({ found: found as Value }, new Map([["found", { ...argument("found", tool.result), position: tool.position }]]), { catalog: this.#parts.question.decision.catalog })) {
        this.isUntrusted = true;
        writers?.add(read!.subjects);
      }
      return found;
    });
  }

  async #ask(name: string, text: string): Promise<Json> {
    const asked = this.#parts.core.catalog.decisions.get(name)!;
    const args = readFields(text, asked.callable.arguments, this.#parts.reader);
    if (args === undefined) return malformed();
    const { beyond } = this.#parts;
    if (beyond === null) return notRecorded();
    return this.#given(async () => {
      const { answer, isUntrusted, writers } = await beyond.ask(name, args, this.isUntrusted);
      this.isUntrusted ||= isUntrusted;
      this.#parts.writers?.add(writers);
      return answer;
    });
  }

  /** What code refuses, or fails at, is told to the model by its code; its words are for the log. */
  async #given(run: () => Promise<Json>): Promise<Json> {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof AmbitError) || error instanceof BodyConflict) throw error;
      this.#parts.core.log.warn("tool-refused", { decision: this.#parts.question.decision.name, code: error.code, message: error.message });
      return refused(error.code, null);
    }
  }

  #stage(write: CompiledWrite, text: string): Json {
    const { declaration, table, verb } = write;
    this.#checkTaint(declaration.taint, write.name);
    const { core, question: { decision } } = this.#parts;
    const whole = stagedArguments(write, text, this.#parts.reader, () => uuidv7(core.clock, core.random));
    if (whole === undefined) return malformed();
    const judging = { variables: this.#gathered.variables, now: String(this.#gathered.variables["now"]), book: core.book };
    const { args, id, isJudged } = knownArguments(write, whole, judging);
    const where = write.where !== null && isJudged(write.where) ? write.where : null;
    const bounds = decision.bounds.filter(({ declaration: { at }, rule }) => at === "EFFECT" && isJudged(rule));
    const isSeen = verb !== "create" && id !== null && [where, ...bounds.map(({ rule }) => rule)].some((rule) => rule !== null && someIn(rule, (part) => part.op === "variable" && part.root === "row"));
    const row = isSeen ? this.#parts.data.record(table.name, id) : null;
    if (row === undefined) return notRecorded();
    const refusal = this.#judge({ ...judging.variables, args, row: row as Value }, { where, bounds, point: "EFFECT" });
    if (refusal !== null) return refusal;
    this.staged.push({ write, args: whole });
    return { staged: id === null || holdsOne(String(id), this.#keptBack) ? this.staged.length : String(id) };
  }

  /** Throws Halt where a run that has read untrusted text may not do this. */
  #checkTaint(taint: TaintRule, tool: string): void {
    if (!this.isUntrusted || taint === "ALLOW") return;
    if (taint === "FORBID") throw new Halt("taint_blocked");
    this.escalated.add(`taint:${tool}`);
  }

  /** Whatever the run has read by then is its label. */
  #remember(text: string): Json {
    const { core, question: { decision }, reader } = this.#parts;
    const read = readRemembered(text, { decision, recalled: this.#gathered.memory, reader, bytesMax: core.limits.memoryBytes });
    if ("refused" in read) return refused(read.refused, null);
    this.remembered.push(read.fact);
    return { remembered: read.fact.predicate };
  }

  /** Null: nothing stands against it. Throws Halt or Refusal where a bound says so. */
  #judge(variables: Variables, { where, bounds, point }: { readonly where: Expression | null; readonly bounds: readonly CompiledBound[]; readonly point: "CALL" | "EFFECT" }): Json | null {
    const judging = { variables, now: String(this.#gathered.variables["now"]), book: this.#parts.core.book, bounds };
    if (!permits(where, judging)) return this.#refusedBy(where!, refused("NOT_PERMITTED", "This is not permitted."), "tool_not_allowed");
    const broken = violations(judging, point);
    // Of effects the commit finds them again.
    if (point === "CALL") for (const { declaration } of broken) if (declaration.else === "ESCALATE") this.escalated.add(`bound:${declaration.name}`);
    const standing = broken.filter(({ declaration }) => declaration.else !== "ESCALATE");
    const refusing = standing.filter(({ declaration }) => declaration.else === "REFUSE");
    if (refusing.length > 0) throw new Refusal(refusing.map(({ declaration }) => declaration.name));
    const [first] = standing;
    if (first?.declaration.else === "FALLBACK") throw new Halt(`bound:${first.declaration.name}`);
    return first === undefined ? null : this.#refusedBy(first.rule, refused("BOUND", first.declaration.tell), `bound:${first.declaration.name}`);
  }

  /** What is over a secret is not found out by trying. Throws Halt. */
  #refusedBy(rule: Expression, told: Json, otherwise: FallbackReason): Json {
    const { decision } = this.#parts.question;
    const isGuessing = ++this.#refusals > Math.min(decision.declaration.repairs, SECRET_REPAIRS_MAX);
    if (isGuessing && readsSecret(rule, decision)) throw new Halt(otherwise);
    return told;
  }
}

/** What a model calls, without its name. */
export type CallKind = "read" | "call" | "ask" | "write" | "other";

export function kindOfCall({ reads, calls, writes, declaration }: CompiledDecision, name: string): CallKind {
  if (reads.some((one) => one.name === name)) return "read";
  if (calls.some(({ tool }) => tool.name === name)) return "call";
  if (declaration.mayAsk.some((one) => one.decision === name)) return "ask";
  return writes.some((one) => one.name === name) ? "write" : "other";
}

/** The same call again has the same, however its arguments are written. */
export function callKey(name: string, text: string): string {
  return createHash("sha256").update(`${name} ${argumentsKey(text)}`).digest("hex");
}

function argumentsKey(text: string): string {
  try {
    // Numbers as they are written: a double does not hold them all.
    return canonicalJson(JSON.parse(text, ((_key: string, value: unknown, { source }: { readonly source?: string }) => (typeof value === "number" ? { "": source } : value)) as never) as Json);
  } catch {
    return text;
  }
}

/** By conditions and bounds. */
const JUDGED: readonly string[] = ["BOUND", "NOT_PERMITTED"];

/** What was refused before it was done. */
const UNDONE: readonly (string | undefined)[] = [...JUDGED, "MALFORMED_ARGUMENTS", "NOT_RECORDED", "TOO_MANY_CALLS", "TOOL_NOT_ALLOWED"];

function wasDone(told: Json): boolean {
  return !UNDONE.includes(refusalIn(told));
}

function refusalIn(told: Json): string | undefined {
  const { refused: code } = (typeof told === "object" ? told ?? {} : {}) as { readonly refused?: Json };
  return typeof code === "string" ? code : undefined;
}

export function refused(code: string, tell: string | null): { refused: string; tell: string | null } {
  return { refused: code, tell };
}

function notRecorded(): Json {
  return refused("NOT_RECORDED", null);
}

function malformed(): Json {
  return refused("MALFORMED_ARGUMENTS", "The arguments are not of the declared types.");
}
