// The registry of what can be forgotten: each store beside the app's records, by name, with how it erases somebody in a commit. A part that keeps
// what people are or have said adds its line to `forgettables`; those of decisions come through their port.
import { fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import { eraseEntries, recordKey } from "../changes/erase-entries.ts";
import type { Table } from "../schema/catalog.ts";
import type { Connection } from "../storage/connection.ts";
import { eraseAnswers, eraseDeliveries, eraseFiles, eraseJobs, eraseMessages, type ErasedProblem } from "../storage/forget-rows.ts";
import { formerVersions } from "../storage/former-versions.ts";
import { keepsFormer } from "../storage/history-tables.ts";
import { eraseMomentActor } from "../storage/moments.ts";
import { eraseMails, type Named } from "../storage/loose-rows.ts";
import { eraseKeys } from "../storage/key-rows.ts";
import { forgetInSecurity } from "../storage/security-rows.ts";
import { removeFetch } from "../storage/source-rows.ts";
import type { Whose } from "../storage/whose-rows.ts";
import type { DispatchCore } from "./dispatch-parts.ts";

export interface Erasing {
  readonly connection: Connection;
  /** As in `auth.subject`; null: a record alone is forgotten. */
  readonly person: string | null;
  /** Undefined: of all tenants. */
  readonly tenant: string | null | undefined;
  /** Those that are gone with this commit, and those that were gone and are still in a history or a trash. */
  readonly records: readonly GoneRecord[];
  /** By whom sign-in names by an address; null: nobody. */
  readonly named: Named | null;
  /** By which records are theirs. */
  readonly whose: readonly Whose[];
  /** `TABLE:id`: of those records, and of the one that was named. */
  readonly names: readonly string[];
  /** Canonical. */
  readonly now: string;
}

export interface GoneRecord { readonly table: Table; readonly id: Value; /** As text. */ readonly key: string }

export interface Forgettable {
  /** In the receipt. */
  readonly name: string;
  /** Whatever is left is still at work, and is erased by the same once it has ended. */
  erase(erasing: Erasing): { readonly erased: number; readonly left: number };
}

export function forgettables(core: DispatchCore): readonly Forgettable[] {
  const ofPerson = (name: string, erase: (connection: Connection, person: string, tenant: Erasing["tenant"]) => { readonly erased: number; readonly left: number }): Forgettable =>
    ({ name, erase: ({ connection, person, tenant }) => (person === null ? nothing : erase(connection, person, tenant)) });
  return [
    { name: "history", erase: (erasing) => counted(eraseHistory(core, erasing)) },
    { name: "log", erase: ({ connection, records, whose, person, named }) => counted(eraseEntries(connection, { whose, named, records: new Set(records.map(({ table, key }) => recordKey(table.name, key))), actor: person })) },
    { name: "files", erase: ({ connection, person, tenant, records, now }) => eraseFiles(connection, { person, tenant, now, records: records.map(({ table, key }) => [table.sqlName, key]) }) },
    { name: "messages", erase: ({ connection, records }) => eraseMessages(connection, records.flatMap(({ table, key }) => (table.exportName === null ? [] : [`${table.exportName}/${key}`]))) },
    ofPerson("answers", (connection, person, tenant) => eraseAnswers(connection, person, tenant, erasedAnswer())),
    ofPerson("jobs", eraseJobs),
    { name: "outbox", erase: ({ connection, person, tenant, named }) => both(person === null ? nothing : eraseDeliveries(connection, person, tenant), named === null ? nothing : eraseMails(connection, named)) },
    ofPerson("keys", (connection, person, tenant) => counted(eraseKeys(connection, person, tenant))),
    ofPerson("security", (connection, person, tenant) => counted(forgetInSecurity(connection, person, tenant))),
    ...core.decisions?.forgettables ?? [],
  ];
}

const nothing = { erased: 0, left: 0 };

function both(one: { readonly erased: number; readonly left: number }, other: typeof one): typeof one {
  return { erased: one.erased + other.erased, left: one.left + other.left };
}

function counted(erased: number): { readonly erased: number; readonly left: number } {
  return { erased, left: 0 };
}

function eraseHistory({ catalog }: DispatchCore, { connection, records, person }: Erasing): number {
  if (person !== null && [...catalog.tables.values()].some(keepsFormer)) eraseMomentActor(connection, person);
  return records.reduce((sum, { table, id, key }) => {
    if (table.source !== undefined) removeFetch(connection, table.name, key);
    return keepsFormer(table) ? sum + formerVersions(table, catalog).forget(connection, id) : sum;
  }, 0);
}

/** In the form of resources/kept-answer.ts. */
export function erasedAnswer(): ErasedProblem {
  const { status, code, message, extras } = fault("ANSWER_ERASED", "The answer to this key was erased.");
  return { status, body: JSON.stringify({ code, message, extras }) };
}
