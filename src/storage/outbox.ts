// What is to be sent once its transaction has committed, and what was answered. Every writing function runs inside a commit, next to the
// writes of the request or of the answer. Of several with one `order` only the first that waits has a time: `due`.
import { millisecondsOf } from "../base/date-time.ts";
import type { Json, SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";

/** waiting: to be sent. answered: its answer is to be told to the app. delivered: the receiver has it. dead: given up. */
export type OutboxState = "waiting" | "answered" | "delivered" | "dead";

export interface NewDelivery {
  readonly scope: string;
  readonly key: string;
  readonly order: string | null;
  readonly host: string;
  readonly dueMs: number;
  readonly request: Json;
  readonly body: Uint8Array | null;
  readonly sender: Json;
  readonly created: string;
}

export interface Delivery {
  readonly number: number;
  readonly scope: string;
  readonly key: string;
  readonly state: OutboxState;
  readonly order: string | null;
  readonly host: string;
  readonly dueMs: number | null;
  readonly attempts: number;
  readonly request: Json;
  readonly body: Uint8Array | null;
  readonly sender: Json;
  readonly created: string;
  readonly finished: string | null;
  /** What came back last. */
  readonly answer: Json;
  /** Why the last attempt failed. */
  readonly problem: string | null;
}

/** What became of an attempt. `dueMs` null: nothing more is to be done. */
export interface DeliveryStep {
  readonly state: OutboxState;
  readonly attempts: number;
  readonly dueMs: number | null;
  readonly answer: Json;
  readonly problem: string | null;
  readonly now: string;
}

const COLUMNS = `"number", "scope", "key", "state", "order", "host", "due", "attempts", "request", "body", "sender", "created", "finished", "answer", "problem"`;

/** False: the same key is known already, so that nothing is to be sent again. */
export function addDelivery(connection: Connection, { scope, key, order, host, dueMs, request, body, sender, created }: NewDelivery): boolean {
  const isBehind = order !== null && connection.values(`SELECT 1 FROM "$outbox" WHERE "order" = ?1 AND "state" = 'waiting' LIMIT 1`, order).length > 0;
  return connection.run(
    `INSERT INTO "$outbox" ("scope", "key", "state", "order", "host", "due", "attempts", "request", "body", "sender", "created")
     VALUES (?1, ?2, 'waiting', ?3, ?4, ?5, 0, ?6, ?7, ?8, ?9) ON CONFLICT ("key", "scope") DO NOTHING`,
    scope, key, order, host, isBehind ? null : dueMs, JSON.stringify(request), body, JSON.stringify(sender), created) > 0;
}

export function findDelivery(connection: Connection, number: number): Delivery | null {
  const row = connection.values(`SELECT ${COLUMNS} FROM "$outbox" WHERE "number" = ?1`, number)[0];
  return row === undefined ? null : deliveryOf(row);
}

/** `host`: empty where the app is to be told. */
export interface DueDelivery { readonly number: number; readonly host: string }

/** Those whose time has come, the longest waiting first. */
export function dueDeliveries(connection: Connection, nowMs: number, limit: number): readonly DueDelivery[] {
  return connection.values(`SELECT "number", iif("state" = 'answered', '', "host") FROM "$outbox" WHERE "due" IS NOT NULL AND "due" <= ?1 ORDER BY "due", "number" LIMIT ?2`, nowMs, limit)
    .map(([number, host]) => ({ number: number as number, host: host as string }));
}

/** The same of one host. */
export function dueOfHost(connection: Connection, host: string, nowMs: number, limit: number): readonly number[] {
  return connection.values(`SELECT "number" FROM "$outbox" WHERE "host" = ?1 AND "due" IS NOT NULL AND "due" <= ?2 ORDER BY "due", "number" LIMIT ?3`, host, nowMs, limit)
    .map(([number]) => number as number);
}

/** Hosts for which something waits, in order of their names behind `after`: one step of an index for each. */
export function waitingHosts(connection: Connection, after: string, limit: number): readonly string[] {
  return connection.values(
    `WITH RECURSIVE "hosts"("host") AS (
       SELECT min("host") FROM "$outbox" WHERE "due" IS NOT NULL AND "host" > ?1
       UNION ALL SELECT (SELECT min("host") FROM "$outbox" WHERE "due" IS NOT NULL AND "host" > "hosts"."host") FROM "hosts" WHERE "host" IS NOT NULL LIMIT ?2)
     SELECT "host" FROM "hosts" WHERE "host" IS NOT NULL`, after, limit).map(([host]) => host as string);
}

/** When the next one is due after `nowMs`; null: none is. */
export function nextDelivery(connection: Connection, nowMs: number): number | null {
  return connection.values(`SELECT min("due") FROM "$outbox" WHERE "due" IS NOT NULL AND "due" > ?1`, nowMs)[0]![0] as number | null;
}

/** Waiting and answered ones. */
export function countUnfinished(connection: Connection): number {
  return connection.values(`SELECT count(*) FROM "$outbox" WHERE "state" IN ('waiting', 'answered')`)[0]![0] as number;
}

/** Noted of one in this state. Once none of its `order` waits before them any more, the next one is due. False: it is not there any more, or was dealt with otherwise. */
export function noteStep(connection: Connection, { number, order, state: before }: Pick<Delivery, "number" | "order" | "state">, step: DeliveryStep): boolean {
  const { state, attempts, dueMs, answer, problem, now } = step;
  const isFinished = state === "delivered" || state === "dead";
  const changed = connection.run(
    `UPDATE "$outbox" SET "state" = ?3, "attempts" = ?4, "due" = ?5, "answer" = ?6, "problem" = ?7, "finished" = ?8 WHERE "number" = ?1 AND "state" = ?2`,
    number, before, state, attempts, dueMs, answer === null ? null : JSON.stringify(answer), problem, isFinished ? now : null) > 0;
  if (!changed || before !== "waiting") return changed;
  if (state !== "waiting") wakeNext(connection, order, millisecondsOf(now));
  // One before it was taken up again meanwhile.
  else if (order !== null) connection.run(`UPDATE "$outbox" SET "due" = NULL WHERE "number" = ?1 AND "number" > (SELECT min("number") FROM "$outbox" WHERE "order" = ?2 AND "state" = 'waiting')`, number, order);
  return changed;
}

/** Back to where it has not been tried. In its order it comes before what was sent later. False: it is not dead. */
export function replayDelivery(connection: Connection, number: number, nowMs: number): boolean {
  const found = findDelivery(connection, number);
  if (found === null || found.state !== "dead") return false;
  if (found.order !== null) connection.run(`UPDATE "$outbox" SET "due" = NULL WHERE "order" = ?1 AND "state" = 'waiting' AND "number" > ?2`, found.order, number);
  connection.run(`UPDATE "$outbox" SET "state" = 'waiting', "attempts" = 0, "due" = NULL, "finished" = NULL, "problem" = NULL WHERE "number" = ?1`, number);
  if (found.order === null) connection.run(`UPDATE "$outbox" SET "due" = ?2 WHERE "number" = ?1`, number, nowMs);
  else wakeNext(connection, found.order, nowMs);
  return true;
}

/** Gives up one that waits. False: it does not. */
export function cancelDelivery(connection: Connection, number: number, now: string): boolean {
  const found = findDelivery(connection, number);
  if (found === null || (found.state !== "waiting" && found.state !== "answered")) return false;
  return noteStep(connection, found, { state: "dead", attempts: found.attempts, dueMs: null, answer: found.answer, problem: "cancelled", now });
}

export interface DeliveryPage { readonly state: OutboxState | null; readonly before: number | null; readonly limit: number }

/** Newest first, without bodies. */
export function listDeliveries(connection: Connection, { state, before, limit }: DeliveryPage): readonly Delivery[] {
  const columns = COLUMNS.replace(`"body"`, "NULL");
  const below = before ?? Number.MAX_SAFE_INTEGER;
  const rows = state === null
    ? connection.values(`SELECT ${columns} FROM "$outbox" WHERE "number" < ?1 ORDER BY "number" DESC LIMIT ?2`, below, limit)
    : connection.values(`SELECT ${columns} FROM "$outbox" WHERE "state" = ?1 AND "number" < ?2 ORDER BY "number" DESC LIMIT ?3`, state, below, limit);
  return rows.map(deliveryOf);
}

/** Removes at most `limit` that were finished before; returns how many. */
export function trimOutbox(connection: Connection, before: string, limit: number): number {
  return connection.run(
    `DELETE FROM "$outbox" WHERE "number" IN (SELECT "number" FROM "$outbox" WHERE "finished" IS NOT NULL AND "finished" < ?1 ORDER BY "finished" LIMIT ?2)`, before, limit);
}

/** What it says of anybody is gone; one that waits is sent with `body`. */
export function eraseDelivery(connection: Connection, key: string, body: string): void {
  connection.run(`DELETE FROM "$outbox" WHERE "key" = ?1 AND "finished" IS NOT NULL`, key);
  connection.run(`UPDATE "$outbox" SET "body" = ?2, "sender" = json_set("sender", '$.subject', ''), "answer" = NULL WHERE "key" = ?1`, key, Buffer.from(body));
}

function wakeNext(connection: Connection, order: string | null, nowMs: number): void {
  if (order === null) return;
  connection.run(
    `UPDATE "$outbox" SET "due" = ?2 WHERE "number" = (SELECT min("number") FROM "$outbox" WHERE "order" = ?1 AND "state" = 'waiting') AND "due" IS NULL`, order, nowMs);
}

function deliveryOf(row: readonly SqlValue[]): Delivery {
  const [number, scope, key, state, order, host, due, attempts, request, body, sender, created, finished, answer, problem] = row;
  return {
    number: number as number, scope: scope as string, key: key as string, state: state as OutboxState, order: order as string | null, host: host as string,
    dueMs: due as number | null, attempts: attempts as number, request: JSON.parse(request as string) as Json, body: body as Uint8Array | null,
    sender: JSON.parse(sender as string) as Json, created: created as string, finished: finished as string | null,
    answer: answer === null ? null : JSON.parse(answer as string) as Json, problem: problem as string | null,
  };
}
