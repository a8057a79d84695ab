// bench/footprints: what a commit costs where 100,000 footprints are kept: one change by key, held against all of them.
// Prints microseconds for a change that touches one, that touches none, and for one held against footprints without a key.
import { compileCatalogExpressions } from "../../src/expression/compile-catalog.ts";
import { FootprintIndex } from "../../src/query/footprint-index.ts";
import { footprintsOf } from "../../src/query/footprint-plan.ts";
import { keyFootprint, type TouchingChange } from "../../src/query/footprint.ts";
import { parseRestQuery } from "../../src/query/rest-query.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import { compileSchema } from "../../src/schema/compile-schema.ts";

const FOOTPRINTS = 100_000;
const CHANGES = 200_000;
const BROAD = 200;
const ROUNDS = 5;
const now = "2026-06-01T00:00:00.000Z";

const { catalog } = compileSchema({
  file: "schema.graphql", text: "type Item @table { id: ID! @primaryKey owner: String! @indexed category: Int! @indexed price: Int! title: String! sold: Int! }",
});
const { book } = compileCatalogExpressions(catalog);
const table = catalog.tables.get("Item")!;
const environment = { rows: {}, variables: {}, now, source: null };

const scope = { catalog, fields: () => table.fields, readable: () => true };
const footprintsFor = (query: string): ReturnType<typeof footprintsOf>["footprints"] =>
  footprintsOf(parseRestQuery([...new URLSearchParams(query)], { table, scope, limits: defaultLimits, now }).plan, { environment, rows: 20, lastKeys: null }, { book }).footprints;

/** A third each: one record, a list of one owner, a page of one category. */
function keyedIndex(): FootprintIndex<number> {
  const index = new FootprintIndex<number>(book);
  for (let number = 0; number < FOOTPRINTS; number++) {
    if (number % 3 === 0) index.add(number, [keyFootprint(table, String(number))]);
    else index.add(number, footprintsFor(number % 3 === 1 ? `owner=eq.u${number}&order=price` : `category=eq.${number}&price=lt.500&select=id,title`));
  }
  return index;
}

function change(number: number): TouchingChange {
  const record = { id: String(number), owner: `u${number + 1}`, category: number + 2, price: 100, title: `Item ${number}`, sold: number };
  return { table: "Item", old: record, new: { ...record, sold: number + 1 } };
}

function microseconds(index: FootprintIndex<number>, changes: readonly TouchingChange[]): { each: number; found: number } {
  let best = Number.POSITIVE_INFINITY;
  let found = 0;
  for (let round = 0; round < ROUNDS; round++) {
    found = 0;
    const start = performance.now();
    for (const one of changes) found += index.touched([one]).size;
    best = Math.min(best, (performance.now() - start) * 1_000 / changes.length);
  }
  return { each: best, found };
}

const keyed = keyedIndex();
const touching = Array.from({ length: CHANGES }, (_, number) => change((number * 7) % FOOTPRINTS - (number * 7) % FOOTPRINTS % 3));
const missing = Array.from({ length: CHANGES }, (_, number) => change(FOOTPRINTS * 2 + number));
const broad = new FootprintIndex<number>(book);
for (let number = 0; number < BROAD; number++) broad.add(number, footprintsFor(`price=lt.${number}&title=like.*x*&select=id,title`));

const results = [
  [`a change of one record, ${FOOTPRINTS} footprints by key, some touched`, microseconds(keyed, touching)],
  [`a change of one record, ${FOOTPRINTS} footprints by key, none touched`, microseconds(keyed, missing)],
  [`a change of one record, ${BROAD} footprints without a key`, microseconds(broad, touching.slice(0, 20_000))],
] as const;
for (const [name, { each, found }] of results) console.log(`${name}: ${each.toFixed(2)} microseconds (${found} touched)`);
