// Erases what the runtime's own tables keep of somebody: answers under keys, jobs, requests that were sent, messages, files. Each answers how many rows
// it has erased and how many are left because they are under way. Every function runs inside a commit. Whose they are is decided elsewhere.
import type { Connection } from "./connection.ts";

export interface ErasedRows {
  readonly erased: number;
  /** Still at work: to be erased once it has ended. */
  readonly left: number;
}

/** Undefined: of all tenants. */
export type OfTenant = string | null | undefined;

const OF_PERSON = (column: string): string => `${column} ->> '$.subject' = ?1 AND (?2 = 0 OR ${column} ->> '$.tenant' IS ?3)`;

function personValues(person: string, tenant: OfTenant): [string, number, string | null] {
  return [person, tenant === undefined ? 0 : 1, tenant ?? null];
}

/** What they have asked for: what has ended, and what has not begun. */
export function eraseJobs(connection: Connection, person: string, tenant: OfTenant): ErasedRows {
  const values = personValues(person, tenant);
  const erased = connection.run(`DELETE FROM "$job" WHERE ${OF_PERSON(`"identity"`)} AND ("ended" IS NOT NULL OR "state" = 'SCHEDULED')`, ...values);
  return { erased, left: countOf(connection, `SELECT count(*) FROM "$job" WHERE ${OF_PERSON(`"identity"`)}`, values) };
}

/** What was sent in their name, with what came back. */
export function eraseDeliveries(connection: Connection, person: string, tenant: OfTenant): ErasedRows {
  const values = personValues(person, tenant);
  const erased = connection.run(`DELETE FROM "$outbox" WHERE ${OF_PERSON(`"sender"`)} AND "finished" IS NOT NULL`, ...values);
  return { erased, left: countOf(connection, `SELECT count(*) FROM "$outbox" WHERE ${OF_PERSON(`"sender"`)}`, values) };
}

/** What is answered instead of what was. `body`: JSON. */
export interface ErasedProblem { readonly status: number; readonly body: string }

/** The keys stay, so that nothing is done twice; `problem` is what they answer from now on. */
export function eraseAnswers(connection: Connection, person: string, tenant: OfTenant, problem: ErasedProblem): ErasedRows {
  const rows = connection.values(`SELECT rowid, "scope" FROM "$idempotency" WHERE "status" IS NOT NULL AND instr("scope", ?1) > 0 AND "headers" ->> '$.erased' IS NULL`, JSON.stringify(person).slice(1, -1));
  const theirs = rows.filter(([, scope]) => isScopeOf(scope as string, person, tenant));
  for (const [row] of theirs) eraseAnswer(connection, row as number, problem);
  return { erased: theirs.length, left: 0 };
}

/** Whoever asked for them: answers that speak of any of these ids. */
export function eraseAnswersNaming(connection: Connection, ids: readonly string[], problem: ErasedProblem): void {
  const rows = connection.values(
    `SELECT rowid FROM "$idempotency" WHERE "status" IS NOT NULL AND "headers" ->> '$.erased' IS NULL AND EXISTS (SELECT 1 FROM json_each(?1) WHERE instr("body", "value") > 0)`, JSON.stringify(ids));
  for (const [row] of rows) eraseAnswer(connection, row as number, problem);
}

function eraseAnswer(connection: Connection, row: number, { status, body }: ErasedProblem): void {
  connection.run(`UPDATE "$idempotency" SET "status" = ?2, "body" = ?3, "headers" = json_object('kind', 'problem', 'standing', "headers" ->> '$.standing', 'erased', 'true') WHERE rowid = ?1`, row, status, body);
}

/** As resources/idempotency.ts writes it: kind and subject, or with the tenant, before method and path. */
function isScopeOf(scope: string, person: string, tenant: OfTenant): boolean {
  const within = /^tenant (\[.*?\]) [A-Z]+ \//.exec(scope)?.[1];
  if (within === undefined) return tenant !== undefined && tenant !== null ? false : ["subject", "administrator"].some((kind) => scope.startsWith(`${kind} ${person} `) && /^[A-Z]+ \//.test(scope.slice(kind.length + person.length + 2)));
  const [found, , subject] = JSON.parse(within) as [string, string, string | null];
  return subject === person && (tenant === undefined || found === tenant);
}

/** Messages that wait for clients on these topics. */
export function eraseMessages(connection: Connection, topics: readonly string[]): ErasedRows {
  const list = JSON.stringify(topics);
  const erased = ["$mqtt_message", "$mqtt_group_message"].map((table) => connection.run(`DELETE FROM "${table}" WHERE "topic" IN (SELECT "value" FROM json_each(?1))`, list));
  return { erased: erased.reduce((sum, count) => sum + count, 0), left: 0 };
}

/** Their contents go with the next sweep, unless a record of somebody else refers to them. `now`: canonical. */
export function eraseFiles(connection: Connection, { person, tenant, records, now }: { readonly person: string | null; readonly tenant: OfTenant; /** By table in SQLite, and key. */ readonly records: readonly (readonly [string, string])[]; readonly now: string }): ErasedRows {
  const held = connection.run(`UPDATE "$file" SET "check" = ?2 WHERE EXISTS (SELECT 1 FROM json_each(?1) AS "gone" WHERE "gone"."value" ->> 0 = "table" AND "gone"."value" ->> 1 = "record")`, JSON.stringify(records), now);
  const pending = person === null ? 0 : connection.run(`UPDATE "$file" SET "check" = ?4 WHERE "record" IS NULL AND "owner" = ?1 AND (?2 = 0 OR "tenant" IS ?3)`, ...personValues(person, tenant), now);
  return { erased: held + pending, left: 0 };
}

function countOf(connection: Connection, sql: string, values: readonly (string | number | null)[]): number {
  return connection.values(sql, ...values)[0]![0] as number;
}
