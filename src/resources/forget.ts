// `forget`: erases a person everywhere, or what is known of one record. Records of @personal tables are deleted, with what hangs on them, in a
// transaction; in its commit all other stores erase what they keep (forgettable.ts). The receipt says what each of them did.
import type { RecordValues, Value } from "../base/value.ts";
import { fault } from "../base/error.ts";
import { appTable } from "../schema/account-tables.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { markForCompaction } from "../storage/compact.ts";
import type { Connection } from "../storage/connection.ts";
import { looseKeys, namedOf, type Named } from "../storage/loose-rows.ts";
import { keysOf, whoseOf, type Whose } from "../storage/whose-rows.ts";
import type { WriteSession } from "../tables/write-session.ts";
import type { Body, Caller } from "./body.ts";
import { codePlan, readPage } from "./code-read.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { forgettables, type Erasing, type GoneRecord } from "./forgettable.ts";
import { readsOnly } from "./reading-work.ts";
import { revokeSubject } from "./sign-token.ts";
import { removeOf } from "./straight-write.ts";

export interface Receipt {
  readonly subject: string;
  /** `left`: still at work; forget once more when it has ended. */
  readonly stores: readonly { readonly store: string; readonly erased: number; readonly left: number }[];
}

interface Forgetting {
  readonly person: string | null;
  /** `TABLE:id`; null: a person was meant. */
  readonly record: string | null;
  readonly tenant: string | null | undefined;
  readonly whose: readonly Whose[];
  /** Whom sign-in names by an address; null: nobody. */
  readonly named: Named | null;
}

/** `ctx.forget`: with the author's authority, within the caller's tenant. All in one transaction: a person with more records than it may write is refused. */
export function forgetFrom(body: Body, subject: unknown): Promise<Receipt> {
  return body.calls.start("ctx.forget", async () => {
    if (body.work.readsOnly === true) throw readsOnly("ctx.forget");
    if (typeof subject !== "string" || subject === "") throw fault("VALIDATION_FAILED", "Whom to forget is missing.", { where: "subject", fix: 'Name a person as in auth.subject, or a record as in "Customer:42".' });
    const { receipt } = await (body.work.transactional ? forgetIn(body, subject) : body.transact((inner) => forgetIn(inner, subject)));
    return receipt;
  });
}

/** Of a part of their records, as many as `recordsMax`: all else of them goes each time, and `isWhole` says that no record is left. */
export interface Forgotten { readonly receipt: Receipt; readonly isWhole: boolean }

/** What each store will erase is counted on the state before this transaction. */
export async function forgetIn(body: Body, subject: string, recordsMax = Infinity): Promise<Forgotten> {
  const { core, caller } = body;
  const forgetting = forgettingOf(core, caller, subject);
  const removed = new Map<string, GoneRecord>();
  for (const whose of forgetting.whose) noteFormer(core, whose, removed);
  let room = recordsMax;
  for (const table of personalTables(core.catalog)) room -= await removeTheirs(body, table, { forgetting, removed, max: room });
  if (forgetting.named !== null) await removeLoose(body, forgetting.named, removed);
  const foreseen: Receipt["stores"][number][] = [];
  core.storage.rehearse((connection) => { foreseen.push(...eraseStores(core, { forgetting, records: [...removed.values()], connection, now: body.now })); });
  await body.work.effect({
    store: (session) => session.afterEntry(() => {
      eraseStores(core, { forgetting, records: goneWith(session, { forgetting, removed }, core.catalog), connection: session.connection, now: session.now });
      markForCompaction(session.connection);
    }),
    tell() {
      core.followed.allChanged();
      if (forgetting.person === null) return;
      core.storedKeys?.changed(forgetting.person);
      core.security?.forgotten(forgetting.person, forgetting.tenant);
    },
  });
  // Of another tenant's people it ends nothing.
  if (forgetting.person !== null && core.tokens !== undefined && (forgetting.tenant === undefined || removed.size > 0)) await revokeSubject(body, forgetting.person);
  return { receipt: { subject, stores: [{ store: "records", erased: removed.size, left: 0 }, ...foreseen] }, isWhole: room > 0 };
}

/** Of several parts; what is left counts as of the last one. */
export function joined(before: Receipt, after: Receipt): Receipt {
  return { ...after, stores: after.stores.map((one, index) => ({ ...one, erased: one.erased + before.stores[index]!.erased })) };
}

function forgettingOf({ catalog, storage }: DispatchCore, { rights, identity }: Caller, subject: string): Forgetting {
  const hasTenants = [...catalog.tables.values()].some((table) => table.tenant !== null);
  const tenant = identity.tenant === null && (rights.administrator || !hasTenants) ? undefined : identity.tenant;
  const [, name = "", id = ""] = /^([A-Za-z_]\w*):(.+)$/s.exec(subject) ?? [];
  const table = appTable(catalog, name);
  // Whose key is whose it is, is a person.
  const person = table === undefined ? subject : table.personal?.join(".") === table.primaryKey ? id : null;
  const ofPerson = person === null ? { whose: [], named: null } : { whose: whoseOf(storage.reader, catalog, person, tenant), named: namedOf(storage.reader, catalog, person, tenant) };
  return { person, record: table === undefined ? null : subject, tenant, ...ofPerson };
}

/** Those that refer to others first: what may not be deleted while something refers to it goes after that. */
function personalTables(catalog: Catalog): readonly Table[] {
  const personal = [...catalog.tables.values()].filter((table) => table.personal !== undefined);
  const ordered: Table[] = [];
  const visit = (table: Table, path: readonly Table[]): void => {
    if (ordered.includes(table) || path.includes(table)) return;
    for (const other of personal) if (refersTo(other, table)) visit(other, [...path, table]);
    ordered.push(table);
  };
  for (const table of personal) visit(table, []);
  return ordered;
}

function refersTo(table: Table, other: Table): boolean {
  return [...table.fields.values()].some((field) => field.relation?.kind === "one" && field.relation.table === other.name);
}

interface Removing { readonly forgetting: Forgetting; readonly removed: Map<string, GoneRecord>; /** How many at most. */ readonly max: number }

/** Answers how many; `max`: there may be more. */
async function removeTheirs(body: Body, table: Table, { forgetting: { person }, removed, max }: Removing): Promise<number> {
  const condition = person === null ? null : whoseIs(table, person, body.core.catalog);
  if (condition === null) return 0;
  let count = 0;
  while (count < max) {
    const limit = Math.min(PAGE_ROWS, max - count);
    const plan = codePlan(body, table, { ...condition, select: [table.primaryKey], limit }, "system");
    const { rows } = readPage(body, plan, "system");
    for (const row of rows) {
      const id = row[table.primaryKey]!;
      await body.work.write(removeOf(table.name, id), { dialect: "code", authority: null, sent: null });
      note(removed, table, id);
    }
    count += rows.length;
    if (rows.length < limit) break;
  }
  return count;
}

const PAGE_ROWS = 200;

/** What is theirs without a key that says so. */
async function removeLoose(body: Body, named: Named, removed: Map<string, GoneRecord>): Promise<void> {
  const { catalog, storage } = body.core;
  for (const [name, id] of looseKeys(storage.reader, named)) {
    const table = catalog.tables.get(name)!;
    if (readPage(body, codePlan(body, table, { [table.primaryKey]: id, select: [table.primaryKey] }, "system"), "system").rows.length === 0) continue;
    await body.work.write(removeOf(name, id), { dialect: "code", authority: null, sent: null });
    note(removed, table, id);
  }
}

/** Null: nobody is called so there. */
function whoseIs(table: Table, person: string, catalog: Catalog): RecordValues | null {
  const path = table.personal!;
  const steps = path.slice(0, -1);
  const end = steps.reduce((at, step) => catalog.tables.get(at.fields.get(step)!.relation!.table)!, table);
  const name = path.at(-1)!;
  const value = valueIn(end, name, person);
  return value === null ? null : steps.toReversed().reduce<RecordValues>((inner, step) => ({ [step]: inner }), { [name]: value });
}

/** Null: no value of that type. */
function valueIn(table: Table, field: string, text: string): Value {
  const type = table.fields.get(field)!.type.name;
  if (type !== "Int" && type !== "Long") return text;
  return !/^-?\d{1,15}$/.test(text) ? null : type === "Int" ? Number(text) : BigInt(text);
}

function note(removed: Map<string, GoneRecord>, table: Table, id: Value): void {
  const key = String(id);
  removed.set(`${table.name}:${key}`, { table, id, key });
}

/** Those that were deleted before, and are in a history or a trash alone. */
function noteFormer({ storage: { reader } }: DispatchCore, whose: Whose, removed: Map<string, GoneRecord>): void {
  const present = new Set(keysOf(reader, whose, "present"));
  for (const key of keysOf(reader, whose, "former")) if (!present.has(key)) note(removed, whose.table, valueIn(whose.table, whose.table.primaryKey, key));
}

/** With what went along, and what the body itself has deleted of theirs. */
function goneWith(session: WriteSession, { forgetting: { whose }, removed }: Pick<Removing, "forgetting" | "removed">, catalog: Catalog): readonly GoneRecord[] {
  const all = new Map(removed);
  for (const { table: name, id, cause, old, new: image } of session.changes) {
    const isTheirs = (): boolean => whose.some(({ table, field, values }) => table.name === name && values.has(String(old?.[field])));
    if (image === null && (cause === "cascade" || isTheirs())) note(all, catalog.tables.get(name)!, id);
  }
  return [...all.values()];
}

interface Storing { readonly forgetting: Forgetting; readonly records: readonly GoneRecord[]; readonly connection: Connection; readonly now: string }

function eraseStores(core: DispatchCore, { forgetting: { person, record, named, tenant, whose }, records, connection, now }: Storing): Receipt["stores"] {
  const names = [...new Set([...record === null ? [] : [record], ...records.map(({ table, key }) => `${table.name}:${key}`)])];
  const erasing: Erasing = { connection, person, tenant, records, whose, named, names, now };
  return forgettables(core).map(({ name, erase }) => ({ store: name, ...erase(erasing) }));
}
