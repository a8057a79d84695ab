// The lines of NDJSON files, one after the other and in batches, so that files of any size pass through a bounded memory.
import { closeSync, existsSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { didYouMean } from "../base/diagnostic.ts";
import { type AmbitError, fault } from "../base/error.ts";
import { appTable, appTables } from "../schema/account-tables.ts";
import type { Catalog } from "../schema/catalog.ts";
import { dependenciesFirst } from "../tables/dependencies-first.ts";
import type { ImportLine } from "./import-rows.ts";

export interface PlacedLine extends ImportLine {
  /** `Product.ndjson:17`. */
  readonly place: string;
}

export interface ImportFile { readonly path: string; readonly table: string }

export const LINES_AT_ONCE = 500;
const BYTES_AT_ONCE = 500_000;
const CHUNK_BYTES = 262_144;

/** A folder of `TABLE.ndjson` files, or one such file: tables before those that refer to them, so that little has to wait. Throws USAGE. */
export function filesOf(source: string, catalog: Catalog): ImportFile[] {
  if (!existsSync(source)) throw fault("USAGE", `There is no ${source}.`);
  const paths = statSync(source).isDirectory() ? readdirSync(source).filter((name) => name.endsWith(".ndjson")).map((name) => join(source, name)) : [source];
  if (paths.length === 0) throw fault("USAGE", `${source} has no .ndjson files.`, { fix: "Name a folder that ambit export wrote, or a file TABLE.ndjson." });
  // A folder has no lines, and reading a pipe would wait for a writer that may never come.
  const odd = paths.find((path) => !statSync(path).isFile());
  if (odd !== undefined) throw fault("USAGE", `${odd} is not a file.`, { fix: "Name a folder that ambit export wrote, or a file TABLE.ndjson." });
  const files = new Map(paths.map((path) => [basename(path, ".ndjson"), path]));
  for (const name of files.keys()) {
    if (appTable(catalog, name) !== undefined) continue;
    const meant = didYouMean(name, appTables(catalog).map((table) => table.name));
    throw fault("USAGE", `${files.get(name)!} is named for a table ${name}, which there is not.${meant === null ? "" : ` Did you mean ${meant}?`}`, { fix: "Name each file for its table: Product.ndjson." });
  }
  const parents = (name: string): string[] => [...catalog.tables.get(name)!.fields.values()].flatMap(({ relation }) => (relation?.kind === "one" && files.has(relation.table) ? [relation.table] : []));
  return dependenciesFirst([...files.keys()].sort(), parents).map((table) => ({ table, path: files.get(table)! }));
}

/** Empty ones are left out. A line that is longer than `bytesMax`, as it stands in a request, is refused. */
export function* linesOf({ path, table }: ImportFile, bytesMax: number): Generator<PlacedLine> {
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const descriptor = openSync(path, "r");
  try {
    const chunk = new Uint8Array(CHUNK_BYTES);
    let rest = "";
    let number = 0;
    for (let ended = false; !ended;) {
      const length = readSync(descriptor, chunk);
      ended = length === 0;
      const pieces = (rest + decode(decoder, chunk.subarray(0, length), ended, `${basename(path)}:${number + 1}`)).split("\n");
      rest = ended ? "" : pieces.pop()!;
      if (rest.length > bytesMax) throw tooLong(path, number + pieces.length + 1);
      for (const text of pieces) {
        number += 1;
        if (bytesOf(text) > bytesMax) throw tooLong(path, number);
        if (text.trim() !== "") yield { table, text, place: `${basename(path)}:${number}` };
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Of one step. */
export function* batches(lines: Iterable<PlacedLine>): Generator<PlacedLine[]> {
  let batch: PlacedLine[] = [];
  let bytes = 0;
  for (const line of lines) {
    const size = bytesOf(line.text);
    if (batch.length > 0 && (batch.length >= LINES_AT_ONCE || bytes + size > BYTES_AT_ONCE)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(line);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** With what stands around a line in a request. */
function bytesOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) + 200;
}

function decode(decoder: TextDecoder, bytes: Uint8Array, ended: boolean, place: string): string {
  try {
    return decoder.decode(bytes, { stream: !ended });
  } catch (error) {
    throw fault("MALFORMED_BODY", `After ${place} there are bytes that are not UTF-8; nothing more was read.`, { where: place, cause: error });
  }
}

function tooLong(path: string, number: number): AmbitError {
  return fault("BODY_TOO_LARGE", `${basename(path)}:${number} is longer than one request may be.`, { where: `${basename(path)}:${number}`, fix: "Raise limits.bodyBytes in config.yaml." });
}
