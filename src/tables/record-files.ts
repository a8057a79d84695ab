// Files that records refer to: which a writer may put where, and in the commit that a file now belongs to its record or that a record let
// go of it. A file belongs to one record for good; what nothing refers to any more is found by file-sweeper.ts.
import { dateTimeOf, millisecondsOf } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import type { Field, Table } from "../schema/catalog.ts";
import { checkLimits } from "../schema/check-limits.ts";
import type { Issue } from "../schema/coerce-value.ts";
import { type FileValue, KeptFile, isFile } from "../schema/file-type.ts";
import { fileIdOf, fileUrl } from "../schema/file-url.ts";
import type { Connection } from "../storage/connection.ts";
import { isHash } from "../storage/file-content.ts";
import { type FileFacts, type FileRow, attachFile, findFile, insertFile, releaseFile } from "../storage/file-rows.ts";

/** Whose session it is. */
export interface FileSession {
  readonly connection: Connection;
  /** Canonical. */
  readonly now: string;
  readonly actor: string | null;
  /** Null: of none, or of all. */
  readonly tenant: string | null;
  /** So long a file is kept that nothing refers to. */
  readonly graceMs: number;
}

export interface FilePlace {
  readonly table: Table;
  readonly field: Field;
  /** The record before; null: a new one. */
  readonly old: RecordValues | null;
  /** The rows come from an export: whose the file was does not matter. */
  readonly imported: boolean;
}

export function fileValueOf({ id, size, type, name, hash }: FileFacts): FileValue {
  return { url: fileUrl(id), size, type, name, hash };
}

/** The whole value of references as they were sent, which are canonical but for what the sender left out. Undefined: `issues` grew. */
export function resolveFiles(session: FileSession, sent: Value, place: FilePlace, issues: Issue[]): Value | undefined {
  if (sent === null) return null;
  const { field } = place;
  const held = new Map(filesIn(place.old?.[field.name] ?? null).map((file) => [file.url, file]));
  const before = issues.length;
  const resolve = (file: FileValue | null, path: string): FileValue | null => {
    if (file === null) return null;
    const known = held.get(file.url) ?? (isComing(session, file, place) ? enter(session, file, place) : takeable(session, file, place));
    if (known === null) issues.push({ path, code: "UNKNOWN_FILE", message: `${path} names no file that was uploaded for it and is not in use.` });
    else if (differs(file, known)) issues.push({ path, code: "UNKNOWN_FILE", message: `${path} says of the file what is not so; send its url alone.` });
    return known;
  };
  const value = Array.isArray(sent)
    ? (sent as readonly (FileValue | null)[]).map((file, index) => resolve(file, `${field.name}[${index}]`)) as Value
    : resolve(sent as FileValue | KeptFile, field.name);
  if (issues.length > before) return undefined;
  for (const { code, message } of checkLimits(value, field.type, field.limits)) issues.push({ path: field.name, code, message: `${field.name} ${message}` });
  return issues.length > before ? undefined : value;
}

/** It is not known yet, but comes with the record: of code, or of an import, which has looked that the content is there. */
function isComing({ connection }: FileSession, file: FileValue, { imported }: FilePlace): boolean {
  return file instanceof KeptFile || (imported && isWhole(file) && findFile(connection, fileIdOf(file.url)) === null);
}

function isWhole({ size, type, hash }: FileValue): boolean {
  return Number.isInteger(size) && size >= 0 && /^[a-z0-9.+-]+\/[a-z0-9.+-]+$/.test(type) && isHash(hash);
}

/** A step of a draft undoes it, and the commit does it again. */
function enter(session: FileSession, { url, size, type, name, hash }: FileValue, { table, field }: FilePlace): FileValue {
  const { connection, actor: owner, tenant } = session;
  const id = fileIdOf(url);
  if (findFile(connection, id) === null) insertFile(connection, { id, size, type, name, hash, owner, tenant, table: table.sqlName, field: field.name, record: null }, endOfGrace(session));
  return { url, size, type, name, hash };
}

function endOfGrace({ now, graceMs }: FileSession): string {
  return dateTimeOf(millisecondsOf(now) + graceMs);
}

/** Null: it is not there, or not for this place, or somebody else's. */
function takeable(session: FileSession, { url }: FileValue, { table, field, old, imported }: FilePlace): FileValue | null {
  const row = findFile(session.connection, fileIdOf(url));
  if (row === null || row.table !== table.sqlName || row.field !== field.name) return null;
  const own = row.record !== null && old !== null && row.record === String(old[table.primaryKey]);
  const free = row.record === null && isOwn(row, session);
  return own || free || imported ? fileValueOf(row) : null;
}

/** Its url is known to none but who brought it; one that is known by name is theirs alone, and no file leaves its tenant. */
function isOwn({ owner, tenant }: FileRow, session: FileSession): boolean {
  return (owner === null || owner === session.actor) && (tenant === null || tenant === session.tenant);
}

function differs(sent: FileValue, known: FileValue): boolean {
  return (["size", "type", "name", "hash"] as const).some((member) => sent[member] !== null && sent[member] !== known[member]);
}

/** In a value of such a field. */
export function filesIn(value: Value): readonly FileValue[] {
  if (value === null) return [];
  return Array.isArray(value) ? (value as readonly (FileValue | null)[]).filter((file) => file !== null) : [value as FileValue];
}

export function fileFields(table: Table): readonly Field[] {
  return [...table.fields.values()].filter(({ kind, type }) => kind === "stored" && isFile(type));
}

/** One record that a session changes. */
export interface FileChange {
  readonly table: Table;
  readonly fields: readonly Field[];
  readonly id: Value;
  readonly before: RecordValues | null;
  readonly after: RecordValues | null;
}

/** In the commit, once for each record. Throws VALIDATION_FAILED where a file has come to belong to another record meanwhile. */
export function settleFiles(session: FileSession, { table, fields, id, before, after }: FileChange): void {
  const { connection } = session;
  const had = filesOf(before, fields);
  const has = filesOf(after, fields);
  for (const [url, field] of has) {
    if (had.has(url) || attachFile(connection, fileIdOf(url), { table: table.sqlName, record: String(id) })) continue;
    throw fault("VALIDATION_FAILED", `${field} names a file that is in use.`, { where: field, details: [{ path: field, code: "UNKNOWN_FILE", message: `${field} names a file that is in use.` }] });
  }
  for (const url of had.keys()) if (!has.has(url)) releaseFile(connection, fileIdOf(url), endOfGrace(session));
}

/** The field that names it, by its url. */
function filesOf(values: RecordValues | null, fields: readonly Field[]): Map<string, string> {
  if (values === null) return new Map();
  return new Map(fields.flatMap(({ name }) => filesIn(values[name] ?? null).map((file) => [file.url, name] as const)));
}
