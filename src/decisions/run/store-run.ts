// What is written of a run with its end, in the commit of its effects: the record in the audit log, the state, the answer under its key.
import type { Json, RecordValues, Value } from "../../base/value.ts";
import type { Random } from "../../base/random.ts";
import type { DecisionResult } from "../../resources/decision-port.ts";
import type { WriteSession } from "../../tables/write-session.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import { approvalsOf, closeApprovals } from "../../storage/approval-rows.ts";
import { admitEnded, endRun, type AdmittedRun } from "../../storage/decision-rows.ts";
import { endRound } from "../../storage/negotiation-rows.ts";
import { appendRecord } from "../audit/append-record.ts";
import type { Gathered } from "../context/gather.ts";
import { keepMemory } from "../memory/keep-memory.ts";
import { shownTyped } from "../policy/shown-value.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { addCallback } from "./callback.ts";
import { answerOf, isAnswered, reasonClass, type Ending } from "./ending.ts";
import { countEnd } from "../rollout/rollouts.ts";
import type { RunEnd } from "./run-tally.ts";

/** Somebody else has the key. */
export class KeyTaken extends Error {
  override readonly name = "KeyTaken";
}

/** Somebody else has ended the run. */
export class Fenced extends Error {
  override readonly name = "Fenced";
}

/** How the run came to its end, for the record. */
export interface RunFacts {
  readonly steps: number;
  readonly repairs: number;
  readonly tokens: { readonly input: number; readonly output: number };
  readonly costMicros: number;
  /** Requests and responses, verdicts: payloads by name. */
  readonly payloads: { readonly [name: string]: Json };
  /** Said openly in the record. */
  readonly more?: { readonly [name: string]: Json };
}

export const noFacts: RunFacts = { steps: 0, repairs: 0, tokens: { input: 0, output: 0 }, costMicros: 0, payloads: {} };

export interface StoredRun {
  readonly admitted: AdmittedRun;
  /** 0: it is admitted with its end. */
  readonly epoch: number;
  /** Null: the app has it no more. */
  readonly decision: CompiledDecision | null;
  readonly input: RecordValues;
  readonly facts: RunFacts;
  readonly random: Random;
  readonly nowMs: number;
}

/** `result`: as whoever asked is told it. */
export interface StoredEnd extends RunEnd { readonly result: DecisionResult }

/** Throws KeyTaken, Fenced. */
export function storeRun({ connection }: Pick<WriteSession, "connection">, ending: Ending, gathered: Gathered | null, run: StoredRun): StoredEnd {
  const { admitted, decision, input, facts, random, nowMs } = run;
  // Whether people were asked is not for the decision of today to say.
  if (run.epoch > 0) closeApprovals(connection, admitted.id, { state: ending.state === "EXPIRED" || ending.reason === "approval_timeout" ? "EXPIRED" : "VOID", closedMs: nowMs, person: null });
  const type = decision === null ? null : { result: decision.declaration.callable.result, catalog: decision.catalog };
  const leaf = appendRecord(connection, {
    run: admitted.id, timeMs: nowMs,
    facts: {
      kind: "run", decision: admitted.name, version: admitted.version, parent: admitted.parent, state: ending.state, reason: ending.reason, source: ending.source,
      untrusted: ending.isUntrusted, clamped: [...ending.clamped], noted: [...ending.noted], admitted: new Date(admitted.admittedMs).toISOString(),
      steps: facts.steps, repairs: facts.repairs, tokens: { ...facts.tokens }, costMicros: facts.costMicros, effects: ending.effects.map(({ operation }) => operation),
      ...(ending.lifted === undefined ? {} : { lifted: [...ending.lifted] }), ...facts.more,
    },
    payloads: {
      principal: admitted.principal, subject: admitted.subject, input: decision === null ? plain(input) : wireInput(input, decision), contexts: gathered === null ? null : gathered.rows as unknown as Json,
      seen: gathered === null ? null : seenIn(gathered, run), after: ending.after === undefined ? null : ending.after as unknown as Json,
      output: ending.output === undefined || type === null ? null : toWireValue(ending.output, { ...type.result, required: false }, type.catalog), effects: ending.effects as unknown as Json, tells: [...ending.tells],
      ...(gathered === null || gathered.memory.length === 0 ? {} : { memory: gathered.memory as unknown as Json }), ...(ending.memory === undefined ? {} : { remembered: ending.memory.facts as unknown as Json }), ...facts.payloads,
    },
  }, random);
  if (isAnswered(ending.state)) remember(connection, ending, run);
  const answer = answerOf(ending, { type, run: admitted.id });
  if (!isAnswered(ending.state) && decision?.declaration.negotiates !== null) endRound(connection, admitted.id, nowMs);
  const ended = { state: ending.state, reason: ending.reason, source: ending.source, isUntrusted: ending.isUntrusted, status: answer.status, answer: answer.body, tells: JSON.stringify(ending.tells) };
  const at = { endedMs: nowMs, leaf };
  if (run.epoch === 0 && !admitEnded(connection, admitted, ended, at)) throw new KeyTaken("the key is another run's");
  if (run.epoch > 0 && !endRun(connection, { id: admitted.id, epoch: run.epoch }, ended, at)) throw new Fenced("the run has ended otherwise");
  // People take their time, which says nothing of who has proposed it.
  const askedMs = (admitted.arm === null ? undefined : approvalsOf(connection, admitted.id)[0]?.openedMs) ?? nowMs;
  countEnd(connection, admitted.arm, {
    state: ending.state, reason: ending.reason, isRepaired: facts.repairs > 0 || ending.clamped.length > 0 || hasEscalated(facts), durationMs: askedMs - admitted.admittedMs, costMicros: facts.costMicros,
    agrees: agreementIn(facts),
  });
  addCallback(connection, admitted, { ending, answer, nowMs });
  const { state, source, reason, isUntrusted, tells } = ending;
  return {
    decision: admitted.name, state, reason, durationMs: nowMs - admitted.admittedMs, steps: facts.steps, tokens: facts.tokens, costMicros: facts.costMicros,
    result: { run: admitted.id, state, status: answer.status, body: answer.body, source, reason: reasonClass(reason), isUntrusted, tells, replayed: false },
  };
}

/** A bound did not hold that only people may let pass, whatever they said. */
function hasEscalated({ more }: RunFacts): boolean {
  const approval = more?.["approval"] as { readonly escalated: readonly string[] } | undefined;
  return approval?.escalated.some((one) => one.startsWith("bound:")) === true;
}

/** Of a run beside one that has answered. */
function agreementIn({ payloads: { comparison } }: RunFacts): boolean | null {
  return typeof comparison === "object" && comparison !== null && !Array.isArray(comparison) && typeof comparison["agrees"] === "boolean" ? comparison["agrees"] : null;
}

/** Under the label that the run has: what it makes of others' words is nobody's word. */
function remember(connection: WriteSession["connection"], { memory, output, source, isUntrusted }: Ending, { admitted, decision, random, nowMs }: StoredRun): void {
  if (memory === undefined || decision === null) return;
  const { callable: { result } } = decision.declaration;
  const said = output === undefined ? null : shownTyped(toWireValue(output, { ...result, required: false }, decision.catalog), result, decision.catalog);
  keepMemory(connection, memory.places, memory.facts, {
    run: admitted.id, actor: null, isUntrusted, nowMs, rowsMax: memory.rowsMax,
    episode: { decision: admitted.name, source, output: Buffer.byteLength(JSON.stringify(said)) > EPISODE_BYTES_MAX ? null : said },
    newId: () => Buffer.from(random.bytes(16)).toString("hex"),
  });
}

/** Of an output that is remembered; a longer one is left out. */
const EPISODE_BYTES_MAX = 2_048;

function wireInput(input: RecordValues, { catalog, declaration: { callable } }: CompiledDecision): Json {
  return Object.fromEntries([...callable.arguments].map(([name, { type }]) => [name, toWireValue(input[name], { ...type, required: false }, catalog)]));
}

/** What expressions saw besides input and rows, for a replay: who asked, when, what was read out of text. */
export function seenIn({ variables, rows }: Pick<Gathered, "variables" | "rows">, { decision }: Pick<StoredRun, "decision">): Json {
  const apart = new Set(["input", ...Object.keys(rows), ...(decision?.contexts ?? []).map(({ declaration: { name } }) => `has_${name}`)]);
  return plain(Object.fromEntries(Object.entries(variables).filter(([name]) => !apart.has(name))));
}

/** Values without a declared type: claims of a token, what was extracted. */
export function plain(value: Value): Json {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return (value as readonly Value[]).map(plain);
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]));
  return value as Json;
}
