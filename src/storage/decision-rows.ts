// Rows of decisions: runs and the answers under their keys, their steps, sums over time, and the audit log with what its records commit to and the
// nodes of its tree. Every function that writes runs inside a commit. Knows nothing of what a decision is.
import type { SqlValue } from "../base/value.ts";
import { eraseApprovals } from "./approval-rows.ts";
import type { Connection } from "./connection.ts";
import { tableIn, renamedRecord } from "./memory-rows.ts";
import { eraseDelivery } from "./outbox.ts";

export const decisionDdl: readonly string[] = [
  `CREATE TABLE "$decision" ("id" TEXT PRIMARY KEY, "name" TEXT NOT NULL, "version" TEXT NOT NULL, "parent" TEXT, "state" TEXT NOT NULL, "reason" TEXT, "source" TEXT,
    "untrusted" INTEGER NOT NULL DEFAULT 0, "tenant" TEXT, "caller" TEXT NOT NULL, "principal" TEXT NOT NULL, "subject" TEXT, "epoch" INTEGER NOT NULL, "lease" INTEGER NOT NULL,
    "admitted" INTEGER NOT NULL, "ended" INTEGER, "scope" TEXT, "key" TEXT, "fingerprint" TEXT, "expires" INTEGER, "status" INTEGER, "answer" TEXT, "tells" TEXT, "leaf" INTEGER, "callback" TEXT, "arm" TEXT, "admission" TEXT, "proposal" TEXT) STRICT`,
  `CREATE UNIQUE INDEX "$decision$index(key)" ON "$decision" ("scope", "key") WHERE "key" IS NOT NULL`,
  `CREATE INDEX "$decision$index(open)" ON "$decision" ("admitted") WHERE "ended" IS NULL AND "state" <> 'AWAITING_APPROVAL'`,
  `CREATE INDEX "$decision$index(name)" ON "$decision" ("name", "admitted")`,
  `CREATE INDEX "$decision$index(parent)" ON "$decision" ("parent") WHERE "parent" IS NOT NULL`,
  `CREATE TABLE "$decision_step" ("run" TEXT NOT NULL, "number" INTEGER NOT NULL, "kind" TEXT NOT NULL, "hash" TEXT NOT NULL, "facts" TEXT NOT NULL, PRIMARY KEY ("run", "number")) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$decision_sum" ("scope" TEXT NOT NULL, "period" TEXT NOT NULL, "amount" INTEGER NOT NULL, PRIMARY KEY ("scope", "period")) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$decision_mode" ("name" TEXT PRIMARY KEY, "mode" TEXT NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$audit" ("number" INTEGER PRIMARY KEY, "run" TEXT NOT NULL, "time" INTEGER NOT NULL, "record" TEXT NOT NULL, "salts" BLOB, "payloads" TEXT) STRICT`,
  `CREATE INDEX "$audit$index(run)" ON "$audit" ("run")`,
  `CREATE TABLE "$audit_node" ("level" INTEGER NOT NULL, "index" INTEGER NOT NULL, "hash" BLOB NOT NULL, PRIMARY KEY ("level", "index")) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$checkpoint" ("size" INTEGER PRIMARY KEY, "time" INTEGER NOT NULL, "note" TEXT NOT NULL, "exported" INTEGER NOT NULL DEFAULT 0) STRICT`,
  `CREATE INDEX "$checkpoint$index(waiting)" ON "$checkpoint" ("size") WHERE "exported" = 0`,
  `CREATE TABLE "$audit_key" ("number" INTEGER PRIMARY KEY, "verifier" TEXT NOT NULL, "seed" BLOB) STRICT`,
];

export interface AdmittedRun {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly parent: string | null;
  readonly tenant: string | null;
  /** JSON of the identity that asked. */
  readonly caller: string;
  /** Of whom it is: nobody else's idempotency keys meet its own. */
  readonly principal: string;
  readonly subject: string | null;
  readonly admittedMs: number;
  readonly leaseMs: number;
  /** JSON of who is told its end; null: nobody. */
  readonly callback: string | null;
  /** Of a rollout: as whose it counts; null: it is part of none. */
  readonly arm: string | null;
  /** Null: no key. */
  readonly key: { readonly scope: string; readonly key: string; readonly fingerprint: string; readonly expiresMs: number } | null;
}

export interface EndedRun {
  readonly state: string;
  readonly reason: string | null;
  readonly source: string | null;
  readonly isUntrusted: boolean;
  readonly status: number;
  /** JSON text of the body. */
  readonly answer: string;
  /** JSON. */
  readonly tells: string;
}

export interface DecisionRow extends Omit<AdmittedRun, "key" | "leaseMs"> {
  readonly state: string;
  readonly reason: string | null;
  readonly source: string | null;
  readonly isUntrusted: boolean;
  readonly epoch: number;
  readonly leaseMs: number;
  readonly endedMs: number | null;
  readonly fingerprint: string | null;
  readonly status: number | null;
  readonly answer: string | null;
  readonly tells: string | null;
  readonly leaf: number | null;
}

const COLUMNS = `"id", "name", "version", "parent", "state", "reason", "source", "untrusted", "tenant", "caller", "principal", "subject", "epoch", "lease", "admitted", "ended", "fingerprint", "status", "answer", "tells", "leaf", "callback", "arm"`;

type Columns = [
  id: string, name: string, version: string, parent: string | null, state: string, reason: string | null, source: string | null, untrusted: number, tenant: string | null,
  caller: string, principal: string, subject: string | null, epoch: number, lease: number, admitted: number, ended: number | null, fingerprint: string | null,
  status: number | null, answer: string | null, tells: string | null, leaf: number | null, callback: string | null, arm: string | null,
];

function decode(row: readonly SqlValue[]): DecisionRow {
  const [id, name, version, parent, state, reason, source, untrusted, tenant, caller, principal, subject, epoch, leaseMs, admittedMs, endedMs, fingerprint, status, answer, tells, leaf, callback, arm] = row as Columns;
  return { id, name, version, parent, state, reason, source, isUntrusted: untrusted === 1, tenant, caller, principal, subject, epoch, leaseMs, admittedMs, endedMs, fingerprint, status, answer, tells, leaf, callback, arm };
}

interface RunEnding { readonly endedMs: number; readonly leaf: number }

/** `admission`: JSON of what it needs to go on elsewhere, until it ends. False: another run has the key. */
export function admitRun(connection: Connection, run: AdmittedRun, { state, admission }: { readonly state: string; readonly admission: string }): boolean {
  makeRoom(connection, run);
  return connection.run(
    `INSERT INTO "$decision" ("id", "name", "version", "parent", "state", "tenant", "caller", "principal", "subject", "epoch", "lease", "admitted", "scope", "key", "fingerprint", "expires", "callback", "arm", "admission")
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18) ON CONFLICT ("scope", "key") WHERE "key" IS NOT NULL DO NOTHING`,
    run.id, run.name, run.version, run.parent, state, ...admittedValues(run), admission) > 0;
}

/** With its end. False: another run has the key. */
export function admitEnded(connection: Connection, run: AdmittedRun, ended: EndedRun, { endedMs, leaf }: RunEnding): boolean {
  makeRoom(connection, run);
  const kept = freesKey(ended) ? { ...run, key: null } : run;
  return connection.run(
    `INSERT INTO "$decision" ("id", "name", "version", "parent", "state", "tenant", "caller", "principal", "subject", "epoch", "lease", "admitted", "scope", "key", "fingerprint", "expires", "callback", "arm",
      "reason", "source", "untrusted", "status", "answer", "tells", "ended", "leaf")
      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25) ON CONFLICT ("scope", "key") WHERE "key" IS NOT NULL DO NOTHING`,
    run.id, run.name, run.version, run.parent, ended.state, ...admittedValues(kept),
    ended.reason, ended.source, ended.isUntrusted ? 1 : 0, ended.status, ended.answer, ended.tells, endedMs, leaf) > 0;
}

/** A key whose time is over is free. */
function makeRoom(connection: Connection, { key, admittedMs }: AdmittedRun): void {
  if (key !== null) connection.run(`UPDATE "$decision" SET "key" = NULL WHERE "scope" = ?1 AND "key" = ?2 AND "ended" IS NOT NULL AND "expires" <= ?3`, key.scope, key.key, admittedMs);
}

function admittedValues({ tenant, caller, principal, subject, leaseMs, admittedMs, key, callback, arm }: AdmittedRun): SqlValue[] {
  return [tenant, caller, principal, subject, leaseMs, admittedMs, key?.scope ?? null, key?.key ?? null, key?.fingerprint ?? null, key?.expiresMs ?? null, callback, arm];
}

/** What failed may be asked again with the same key. */
function freesKey({ state }: EndedRun): boolean {
  return state === "FAILED";
}

/** False: whoever holds this epoch has lost the run, or it has ended. */
export function endRun(connection: Connection, { id, epoch }: { readonly id: string; readonly epoch: number }, ended: EndedRun, at: RunEnding): boolean {
  const key = freesKey(ended) ? `, "key" = NULL` : "";
  return connection.run(
    `UPDATE "$decision" SET "state" = ?1, "reason" = ?2, "source" = ?3, "untrusted" = ?4, "status" = ?5, "answer" = ?6, "tells" = ?7, "ended" = ?8, "leaf" = ?9, "admission" = NULL, "proposal" = NULL${key}
      WHERE "id" = ?10 AND "epoch" = ?11 AND "ended" IS NULL`,
    ended.state, ended.reason, ended.source, ended.isUntrusted ? 1 : 0, ended.status, ended.answer, ended.tells, at.endedMs, at.leaf, id, epoch) > 0;
}

/** False: it has moved on or ended. */
export function moveRun(connection: Connection, { id, epoch }: { readonly id: string; readonly epoch: number }, state: string, leaseMs: number): boolean {
  const held = connection.values(`SELECT "state", "lease" FROM "$decision" WHERE "id" = ?1 AND "epoch" = ?2 AND "ended" IS NULL`, id, epoch)[0];
  if (held === undefined) return false;
  // Most steps change neither.
  if (held[0] !== state || held[1] !== leaseMs) connection.run(`UPDATE "$decision" SET "state" = ?1, "lease" = ?2 WHERE "id" = ?3`, state, leaseMs, id);
  return true;
}

/** JSON. Null: it was admitted with its end, or has ended. */
export function readAdmitted(connection: Connection, id: string): string | null {
  return connection.values(`SELECT "admission" FROM "$decision" WHERE "id" = ?1`, id)[0]?.[0] as string | null | undefined ?? null;
}

/** JSON of what people are asked about. Null: they are not, or not any more. */
export function readProposal(connection: Connection, id: string): string | null {
  return connection.values(`SELECT "proposal" FROM "$decision" WHERE "id" = ?1`, id)[0]?.[0] as string | null | undefined ?? null;
}

export function keepProposal(connection: Connection, id: string, proposal: string): void {
  connection.run(`UPDATE "$decision" SET "proposal" = ?1 WHERE "id" = ?2`, proposal, id);
}

/** People are not asked about what was proposed: it is reasoned anew. */
export function dropProposal(connection: Connection, id: string, admission: string): void {
  connection.run(`UPDATE "$decision" SET "proposal" = NULL, "admission" = ?1 WHERE "id" = ?2`, admission, id);
}

/** It waits for people, held by nobody. False: it has moved on or ended. */
export function parkRun(connection: Connection, { id, epoch }: { readonly id: string; readonly epoch: number }): boolean {
  return connection.run(`UPDATE "$decision" SET "state" = 'AWAITING_APPROVAL' WHERE "id" = ?1 AND "epoch" = ?2 AND "ended" IS NULL`, id, epoch) > 0;
}

/** Takes a run that waits for people up again; null: it does not wait any more. */
export function unparkRun(connection: Connection, id: string, epoch: number, leaseMs: number): number | null {
  const taken = connection.run(`UPDATE "$decision" SET "state" = 'REASONING', "epoch" = "epoch" + 1, "lease" = ?1 WHERE "id" = ?2 AND "epoch" = ?3 AND "state" = 'AWAITING_APPROVAL'`, leaseMs, id, epoch) > 0;
  return taken ? epoch + 1 : null;
}

/** Takes a run whose holder is gone; null: somebody else has, or it has ended. */
export function takeRun(connection: Connection, id: string, epoch: number, leaseMs: number): number | null {
  const taken = connection.run(`UPDATE "$decision" SET "epoch" = "epoch" + 1, "lease" = ?1 WHERE "id" = ?2 AND "epoch" = ?3 AND "ended" IS NULL`, leaseMs, id, epoch) > 0;
  return taken ? epoch + 1 : null;
}

export function readRun(connection: Connection, id: string): DecisionRow | null {
  const row = connection.values(`SELECT ${COLUMNS} FROM "$decision" WHERE "id" = ?1`, id)[0];
  return row === undefined ? null : decode(row);
}

export function runOfKey(connection: Connection, scope: string, key: string, nowMs: number): DecisionRow | null {
  const row = connection.values(`SELECT ${COLUMNS} FROM "$decision" WHERE "scope" = ?1 AND "key" = ?2 AND ("ended" IS NULL OR "expires" > ?3)`, scope, key, nowMs)[0];
  return row === undefined ? null : decode(row);
}

/** In order of admission, those that somebody should be at work on; `leaseBeforeMs` not null: whose lease was over by then. */
export function openRuns(connection: Connection, leaseBeforeMs: number | null): string[] {
  return connection.values(`SELECT "id" FROM "$decision" WHERE "ended" IS NULL AND "state" <> 'AWAITING_APPROVAL' AND (?1 IS NULL OR "lease" < ?1) ORDER BY "admitted"`, leaseBeforeMs).map(([id]) => id as string);
}

/** In the order in which it has asked them. */
export function askedBy(connection: Connection, parent: string): DecisionRow[] {
  return connection.values(`SELECT ${COLUMNS} FROM "$decision" WHERE "parent" = ?1 ORDER BY "admitted", "id"`, parent).map(decode);
}

/** Null or undefined: see forget-rows.ts. */
type OfTenant = string | null | undefined;

/** Runs that this person has asked for, or that are about one of these, `TABLE:id`. */
export function runsAbout(connection: Connection, { person, subjects, tenant }: { readonly person: string | null; readonly subjects: readonly string[]; readonly tenant: OfTenant }): string[] {
  return connection.values(
    `SELECT "id" FROM "$decision" WHERE ("caller" ->> '$.subject' = ?1 OR "subject" IN (SELECT "value" FROM json_each(?2))) AND (?3 = 0 OR "tenant" IS ?4)`,
    person, JSON.stringify(subjects), tenant === undefined ? 0 : 1, tenant ?? null).map(([id]) => id as string);
}

/** Runs of a decision whose context had a record with one of these keys. */
export function runsThatRead(connection: Connection, { decision, context, field, keys, tenant }: { readonly decision: string; readonly context: string; readonly field: string; readonly keys: readonly string[]; readonly tenant: OfTenant }): string[] {
  return connection.values(
    `SELECT "id" FROM "$decision" JOIN "$audit" ON "$audit"."number" = "leaf" WHERE "name" = ?1 AND (?5 = 0 OR "tenant" IS ?6)
      AND EXISTS (SELECT 1 FROM json_each("payloads", ?2) AS "row" WHERE CAST("row"."value" ->> ?3 AS TEXT) IN (SELECT "value" FROM json_each(?4)))`,
    decision, `$.contexts.${JSON.stringify(context)}`, `$.${JSON.stringify(field)}`, JSON.stringify(keys), tenant === undefined ? 0 : 1, tenant ?? null).map(([id]) => id as string);
}

/** Who asked whoever asked it: what one of them was told stands with all of them. */
export function rootOf(connection: Connection, id: string): string {
  const parent = connection.values(`SELECT "parent" FROM "$decision" WHERE "id" = ?1`, id)[0]?.[0] as string | null | undefined ?? null;
  return parent === null ? id : rootOf(connection, parent);
}

/** A run and those that it has asked, the asked before who asks. */
export function treeOf(connection: Connection, row: DecisionRow): DecisionRow[] {
  return [...askedBy(connection, row.id).flatMap((child) => treeOf(connection, child)), row];
}

/** What runs are about is called otherwise from now on: by the names of tables before and after. In a transaction of the caller's. */
export function renameSubjects(connection: Connection, names: ReadonlyMap<string, string>): void {
  for (const [id, subject] of connection.values(`SELECT "id", "subject" FROM "$decision" WHERE ${tableIn("subject")} IN (SELECT "value" FROM json_each(?1))`, JSON.stringify([...names.keys()]))) {
    connection.run(`UPDATE "$decision" SET "subject" = ?2 WHERE "id" = ?1`, id!, renamedRecord(subject as string, names));
  }
}

/** Newest first. */
export function runsOf(connection: Connection, { name, beforeMs, limit }: { readonly name: string | null; readonly beforeMs: number | null; readonly limit: number }): DecisionRow[] {
  return connection.values(
    `SELECT ${COLUMNS} FROM "$decision" WHERE (?1 IS NULL OR "name" = ?1) AND (?2 IS NULL OR "admitted" < ?2) ORDER BY "admitted" DESC, "id" DESC LIMIT ?3`, name, beforeMs, limit).map(decode);
}

/** Ids, newest first, of runs that have come to an answer or to a refusal; neither what ran beside one nor what broke off. */
export function decidedRuns(connection: Connection, { name, limit }: { readonly name: string; readonly limit: number }): string[] {
  return connection.values(
    `SELECT "id" FROM "$decision" WHERE "name" = ?1 AND "ended" IS NOT NULL AND "state" NOT IN ('SHADOWED', 'CANCELLED', 'FAILED') ORDER BY "admitted" DESC, "id" DESC LIMIT ?2`, name, limit).map(([id]) => id as string);
}

/** Of the runs of one decision that were admitted since: how many ended how, and what they spent. */
export interface OutcomeCount { readonly state: string; readonly reason: string | null; readonly runs: number; readonly input: number; readonly output: number; readonly costMicros: number }

/** Of the newest `limit` ones. */
export function countOutcomes(connection: Connection, { name, sinceMs, limit }: { readonly name: string; readonly sinceMs: number; readonly limit: number }): OutcomeCount[] {
  return connection.values(
    `SELECT "state", "reason", count(*), total("record" ->> '$.tokens.input'), total("record" ->> '$.tokens.output'), total("record" ->> '$.costMicros')
      FROM (SELECT "state", "reason", "leaf" FROM "$decision" WHERE "name" = ?1 AND "admitted" >= ?2 ORDER BY "admitted" DESC LIMIT ?3) AS "run"
      LEFT JOIN "$audit" ON "$audit"."number" = "run"."leaf" GROUP BY "state", "reason" ORDER BY 3 DESC, 1, 2`, name, sinceMs, limit)
    .map(([state, reason, runs, input, output, costMicros]) => ({ state: state as string, reason: reason as string | null, runs: runs as number, input: input as number, output: output as number, costMicros: costMicros as number }));
}

/** Of the callback of a run, in the outbox. */
export function callbackKey(run: string): string {
  return `run-${run}`;
}

/**
 * Of a run that has ended: payloads with their salts, steps, who asked and about whom, the answer and its callback are gone; its record in the audit log stays, and
 * with it the tree. A retry with its key finds `answer`. False: there is no such run.
 */
export function eraseRun(connection: Connection, id: string, { status, answer }: { readonly status: number; /** JSON. */ readonly answer: string }): boolean {
  const erased = connection.run(
    `UPDATE "$decision" SET "caller" = '{}', "principal" = '', "subject" = NULL, "callback" = NULL, "status" = ?1, "answer" = ?2, "tells" = '[]' WHERE "id" = ?3 AND "ended" IS NOT NULL`, status, answer, id) > 0;
  if (!erased) return false;
  connection.run(`UPDATE "$audit" SET "salts" = NULL, "payloads" = NULL WHERE "run" = ?1`, id);
  connection.run(`DELETE FROM "$decision_step" WHERE "run" = ?1`, id);
  eraseDelivery(connection, callbackKey(id), JSON.stringify({ run: id, state: "ERASED" }));
  eraseApprovals(connection, id);
  return true;
}

export interface RunStep { readonly number: number; readonly kind: string; /** Of what was asked. */ readonly hash: string; /** JSON. */ readonly facts: string }

export function keepStep(connection: Connection, run: string, { number, kind, hash, facts }: RunStep): void {
  connection.run(`INSERT INTO "$decision_step" ("run", "number", "kind", "hash", "facts") VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT ("run", "number") DO UPDATE SET "kind" = excluded."kind", "hash" = excluded."hash", "facts" = excluded."facts"`, run, number, kind, hash, facts);
}

export function stepsOf(connection: Connection, run: string): RunStep[] {
  return connection.values(`SELECT "number", "kind", "hash", "facts" FROM "$decision_step" WHERE "run" = ?1 ORDER BY "number"`, run).map(([number, kind, hash, facts]) => ({ number: number as number, kind: kind as string, hash: hash as string, facts: facts as string }));
}

export function countSteps(connection: Connection, run: string): number {
  return connection.values(`SELECT count(*) FROM "$decision_step" WHERE "run" = ?1`, run)[0]![0] as number;
}

export function readSum(connection: Connection, scope: string, period: string): number {
  return connection.values(`SELECT "amount" FROM "$decision_sum" WHERE "scope" = ?1 AND "period" = ?2`, scope, period)[0]?.[0] as number | undefined ?? 0;
}

/** The sum after it. */
export function addToSum(connection: Connection, scope: string, period: string, amount: number): number {
  connection.run(`INSERT INTO "$decision_sum" ("scope", "period", "amount") VALUES (?1, ?2, ?3) ON CONFLICT ("scope", "period") DO UPDATE SET "amount" = "amount" + excluded."amount"`, scope, period, amount);
  return readSum(connection, scope, period);
}

/** The mode that was set while the app ran; null: none. */
export function keptMode(connection: Connection, name: string): string | null {
  return connection.values(`SELECT "mode" FROM "$decision_mode" WHERE "name" = ?1`, name)[0]?.[0] as string | undefined ?? null;
}

/** Null: that of the schema. */
export function keepMode(connection: Connection, name: string, mode: string | null): void {
  if (mode === null) connection.run(`DELETE FROM "$decision_mode" WHERE "name" = ?1`, name);
  else connection.run(`INSERT INTO "$decision_mode" ("name", "mode") VALUES (?1, ?2) ON CONFLICT ("name") DO UPDATE SET "mode" = excluded."mode"`, name, mode);
}

/** Records so far. */
export function auditSize(connection: Connection): number {
  return (connection.values(`SELECT max("number") FROM "$audit"`)[0]?.[0] as number | null | undefined ?? -1) + 1;
}

export interface AuditRow { readonly number: number; readonly run: string; readonly timeMs: number; readonly record: string }

/** What a record commits to, in one text: JSON of an object, and as many bytes of salt for each of its members, in their order. */
export interface KeptPayloads { readonly salts: Uint8Array; readonly payloads: string }

/** `kept` null: it commits to nothing. */
export function keepRecord(connection: Connection, { number, run, timeMs, record }: AuditRow, kept: KeptPayloads | null): void {
  connection.run(`INSERT INTO "$audit" ("number", "run", "time", "record", "salts", "payloads") VALUES (?1, ?2, ?3, ?4, ?5, ?6)`, number, run, timeMs, record, kept?.salts ?? null, kept?.payloads ?? null);
}

/** Null: it commits to nothing, or that was erased. */
export function readPayloads(connection: Connection, number: number): KeptPayloads | null {
  const [salts = null, payloads = null] = connection.values(`SELECT "salts", "payloads" FROM "$audit" WHERE "number" = ?1`, number)[0] ?? [];
  return salts === null || payloads === null ? null : { salts: salts as Uint8Array, payloads: payloads as string };
}

export interface AuditNode { readonly level: number; readonly index: number; readonly hash: Uint8Array }

/** In one statement. There are as many as the tree has levels, at most. */
export function keepNodes(connection: Connection, nodes: readonly AuditNode[]): void {
  const rows = nodes.map(() => "(?, ?, ?)").join(", ");
  connection.run(`INSERT INTO "$audit_node" ("level", "index", "hash") VALUES ${rows}`, ...nodes.flatMap(({ level, index, hash }) => [level, index, hash]));
}

export function readNode(connection: Connection, level: number, index: number): Uint8Array | null {
  return connection.values(`SELECT "hash" FROM "$audit_node" WHERE "level" = ?1 AND "index" = ?2`, level, index)[0]?.[0] as Uint8Array | undefined ?? null;
}

/** From `number` on, in order. */
export function recordsFrom(connection: Connection, number: number, limit: number): AuditRow[] {
  return connection.values(`SELECT "number", "run", "time", "record" FROM "$audit" WHERE "number" >= ?1 ORDER BY "number" LIMIT ?2`, number, limit)
    .map((row) => ({ number: row[0] as number, run: row[1] as string, timeMs: row[2] as number, record: row[3] as string }));
}

export function recordsOfRun(connection: Connection, run: string): AuditRow[] {
  return connection.values(`SELECT "number", "run", "time", "record" FROM "$audit" WHERE "run" = ?1 ORDER BY "number"`, run)
    .map((row) => ({ number: row[0] as number, run: row[1] as string, timeMs: row[2] as number, record: row[3] as string }));
}

/** The smallest number of a record that a run has, from this one on. Null: none. */
export function firstLeafFrom(connection: Connection, number: number): number | null {
  return connection.values(`SELECT min("leaf") FROM "$decision" WHERE "leaf" >= ?1`, number)[0]?.[0] as number | null;
}

export interface CheckpointRow { readonly size: number; readonly timeMs: number; readonly note: string }

export function keepCheckpoint(connection: Connection, { size, timeMs, note }: CheckpointRow): void {
  connection.run(`INSERT INTO "$checkpoint" ("size", "time", "note") VALUES (?1, ?2, ?3) ON CONFLICT ("size") DO NOTHING`, size, timeMs, note);
}

export function lastCheckpoint(connection: Connection): CheckpointRow | null {
  return checkpoints(connection, `ORDER BY "size" DESC LIMIT 1`)[0] ?? null;
}

/** By size, from the smallest. */
export function checkpointsFrom(connection: Connection, size: number, limit: number): CheckpointRow[] {
  return checkpoints(connection, `WHERE "size" >= ?1 ORDER BY "size" LIMIT ?2`, size, limit);
}

/** Those that nobody else has yet, from the smallest. */
export function waitingCheckpoints(connection: Connection, limit: number): CheckpointRow[] {
  return checkpoints(connection, `WHERE "exported" = 0 ORDER BY "size" LIMIT ?1`, limit);
}

export function noteExported(connection: Connection, size: number): void {
  connection.run(`UPDATE "$checkpoint" SET "exported" = 1 WHERE "size" <= ?1 AND "exported" = 0`, size);
}

function checkpoints(connection: Connection, which: string, ...values: readonly SqlValue[]): CheckpointRow[] {
  return connection.values(`SELECT "size", "time", "note" FROM "$checkpoint" ${which}`, ...values).map(([size, timeMs, note]) => ({ size: size as number, timeMs: timeMs as number, note: note as string }));
}

/** A key that has signed checkpoints from the record `number` on. */
export interface AuditKeyRow { readonly number: number; readonly verifier: string; /** Null: it is not kept here. */ readonly seed: Uint8Array | null }

/** In order. */
export function auditKeys(connection: Connection): AuditKeyRow[] {
  return connection.values(`SELECT "number", "verifier", "seed" FROM "$audit_key" ORDER BY "number"`).map(([number, verifier, seed]) => ({ number: number as number, verifier: verifier as string, seed: seed as Uint8Array | null }));
}

/** One that comes before the same record takes the other's place: it has signed nothing. */
export function keepAuditKey(connection: Connection, { number, verifier, seed }: AuditKeyRow): void {
  connection.run(`INSERT INTO "$audit_key" ("number", "verifier", "seed") VALUES (?1, ?2, ?3) ON CONFLICT ("number") DO UPDATE SET "verifier" = excluded."verifier", "seed" = excluded."seed"`, number, verifier, seed);
}

/** Of keys before it: a seed that is of no use any more is not kept. */
export function dropSeeds(connection: Connection, number: number): void {
  connection.run(`UPDATE "$audit_key" SET "seed" = NULL WHERE "number" < ?1`, number);
}
