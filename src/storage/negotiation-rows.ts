// Rows of negotiations: who negotiates about what and in which round, the offers that were made with what they hold, and what was agreed. Every function
// that writes runs inside a commit. Knows nothing of what an offer means.
import type { SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";
import { renamedRecord, tableIn } from "./memory-rows.ts";

/** `pending`: the run of the round that goes on; `last`: of the last round. `counter`: what it answers to. `about`: `TABLE:id`, whose relationship it is. */
export const negotiationDdl: readonly string[] = [
  `CREATE TABLE "$negotiation" ("number" INTEGER PRIMARY KEY AUTOINCREMENT, "id" TEXT NOT NULL UNIQUE, "decision" TEXT NOT NULL, "tenant" TEXT, "principal" TEXT NOT NULL, "caller" TEXT NOT NULL, "input" TEXT NOT NULL,
    "exclusive" TEXT, "state" TEXT NOT NULL, "round" INTEGER NOT NULL, "counter" TEXT, "pending" TEXT, "moved" INTEGER NOT NULL, "last" TEXT) STRICT`,
  `CREATE UNIQUE INDEX "$negotiation$index(exclusive)" ON "$negotiation" ("decision", ifnull("tenant", ''), "exclusive") WHERE "state" = 'OPEN' AND "exclusive" IS NOT NULL`,
  `CREATE INDEX "$negotiation$index(pending)" ON "$negotiation" ("pending") WHERE "pending" IS NOT NULL`,
  `CREATE TABLE "$offer" ("number" INTEGER PRIMARY KEY AUTOINCREMENT, "id" TEXT NOT NULL UNIQUE, "negotiation" TEXT NOT NULL, "round" INTEGER NOT NULL, "run" TEXT NOT NULL, "terms" TEXT NOT NULL, "hash" TEXT NOT NULL,
    "state" TEXT NOT NULL, "until" INTEGER NOT NULL, "holds" TEXT NOT NULL, "held" INTEGER NOT NULL) STRICT`,
  `CREATE INDEX "$negotiation$index(last)" ON "$negotiation" ("last")`,
  `CREATE INDEX "$offer$index(run)" ON "$offer" ("run")`,
  `CREATE INDEX "$offer$index(negotiation)" ON "$offer" ("negotiation")`,
  `CREATE INDEX "$offer$index(until)" ON "$offer" ("until") WHERE "state" = 'OPEN'`,
  `CREATE INDEX "$offer$index(held)" ON "$offer" ("number") WHERE "held" = 1 AND "state" <> 'OPEN'`,
  `CREATE TABLE "$commitment" ("number" INTEGER PRIMARY KEY AUTOINCREMENT, "id" TEXT NOT NULL UNIQUE, "offer" TEXT NOT NULL UNIQUE, "negotiation" TEXT NOT NULL, "decision" TEXT NOT NULL, "tenant" TEXT, "principal" TEXT NOT NULL,
    "terms" TEXT NOT NULL, "due" INTEGER NOT NULL, "look" INTEGER NOT NULL, "state" TEXT NOT NULL, "late" INTEGER NOT NULL DEFAULT 0, "closed" INTEGER, "about" TEXT, "made" INTEGER NOT NULL DEFAULT 0) STRICT`,
  `CREATE INDEX "$commitment$index(about)" ON "$commitment" ("about") WHERE "about" IS NOT NULL AND "state" IN ('ACTIVE', 'BREACHED')`,
  `CREATE INDEX "$commitment$index(look)" ON "$commitment" ("look") WHERE "state" IN ('ACTIVE', 'BREACHED')`,
  `CREATE INDEX "$commitment$index(principal)" ON "$commitment" ("principal")`,
];

export type NegotiationState = "OPEN" | "AGREED" | "DECLINED" | "EXPIRED";
export type OfferState = "OPEN" | "ACCEPTED" | "COUNTERED" | "DECLINED" | "EXPIRED";
export type CommitmentState = "ACTIVE" | "KEPT" | "BREACHED" | "REMEDIED" | "RELEASED";

export interface NegotiationRow {
  readonly id: string;
  readonly decision: string;
  readonly tenant: string | null;
  readonly principal: string;
  /** As stored identities are. */
  readonly caller: string;
  /** JSON, as over the wire. */
  readonly input: string;
  readonly exclusive: string | null;
  readonly state: NegotiationState;
  readonly round: number;
  /** JSON; null: none. */
  readonly counter: string | null;
  readonly pending: string | null;
  readonly movedMs: number;
}

export interface OfferRow {
  readonly id: string;
  readonly negotiation: string;
  readonly round: number;
  readonly run: string;
  /** JSON. */
  readonly terms: string;
  readonly hash: string;
  readonly state: OfferState;
  readonly untilMs: number;
  /** JSON. */
  readonly holds: string;
  readonly isHeld: boolean;
}

export interface CommitmentRow {
  readonly id: string;
  readonly offer: string;
  readonly negotiation: string;
  readonly decision: string;
  readonly tenant: string | null;
  readonly principal: string;
  /** JSON. */
  readonly terms: string;
  readonly dueMs: number;
  readonly state: CommitmentState;
  readonly isLate: boolean;
  readonly closedMs: number | null;
}

const NEGOTIATION = `"id", "decision", "tenant", "principal", "caller", "input", "exclusive", "state", "round", "counter", "pending", "moved"`;
const OFFER = `"id", "negotiation", "round", "run", "terms", "hash", "state", "until", "holds", "held"`;
const COMMITMENT = `"id", "offer", "negotiation", "decision", "tenant", "principal", "terms", "due", "state", "late", "closed"`;

function negotiationOf(row: readonly SqlValue[]): NegotiationRow {
  const [id, decision, tenant, principal, caller, input, exclusive, state, round, counter, pending, movedMs] = row as [string, string, string | null, string, string, string, string | null, NegotiationState, number, string | null, string | null, number];
  return { id, decision, tenant, principal, caller, input, exclusive, state, round, counter, pending, movedMs };
}

function offerOf(row: readonly SqlValue[]): OfferRow {
  const [id, negotiation, round, run, terms, hash, state, untilMs, holds, held] = row as [string, string, number, string, string, string, OfferState, number, string, number];
  return { id, negotiation, round, run, terms, hash, state, untilMs, holds, isHeld: held === 1 };
}

function commitmentOf(row: readonly SqlValue[]): CommitmentRow {
  const [id, offer, negotiation, decision, tenant, principal, terms, dueMs, state, late, closedMs] = row as [string, string, string, string, string | null, string, string, number, CommitmentState, number, number | null];
  return { id, offer, negotiation, decision, tenant, principal, terms, dueMs, state, isLate: late === 1, closedMs };
}

/** False: somebody negotiates about the same already. */
export function addNegotiation(connection: Connection, one: NegotiationRow): boolean {
  return connection.run(
    `INSERT INTO "$negotiation" (${NEGOTIATION}, "last") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?11) ON CONFLICT DO NOTHING`,
    one.id, one.decision, one.tenant, one.principal, one.caller, one.input, one.exclusive, one.state, one.round, one.counter, one.pending, one.movedMs) > 0;
}

export function findNegotiation(connection: Connection, id: string): NegotiationRow | null {
  const row = connection.values(`SELECT ${NEGOTIATION} FROM "$negotiation" WHERE "id" = ?1`, id)[0];
  return row === undefined ? null : negotiationOf(row);
}

/** Whose round this run is; null: none. */
export function negotiationOfRun(connection: Connection, run: string): NegotiationRow | null {
  const row = connection.values(`SELECT ${NEGOTIATION} FROM "$negotiation" WHERE "pending" = ?1`, run)[0];
  return row === undefined ? null : negotiationOf(row);
}

/** Whose last round this run was, or is. */
export function negotiationWithRun(connection: Connection, run: string): readonly string[] {
  return connection.values(`SELECT "id" FROM "$negotiation" WHERE "last" = ?1`, run).map(([id]) => id as string);
}

/** The next round begins. False: it is not open for one, or somebody was quicker. */
export function beginRound(connection: Connection, { id, round }: Pick<NegotiationRow, "id" | "round">, { counter, pending, movedMs }: { readonly counter: string; readonly pending: string; readonly movedMs: number }): boolean {
  return connection.run(`UPDATE "$negotiation" SET "round" = "round" + 1, "counter" = ?1, "pending" = ?2, "last" = ?2, "moved" = ?3 WHERE "id" = ?4 AND "round" = ?5 AND "state" = 'OPEN' AND "pending" IS NULL`, counter, pending, movedMs, id, round) > 0;
}

/** `pending`: of this run's round; null: of none. False: it is not. */
export function moveNegotiation(connection: Connection, id: string, { state, pending, movedMs }: { readonly state: NegotiationState; readonly pending: string | null; readonly movedMs: number }): boolean {
  return connection.run(`UPDATE "$negotiation" SET "state" = ?1, "pending" = NULL, "moved" = ?2 WHERE "id" = ?3 AND "state" = 'OPEN' AND "pending" IS ?4`, state, movedMs, id, pending) > 0;
}

/** A run has ended without an offer: so has its round, if it was one, and nobody waits for it. */
export function endRound(connection: Connection, run: string, movedMs: number): void {
  connection.run(`UPDATE "$negotiation" SET "state" = 'DECLINED', "pending" = NULL, "moved" = ?2 WHERE "pending" = ?1 AND "state" = 'OPEN'`, run, movedMs);
}

/** Rounds that began before, and of whose runs none is under way: nothing comes of them. The oldest first. */
export function staleRounds(connection: Connection, beganBeforeMs: number, limit: number): { readonly id: string; readonly run: string }[] {
  return connection.values(
    `SELECT "id", "pending" FROM "$negotiation" n WHERE "pending" IS NOT NULL AND "state" = 'OPEN' AND "moved" < ?1
      AND NOT EXISTS (SELECT 1 FROM "$decision" d WHERE d."id" = n."pending" AND d."ended" IS NULL) ORDER BY "moved" LIMIT ?2`, beganBeforeMs, limit).map(([id, run]) => ({ id: id as string, run: run as string }));
}

export function addOffer(connection: Connection, { id, negotiation, round, run, terms, hash, untilMs, holds, isHeld }: Omit<OfferRow, "state">): void {
  connection.run(`INSERT INTO "$offer" (${OFFER}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'OPEN', ?7, ?8, ?9)`, id, negotiation, round, run, terms, hash, untilMs, holds, isHeld ? 1 : 0);
}

export function findOffer(connection: Connection, id: string): OfferRow | null {
  const row = connection.values(`SELECT ${OFFER} FROM "$offer" WHERE "id" = ?1`, id)[0];
  return row === undefined ? null : offerOf(row);
}

/** In order. */
export function offersOf(connection: Connection, negotiation: string): OfferRow[] {
  return connection.values(`SELECT ${OFFER} FROM "$offer" WHERE "negotiation" = ?1 ORDER BY "number"`, negotiation).map(offerOf);
}

/** Ends an open offer; `nowMs` not null: while it is valid. False: it is not open any more. */
export function closeOffer(connection: Connection, id: string, state: Exclude<OfferState, "OPEN">, nowMs: number | null): boolean {
  return connection.run(`UPDATE "$offer" SET "state" = ?1 WHERE "id" = ?2 AND "state" = 'OPEN' AND (?3 IS NULL OR ?3 < "until")`, state, id, nowMs) > 0;
}

/** What it held is free, or made final, and not told here any more. False: it was already. */
export function dropHolds(connection: Connection, id: string): boolean {
  return connection.run(`UPDATE "$offer" SET "held" = 0, "holds" = '[]' WHERE "id" = ?1 AND "held" = 1`, id) > 0;
}

export function expiredOffers(connection: Connection, nowMs: number, limit: number): OfferRow[] {
  return connection.values(`SELECT ${OFFER} FROM "$offer" WHERE "state" = 'OPEN' AND "until" <= ?1 ORDER BY "until" LIMIT ?2`, nowMs, limit).map(offerOf);
}

/** Those that hold something and are over, except where a round goes on that may take it over. `negotiation`: its own; null: all. */
export function heldInVain(connection: Connection, { negotiation, limit }: { readonly negotiation: string | null; readonly limit: number }): OfferRow[] {
  const found = `SELECT ${OFFER.replaceAll(/"(\w+)"/g, 'o."$1"')} FROM "$offer" o JOIN "$negotiation" n ON n."id" = o."negotiation" WHERE o."held" = 1 AND o."state" <> 'OPEN' AND n."pending" IS NULL`;
  const rows = negotiation === null
    ? connection.values(`${found} ORDER BY o."number" LIMIT ?1`, limit)
    : connection.values(`${found} AND o."negotiation" = ?2 ORDER BY o."number" LIMIT ?1`, limit, negotiation);
  return rows.map(offerOf);
}

export interface NewCommitment extends Omit<CommitmentRow, "state" | "isLate" | "closedMs"> {
  /** What the run of its offer is about; null: nothing that is named. */
  readonly about: string | null;
  readonly madeMs: number;
}

export function addCommitment(connection: Connection, one: NewCommitment): void {
  connection.run(
    `INSERT INTO "$commitment" ("id", "offer", "negotiation", "decision", "tenant", "principal", "terms", "due", "look", "state", "about", "made") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?8, 'ACTIVE', ?9, ?10)`,
    one.id, one.offer, one.negotiation, one.decision, one.tenant, one.principal, one.terms, one.dueMs, one.about, one.madeMs);
}

export function findCommitment(connection: Connection, id: string): CommitmentRow | null {
  const row = connection.values(`SELECT ${COMMITMENT} FROM "$commitment" WHERE "id" = ?1`, id)[0];
  return row === undefined ? null : commitmentOf(row);
}

/** The newest first; `principal` null: everybody's. */
export function commitmentsOf(connection: Connection, { principal, tenant }: { readonly principal: string | null; readonly tenant: string | null }, { before, limit }: { readonly before: string | null; readonly limit: number }): CommitmentRow[] {
  return connection.values(
    `SELECT ${COMMITMENT} FROM "$commitment" WHERE (?1 IS NULL OR "principal" = ?1) AND (?2 IS NULL OR "tenant" IS ?2) AND (?3 IS NULL OR "number" < (SELECT "number" FROM "$commitment" WHERE "id" = ?3)) ORDER BY "number" DESC LIMIT ?4`,
    principal, tenant, before, limit).map(commitmentOf);
}

/** What is still owed in the relationship of one record, and by then was agreed. `isUntrusted`: the run that made the offer. */
export interface OwedCommitment extends Pick<CommitmentRow, "id" | "decision" | "terms" | "dueMs" | "state"> { readonly madeMs: number; readonly isUntrusted: boolean }

/** What is due first comes first. */
export function commitmentsAbout(connection: Connection, { tenant, about }: { readonly tenant: string | null; readonly about: string }, { madeBeforeMs, limit }: { readonly madeBeforeMs: number; readonly limit: number }): OwedCommitment[] {
  return connection.values(
    `SELECT c."id", c."decision", c."terms", c."due", c."state", c."made", (SELECT d."untrusted" FROM "$offer" o JOIN "$decision" d ON d."id" = o."run" WHERE o."id" = c."offer") FROM "$commitment" c
      WHERE c."about" = ?1 AND c."tenant" IS ?2 AND c."state" IN ('ACTIVE', 'BREACHED') AND c."made" <= ?3 ORDER BY c."due", c."number" LIMIT ?4`,
    about, tenant, madeBeforeMs, limit).map((row) => {
    const [id, decision, terms, dueMs, state, madeMs, untrusted] = row as [string, string, string, number, CommitmentState, number, number | null];
    return { id, decision, terms, dueMs, state, madeMs, isUntrusted: untrusted !== 0 };
  });
}

/** What was agreed is about records that are called otherwise from now on: by the names of tables before and after. In a transaction of the caller's. */
export function renameCommitments(connection: Connection, names: ReadonlyMap<string, string>): void {
  for (const [id, about] of connection.values(`SELECT "id", "about" FROM "$commitment" WHERE ${tableIn("about")} IN (SELECT "value" FROM json_each(?1))`, JSON.stringify([...names.keys()]))) {
    connection.run(`UPDATE "$commitment" SET "about" = ?2 WHERE "id" = ?1`, id!, renamedRecord(about as string, names));
  }
}

export function dueCommitments(connection: Connection, decisions: readonly string[], { nowMs, limit }: { readonly nowMs: number; readonly limit: number }): CommitmentRow[] {
  return connection.values(
    `SELECT ${COMMITMENT} FROM "$commitment" WHERE "state" IN ('ACTIVE', 'BREACHED') AND "look" <= ?1 AND "decision" IN (SELECT "value" FROM json_each(?3)) ORDER BY "look" LIMIT ?2`,
    nowMs, limit, JSON.stringify(decisions)).map(commitmentOf);
}

export interface CommitmentMove { readonly from: CommitmentState; readonly to: CommitmentState; readonly nowMs: number; readonly isLate?: boolean; /** When it is looked at again. */ readonly lookMs?: number }

/** False: it is in another state. */
export function moveCommitment(connection: Connection, id: string, { from, to, nowMs, isLate = false, lookMs = nowMs }: CommitmentMove): boolean {
  return connection.run(`UPDATE "$commitment" SET "state" = ?1, "closed" = ?2, "late" = max("late", ?3), "look" = ?4 WHERE "id" = ?5 AND "state" = ?6`, to, nowMs, isLate ? 1 : 0, lookMs, id, from) > 0;
}

/** `tenant` undefined: of all. */
export interface AboutWhom { readonly person: string | null; /** Rounds of theirs. */ readonly runs: readonly string[]; readonly tenant: string | null | undefined }

/** Which somebody has begun, or whose rounds are these runs. `isTheirs`: begun by them. */
export function negotiationsAbout(connection: Connection, { person, runs, tenant }: AboutWhom): { readonly id: string; readonly isTheirs: boolean; readonly isDeciding: boolean }[] {
  return connection.values(
    `SELECT "id", "caller" ->> '$.subject' IS ?1 AND ?1 IS NOT NULL, "pending" IS NOT NULL FROM "$negotiation" WHERE ("caller" ->> '$.subject' = ?1 OR "last" IN (SELECT "value" FROM json_each(?2))
      OR "id" IN (SELECT "negotiation" FROM "$offer" WHERE "run" IN (SELECT "value" FROM json_each(?2)))) AND (?3 = 0 OR "tenant" IS ?4)`,
    person, JSON.stringify(runs), tenant === undefined ? 0 : 1, tenant ?? null).map(([id, isTheirs, isDeciding]) => ({ id: id as string, isTheirs: isTheirs === 1, isDeciding: isDeciding === 1 }));
}

/** It is open, or something is still owed. */
export function isNegotiationLive(connection: Connection, id: string): boolean {
  return connection.values(`SELECT 1 FROM "$negotiation" WHERE "id" = ?1 AND ("state" = 'OPEN' OR EXISTS (SELECT 1 FROM "$commitment" WHERE "negotiation" = ?1 AND "state" IN ('ACTIVE', 'BREACHED')))`, id).length > 0;
}

/**
 * Who negotiated, about what, and what was said: it is over, and nothing is owed. False: something is held, and is set free as of any offer that is over;
 * until then what is held, and for whom, is still there.
 */
export function eraseNegotiation(connection: Connection, id: string, nowMs: number): boolean {
  connection.run(`UPDATE "$offer" SET "state" = CASE "state" WHEN 'OPEN' THEN 'DECLINED' ELSE "state" END, "terms" = '{}', "hash" = '' WHERE "negotiation" = ?1`, id);
  connection.run(`UPDATE "$commitment" SET "principal" = '', "about" = NULL, "terms" = '{}', "closed" = ifnull("closed", ?2), "state" = CASE WHEN "state" IN ('ACTIVE', 'BREACHED') THEN 'RELEASED' ELSE "state" END WHERE "negotiation" = ?1`, id, nowMs);
  connection.run(`UPDATE "$negotiation" SET "principal" = '', "input" = '{}', "exclusive" = NULL, "counter" = NULL, "state" = CASE "state" WHEN 'OPEN' THEN 'DECLINED' ELSE "state" END WHERE "id" = ?1`, id);
  return connection.run(`UPDATE "$negotiation" SET "caller" = '{}' WHERE "id" = ?1 AND NOT EXISTS (SELECT 1 FROM "$offer" WHERE "negotiation" = ?1 AND "held" = 1)`, id) > 0;
}
