// Files that code hands in as the values of fields: their contents are kept before the record is written, so that what refers to them is
// never ahead of what is there. Whatever is not written after all goes by itself.
import type { Table } from "../schema/catalog.ts";
import type { RawInput, Write } from "../tables/write.ts";
import { fileFields } from "../tables/record-files.ts";
import type { Body } from "./body.ts";
import { usableFileName } from "./file-name.ts";
import { keepFile } from "./upload-file.ts";

/** Null: there are none. */
export function ownFiles(body: Body, write: Write): Promise<Write> | null {
  const table = body.table(write.table);
  if (!("input" in write) || !fileFields(table).some(({ name }) => listOf(write.input[name]).some(isOwn))) return null;
  return keptInput(body, table, write.input).then((input): Write => ({ ...write, input }));
}

async function keptInput(body: Body, table: Table, input: RawInput): Promise<RawInput> {
  const kept = Object.assign(Object.create(null), input) as { [field: string]: unknown };
  for (const field of fileFields(table)) {
    const given = kept[field.name];
    const keep = async (item: unknown): Promise<unknown> => {
      if (!isOwn(item)) return item;
      const content = item instanceof Blob ? item : new Blob([new Uint8Array(item)]);
      return keepFile(body.core, field, { content, name: item instanceof File ? usableFileName(item.name) : null });
    };
    kept[field.name] = Array.isArray(given) ? await Promise.all(given.map(keep)) : await keep(given);
    if (kept[field.name] === undefined) delete kept[field.name];
  }
  return kept;
}

function listOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given as readonly unknown[] : [given];
}

function isOwn(given: unknown): given is Blob | Uint8Array {
  return given instanceof Blob || given instanceof Uint8Array;
}
