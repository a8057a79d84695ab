// What message clients left behind, as it stands in the data file: their sessions, what they follow and how far they were told, messages
// that wait or are under way, names of what was received, and what waits for groups of them. Rows only: what they mean is resources/mqtt-sessions.ts.
import type { SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";

export const mqttDdl: readonly string[] = [
  `CREATE TABLE "$mqtt_session" ("name" TEXT PRIMARY KEY, "client" TEXT NOT NULL, "identity" TEXT NOT NULL,
    "expiryMs" INTEGER NOT NULL, "ends" TEXT, "messages" INTEGER NOT NULL, "bytes" INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE INDEX "$mqtt_session$index(ends)" ON "$mqtt_session" ("ends")`,
  `CREATE TABLE "$mqtt_subscription" ("session" TEXT NOT NULL, "filter" TEXT NOT NULL, "options" TEXT NOT NULL, "positions" TEXT NOT NULL,
    PRIMARY KEY ("session", "filter")) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$mqtt_message" ("number" INTEGER PRIMARY KEY, "session" TEXT NOT NULL, "packet" INTEGER, "isReleased" INTEGER NOT NULL,
    "qos" INTEGER NOT NULL, "topic" TEXT NOT NULL, "payload" BLOB NOT NULL, "about" TEXT NOT NULL, "expires" TEXT) STRICT`,
  `CREATE UNIQUE INDEX "$mqtt_message$index(session,packet)" ON "$mqtt_message" ("session", "packet")`,
  `CREATE TABLE "$mqtt_received" ("session" TEXT NOT NULL, "packet" INTEGER NOT NULL, PRIMARY KEY ("session", "packet")) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$mqtt_group" ("name" TEXT PRIMARY KEY, "positions" TEXT NOT NULL, "next" INTEGER NOT NULL, "messages" INTEGER NOT NULL, "bytes" INTEGER NOT NULL) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$mqtt_group_message" ("group" TEXT NOT NULL, "number" INTEGER NOT NULL, "topic" TEXT NOT NULL, "payload" BLOB NOT NULL,
    "about" TEXT NOT NULL, "expires" TEXT, PRIMARY KEY ("group", "number")) STRICT`,
];

/** `identity`: JSON of who its client was. */
export interface SessionRow { readonly name: string; readonly client: string; readonly identity: string; readonly expiryMs: number }

/** `options` and `positions` are JSON. */
export interface SubscriptionRow { readonly filter: string; readonly options: string; readonly positions: string }

/** `packet`: its name on the wire, unique in its session; null: it gets one when its client comes. `isReleased`: its receiver has it, and may forget that name next. */
export interface MessageRow {
  readonly packet: number | null;
  readonly isReleased: boolean;
  readonly qos: number;
  readonly topic: string;
  readonly payload: Uint8Array;
  /** JSON of all that goes with it. */
  readonly about: string;
  /** Canonical DateTime; null: never. */
  readonly expires: string | null;
}

export interface SessionRows {
  readonly subscriptions: readonly SubscriptionRow[];
  readonly messages: readonly MessageRow[];
  readonly received: readonly number[];
}

/** Of one session; null: there is none, or it has ended at `now`. */
export function readSession(connection: Connection, name: string, now: string): SessionRows | null {
  const row = connection.values(`SELECT 1 FROM "$mqtt_session" WHERE "name" = ?1 AND ("ends" IS NULL OR "ends" > ?2)`, name, now)[0];
  if (row === undefined) return null;
  const messages = connection.values(`SELECT "packet", "isReleased", "qos", "topic", "payload", "about", "expires" FROM "$mqtt_message" WHERE "session" = ?1 AND "packet" IS NOT NULL ORDER BY "number"`, name);
  return {
    subscriptions: readSubscriptions(connection, name), messages: messages.map(messageOf),
    received: connection.values(`SELECT "packet" FROM "$mqtt_received" WHERE "session" = ?1`, name).map(([packet]) => packet as number),
  };
}

/** All of them, with the filters of each. */
export function readSessions(connection: Connection): { readonly session: SessionRow; readonly subscriptions: readonly SubscriptionRow[] }[] {
  return connection.values(`SELECT "name", "client", "identity", "expiryMs" FROM "$mqtt_session"`).map(([name, client, identity, expiryMs]) => ({
    session: { name: name as string, client: client as string, identity: identity as string, expiryMs: expiryMs as number }, subscriptions: readSubscriptions(connection, name as string),
  }));
}

function readSubscriptions(connection: Connection, session: string): SubscriptionRow[] {
  return connection.values(`SELECT "filter", "options", "positions" FROM "$mqtt_subscription" WHERE "session" = ?1`, session)
    .map(([filter, options, positions]) => ({ filter: filter as string, options: options as string, positions: positions as string }));
}

function messageOf([packet = null, isReleased, qos, topic, payload, about, expires]: readonly SqlValue[]): MessageRow {
  return { packet: packet as number | null, isReleased: isReleased === 1, qos: qos as number, topic: topic as string, payload: payload as Uint8Array, about: about as string, expires: expires as string | null };
}

/** `ends` null: its client is there. */
export function writeSession(connection: Connection, { name, client, identity, expiryMs }: SessionRow, ends: string | null): void {
  connection.run(`INSERT INTO "$mqtt_session" ("name", "client", "identity", "expiryMs", "ends", "messages", "bytes") VALUES (?1, ?2, ?3, ?4, ?5, 0, 0)
    ON CONFLICT ("name") DO UPDATE SET "identity" = excluded."identity", "expiryMs" = excluded."expiryMs", "ends" = excluded."ends"`, name, client, identity, expiryMs, ends);
}

const OF_SESSION = ["$mqtt_subscription", "$mqtt_message", "$mqtt_received"];

/** With all that belongs to it. */
export function removeSession(connection: Connection, name: string): void {
  for (const table of OF_SESSION) connection.run(`DELETE FROM "${table}" WHERE "session" = ?1`, name);
  connection.run(`DELETE FROM "$mqtt_session" WHERE "name" = ?1`, name);
}

export function countSessions(connection: Connection): number {
  return connection.values(`SELECT count(*) FROM "$mqtt_session"`)[0]![0] as number;
}

/** Whose names begin with this text and a comma. */
export function countSessionsOf(connection: Connection, owner: string): number {
  // Behind the comma comes a quoted text.
  return connection.values(`SELECT count(*) FROM "$mqtt_session" WHERE "name" > ?1 AND "name" < ?2`, `${owner},"`, `${owner},#`)[0]![0] as number;
}

/** Names of at most `limit` that have ended by `now`. */
export function endedSessions(connection: Connection, now: string, limit: number): string[] {
  return connection.values(`SELECT "name" FROM "$mqtt_session" WHERE "ends" <= ?1 ORDER BY "ends" LIMIT ?2`, now, limit).map(([name]) => name as string);
}

/** After a crash nobody said that the clients have gone: as if they went now. `endOf` gives the end of a session that may idle so long. */
export function endInterruptedSessions(connection: Connection, endOf: (expiryMs: number) => string): void {
  const rows = connection.values(`SELECT "name", "expiryMs" FROM "$mqtt_session" WHERE "ends" IS NULL`);
  for (const [name, expiryMs] of rows) connection.run(`UPDATE "$mqtt_session" SET "ends" = ?2 WHERE "name" = ?1`, name!, endOf(expiryMs as number));
}

export function writeSubscription(connection: Connection, session: string, { filter, options, positions }: SubscriptionRow): void {
  connection.run(`INSERT INTO "$mqtt_subscription" ("session", "filter", "options", "positions") VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT ("session", "filter") DO UPDATE SET "options" = excluded."options", "positions" = excluded."positions"`, session, filter, options, positions);
}

/** Nothing where it is no longer there. */
export function movePositions(connection: Connection, session: string, filter: string, positions: string): void {
  connection.run(`UPDATE "$mqtt_subscription" SET "positions" = ?3 WHERE "session" = ?1 AND "filter" = ?2`, session, filter, positions);
}

export function removeSubscription(connection: Connection, session: string, filter: string): void {
  connection.run(`DELETE FROM "$mqtt_subscription" WHERE "session" = ?1 AND "filter" = ?2`, session, filter);
}

/** Gives a packet id that is not in `used` to each message that has none. */
export function namePackets(connection: Connection, session: string, used: ReadonlySet<number>): void {
  const taken = new Set(used);
  for (const [packet] of connection.values(`SELECT "packet" FROM "$mqtt_message" WHERE "session" = ?1 AND "packet" IS NOT NULL`, session)) taken.add(packet as number);
  let packet = 0;
  for (const [number] of connection.values(`SELECT "number" FROM "$mqtt_message" WHERE "session" = ?1 AND "packet" IS NULL ORDER BY "number"`, session)) {
    do packet++; while (taken.has(packet));
    if (packet > PACKET_MAX) return;
    connection.run(`UPDATE "$mqtt_message" SET "packet" = ?2 WHERE "number" = ?1`, number!, packet);
  }
}

const PACKET_MAX = 65_535;

export function hasMessage(connection: Connection, session: string, packet: number): boolean {
  return connection.values(`SELECT 1 FROM "$mqtt_message" WHERE "session" = ?1 AND "packet" = ?2`, session, packet).length > 0;
}

/** False: so much waits for the session already. */
export function hasRoom(connection: Connection, session: string, { messages, bytes }: { readonly messages: number; readonly bytes: number }): boolean {
  return connection.values(`SELECT 1 FROM "$mqtt_session" WHERE "name" = ?1 AND "messages" < ?2 AND "bytes" < ?3`, session, messages, bytes).length > 0;
}

/** In order: who comes later is told later. */
export function addMessage(connection: Connection, session: string, { packet, isReleased, qos, topic, payload, about, expires }: MessageRow): void {
  connection.run(`INSERT INTO "$mqtt_message" ("session", "packet", "isReleased", "qos", "topic", "payload", "about", "expires") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
    session, packet, isReleased ? 1 : 0, qos, topic, payload, about, expires);
  connection.run(`UPDATE "$mqtt_session" SET "messages" = "messages" + 1, "bytes" = "bytes" + ?2 WHERE "name" = ?1`, session, payload.length);
}

/** Its receiver has it: what it said is no longer needed. */
export function releaseMessage(connection: Connection, session: string, packet: number): void {
  lighten(connection, session, packet, 0);
  connection.run(`UPDATE "$mqtt_message" SET "isReleased" = 1, "payload" = x'', "about" = '{}', "expires" = NULL WHERE "session" = ?1 AND "packet" = ?2`, session, packet);
}

export function removeMessage(connection: Connection, session: string, packet: number): void {
  lighten(connection, session, packet, 1);
  connection.run(`DELETE FROM "$mqtt_message" WHERE "session" = ?1 AND "packet" = ?2`, session, packet);
}

function lighten(connection: Connection, session: string, packet: number, messages: number): void {
  const bytes = connection.values(`SELECT length("payload") FROM "$mqtt_message" WHERE "session" = ?1 AND "packet" = ?2`, session, packet)[0]?.[0];
  if (bytes === undefined) return;
  connection.run(`UPDATE "$mqtt_session" SET "messages" = "messages" - ?2, "bytes" = "bytes" - ?3 WHERE "name" = ?1`, session, messages, bytes);
}

export function addReceived(connection: Connection, session: string, packet: number): void {
  connection.run(`INSERT INTO "$mqtt_received" ("session", "packet") VALUES (?1, ?2) ON CONFLICT DO NOTHING`, session, packet);
}

export function removeReceived(connection: Connection, session: string, packet: number): void {
  connection.run(`DELETE FROM "$mqtt_received" WHERE "session" = ?1 AND "packet" = ?2`, session, packet);
}

/** A message that waits for whichever member of a group. `number`: in order, never given again. */
export interface GroupMessageRow extends Pick<MessageRow, "topic" | "payload" | "about" | "expires"> { readonly number: number }

/** How far the group was told, as JSON; null: it was not there, and is now. */
export function beginGroup(connection: Connection, name: string): string | null {
  const positions = connection.values(`SELECT "positions" FROM "$mqtt_group" WHERE "name" = ?1`, name)[0]?.[0];
  if (positions === undefined) connection.run(`INSERT INTO "$mqtt_group" ("name", "positions", "next", "messages", "bytes") VALUES (?1, '{}', 1, 0, 0)`, name);
  return positions as string | undefined ?? null;
}

export function groupNames(connection: Connection): string[] {
  return connection.values(`SELECT "name" FROM "$mqtt_group"`).map(([name]) => name as string);
}

export function moveGroup(connection: Connection, name: string, positions: string): void {
  connection.run(`UPDATE "$mqtt_group" SET "positions" = ?2 WHERE "name" = ?1`, name, positions);
}

/** With all that waits for it. */
export function removeGroup(connection: Connection, name: string): void {
  connection.run(`DELETE FROM "$mqtt_group_message" WHERE "group" = ?1`, name);
  connection.run(`DELETE FROM "$mqtt_group" WHERE "name" = ?1`, name);
}

/** False: so much waits for the group already, or it has ended. */
export function addGroupMessage(connection: Connection, name: string, { topic, payload, about, expires }: Omit<GroupMessageRow, "number">, room: { readonly messages: number; readonly bytes: number }): boolean {
  const number = connection.values(`SELECT "next" FROM "$mqtt_group" WHERE "name" = ?1 AND "messages" < ?2 AND "bytes" < ?3`, name, room.messages, room.bytes)[0]?.[0];
  if (number === undefined) return false;
  connection.run(`INSERT INTO "$mqtt_group_message" ("group", "number", "topic", "payload", "about", "expires") VALUES (?1, ?2, ?3, ?4, ?5, ?6)`, name, number, topic, payload, about, expires);
  connection.run(`UPDATE "$mqtt_group" SET "next" = "next" + 1, "messages" = "messages" + 1, "bytes" = "bytes" + ?2 WHERE "name" = ?1`, name, payload.length);
  return true;
}

/** At most `limit` of those after `number`, in order. */
export function readGroupMessages(connection: Connection, name: string, number: number, limit: number): GroupMessageRow[] {
  return connection.values(`SELECT "number", "topic", "payload", "about", "expires" FROM "$mqtt_group_message" WHERE "group" = ?1 AND "number" > ?2 ORDER BY "number" LIMIT ?3`, name, number, limit)
    .map(([found, topic, payload, about, expires]) => ({ number: found as number, topic: topic as string, payload: payload as Uint8Array, about: about as string, expires: expires as string | null }));
}

export function removeGroupMessage(connection: Connection, name: string, number: number): void {
  const bytes = connection.values(`SELECT length("payload") FROM "$mqtt_group_message" WHERE "group" = ?1 AND "number" = ?2`, name, number)[0]?.[0];
  if (bytes === undefined) return;
  connection.run(`DELETE FROM "$mqtt_group_message" WHERE "group" = ?1 AND "number" = ?2`, name, number);
  connection.run(`UPDATE "$mqtt_group" SET "messages" = "messages" - 1, "bytes" = "bytes" - ?2 WHERE "name" = ?1`, name, bytes);
}

export function renameIdentity(connection: Connection, session: string, identity: string): void {
  connection.run(`UPDATE "$mqtt_session" SET "identity" = ?2 WHERE "name" = ?1`, session, identity);
}
