// Which lines refer to records that are neither in the files nor there: known before anything is written. Kept on disk where it is much.
import { Database, type Statement } from "bun:sqlite";
import type { Catalog } from "../schema/catalog.ts";
import { LINES_AT_ONCE, type PlacedLine } from "./import-lines.ts";
import type { ImportTarget, RecordKey } from "./import-rows.ts";

interface Reference extends RecordKey { readonly place: string }

export class ReferenceBook {
  readonly #catalog: Catalog;
  readonly #database = new Database("");
  readonly #addKey: Statement;
  readonly #addReference: Statement;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
    this.#database.run(`CREATE TABLE key ("table" TEXT, id TEXT, PRIMARY KEY ("table", id)) WITHOUT ROWID`);
    this.#database.run(`CREATE TABLE reference ("table" TEXT, id TEXT, place TEXT, PRIMARY KEY ("table", id)) WITHOUT ROWID`);
    this.#addKey = this.#database.query("INSERT OR IGNORE INTO key VALUES (?1, ?2)");
    this.#addReference = this.#database.query("INSERT OR IGNORE INTO reference VALUES (?1, ?2, ?3)");
  }

  /** Lines that were found to be right by themselves. */
  add(lines: readonly PlacedLine[]): void {
    this.#database.transaction(() => { for (const line of lines) this.#addLine(line); })();
  }

  /** Of each record that is nowhere, the first line that refers to it; at most `most`. */
  async unresolved(target: ImportTarget, most: number): Promise<readonly Reference[]> {
    const page = this.#database.query<Reference, [string, string]>(`SELECT * FROM reference WHERE ("table", id) > (?1, ?2)
      AND NOT EXISTS (SELECT 1 FROM key WHERE key."table" = reference."table" AND key.id = reference.id) ORDER BY "table", id LIMIT ${LINES_AT_ONCE}`);
    const found: Reference[] = [];
    for (let rows = page.all("", ""); rows.length > 0; rows = page.all(rows.at(-1)!.table, rows.at(-1)!.id)) {
      const missing = new Set((await target.missing(rows.map(({ table, id }) => ({ table, id })))).map(({ table, id }) => `${table} ${id}`));
      found.push(...rows.filter(({ table, id }) => missing.has(`${table} ${id}`)));
      if (found.length >= most) break;
    }
    return found.slice(0, most);
  }

  close(): void {
    this.#database.close();
  }

  #addLine({ table, text, place }: PlacedLine): void {
    const { fields, primaryKey } = this.#catalog.tables.get(table)!;
    const record = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const key = idText(record[primaryKey]);
    if (key !== null) this.#addKey.run(table, key);
    for (const { relation } of fields.values()) {
      const id = relation?.kind === "one" ? idText(record[relation.from]) : null;
      if (id !== null) this.#addReference.run(relation!.table, id, place);
    }
  }
}

/** Integers may come as numbers or as text. */
function idText(value: unknown): string | null {
  return typeof value === "string" || typeof value === "number" ? String(value) : null;
}
