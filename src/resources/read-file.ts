// Whose the content of a file is to read: who may read the field of the record that refers to it, now or in a version that is kept, or
// who has a link that such a one made. To all others it is not there.
import type { Rights } from "../access/rights.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { coerceText } from "../schema/coerce-text.ts";
import type { Table } from "../schema/catalog.ts";
import { fileUrl } from "../schema/file-url.ts";
import { type FileRow, findFile } from "../storage/file-rows.ts";
import { formerVersions, writtenAt } from "../storage/former-versions.ts";
import { fileFields, fileValueOf, filesIn } from "../tables/record-files.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { OpenFile, OperationBody, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";

type FileBody = Extract<OperationBody, { kind: "file" }>;
type LinkBody = Extract<OperationBody, { kind: "file-link" }>;

/** Throws NOT_FOUND, whatever the reason. */
export async function readFile(core: DispatchCore, { id, link }: FileBody, rights: Rights): Promise<Result> {
  const found = link === null ? readable(core, id, rights) : await linked(core, id, link);
  return { ...nothing, file: openFile(core, found.row), public: found.public };
}

/** A path that is good for itself until it expires, for a file that the caller may read. */
export async function linkFile(core: DispatchCore, { id, forMs }: LinkBody, rights: Rights): Promise<Result> {
  readable(core, id, rights);
  return { ...nothing, body: { ...await createLink(core, id, forMs) } };
}

export interface FileLink { readonly url: string; readonly expires: string }

export async function createLink({ clock, limits, files }: DispatchCore, id: string, forMs: number): Promise<FileLink> {
  if (!(forMs > 0 && forMs <= limits.fileLinkMs)) throw fault("VALIDATION_FAILED", `A link is good for more than no time and at most ${limits.fileLinkMs} ms.`, { where: "expires" });
  const expires = Math.ceil((clock.now() + forMs) / 1_000);
  const signature = await files.links.sign(id, expires);
  return { url: `${fileUrl(id)}?expires=${expires}&signature=${signature}`, expires: dateTimeOf(expires * 1_000) };
}

export function openFile({ files }: DispatchCore, row: FileRow): OpenFile {
  return { value: fileValueOf(row), open: (range) => files.store.open(row.hash, range) };
}

interface Found { readonly row: FileRow; readonly public: boolean }

async function linked(core: DispatchCore, id: string, { expires, signature }: NonNullable<FileBody["link"]>): Promise<Found> {
  const row = findFile(core.storage.reader, id);
  const isGood = await core.files.links.verify(id, expires, signature) && expires * 1_000 > core.clock.now();
  const place = row === null || !isGood ? null : placeOf(core, row);
  // What the record let go of is gone for links, too.
  const values = place === null ? null : core.tables.get(place.table.name, place.key)?.values ?? null;
  if (row === null || place === null || values === null || fieldWith(values, place.table, row) === null) throw missing();
  return { row, public: false };
}

function readable(core: DispatchCore, id: string, rights: Rights): Found {
  const row = findFile(core.storage.reader, id);
  const place = row === null ? null : placeOf(core, row);
  // What is on no wire is not read over one, whoever asks; a link that code made is code's.
  if (row === null || place === null || place.table.exportName === null) throw missing();
  const { table, key } = place;
  const view = core.views.of(table.name, rights, "wire");
  const now = dateTimeOf(core.clock.now());
  const shownIn = (values: RecordValues): string | null => {
    const shown = view.show({ rights, values, now, source: core.tables.source });
    return shown === null ? null : fieldWith(shown, table, row);
  };
  const stored = core.tables.get(table.name, key);
  const field = stored === null ? null : shownIn(stored.values);
  if (field !== null) return { row, public: rights.publicFields(table.name, [field]) };
  if (isInHistory(core, { table, key }, (values) => shownIn(values) !== null)) return { row, public: false };
  throw missing();
}

interface Place { readonly table: Table; readonly key: Value }

/** Null: no record refers to it. */
export function placeOf({ catalog }: DispatchCore, row: FileRow): Place | null {
  const table = [...catalog.tables.values()].find(({ sqlName }) => sqlName === row.table);
  if (table === undefined || row.record === null) return null;
  return { table, key: coerceText(row.record, table.fields.get(table.primaryKey)!.type, catalog) };
}

/** The field that refers to it; null: none does. */
function fieldWith(values: RecordValues, table: Table, { id }: FileRow): string | null {
  const url = fileUrl(id);
  return fileFields(table).find(({ name }) => filesIn(values[name] ?? null).some((file) => file.url === url))?.name ?? null;
}

/** As far back as one request for a history looks. */
function isInHistory({ catalog, storage, clock, limits }: DispatchCore, { table, key }: Place, isShown: (values: RecordValues) => boolean): boolean {
  if (table.historyMs === null) return false;
  const oldest = dateTimeOf(clock.now() - table.historyMs);
  const versions = formerVersions(table, catalog);
  for (let before = Number.MAX_SAFE_INTEGER, looked = 0; looked < limits.historyVersions;) {
    const page = versions.ofRecord(storage.reader, key, { before, limit: 20 });
    if (page.some(({ row, ended }) => ended >= oldest && isShown(row.values))) return true;
    const last = page.at(-1);
    if (last === undefined) return false;
    before = writtenAt(last.row);
    looked += page.length;
  }
  return false;
}

function missing(): Error {
  return fault("NOT_FOUND", "There is no such file.");
}
