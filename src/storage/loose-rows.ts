// What names somebody with an account without a key that says whose it is: invitations to their address or in their name, links and codes under
// way, mails to them. Says which rows and which images in the log are meant; erases mails alone.
import { HIDDEN_PREFIX } from "../schema/account-tables.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { quoted } from "./column.ts";
import type { Connection } from "./connection.ts";
import type { ErasedRows, OfTenant } from "./forget-rows.ts";
import { historyTable, keepsFormer } from "./history-tables.ts";

export interface Named {
  readonly person: string;
  /** That they have or had, and the same in lower case. */
  readonly addresses: ReadonlySet<string>;
  readonly tenant: OfTenant;
}

type Image = { readonly [field: string]: unknown };

const INVITE = `${HIDDEN_PREFIX}invite`;
const LOOSE: Readonly<Record<string, { readonly columns: readonly string[]; isMeant(image: Image, named: Named): boolean }>> = {
  [INVITE]: { columns: ["email", "invitedBy", "tenant"], isMeant: ({ email, invitedBy, tenant: of }, { person, addresses, tenant }) => (addresses.has(String(email)) || invitedBy === person) && (tenant === undefined || of === tenant) },
  [`${HIDDEN_PREFIX}invitation`]: { columns: ["email"], isMeant: ({ email }, { addresses }) => addresses.has(String(email)) },
  [`${HIDDEN_PREFIX}verification`]: { columns: ["value"], isMeant: ({ value }, { person, addresses }) => value === person || [person, ...addresses].some((one) => String(value).includes(JSON.stringify(one))) },
};

/** Null: nobody of that tenant has an account by this name, nor had one that is still in a history or the log. */
export function namedOf(connection: Connection, catalog: Catalog, person: string, tenant: OfTenant): Named | null {
  const table = catalog.account === undefined ? undefined : catalog.tables.get(catalog.account.table);
  if (table === undefined) return null;
  const { by } = catalog.account!;
  const images = [...storedImages(connection, table, by, person), ...loggedImages(connection, table, person)];
  const theirs = tenant === undefined || table.tenant === null ? images : images.filter((image) => image[table.tenant!] === tenant);
  const addresses = theirs.map((image) => image[by]).filter((address) => typeof address === "string");
  return addresses.length === 0 ? null : { person, tenant, addresses: new Set(addresses.flatMap((address) => [address, address.toLowerCase()])) };
}

function storedImages(connection: Connection, table: Table, by: string, person: string): Image[] {
  const columns = [by, ...table.tenant === null ? [] : [table.tenant]];
  return [table.sqlName, ...keepsFormer(table) ? [historyTable(table.sqlName)] : []].flatMap((name) =>
    connection.values(`SELECT ${columns.map(quoted).join(", ")} FROM ${quoted(name)} WHERE CAST(${quoted(table.primaryKey)} AS TEXT) = ?1`, person).map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]]))));
}

interface LoggedChange { readonly table: string; readonly id: unknown; readonly old: Image | null; readonly new: Image | null }

function loggedImages(connection: Connection, { name }: Table, person: string): Image[] {
  return connection.values(`SELECT "entry" FROM "$log" WHERE instr("entry", ?1) > 0 AND instr("entry", ?2) > 0`, `"table":${JSON.stringify(name)}`, JSON.stringify(person).slice(1, -1)).flatMap(([entry]) =>
    (JSON.parse(entry as string) as { readonly changes: readonly LoggedChange[] }).changes.filter((change) => change.table === name && String(change.id) === person).flatMap(({ old, new: image }) => [old, image].filter((one) => one !== null)));
}

/** Keys of what is there, by table. */
export function looseKeys(connection: Connection, named: Named): readonly (readonly [table: string, id: string])[] {
  return Object.entries(LOOSE).flatMap(([table, { columns, isMeant }]) =>
    connection.values(`SELECT "id", ${columns.map(quoted).join(", ")} FROM ${quoted(table)}`).filter(([, ...values]) => isMeant(Object.fromEntries(columns.map((column, index) => [column, values[index]])), named)).map(([id]) => [table, id as string] as const));
}

export const looseTables: readonly string[] = Object.keys(LOOSE);

/** An image of one of these tables. */
export function isLoose(table: string, image: Image, named: Named): boolean {
  return LOOSE[table]?.isMeant(image, named) === true;
}

/** Mails to them, whoever caused them. */
export function eraseMails(connection: Connection, { addresses }: Named): ErasedRows {
  // Only of a mail the body is known to be JSON.
  const theirs = `CASE WHEN "request" ->> '$.url' IS NULL THEN CAST("body" AS TEXT) ->> '$.to' IN (SELECT "value" FROM json_each(?1)) END`;
  const values = JSON.stringify([...addresses]);
  const erased = connection.run(`DELETE FROM "$outbox" WHERE ${theirs} AND "finished" IS NOT NULL`, values);
  return { erased, left: connection.values(`SELECT count(*) FROM "$outbox" WHERE ${theirs}`, values)[0]![0] as number };
}
