// `ambit import`: NDJSON files, one for each table, in any order, of any size. First every line is looked at, and nothing is written if one
// is wrong; then they are written in commits of bounded size. What was interrupted goes on when it is run again.
import { Database } from "bun:sqlite";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AmbitError, fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { ImportOutcome } from "../tables/import-records.ts";
import { MANIFEST_FILE, type ExportManifest } from "./export-data.ts";
import { batches, filesOf, type ImportFile, LINES_AT_ONCE, linesOf, type PlacedLine } from "./import-lines.ts";
import { ReferenceBook } from "./import-references.ts";
import type { ImportTarget } from "./import-rows.ts";

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
  onProgress(text: string): void;
}

export interface ImportCounts {
  readonly created: number;
  /** Also those that only got a reference which they did not have. */
  readonly replaced: number;
  readonly unchanged: number;
}

/**
 * Throws USAGE, VALIDATION_FAILED or REFERENCE_VIOLATION with every wrong line before anything is written; or, with its place,
 * what a line met while it was written.
 */
export async function importData(options: ImportOptions): Promise<ImportCounts> {
  const files = filesOf(options.source, options.catalog);
  const manifest = readManifest(join(options.source, MANIFEST_FILE));
  await checkAll(options, files);
  const writing = new Writing(options);
  try {
    for (const file of files) for (const lines of batches(linesOf(file, options.lineBytesMax))) await writing.write(lines);
    await writing.writeDeferred();
  } finally {
    writing.close();
  }
  if (manifest !== null) await options.target.reach(manifest.sequences);
  return writing.counts;
}

async function checkAll({ target, catalog, problemsMax, lineBytesMax, onProgress }: ImportOptions, files: readonly ImportFile[]): Promise<void> {
  const wrong: { [name: string]: Json }[] = [];
  const references = new ReferenceBook(catalog);
  let count = 0;
  try {
    for (const file of files) {
      for (const lines of batches(linesOf(file, lineBytesMax))) {
        const problems = await target.check(lines);
        problems.forEach((problem, index) => { if (problem !== null) wrong.push({ where: lines[index]!.place, ...problem }); });
        if (wrong.length >= problemsMax) throw wrongLines(wrong.slice(0, problemsMax), "or more ");
        if (wrong.length === 0) references.add(lines);
        onProgress(`${count += lines.length} lines looked at`);
      }
    }
    if (wrong.length > 0) throw wrongLines(wrong, "");
    const unresolved = await references.unresolved(target, problemsMax);
    if (unresolved.length > 0) throw nowhere(unresolved);
  } finally {
    references.close();
  }
}

function wrongLines(wrong: { [name: string]: Json }[], more: string): AmbitError {
  const message = `${wrong.length} ${more}lines cannot be taken; nothing was written. ${String(wrong[0]!["where"])}: ${String(wrong[0]!["message"])}`;
  return fault("VALIDATION_FAILED", message, { details: wrong, fix: "Correct the lines named in details." });
}

function nowhere(references: readonly { readonly table: string; readonly id: string; readonly place: string }[]): AmbitError {
  const [first] = references as [(typeof references)[number]];
  return fault("REFERENCE_VIOLATION", `${first.place} refers to a record of ${first.table} that is neither there nor in the files; nothing was written.`, {
    where: first.place, details: references.map(({ table, id, place }): Json => ({ where: place, table, id })), fix: "Add the records named in details, or correct the references.",
  });
}

/** Where a pass over what waits brings less than this part of it, what is left hangs together too closely. */
const LITTLE = 0.1;

/** For a record that it refers to, or for one that it was written without. */
type Waiting = "parents" | "completion";

class Writing {
  readonly counts: { -readonly [Outcome in keyof ImportCounts]: number } = { created: 0, replaced: 0, unchanged: 0 };
  readonly #options: ImportOptions;
  /** On disk where it is much. */
  readonly #later = new Database("");
  #lines = 0;

  constructor(options: ImportOptions) {
    this.#options = options;
    this.#later.run(`CREATE TABLE later (number INTEGER PRIMARY KEY, "table" TEXT, text TEXT, place TEXT, waits TEXT)`);
    this.#later.run("CREATE INDEX by_wait ON later (waits, number)");
  }

  async write(lines: readonly PlacedLine[]): Promise<void> {
    const outcomes = await this.#step(lines, false);
    const insert = this.#later.query(`INSERT INTO later ("table", text, place, waits) VALUES (?1, ?2, ?3, 'parents')`);
    this.#later.transaction(() => {
      lines.forEach(({ table, text, place }, index) => { if (outcomes[index] === "deferred") insert.run(table, text, place); });
    })();
  }

  /** Again and again, there and back, as long as something finds what it refers to; circles first without what is optional in them. */
  async writeDeferred(): Promise<void> {
    let loosen = false;
    for (let descending = true; this.#count("parents") > 0; descending = !descending) {
      const before = this.#count("parents");
      await this.#pass("parents", { descending, loosen });
      const moved = before - this.#count("parents");
      if (moved === 0 && loosen) throw this.#stuck();
      loosen = moved < before * LITTLE;
    }
    await this.#pass("completion", { descending: false, loosen: false });
    if (this.#count("completion") > 0) throw this.#stuck();
  }

  close(): void {
    this.#later.close();
  }

  async #pass(waits: Waiting, { descending, loosen }: { readonly descending: boolean; readonly loosen: boolean }): Promise<void> {
    const settle = this.#later.query("DELETE FROM later WHERE number = ?1");
    const loosened = this.#later.query("UPDATE later SET waits = 'completion' WHERE number = ?1");
    for (const lines of batches(this.#waiting(waits, descending)) as Iterable<WaitingLine[]>) {
      const outcomes = await this.#step(lines, loosen);
      this.#later.transaction(() => {
        lines.forEach(({ number }, index) => {
          if (outcomes[index] === "loosened") loosened.run(number);
          else if (outcomes[index] !== "deferred") settle.run(number);
        });
      })();
    }
  }

  async #step(lines: readonly (PlacedLine | WaitingLine)[], loosen: boolean): Promise<readonly ImportOutcome[]> {
    let outcomes: readonly ImportOutcome[];
    try {
      outcomes = await this.#options.target.write(lines.map(({ table, text }) => ({ table, text })), { replace: this.#options.replace, loosen });
    } catch (error) {
      if (!(error instanceof AmbitError) || lines.length === 1) throw placed(error, lines[0]!);
      // Which of them it was: those before it are written.
      const alone: ImportOutcome[] = [];
      for (const line of lines) alone.push(...await this.#step([line], loosen));
      return alone;
    }
    outcomes.forEach((outcome, index) => this.#tell(outcome, lines[index]!));
    this.#options.onProgress(`${this.#lines} lines written`);
    return outcomes;
  }

  #tell(outcome: ImportOutcome, line: PlacedLine | WaitingLine): void {
    if (outcome === "deferred") return;
    // One that was written without a reference has been told of already.
    if ("waits" in line && line.waits === "completion") return;
    this.#lines += 1;
    if (outcome === "loosened") this.counts.created += 1;
    else this.counts[outcome === "completed" ? "replaced" : outcome] += 1;
  }

  #count(waits: Waiting): number {
    return (this.#later.query("SELECT count(*) AS count FROM later WHERE waits = ?1").get(waits) as { count: number }).count;
  }

  *#waiting(waits: Waiting, descending: boolean): Generator<WaitingLine> {
    const page = this.#later.query<WaitingLine, [string, number]>(`SELECT * FROM later WHERE waits = ?1 AND number ${descending ? "<" : ">"} ?2 ORDER BY number ${descending ? "DESC" : "ASC"} LIMIT ${LINES_AT_ONCE}`);
    for (let rows = page.all(waits, descending ? Number.MAX_SAFE_INTEGER : 0); rows.length > 0; rows = page.all(waits, rows.at(-1)!.number)) yield* rows;
  }

  /** Records that were there when the lines were looked at have gone since; or a circle has no optional reference and more records than one step. */
  #stuck(): AmbitError {
    const places = this.#later.query<{ place: string }, []>(`SELECT place FROM later ORDER BY number LIMIT ${this.#options.problemsMax}`).all().map(({ place }) => place);
    return fault("REFERENCE_VIOLATION", `Lines refer to records that are not there, or to each other in too wide a circle; all others are written. The first is ${places[0]!}.`, {
      where: places[0]!, details: places.map((place): Json => ({ where: place })), fix: "Add the records that they refer to, then import again.",
    });
  }
}

interface WaitingLine extends PlacedLine { readonly number: number; readonly waits: Waiting }

function placed(error: unknown, { place }: PlacedLine): unknown {
  if (!(error instanceof AmbitError)) return error;
  return new AmbitError(error.status, error.code, `${place}: ${error.message} The lines before it are written.`, { ...error.extras, where: place });
}

/** Null: there is none. */
function readManifest(path: string): ExportManifest | null {
  if (!existsSync(path)) return null;
  try {
    const manifest = JSON.parse(readFileSync(path, "utf8")) as ExportManifest;
    if (manifest.ambitExport === 1 && Array.isArray(manifest.sequences)) return manifest;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw fault("USAGE", `${path} is not what ambit export writes.`, { fix: "Remove it; the records can be imported without." });
}
