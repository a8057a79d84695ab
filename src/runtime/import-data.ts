// `ambit import`: NDJSON files, one for each table, in any order, of any size. First every line is looked at, and nothing is written if one
// is wrong; then they are written in commits of bounded size. What was interrupted goes on when it is run again.
import { Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, readdirSync, readFileSync, readSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { didYouMean } from "../base/diagnostic.ts";
import { AmbitError, fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Catalog } from "../schema/catalog.ts";
import { dependenciesFirst } from "../tables/dependencies-first.ts";
import type { ImportOutcome } from "../tables/import-records.ts";
import { MANIFEST_FILE, type ExportManifest } from "./export-data.ts";
import type { ImportLine, ImportTarget } from "./import-rows.ts";

export interface ImportOptions {
  /** A folder with `TABLE.ndjson` files, or one such file. */
  readonly source: string;
  readonly catalog: Catalog;
  readonly target: ImportTarget;
  /** Of records that are there and differ; else they are refused. */
  readonly replace: boolean;
  /** Of one line, as it stands in a request. */
  readonly lineBytesMax: number;
  /** How many problems are listed. */
  readonly problemsMax: number;
  onProgress(lines: number): void;
}

export type ImportCounts = { readonly [Outcome in Exclude<ImportOutcome, "deferred">]: number };

interface PlacedLine extends ImportLine {
  /** `Product.ndjson:17`. */
  readonly place: string;
}

const LINES_AT_ONCE = 500;
const BYTES_AT_ONCE = 500_000;

/** Throws USAGE, VALIDATION_FAILED with every wrong line, or what a line met while it was written, with its place. */
export async function importData(options: ImportOptions): Promise<ImportCounts> {
  const files = filesOf(options);
  await checkAll(options, files);
  const writing = new Writing(options);
  try {
    for (const file of files) for (const lines of batches(linesOf(file, options))) await writing.write(lines);
    await writing.writeDeferred();
  } finally {
    writing.close();
  }
  const manifest = join(options.source, MANIFEST_FILE);
  if (existsSync(manifest)) await options.target.reach(readManifest(manifest).sequences);
  return writing.counts;
}

interface ImportFile { readonly path: string; readonly table: string }

/** Tables before those that refer to them, so that little has to wait. */
function filesOf({ source, catalog }: ImportOptions): ImportFile[] {
  if (!existsSync(source)) throw fault("USAGE", `There is no ${source}.`);
  const paths = statSync(source).isDirectory() ? readdirSync(source).filter((name) => name.endsWith(".ndjson")).map((name) => join(source, name)) : [source];
  if (paths.length === 0) throw fault("USAGE", `${source} has no .ndjson files.`, { fix: "Name a folder that ambit export wrote, or a file TABLE.ndjson." });
  const files = new Map(paths.map((path) => [basename(path, ".ndjson"), path]));
  for (const name of files.keys()) {
    if (catalog.tables.has(name)) continue;
    const meant = didYouMean(name, [...catalog.tables.keys()]);
    throw fault("USAGE", `${files.get(name)!} is named for a table ${name}, which there is not.${meant === null ? "" : ` Did you mean ${meant}?`}`, { fix: "Name each file for its table: Product.ndjson." });
  }
  const parents = (name: string): string[] => [...catalog.tables.get(name)!.fields.values()].flatMap(({ relation }) => (relation?.kind === "one" && files.has(relation.table) ? [relation.table] : []));
  return dependenciesFirst([...files.keys()].sort(), parents).map((table) => ({ table, path: files.get(table)! }));
}

async function checkAll(options: ImportOptions, files: readonly ImportFile[]): Promise<void> {
  const wrong: { [name: string]: Json }[] = [];
  for (const file of files) {
    for (const lines of batches(linesOf(file, options))) {
      const problems = await options.target.check(lines);
      problems.forEach((problem, index) => { if (problem !== null) wrong.push({ where: lines[index]!.place, ...problem }); });
      if (wrong.length >= options.problemsMax) throw wrongLines(wrong.slice(0, options.problemsMax), "or more ");
    }
  }
  if (wrong.length > 0) throw wrongLines(wrong, "");
}

function wrongLines(wrong: { [name: string]: Json }[], more: string): AmbitError {
  const message = `${wrong.length} ${more}lines cannot be taken; nothing was written. ${String(wrong[0]!["where"])}: ${String(wrong[0]!["message"])}`;
  return fault("VALIDATION_FAILED", message, { details: wrong, fix: "Correct the lines named in details." });
}

class Writing {
  readonly counts: { -readonly [Outcome in keyof ImportCounts]: number } = { created: 0, replaced: 0, unchanged: 0 };
  readonly #options: ImportOptions;
  /** What refers to records that are not there yet, on disk where it is much. */
  readonly #later = new Database("");
  #lines = 0;

  constructor(options: ImportOptions) {
    this.#options = options;
    this.#later.run(`CREATE TABLE later (number INTEGER PRIMARY KEY, "table" TEXT, text TEXT, place TEXT)`);
  }

  async write(lines: readonly PlacedLine[]): Promise<void> {
    const deferred = await this.#step(lines);
    const insert = this.#later.query(`INSERT INTO later ("table", text, place) VALUES (?1, ?2, ?3)`);
    this.#later.transaction(() => { for (const { table, text, place } of deferred) insert.run(table, text, place); })();
  }

  /** Again and again, there and back, as long as something finds what it refers to. */
  async writeDeferred(): Promise<void> {
    for (let descending = true; ; descending = !descending) {
      const before = this.#waiting();
      if (before === 0) return;
      for (const lines of batches(this.#deferredLines(descending))) {
        const left = new Set((await this.#step(lines)).map(({ place }) => place));
        const remove = this.#later.query("DELETE FROM later WHERE place = ?1");
        this.#later.transaction(() => { for (const { place } of lines) if (!left.has(place)) remove.run(place); })();
      }
      if (this.#waiting() === before) throw this.#unresolved(before);
    }
  }

  close(): void {
    this.#later.close();
  }

  /** Answers those that are deferred. */
  async #step(lines: readonly PlacedLine[]): Promise<readonly PlacedLine[]> {
    let outcomes: readonly ImportOutcome[];
    try {
      outcomes = await this.#options.target.write(lines, this.#options.replace);
    } catch (error) {
      if (!(error instanceof AmbitError) || lines.length === 1) throw placed(error, lines[0]!);
      // Which of them it was: those before it are written.
      const left: PlacedLine[] = [];
      for (const line of lines) left.push(...await this.#step([line]));
      return left;
    }
    const deferred: PlacedLine[] = [];
    outcomes.forEach((outcome, index) => {
      if (outcome === "deferred") deferred.push(lines[index]!);
      else this.counts[outcome] += 1;
    });
    this.#lines += lines.length - deferred.length;
    this.#options.onProgress(this.#lines);
    return deferred;
  }

  #waiting(): number {
    return (this.#later.query("SELECT count(*) AS count FROM later").get() as { count: number }).count;
  }

  *#deferredLines(descending: boolean): Generator<PlacedLine> {
    let last = descending ? Number.MAX_SAFE_INTEGER : 0;
    const page = this.#later.query<PlacedLine & { number: number }, [number]>(`SELECT * FROM later WHERE number ${descending ? "<" : ">"} ?1 ORDER BY number ${descending ? "DESC" : "ASC"} LIMIT ${LINES_AT_ONCE}`);
    for (let rows = page.all(last); rows.length > 0; rows = page.all(last)) {
      yield* rows;
      last = rows.at(-1)!.number;
    }
  }

  #unresolved(count: number): AmbitError {
    const places = this.#later.query<{ place: string }, []>(`SELECT place FROM later ORDER BY number LIMIT ${this.#options.problemsMax}`).all().map(({ place }) => place);
    return fault("REFERENCE_VIOLATION", `${count} lines refer to records that are neither there nor in the files; all others are written. The first is ${places[0]!}.`, {
      details: places.map((place): Json => ({ where: place })), fix: "Add the records that they refer to, then import again.",
    });
  }
}

function placed(error: unknown, { place }: PlacedLine): unknown {
  if (!(error instanceof AmbitError)) return error;
  return new AmbitError(error.status, error.code, `${place}: ${error.message} The lines before it are written.`, { ...error.extras, where: place });
}

function* batches(lines: Iterable<PlacedLine>): Generator<PlacedLine[]> {
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

const CHUNK_BYTES = 262_144;

/** A line that is longer than one request may be is refused, so that memory stays bounded. */
function* linesOf({ path, table }: ImportFile, { lineBytesMax }: ImportOptions): Generator<PlacedLine> {
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
      if (rest.length > lineBytesMax) throw tooLong(path, number + pieces.length + 1);
      for (const text of pieces) {
        number += 1;
        if (bytesOf(text) > lineBytesMax) throw tooLong(path, number);
        if (text.trim() !== "") yield { table, text, place: `${basename(path)}:${number}` };
      }
    }
  } finally {
    closeSync(descriptor);
  }
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

function readManifest(path: string): ExportManifest {
  try {
    const manifest = JSON.parse(readFileSync(path, "utf8")) as ExportManifest;
    if (manifest.ambitExport === 1 && Array.isArray(manifest.sequences)) return manifest;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw fault("USAGE", `${path} is not what ambit export writes.`, { fix: "Remove it; the records can be imported without." });
}
