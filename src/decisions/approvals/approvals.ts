// Proposals that wait for people: opened in the commit that would have carried them out, decided once by whoever may, over when their time is or
// when what they were made under changes. All that waits is rows; nothing is held in memory.
import { createHash } from "node:crypto";
import { dateTimeOf, millisecondsOf } from "../../base/date-time.ts";
import { fault } from "../../base/error.ts";
import { inParallel } from "../../base/in-parallel.ts";
import { describeError } from "../../base/log.ts";
import { uuidv7 } from "../../base/random.ts";
import type { Json, Value } from "../../base/value.ts";
import { coerceValue, noLimits, type Issue } from "../../schema/coerce-value.ts";
import { invalid } from "../../tables/input-issue.ts";
import type { RawInput } from "../../tables/write.ts";
import type { WriteSession } from "../../tables/write-session.ts";
import type { Caller } from "../../resources/body.ts";
import type { ApprovalQuestion, ApprovalRows, KeepAnswer } from "../../resources/decision-port.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { beside } from "../../resources/run-body.ts";
import { addApproval, approvalsOf, closeApproval, closeApprovals, countWaiting, findApproval, lateRuns, runsUnder, waitingContracts, type ApprovalRow, type ApprovalState } from "../../storage/approval-rows.ts";
import type { Connection } from "../../storage/connection.ts";
import { admitRun, keepProposal, parkRun, readProposal, readRun, stepsOf, unparkRun, type AdmittedRun, type DecisionRow } from "../../storage/decision-rows.ts";
import { addDelivery } from "../../storage/outbox.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import { gather, recordOf, type Gathered, type Question } from "../context/gather.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import type { ReadAgain } from "../reason/read-again.ts";
import type { Reading, StrictReads } from "../reason/strict-reads.ts";
import { ApprovalVoid, commitRun, type CommitRequest, type FallbackAnswer, type Proposal, type Waiting } from "../run/commit-run.ts";
import { principalOf } from "../run/admitted-run.ts";
import { callbackAdded } from "../run/callback.ts";
import { admissionOf, keepAnew, readAdmission, type Admission, type Anew } from "../run/admission.ts";
import { expired, failed, rejected, type Ending, type FallbackReason } from "../run/ending.ts";
import type { RunEnd } from "../run/run-tally.ts";
import { Fenced, KeyTaken, noFacts, storeRun, type RunFacts } from "../run/store-run.ts";
import type { RowsSource } from "../../resources/followed-rows.ts";
import { APPROVALS, mayDecide, queueSource, waitingFor, waitingSource } from "./approval-queue.ts";
import { approvalView } from "./approval-view.ts";
import { editedEffects, extractedOf, keptProposal, proposalHash, proposalOf, type KeptProposal } from "./kept-proposal.ts";
import { readVerdict, type Verdict } from "./read-verdict.ts";
import { TextWriters } from "./text-writers.ts";

/** A run as it was asked, made again from its rows. */
export interface AskedRun {
  readonly question: Question;
  readonly own: Value | undefined;
  readonly admitted: AdmittedRun;
  fallback(gathered: Gathered): FallbackAnswer;
}

export interface ApprovalsParts {
  readonly core: DispatchCore;
  /** Addresses that are told of what waits. */
  readonly notify: readonly string[];
  /** A decision as it is now; null: there is none of the name. */
  decisionOf(name: string): { readonly decision: CompiledDecision; readonly version: string; readonly contract: string } | null;
  /** `TABLE:id` of the record whose relationship it is. */
  subjectOf(decision: CompiledDecision, gathered: Gathered): string | null;
  /** Null: its input is none of the decision any more. */
  askedAgain(row: DecisionRow, admission: Admission): AskedRun | null;
  /** The model goes on with a run that is reasoned anew. Null: it has none. */
  resume(row: DecisionRow, taken: { readonly epoch: number; readonly admission: Admission; readonly anew: Anew }): Promise<unknown> | null;
  /** What a proposal was made of is read once more. Null: there is no model of it any more. Throws ApprovalVoid. */
  readAgain(again: ReadAgain): Promise<StrictReads> | null;
  /** A run has ended, durably. */
  ended(end: RunEnd): void;
  /** Ends it by its fallback. */
  endBy(asked: AskedRun, reason: FallbackReason | null, how: { readonly epoch: number; readonly facts: RunFacts }): Promise<void>;
}

interface Opening { readonly asked: AskedRun; readonly epoch: number; readonly extracted: Readonly<Record<string, Value>>; facts(): RunFacts }

/** An approval with its run, and what it is about. */
interface Held { readonly approval: ApprovalRow; readonly row: DecisionRow; readonly kept: KeptProposal; readonly admission: Admission; readonly asked: AskedRun }

/** Who speaks, and what is done with the answer in the commit that it is about. */
interface Deciding { readonly person: string; said(connection: Connection): void }

/** How many are ended before somebody may say that it is enough, and how many of them at once. */
const PAGE_RUNS = 100;
const ENDED_AT_ONCE = 8;

export class Approvals {
  readonly #parts: ApprovalsParts;

  constructor(parts: ApprovalsParts) {
    this.#parts = parts;
  }

  /** Of a run whose decision asks people: how it does so. */
  opening(opening: Opening): Required<Pick<CommitRequest, "wait" | "told">> {
    return {
      wait: (session, waiting) => this.#open(session, waiting, opening),
      told: () => {
        if (this.#parts.notify.length > 0) this.#parts.core.sending.outbox.added();
        this.#parts.core.runs.changed(opening.asked.admitted.id);
      },
    };
  }

  #open({ connection, now }: WriteSession, waiting: Waiting, { asked: { admitted, question, own }, epoch, extracted, facts }: Opening): void {
    const { core: { random, clock, limits }, core, decisionOf, subjectOf } = this.#parts;
    if (countWaiting(connection) >= limits.approvalsWaiting) throw fault("OVERLOADED", `More than ${limits.approvalsWaiting} approvals wait for people.`, { retryAfterS: 60 });
    const openedMs = millisecondsOf(now);
    if (epoch === 0) {
      const admission = admissionOf({ question, own, read: recordOf(waiting.gathered) });
      if (!admitRun(connection, { ...admitted, subject: subjectOf(question.decision, waiting.gathered) }, { state: "AWAITING_APPROVAL", admission })) throw new KeyTaken("the key is another run's");
    } else if (!parkRun(connection, { id: admitted.id, epoch })) throw new Fenced("the run has ended otherwise");
    const writers = new TextWriters(core);
    writers.add(waiting.proposal.writers ?? []);
    writers.addGathered(question.decision, waiting.gathered);
    const kept = keptProposal(waiting, { question, extracted, writers: writers.subjects, facts: facts() });
    keepProposal(connection, admitted.id, JSON.stringify(kept));
    const latestMs = readAdmission(connection, admitted.id)?.anew?.dueMs ?? Number.MAX_SAFE_INTEGER;
    for (const { declaration } of waiting.approvals) {
      const approval = {
        id: uuidv7(clock, random), run: admitted.id, decision: admitted.name, contract: decisionOf(admitted.name)!.contract, tenant: admitted.tenant, by: declaration.by,
        hash: proposalHash(kept, admitted.version), otherwise: declaration.else, openedMs, dueMs: Math.min(openedMs + declaration.withinMs, latestMs),
      };
      addApproval(connection, approval);
      for (const url of this.#parts.notify) notify(connection, url, approval);
    }
  }

  /** Throws what is refused. */
  async answer(ask: ApprovalQuestion, caller: Caller, keep: KeepAnswer | null): Promise<{ readonly body: Json; readonly next: string | null }> {
    switch (ask.do) {
      case "list": return this.#list(ask, caller);
      case "find": return { body: this.#view(this.#visible(ask.id, caller)), next: null };
      case "decide": return { body: await this.#decide(this.#visible(ask.id, caller), ask.input, { caller, keep }), next: null };
    }
  }

  #list({ after, limit }: Extract<ApprovalQuestion, { do: "list" }>, caller: Caller): { readonly body: Json; readonly next: string | null } {
    const { reader } = this.#parts.core.storage;
    requireSomebody(caller);
    const from = after === null ? null : findApproval(reader, after);
    if (after !== null && (from === null || !mayDecide(from, caller.identity))) throw fault("MALFORMED_QUERY", "after is the id of an approval.", { where: "after" });
    const found = waitingFor(reader, caller.identity, { after: from?.number ?? 0, limit });
    return { body: found.map((row) => this.#view(row)), next: found.length === limit ? found.at(-1)?.id ?? null : null };
  }

  /** What waits for this caller, as it is followed: the queue, or one of it. */
  followed(ask: ApprovalRows, caller: Pick<Caller, "identity">): RowsSource {
    requireSomebody(caller);
    const { reader } = this.#parts.core.storage;
    const textOf = (row: ApprovalRow): string => JSON.stringify(this.#view(row));
    return ask.of === "approvals" ? queueSource(reader, caller.identity, { limit: ask.limit, textOf }) : waitingSource(reader, caller.identity, { id: ask.id, textOf });
  }

  /** A run may have begun to wait, or ceased to. */
  moved(run: string): void {
    const { core: { followed, storage } } = this.#parts;
    followed.changed(APPROVALS, () => approvalsOf(storage.reader, run).map(({ id }) => id));
  }

  /** Throws NOT_FOUND for what this caller may not know of. */
  #visible(id: string, caller: Caller): ApprovalRow {
    const row = findApproval(this.#parts.core.storage.reader, id);
    if (row === null || !mayDecide(row, caller.identity)) throw fault("NOT_FOUND", "There is no approval with this id.");
    return row;
  }

  #view(approval: ApprovalRow): Json {
    const held = approval.state === "WAITING" ? this.#held(approval) : null;
    return approvalView(approval, held === null ? null : { kept: held.kept, question: held.asked.question, read: held.kept.over ?? held.admission });
  }

  /** Null: it does not wait any more, or is of a decision that is no more. */
  #held(approval: ApprovalRow): Held | null {
    const { core: { storage: { reader } } } = this.#parts;
    const row = readRun(reader, approval.run);
    if (row === null || row.state !== "AWAITING_APPROVAL") return null;
    const [text, admission] = [readProposal(reader, row.id), readAdmission(reader, row.id)];
    const asked = admission === null || this.#parts.decisionOf(row.name)?.contract !== approval.contract ? null : this.#parts.askedAgain(row, admission);
    if (text === null || admission === null || asked === null) return null;
    return { approval, row, kept: JSON.parse(text) as KeptProposal, admission, asked };
  }

  async #decide(approval: ApprovalRow, input: RawInput, { caller, keep }: { readonly caller: Caller; readonly keep: KeepAnswer | null }): Promise<Json> {
    const { core } = this.#parts;
    const verdict = readVerdict(input);
    const row = readRun(core.storage.reader, approval.run);
    if (row === null) throw fault("NOT_FOUND", "There is no approval with this id.");
    const person = principalOf(caller);
    if (row.principal === person) throw fault("FORBIDDEN", "Who has asked for a decision does not approve of it.");
    if (approval.state !== "WAITING") throw standsNoMore(approval.state === "EXPIRED" ? "late" : "used");
    if (core.clock.now() >= approval.dueMs) {
      await this.#expire(approval.run);
      throw standsNoMore("late");
    }
    const held = this.#held(approval);
    if (held === null) {
      await this.endLate();
      throw standsNoMore("deployed");
    }
    if (caller.identity.subject !== null && held.kept.writers.includes(caller.identity.subject)) throw fault("FORBIDDEN", "Who has written what a decision is about does not approve of it.");
    if (verdict.do === "APPROVE" && hasApproved(core.storage.reader, approval, person)) throw secondWord();
    if (verdict.do !== "REJECT" && (verdict.hash !== approval.hash || proposalHash(held.kept, held.row.version) !== approval.hash)) throw standsNoMore("altered");
    let said: Json = null;
    const by: Deciding = {
      person,
      said: (connection) => {
        said = saidIn(connection, approval);
        keep?.(connection, said);
      },
    };
    try {
      switch (verdict.do) {
        case "REJECT": await this.#reject(held, verdict.reason, by); break;
        case "APPROVE": await this.#approve(held, by); break;
        case "EDIT": await this.#edit(held, verdict, by); break;
      }
    } catch (error) {
      if (error instanceof Fenced) throw standsNoMore("used");
      if (!(error instanceof ApprovalVoid)) throw error;
      if (verdict.do === "EDIT" && error.because === "bound") throw fault("DECISION_REFUSED", "A bound does not hold for it.", { details: { run: held.row.id, tells: [...error.tells] } });
      await this.#anew(held);
      throw standsNoMore(error.because);
    }
    return said;
  }

  async #reject({ approval, row, kept, asked, admission }: Held, reason: string | null, { person, said }: Deciding): Promise<void> {
    const { core, core: { random, clock } } = this.#parts;
    const end = await core.storage.commit((connection) => {
      this.#close(connection, approval, "REJECTED", person);
      const { decision, input } = asked.question;
      const stored = storeRun({ connection }, rejected(reason), null, { admitted: { ...row, key: null }, epoch: row.epoch, decision, input, facts: factsOf(kept, { verdict: "REJECTED", hash: approval.hash, person, read: admission.now }), random, nowMs: clock.now() });
      said(connection);
      return stored;
    });
    this.#parts.ended(end);
    this.#moved(row);
  }

  async #approve(held: Held, by: Deciding): Promise<void> {
    const { approval, kept, asked } = held;
    const { core } = this.#parts;
    const isLast = await core.storage.commit((connection) => {
      if (approvalsOf(connection, approval.run).every(({ id, state }) => id === approval.id || state !== "WAITING")) return true;
      this.#close(connection, approval, "APPROVED", by.person);
      by.said(connection);
      return false;
    });
    if (!isLast) return this.#parts.core.runs.changed(approval.run);
    const lifted = kept.escalated.flatMap((one) => (one.startsWith("bound:") ? [one.slice("bound:".length)] : []));
    await this.#commit(held, { proposal: proposalOf(kept, asked.question), approved: { lifted, operations: kept.shown.map(({ operation }) => operation) }, state: "APPROVED", by, hash: approval.hash });
  }

  async #edit(held: Held, { output: given, effects: wanted }: Extract<Verdict, { do: "EDIT" }>, by: Deciding): Promise<void> {
    const { approval, kept, asked: { question }, row } = held;
    const { decision } = question;
    const { core } = this.#parts;
    if (approvalsOf(core.storage.reader, row.id).filter(({ contract, hash }) => contract === approval.contract && hash === approval.hash).length > 1) throw fault("CONFLICT", "Several people are asked about this proposal: each approves or rejects it as it is.");
    const before = proposalOf(kept, question);
    const issues: Issue[] = [];
    const output = given === undefined ? before.output : coerceValue(given, { type: { ...decision.declaration.callable.result, required: true }, limits: noLimits }, { catalog: decision.catalog, dialect: "wire", path: "output" }, issues);
    if (output === undefined) throw invalid(issues);
    const effects = wanted === undefined ? before.effects : editedEffects(wanted, before.effects, decision, () => uuidv7(core.clock, core.random));
    if (effects === null) throw fault("VALIDATION_FAILED", "The effects are not of what the decision may propose.", { where: "effects", fix: "Send { operation, args } with the fields that its @mayWrite names." });
    const hash = createHash("sha256").update(canonicalJson({ of: approval.hash, output: plain(given), effects: plain(wanted) })).digest("hex");
    await this.#commit(held, { proposal: { ...before, output, effects }, approved: { lifted: null, operations: null }, state: "EDITED", by, hash });
  }

  async #commit({ approval, row, kept, asked, admission }: Held, { proposal, approved, state, by: { person, said }, hash }: { readonly proposal: Proposal; readonly approved: NonNullable<CommitRequest["approved"]>; readonly state: "APPROVED" | "EDITED"; readonly by: Deciding; readonly hash: string }): Promise<void> {
    const { core } = this.#parts;
    const { decision, input } = asked.question;
    const strict = await this.#stillSo(proposal.over, kept.readings, asked);
    await commitRun(core, {
      question: asked.question, proposal, reason: null, extracted: extractedOf(kept, decision), isNew: false, mayReason: false, approved, ...(strict === null ? {} : { strict }),
      fallback: (gathered) => asked.fallback(gathered),
      store: (session, ending, gathered) => {
        this.#close(session.connection, approval, state, person);
        const facts = factsOf(kept, { verdict: state, hash, person, read: admission.now });
        const stored = storeRun(session, { ...ending, clamped: [...kept.clamped, ...ending.clamped] }, gathered, { admitted: { ...row, key: null }, epoch: row.epoch, decision, input, facts, random: core.random, nowMs: core.clock.now() });
        said(session.connection);
        return stored;
      },
      ended: (end) => this.#parts.ended(end),
    }).finally(() => strict?.end());
    this.#moved(row);
  }

  /** What the model had read must still be so, where its decision says so. Throws ApprovalVoid. */
  async #stillSo(over: Gathered | null, readings: readonly Reading[], { question, admitted }: AskedRun): Promise<StrictReads | null> {
    if (over === null || readings.length === 0) return null;
    const again = this.#parts.readAgain({ question, run: admitted.id, over, readings });
    if (again === null) throw new ApprovalVoid("changed");
    return again;
  }

  /** Whoever follows it, or is to be called back, is told. */
  #moved(row: DecisionRow): void {
    const { core } = this.#parts;
    callbackAdded({ ...row, key: null }, core);
    core.runs.changed(row.id);
  }

  /** In the commit that it is good for. Throws Fenced where it does not wait any more, or too long. */
  #close(connection: Connection, approval: ApprovalRow, state: Exclude<ApprovalState, "WAITING">, person: string): void {
    const { id, dueMs } = approval;
    const closedMs = this.#parts.core.clock.now();
    if (state === "APPROVED" && hasApproved(connection, approval, person)) throw secondWord();
    if (closedMs >= dueMs || !closeApproval(connection, id, { state, closedMs, person })) throw new Fenced("the approval does not wait any more");
  }

  /** What was proposed does not stand: the run proposes something else, over what there is now. */
  async #anew({ approval, row, asked, admission, kept }: Held): Promise<void> {
    const { core, core: { storage, clock, log } } = this.#parts;
    const fresh = gather(asked.question, beside(core), core);
    const { deadlineMs } = asked.question.decision.declaration;
    const beganMs = clock.now();
    const anew = { read: recordOf(fresh), steps: stepsOf(storage.reader, row.id).length, beganMs, dueMs: approval.dueMs };
    const epoch = await storage.commit((connection) => {
      const taken = unparkRun(connection, row.id, row.epoch, Math.min(beganMs + deadlineMs, approval.dueMs));
      if (taken === null) return null;
      closeApprovals(connection, row.id, { state: "VOID", closedMs: beganMs, person: null });
      keepAnew(connection, row.id, anew);
      return taken;
    });
    if (epoch === null) return;
    this.#moved(row);
    const going = fresh.missing !== null || fresh.overflow !== null ? null : this.#parts.resume(row, { epoch, admission, anew });
    const isRule = asked.question.decision.declaration.kind === "RULE";
    const ended = going ?? this.#parts.endBy(asked, isRule ? null : "conflict", { epoch, facts: kept.facts });
    // Whoever has decided does not wait for what comes instead.
    void ended.catch((error: unknown) => log.error("decision-failed", { run: row.id, decision: row.name, ...describeError(error) }));
  }

  /** Ends what has waited too long, and what waits under a decision that is another one by now. True: there is more. */
  async endLate(): Promise<boolean> {
    const { core: { storage: { reader }, clock }, decisionOf } = this.#parts;
    let hasMore = await endPage(() => lateRuns(reader, clock.now(), PAGE_RUNS), (run) => this.#expire(run));
    for (const under of waitingContracts(reader)) {
      if (decisionOf(under.decision)?.contract === under.contract) continue;
      hasMore = await endPage(() => runsUnder(reader, under, PAGE_RUNS), (run) => this.#end(run, "replay_divergence")) || hasMore;
    }
    return hasMore;
  }

  async #expire(run: string): Promise<void> {
    const now = this.#parts.core.clock.now();
    const late = approvalsOf(this.#parts.core.storage.reader, run).filter(({ state, dueMs }) => state === "WAITING" && dueMs <= now);
    if (late.length > 0) await this.#end(run, late.some(({ otherwise }) => otherwise === "REFUSE") ? expired : "approval_timeout");
  }

  async #end(run: string, how: Ending | FallbackReason): Promise<void> {
    const { core, core: { storage: { reader }, log } } = this.#parts;
    const row = readRun(reader, run);
    if (row === null || row.state !== "AWAITING_APPROVAL") return;
    const admission = readAdmission(reader, run);
    const asked = admission === null || this.#parts.decisionOf(row.name) === null ? null : this.#parts.askedAgain(row, admission);
    const text = readProposal(reader, run);
    const facts = text === null ? noFacts : (JSON.parse(text) as KeptProposal).facts;
    try {
      const ending = typeof how === "string" ? failed : how;
      if (asked !== null && typeof how === "string") {
        // Its callback is told by that commit.
        await this.#parts.endBy(asked, how, { epoch: row.epoch, facts });
        core.runs.changed(run);
        return;
      }
      this.#parts.ended(await core.storage.commit((connection) => storeRun({ connection }, ending, null, { admitted: { ...row, key: null }, epoch: row.epoch, decision: asked?.question.decision ?? null, input: asked?.question.input ?? {}, facts, random: core.random, nowMs: core.clock.now() })));
      this.#moved(row);
    } catch (error) {
      // Somebody has decided meanwhile, or it is tried again with the next look.
      if (!(error instanceof Fenced)) log.error("approval-not-ended", { run, decision: row.name, ...describeError(error) });
    }
  }
}

/** True: there is more. Not where nothing could be ended: that is tried again with the next look. */
async function endPage(runsOf: () => readonly string[], end: (run: string) => Promise<void>): Promise<boolean> {
  const runs = runsOf();
  await inParallel([...new Set(runs)], ENDED_AT_ONCE, end);
  return runs.length === PAGE_RUNS && runsOf()[0] !== runs[0];
}

/** As it came: large integers as text. */
function plain(value: unknown): Json {
  return JSON.parse(JSON.stringify(value ?? null, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item))) as Json;
}

/** Where several are asked about one proposal, each is somebody else. What was asked about together was opened together. */
function hasApproved(connection: Connection, { id, run, openedMs }: ApprovalRow, person: string): boolean {
  return approvalsOf(connection, run).some((one) => one.id !== id && one.openedMs === openedMs && one.state === "APPROVED" && one.person === person);
}

function secondWord(): Error {
  return fault("FORBIDDEN", "Who has approved of it once does not do so for somebody else.");
}

/** What comes of a word. */
function saidIn(connection: Connection, { id, run }: ApprovalRow): Json {
  const { state, status, answer } = readRun(connection, run)!;
  return { id, state: findApproval(connection, id)!.state, run: { id: run, state, output: status === 200 ? JSON.parse(answer ?? "null") as Json : null } };
}

function requireSomebody({ identity }: Pick<Caller, "identity">): void {
  if (identity.kind === "anonymous") throw fault("UNAUTHENTICATED", "Who approves signs in first.");
}

function factsOf({ facts, escalated, isUntrusted, output }: KeptProposal, { verdict, hash, person, read }: { readonly verdict: string; readonly hash: string; readonly person: string; readonly read: string }): RunFacts {
  return {
    ...facts, more: { ...facts.more, approval: { verdict, hash, escalated: [...escalated], untrusted: isUntrusted } },
    payloads: { ...facts.payloads, person, proposed: { output, read } },
  };
}

type VoidBecause = "altered" | "used" | "late" | "deployed" | "changed" | "bound";

function standsNoMore(because: VoidBecause): Error {
  return fault("APPROVAL_VOID", WORDS[because], { details: { because } });
}

const WORDS: Readonly<Record<VoidBecause, string>> = {
  altered: "This is not what waits for approval.", used: "It has been decided already.", late: "Its time is over.", deployed: "The decision is another one by now.",
  changed: "What it was based on has changed; it is proposed anew.", bound: "A bound does not hold any more; it is proposed anew.",
};

/** Says that something waits and for whom, never what. Once in the outbox it is there by its key. */
function notify(connection: Connection, url: string, { id, run, decision, by, tenant, openedMs, dueMs }: Parameters<typeof addApproval>[1]): void {
  const message = { type: "approval-waiting", approval: id, run, decision, by: [...by], tenant, due: dateTimeOf(dueMs) };
  addDelivery(connection, {
    scope: "", key: `approval-${id}-${createHash("sha256").update(url).digest("hex").slice(0, 16)}`, order: null, host: new URL(url).host,
    dueMs: openedMs, created: dateTimeOf(openedMs), body: Buffer.from(JSON.stringify(message)),
    request: { url, method: "POST", headers: { "content-type": "application/json" }, sign: null, bearer: null, attempts: null, giveUpOn: [], then: null },
    sender: { kind: "system", subject: null, roles: [], tenant: null, claims: {}, requestId: "approval" },
  });
}
