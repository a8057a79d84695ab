// Files that code hands in as the values of fields: their contents are kept before the record is written, so that what refers to them is
// never ahead of what is there. Whatever is not written after all goes by itself.
import type { Field } from "../schema/catalog.ts";
import type { RawInput, Write } from "../tables/write.ts";
import { fileFields } from "../tables/record-files.ts";
import type { Body } from "./body.ts";
import { usableFileName } from "./file-name.ts";
import { keepFile } from "./upload-file.ts";

/** Null: there are none. Bytes are copied at once: code may go on changing its own. */
export function ownFiles(body: Body, write: Write): Promise<Write> | null {
  if (!("input" in write)) return null;
  const fields = fileFields(body.table(write.table)).filter(({ name }) => listOf(write.input[name]).some(isOwn));
  if (fields.length === 0) return null;
  const input = Object.assign(Object.create(null), write.input) as { [field: string]: unknown };
  for (const { name } of fields) input[name] = Array.isArray(input[name]) ? (input[name] as readonly unknown[]).map(asBlob) : asBlob(input[name]);
  return keptInput(body, fields, input).then((kept): Write => ({ ...write, input: kept }));
}

async function keptInput(body: Body, fields: readonly Field[], input: { [field: string]: unknown }): Promise<RawInput> {
  for (const field of fields) {
    const keep = async (item: unknown): Promise<unknown> => (item instanceof Blob
      ? keepFile(body.core, field, { content: item, name: item instanceof File ? usableFileName(item.name) : null }) : item);
    const given = input[field.name];
    input[field.name] = Array.isArray(given) ? await Promise.all(given.map(keep)) : await keep(given);
  }
  return input;
}

function asBlob(given: unknown): unknown {
  return given instanceof Uint8Array ? new Blob([new Uint8Array(given)]) : given;
}

function listOf(given: unknown): readonly unknown[] {
  return Array.isArray(given) ? given as readonly unknown[] : [given];
}

function isOwn(given: unknown): boolean {
  return given instanceof Blob || given instanceof Uint8Array;
}
