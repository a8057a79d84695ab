// `ctx.file(record.image)`: the file behind a field, for code that has the record. Without rules, as code that was given the record may
// do with it what it likes; within the caller's tenant.
import { durationMs, parseDuration } from "../base/duration.ts";
import { fault } from "../base/error.ts";
import { type FileValue, readFileReference } from "../schema/file-type.ts";
import { fileIdOf } from "../schema/file-url.ts";
import { type FileRow, findFile } from "../storage/file-rows.ts";
import type { Body } from "./body.ts";
import { isWithin } from "../tables/confinement.ts";
import { createLink, openFile, placeOf, type FileLink } from "./read-file.ts";

export interface FileHandle {
  blob(): Promise<Blob>;
  stream(): Promise<ReadableStream<Uint8Array>>;
  link(options: { readonly expires: string }): Promise<FileLink>;
}

export function fileHandle(body: Body, given: unknown): FileHandle {
  const { core, calls } = body;
  const stream = async (): Promise<{ readonly row: FileRow; readonly content: ReadableStream<Uint8Array> }> => {
    const row = rowOf(body, given);
    return { row, content: await openFile(core, row).open({ start: 0, end: row.size }) };
  };
  return Object.freeze({
    blob: () => calls.start("ctx.file.blob", async () => {
      const { row, content } = await stream();
      return new Blob([await new Response(content).arrayBuffer()], { type: row.type });
    }),
    stream: () => calls.start("ctx.file.stream", async () => (await stream()).content),
    link: (options: { readonly expires: string }) => calls.start("ctx.file.link", () => {
      const duration = parseDuration(String(options?.expires));
      if (duration === null) throw fault("VALIDATION_FAILED", "A link says how long it is good.", { where: "expires", fix: 'Write { expires: "PT10M" }.' });
      return createLink(core, rowOf(body, given).id, durationMs(duration));
    }),
  });
}

function rowOf(body: Body, given: unknown): FileRow {
  const { core } = body;
  const read = readFileReference(given);
  if ("problem" in read) throw fault("VALIDATION_FAILED", "ctx.file takes what a field of type Blob holds.");
  const row = findFile(core.storage.reader, fileIdOf((read.value as FileValue).url));
  if (row === null || !isOwn(body, row)) throw fault("NOT_FOUND", "There is no such file.");
  return row;
}

/** Of the caller's tenant, or of none. */
function isOwn({ core, caller }: Body, row: FileRow): boolean {
  const { confinement } = caller.rights;
  const place = placeOf(core, row);
  if (confinement === null) return true;
  if (place === null) return row.tenant === null || row.tenant === confinement.tenant;
  const stored = core.tables.get(place.table.name, place.key);
  return stored === null ? place.table.tenant === null : isWithin(confinement, place.table, stored.values);
}
