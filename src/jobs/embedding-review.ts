// Looks through all records of a field whose model, sources or table have changed since that was last done, or that was never: vectors of another
// model go, since they cannot be compared, and what has no vector of its present text is to be made. Page by page, beside everything else.
import { createHash } from "node:crypto";
import { dateTimeOf, millisecondsOf } from "../base/date-time.ts";
import type { RecordValues, SqlValue } from "../base/value.ts";
import type { Catalog } from "../schema/catalog.ts";
import { catalogShape, type CatalogShape } from "../storage/catalog-shape.ts";
import { quoted } from "../storage/column.ts";
import type { Connection } from "../storage/connection.ts";
import { dropEmbedding, embeddingMark, findEmbedding, markEmbedded, queueEmbedding } from "../storage/embedding-rows.ts";
import { embeddedText } from "../tables/embedded-text.ts";
import type { WriteSession } from "../tables/write-session.ts";
import { keyText } from "./embedded-place.ts";
import { RUNTIME, sourceOf, type Filling } from "./embedding-batch.ts";

const PAGE_ROWS = 200;

/** False: there was nothing to look at. Stops in between where the signal says so, and begins anew then. */
export async function lookThrough(filling: Filling): Promise<boolean> {
  const { storage, tables, embedded, signal } = filling;
  const mark = markOf(filling);
  if (embeddingMark(storage.reader, embedded.place) === mark) return false;
  let after: SqlValue | null = null;
  for (let hasMore = true; hasMore;) {
    const page = pageAfter(filling, after);
    const wrong = page.filter(({ values }) => verdictOf(storage.reader, filling, values) !== "right");
    if (wrong.length > 0) await tables.commit((session) => { for (const { values } of wrong) putRight(session, filling, values); }, RUNTIME);
    if (signal.aborted) return true;
    after = page.at(-1)?.key ?? null;
    hasMore = page.length === PAGE_ROWS;
  }
  await storage.commit((connection) => markEmbedded(connection, embedded.place, mark));
  return true;
}

interface Row { readonly key: SqlValue; readonly values: RecordValues }

function pageAfter({ storage, embedded: { codec, table } }: Filling, after: SqlValue | null): Row[] {
  const key = quoted(table.primaryKey);
  return storage.reader.query(`SELECT ${codec.columns} FROM ${quoted(table.sqlName)} WHERE ?1 IS NULL OR ${key} > ?1 ORDER BY ${key} LIMIT ?2`).values(after, PAGE_ROWS).map((columns) => {
    const { values } = codec.decode(columns);
    return { key: codec.key(values[table.primaryKey]!), values };
  });
}

/** empty: it has no text, but something was made of one. other: its vector is of another model. changed: of another text, or none. */
type Verdict = "right" | "empty" | "other" | "changed";

function verdictOf(connection: Connection, { embedded, model, book, clock }: Filling, values: RecordValues): Verdict {
  const text = embeddedText(embedded, values, dateTimeOf(clock.now()), book);
  const made = findEmbedding(connection, embedded.place, keyText(embedded, values[embedded.table.primaryKey]!));
  const isThere = (values[embedded.field] ?? null) !== null;
  if (text === null) return isThere || made !== null ? "empty" : "right";
  if (made === null || made.model !== model.identity) return "other";
  return isThere && made.source === sourceOf(text) ? "right" : "changed";
}

/** As the record is by now. */
function putRight(session: WriteSession, filling: Filling, { [filling.embedded.table.primaryKey]: id = null }: RecordValues): void {
  const { embedded } = filling;
  const { place } = embedded;
  const stored = session.get(place.table, id);
  if (stored === null) return;
  const verdict = verdictOf(session.connection, filling, stored.values);
  if (verdict === "right") return;
  if (verdict !== "changed") session.fillVector({ ...place, id }, null);
  if (verdict === "empty") dropEmbedding(session.connection, place, keyText(embedded, id));
  else queueEmbedding(session.connection, place, keyText(embedded, id), millisecondsOf(session.now));
}

const shapes = new WeakMap<Catalog, CatalogShape>();

/** The same as long as looking again would find nothing. */
function markOf({ catalog, embedded: { table, from }, model }: Filling): string {
  let shape = shapes.get(catalog);
  if (shape === undefined) shapes.set(catalog, shape = catalogShape(catalog));
  const own = shape.tables.find(({ name }) => name === table.name);
  return createHash("sha256").update(JSON.stringify([model.identity, from, table.secretWhere?.source ?? null, own])).digest("hex").slice(0, 32);
}
