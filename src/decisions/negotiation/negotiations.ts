// Negotiations: rounds of a decision whose answers are offers that bind, their acceptance, which asks no model, and what was agreed, which is looked at when
// it is due. What waits is rows; all that moves is a compare-and-set in one commit with what it does.
import { AmbitError, fault } from "../../base/error.ts";
import { dateTimeOf } from "../../base/date-time.ts";
import { describeError } from "../../base/log.ts";
import { uuidv7 } from "../../base/random.ts";
import type { Json, Value } from "../../base/value.ts";
import { readIdentity, storedIdentity } from "../../access/stored-identity.ts";
import { fromWireValue } from "../../schema/wire-value.ts";
import { notFound } from "../../tables/denial.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Body, Caller } from "../../resources/body.ts";
import type { DecisionResult, KeepAnswer, NegotiationAnswer, NegotiationQuestion, NegotiationRows } from "../../resources/decision-port.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { oneRow, type RowsSource } from "../../resources/followed-rows.ts";
import { beside, runTransaction } from "../../resources/run-body.ts";
import { stateOf } from "../../resources/work.ts";
import type { Connection } from "../../storage/connection.ts";
import {
  addCommitment, addNegotiation, beginRound, closeOffer, commitmentsOf, dropHolds, dueCommitments, expiredOffers, findCommitment, findNegotiation, findOffer, heldInVain, moveCommitment,
  moveNegotiation, negotiationOfRun, negotiationWithRun, offersOf, staleRounds, type CommitmentRow, type NegotiationRow, type OfferRow, type OfferState,
} from "../../storage/negotiation-rows.ts";
import { readRun } from "../../storage/decision-rows.ts";
import { appendRecord } from "../audit/append-record.ts";
import { holdsStrictly } from "../../expression/evaluate-strict.ts";
import { environmentOf, valueOf, type Variables } from "../bounds/judge.ts";
import { gather, type Negotiating, type Question } from "../context/gather.ts";
import type { CompiledCommitment, CompiledDecision } from "../policy/compiled-decision.ts";
import { rowValues } from "../policy/answer-shape.ts";
import { principalOf } from "../run/admitted-run.ts";
import { refusalOf } from "../run/ending.ts";
import { foundAtDue } from "./found-at-due.ts";
import { readCounter } from "./read-counter.ts";
import { applyHolds, applyTarget, negotiatingIn } from "./rounds.ts";

/** A run that has not begun. */
export interface Prepared {
  readonly run: string;
  readonly question: Question;
  begin(negotiating: Negotiating): Promise<DecisionResult>;
}

export interface NegotiationsParts {
  readonly core: DispatchCore;
  /** Null: there is none of the name. */
  decisionOf(name: string): CompiledDecision | null;
  /** Throws what is wrong with the request. */
  prepare(name: string, input: RawInput, caller: Caller): Prepared;
}

/** The topics of all that are followed. */
const NEGOTIATIONS = "negotiations";
const COMMITMENTS = "commitments";
const AT_ONCE = 100;
/** How long a round may be without its run. */
const STALE_MS = 60_000;
/** What falls due is looked at so much later only where nobody was there, or nobody had time: it looks each second. */
const LATE_MS = 5_000;
const REMEDY_AGAIN_MS = 60_000;

export class Negotiations {
  readonly #parts: NegotiationsParts;

  constructor(parts: NegotiationsParts) {
    this.#parts = parts;
  }

  /** Of a run that goes on elsewhere; undefined: it is no round. */
  ofRun(run: string, decision: CompiledDecision): Negotiating | undefined {
    const { core } = this.#parts;
    const row = decision.declaration.negotiates === null ? null : negotiationOfRun(core.storage.reader, run);
    return row === null ? undefined : negotiatingIn(row, run, decision, core);
  }

  /** Throws what is refused. */
  async answer(ask: NegotiationQuestion, caller: Caller, keep: KeepAnswer | null): Promise<NegotiationAnswer> {
    requireSomebody(caller);
    switch (ask.do) {
      case "start": return this.#start(ask, caller);
      case "counter": return this.#counter(ask, caller);
      case "find": return told(this.#view(this.#negotiation(ask.id, caller)));
      case "offer": return told(offerView(this.#offer(ask.id, caller).offer));
      case "accept": return told(await this.#accept(ask, caller, keep));
      case "decline": return told(await this.#decline(ask.id, caller, keep));
      case "commitments": return this.#commitments(ask, caller);
      case "commitment": return told(commitmentView(this.#commitment(ask.id, caller)));
      case "release": return told(await this.#release(ask.id, caller, keep));
    }
  }

  /** A negotiation, a commitment, or all that is owed to this caller, as it is followed. */
  followed(ask: NegotiationRows, caller: Pick<Caller, "identity">): RowsSource {
    const { reader } = this.#parts.core.storage;
    switch (ask.of) {
      case "negotiation": {
        const { id } = this.#negotiation(ask.id, caller);
        return oneRow(id, { topic: NEGOTIATIONS, name: id, text: () => JSON.stringify(this.#view(this.#negotiation(id, caller))) });
      }
      case "commitment": {
        const { id } = this.#commitment(ask.id, caller);
        return oneRow(id, { topic: COMMITMENTS, name: id, text: () => JSON.stringify(commitmentView(this.#commitment(id, caller))) });
      }
      case "commitments": {
        requireSomebody(caller);
        const { identity: { kind, tenant, only } } = caller;
        const textOf = (row: CommitmentRow): string => JSON.stringify(commitmentView(row));
        return {
          topic: COMMITMENTS, name: JSON.stringify([ask.limit, kind, tenant, principalOf(caller), only ?? null]), rowsMax: ask.limit, newest: "first",
          page: () => this.#owed(caller, { before: null, limit: ask.limit }).map((row) => ({ key: row.id, text: textOf(row) })),
          row(id) {
            const row = findCommitment(reader, id);
            return row === null || !isParty(row, caller) ? null : textOf(row);
          },
        };
      }
    }
  }

  /** The run may be a round, which has gone on. */
  moved(run: string): void {
    const { followed, storage: { reader } } = this.#parts.core;
    followed.changed(NEGOTIATIONS, () => negotiationWithRun(reader, run));
  }

  #told(id: string): void {
    this.#parts.core.followed.changed(NEGOTIATIONS, () => [id]);
  }

  #commitmentMoved(id: string): void {
    this.#parts.core.followed.changed(COMMITMENTS, () => [id]);
  }

  async #start({ decision: name, input }: Extract<NegotiationQuestion, { do: "start" }>, caller: Caller): Promise<NegotiationAnswer> {
    const { core, prepare, decisionOf } = this.#parts;
    if (decisionOf(name) === null || decisionOf(name)!.declaration.negotiates === null) throw fault("NOT_FOUND", `There is no decision ${name} that negotiates.`);
    const prepared = prepare(name, input, caller);
    const { question, question: { decision } } = prepared;
    const first = gather(question, beside(core), core);
    if (first.missing !== null) throw notFound(first.missing);
    const exclusive = decision.exclusive === null ? null : valueOf(decision.exclusive, { variables: first.variables, now: String(first.variables["now"]), book: core.book }) ?? null;
    const row: NegotiationRow = {
      id: uuidv7(core.clock, core.random), decision: decision.name, tenant: caller.identity.tenant, principal: principalOf(caller), caller: storedIdentity(caller.identity), input: JSON.stringify(input),
      exclusive: exclusive === null ? null : String(exclusive as string), state: "OPEN", round: 1, counter: null, pending: prepared.run, movedMs: core.clock.now(),
    };
    // What is over by now stands in nobody's way.
    await this.#expire();
    if (!await core.storage.commit((connection) => addNegotiation(connection, row))) throw closed("exclusive");
    return this.#round(row, prepared, 201);
  }

  async #counter({ id, terms, message }: Extract<NegotiationQuestion, { do: "counter" }>, caller: Caller): Promise<NegotiationAnswer> {
    const { core, decisionOf, prepare } = this.#parts;
    const row = this.#negotiation(id, caller);
    const decision = decisionOf(row.decision);
    const open = offersOf(core.storage.reader, id).find(({ state }) => state === "OPEN");
    if (decision === null || decision.declaration.negotiates === null || row.state !== "OPEN") throw closed("over");
    if (row.pending !== null) throw closed("busy");
    if (open === undefined || core.clock.now() >= open.untilMs) throw offerVoid("expired");
    if (row.round >= decision.declaration.negotiates.rounds) throw closed("rounds");
    const counter = JSON.stringify(readCounter({ terms, message }, decision, core));
    const prepared = prepare(row.decision, JSON.parse(row.input) as RawInput, caller);
    const movedMs = core.clock.now();
    await core.storage.commit((connection) => {
      if (!beginRound(connection, row, { counter, pending: prepared.run, movedMs }) || !closeOffer(connection, open.id, "COUNTERED", movedMs)) throw closed("busy");
    });
    this.#told(id);
    await this.#expire();
    return this.#round(findNegotiation(core.storage.reader, id)!, prepared, 200);
  }

  /** Whatever comes of the run, nobody waits for the round afterwards, and nothing is held without an offer. */
  async #round(row: NegotiationRow, { run, question: { decision }, begin }: Prepared, status: number): Promise<NegotiationAnswer> {
    const { core } = this.#parts;
    let result: DecisionResult;
    try {
      result = await begin(negotiatingIn(row, run, decision, core));
    } catch (error) {
      await this.#over(row.id, run);
      throw error;
    }
    const isWaiting = result.state === "AWAITING_APPROVAL";
    if (!isWaiting) {
      await this.#over(row.id, run);
      await this.#freeInVain(row.id);
    }
    this.#told(row.id);
    // A fallback outside the bounds declines; what was not decided at all says so.
    const refused = result.state === "REFUSED" ? null : refusalOf(result);
    if (refused !== null) throw refused;
    const found = this.#view(findNegotiation(core.storage.reader, row.id)!);
    return { status: isWaiting ? 202 : status, body: { ...found, run: { id: run, state: result.state } }, next: null };
  }

  /** A run that ended without its round. */
  async #over(id: string, run: string): Promise<void> {
    const { core: { storage, clock } } = this.#parts;
    if (findNegotiation(storage.reader, id)?.pending !== run) return;
    await storage.commit((connection) => moveNegotiation(connection, id, { state: "DECLINED", pending: run, movedMs: clock.now() }));
    this.#told(id);
  }

  async #accept({ id, hash }: Extract<NegotiationQuestion, { do: "accept" }>, caller: Caller, keep: KeepAnswer | null): Promise<Json> {
    const { core, decisionOf } = this.#parts;
    const { offer, row } = this.#offer(id, caller);
    const decision = decisionOf(row.decision);
    if (offer.state !== "OPEN") throw offerVoid(offer.state === "EXPIRED" ? "expired" : "used");
    if (core.clock.now() >= offer.untilMs) throw offerVoid("expired");
    if (hash !== offer.hash || decision === null) throw offerVoid("altered");
    const commitment = decision.commitment === null ? null : { id: uuidv7(core.clock, core.random), due: this.#dueOf(decision.commitment, offer, decision) };
    let said: Json = null;
    await this.#transaction(caller, async (body) => {
      if (offer.isHeld) await applyHolds(offer, "convert", { decision, body });
      return ({ connection, nowMs }) => {
        if (!closeOffer(connection, id, "ACCEPTED", nowMs)) throw offerVoid(findOffer(connection, id)?.state === "OPEN" ? "expired" : "used");
        dropHolds(connection, id);
        moveNegotiation(connection, row.id, { state: "AGREED", pending: null, movedMs: nowMs });
        const about = readRun(connection, offer.run)?.subject ?? null;
        if (commitment !== null) addCommitment(connection, { id: commitment.id, offer: id, negotiation: row.id, decision: row.decision, tenant: row.tenant, principal: row.principal, terms: offer.terms, dueMs: commitment.due, about, madeMs: nowMs });
        this.#record(connection, { kind: "acceptance", offer, commitment: commitment?.id ?? null, timeMs: nowMs });
        said = { ...offerView(findOffer(connection, id)!), commitment: commitment === null ? null : commitmentView(findCommitment(connection, commitment.id)!) };
        keep?.(connection, said);
      };
    });
    this.#told(row.id);
    if (commitment !== null) this.#commitmentMoved(commitment.id);
    return said;
  }

  #dueOf({ due }: CompiledCommitment, offer: OfferRow, decision: CompiledDecision): number {
    const { core } = this.#parts;
    const now = dateTimeOf(core.clock.now());
    const at = valueOf(due, { variables: { now, offer: termsOf(offer, decision) }, now, book: core.book });
    const dueMs = typeof at === "string" ? Date.parse(at) : Number.NaN;
    if (Number.isNaN(dueMs)) throw fault("CONFLICT", "The offer does not say when it is due.");
    return dueMs;
  }

  async #decline(id: string, caller: Caller, keep: KeepAnswer | null): Promise<Json> {
    const { offer } = this.#offer(id, caller);
    if (offer.state !== "OPEN") throw offerVoid(offer.state === "EXPIRED" ? "expired" : "used");
    let said: Json = null;
    const ended = await this.#endOffer(offer, "DECLINED", { caller, along(connection) {
      said = offerView(findOffer(connection, id)!);
      keep?.(connection, said);
    } });
    if (!ended) throw offerVoid("used");
    return said;
  }

  /** With what it held, in one transaction. False: somebody was quicker. */
  async #endOffer(offer: OfferRow, state: Extract<OfferState, "DECLINED" | "EXPIRED">, { caller, along }: { readonly caller: Caller; /** In its commit. */ along?(connection: Connection): void }): Promise<boolean> {
    const { core: { storage }, decisionOf } = this.#parts;
    const row = findNegotiation(storage.reader, offer.negotiation)!;
    const decision = decisionOf(row.decision);
    try {
      await this.#transaction(caller, async (body) => {
        if (offer.isHeld && decision !== null) await applyHolds(offer, "release", { decision, body });
        return ({ connection, nowMs }) => {
          if (!closeOffer(connection, offer.id, state, null)) throw new Quicker("the offer is over");
          dropHolds(connection, offer.id);
          moveNegotiation(connection, row.id, { state, pending: null, movedMs: nowMs });
          along?.(connection);
        };
      });
      this.#told(row.id);
      return true;
    } catch (error) {
      if (error instanceof Quicker) return false;
      throw error;
    }
  }

  /** `run`: what is done, and then what is stored with it. */
  async #transaction(caller: Caller, run: (body: Body) => Promise<(at: { readonly connection: Connection; readonly nowMs: number }) => void>): Promise<void> {
    const { core } = this.#parts;
    await runTransaction<null, null>(core, {
      caller, commits: false, complete: () => null,
      async run(body) {
        const store = await run(body);
        await body.work.effect({ store: ({ connection }) => store({ connection, nowMs: core.clock.now() }), tell() {} });
        return null;
      },
    });
  }

  #record(connection: Connection, { kind, offer, commitment, timeMs }: { readonly kind: string; readonly offer: Pick<OfferRow, "id" | "run">; readonly commitment: string | null; readonly timeMs: number }): void {
    const { core: { random } } = this.#parts;
    appendRecord(connection, { run: offer.run, timeMs, facts: { kind, offer: offer.id, commitment }, payloads: {} }, random);
  }

  #commitments({ limit, after }: Extract<NegotiationQuestion, { do: "commitments" }>, caller: Caller): NegotiationAnswer {
    const rows = this.#owed(caller, { before: after, limit });
    return { status: 200, body: rows.map(commitmentView), next: rows.length === limit ? rows.at(-1)!.id : null };
  }

  /** Behind `before`, the newest first. A key that is good for some decisions only is shown fewer. */
  #owed(caller: Pick<Caller, "identity">, { before, limit }: { readonly before: string | null; readonly limit: number }): readonly CommitmentRow[] {
    const { identity: { kind, tenant } } = caller;
    const whose = { principal: kind === "administrator" ? null : principalOf(caller), tenant };
    const found: CommitmentRow[] = [];
    for (let [last, count] = [before, limit]; found.length < limit && count === limit;) {
      const rows = commitmentsOf(this.#parts.core.storage.reader, whose, { before: last, limit });
      found.push(...rows.filter((row) => isParty(row, caller)));
      [last, count] = [rows.at(-1)?.id ?? null, rows.length];
    }
    return found.slice(0, limit);
  }

  /** By whom it is owed to. */
  async #release(id: string, caller: Caller, keep: KeepAnswer | null): Promise<Json> {
    const { core: { storage, clock } } = this.#parts;
    const row = this.#commitment(id, caller);
    const released = await storage.commit((connection) => {
      const nowMs = clock.now();
      if (!moveCommitment(connection, id, { from: "ACTIVE", to: "RELEASED", nowMs })) throw fault("CONFLICT", "The commitment is not active any more.");
      this.#record(connection, { kind: "release", offer: findOffer(connection, row.offer)!, commitment: id, timeMs: nowMs });
      const said = commitmentView(findCommitment(connection, id)!);
      keep?.(connection, said);
      return said;
    });
    this.#commitmentMoved(id);
    return released;
  }

  /** Throws NOT_FOUND for what this caller may not know of. */
  #negotiation(id: string, caller: Pick<Caller, "identity">): NegotiationRow {
    const row = findNegotiation(this.#parts.core.storage.reader, id);
    if (row === null || !isParty(row, caller)) throw fault("NOT_FOUND", "There is no negotiation with this id.");
    return row;
  }

  #offer(id: string, caller: Caller): { readonly offer: OfferRow; readonly row: NegotiationRow } {
    const { reader } = this.#parts.core.storage;
    const offer = findOffer(reader, id);
    const row = offer === null ? null : findNegotiation(reader, offer.negotiation);
    if (offer === null || row === null || !isParty(row, caller)) throw fault("NOT_FOUND", "There is no offer with this id.");
    return { offer, row };
  }

  #commitment(id: string, caller: Pick<Caller, "identity">): CommitmentRow {
    const row = findCommitment(this.#parts.core.storage.reader, id);
    if (row === null || !isParty(row, caller)) throw fault("NOT_FOUND", "There is no commitment with this id.");
    return row;
  }

  #view({ id, decision, state, round, pending }: NegotiationRow): { readonly [name: string]: Json } {
    const { core: { storage: { reader } }, decisionOf } = this.#parts;
    const last = offersOf(reader, id).at(-1);
    return { id, decision, state, round, rounds: decisionOf(decision)?.declaration.negotiates?.rounds ?? null, isDeciding: pending !== null, offer: last === undefined ? null : offerView(last) };
  }

  /** Ends offers whose time is over, frees what nobody needs, looks at what is due. */
  async endLate(): Promise<void> {
    await this.#expire();
    const { core: { storage: { reader }, clock, catalog }, decisionOf } = this.#parts;
    for (const { id, run } of staleRounds(reader, clock.now() - STALE_MS, AT_ONCE)) await this.#over(id, run);
    await this.#freeInVain(null);
    // What others have agreed waits until they are there again, and holds up nobody.
    const decisions = [...catalog.decisions.keys()].filter((name) => (decisionOf(name)?.commitment ?? null) !== null);
    for (const row of dueCommitments(reader, decisions, { nowMs: clock.now(), limit: AT_ONCE })) await this.#look(row);
  }

  async #expire(): Promise<void> {
    const { core: { storage: { reader }, clock, log } } = this.#parts;
    for (const offer of expiredOffers(reader, clock.now(), AT_ONCE)) {
      await this.#endOffer(offer, "EXPIRED", { caller: this.#callerOf(offer.negotiation) }).catch((error: unknown) => log.error("offer-not-ended", { offer: offer.id, ...describeError(error) }));
    }
  }

  /** Of one negotiation; null: of all. */
  async #freeInVain(negotiation: string | null): Promise<void> {
    for (const offer of heldInVain(this.#parts.core.storage.reader, { negotiation, limit: AT_ONCE })) await this.#free(offer);
  }

  async #free(offer: OfferRow): Promise<void> {
    const { core: { log, storage }, decisionOf } = this.#parts;
    const decision = decisionOf(findNegotiation(storage.reader, offer.negotiation)!.decision);
    try {
      await this.#transaction(this.#callerOf(offer.negotiation), async (body) => {
        if (decision !== null) await applyHolds(offer, "release", { decision, body });
        return ({ connection }) => {
          if (!dropHolds(connection, offer.id)) throw new Quicker("nothing is held any more");
        };
      });
    } catch (error) {
      if (!(error instanceof Quicker)) log.error("offer-not-ended", { offer: offer.id, ...describeError(error) });
    }
  }

  /** Kept or breached, once; a breach with its remedy in one transaction, or with the remedy tried again later. */
  async #look(row: CommitmentRow): Promise<void> {
    const { core, core: { log, storage }, decisionOf } = this.#parts;
    const decision = decisionOf(row.decision);
    const commitment = decision?.commitment ?? null;
    const offer = findOffer(storage.reader, row.offer)!;
    if (decision === null || commitment === null) return;
    const isLate = core.clock.now() - row.dueMs > LATE_MS;
    const caller = this.#callerOf(row.negotiation);
    try {
      await this.#transaction(caller, async (body) => {
        const isKept = row.state === "ACTIVE" && this.#isKept(commitment, { offer, dueMs: row.dueMs, decision, caller, body });
        if (!isKept) await applyTarget(commitment.remedy, { ...termsAsArguments(offer), commitment: row.id, offer: offer.id }, { decision, body });
        return ({ connection, nowMs }) => {
          if (!moveCommitment(connection, row.id, { from: row.state, to: isKept ? "KEPT" : "REMEDIED", nowMs, isLate: row.state === "ACTIVE" && isLate })) throw new Quicker("somebody has looked");
          this.#record(connection, { kind: isKept ? "kept" : "remedy", offer, commitment: row.id, timeMs: nowMs });
        };
      });
      this.#commitmentMoved(row.id);
    } catch (error) {
      if (error instanceof Quicker) return;
      log.error("remedy-failed", { commitment: row.id, ...describeError(error) });
      if (!(error instanceof AmbitError)) return;
      const nowMs = core.clock.now();
      await storage.commit((connection) => moveCommitment(connection, row.id, { from: row.state, to: "BREACHED", nowMs, isLate, lookMs: nowMs + REMEDY_AGAIN_MS }));
      this.#commitmentMoved(row.id);
    }
  }

  #isKept({ keptWhen, found: context }: CompiledCommitment, { offer, dueMs, decision, caller, body }: { readonly offer: OfferRow; readonly dueMs: number; readonly decision: CompiledDecision; readonly caller: Caller; readonly body: Body }): boolean {
    const { core } = this.#parts;
    const variables: { [name: string]: Value } = { now: body.now, offer: termsOf(offer, decision) };
    if (context !== null && context.source.kind === "query") {
      const { shape, query } = context.source;
      const rows = foundAtDue(context, dueMs, { variables, caller, state: stateOf(body.work, body.now), core }).map((one) => rowValues(one, shape.row, decision.catalog));
      variables["found"] = query.id === null ? rows : rows[0] ?? null;
    }
    return holdsStrictly(keptWhen, environmentOf(variables as Variables, body.now), core.book);
  }

  /** On whose behalf things happen later. */
  #callerOf(negotiation: string): Caller {
    const { core } = this.#parts;
    const identity = readIdentity(findNegotiation(core.storage.reader, negotiation)!.caller);
    return { identity, rights: core.access.rights(identity), system: core.access.system(identity), requestId: negotiation, request: null, signal: null, run: null, systemRefusals: new WeakMap(), label: "a negotiation" };
  }
}

/** Somebody else has done it. */
class Quicker extends Error {
  override readonly name = "Quicker";
}

/** A key that is good for some things only negotiates where it names the decision. */
function isParty({ principal, tenant, decision }: Pick<NegotiationRow, "principal" | "tenant" | "decision">, caller: Pick<Caller, "identity">): boolean {
  const { identity } = caller;
  if (identity.only?.includes(decision) === false) return false;
  if (identity.kind === "administrator") return identity.tenant === null || identity.tenant === tenant;
  return identity.tenant === tenant && principalOf(caller) === principal;
}

function termsOf({ terms }: OfferRow, { declaration: { callable: { result } }, catalog }: CompiledDecision): Value {
  return fromWireValue(JSON.parse(terms) as Json, { ...result, required: false }, catalog);
}

/** By the name of the field; of a single value `terms`. */
function termsAsArguments({ terms }: OfferRow): { readonly [name: string]: Json } {
  const value = JSON.parse(terms) as Json;
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : { terms: value };
}

function requireSomebody({ identity }: Pick<Caller, "identity">): void {
  if (identity.kind === "anonymous") throw fault("UNAUTHENTICATED", "Who negotiates is signed in.");
}

function told(body: Json): NegotiationAnswer {
  return { status: 200, body, next: null };
}

function offerView({ id, negotiation, round, state, terms, hash, untilMs }: OfferRow): { readonly [name: string]: Json } {
  return { id, negotiation, round, state, terms: JSON.parse(terms) as Json, hash, validUntil: dateTimeOf(untilMs) };
}

function commitmentView({ id, offer, negotiation, decision, state, terms, dueMs, isLate, closedMs }: CommitmentRow): { readonly [name: string]: Json } {
  return { id, offer, negotiation, decision, state, terms: JSON.parse(terms) as Json, dueAt: dateTimeOf(dueMs), isLate, closedAt: closedMs === null ? null : dateTimeOf(closedMs) };
}

function offerVoid(because: "altered" | "used" | "expired"): Error {
  const words = { altered: "This is not what was offered.", used: "The offer is over.", expired: "Its time is over." };
  return fault("OFFER_VOID", words[because], { details: { because } });
}

function closed(because: "over" | "busy" | "rounds" | "exclusive"): Error {
  const words = { over: "The negotiation is over.", busy: "An answer is under way.", rounds: "There are no more rounds: accept or decline what is offered.", exclusive: "There is a negotiation about this already." };
  return fault("NEGOTIATION_CLOSED", words[because], { details: { because } });
}
