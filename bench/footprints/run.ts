// bench/footprints: what a commit costs where 100,000 footprints are kept: one change of a record, held against all of them.
// Prints microseconds for footprints by key, by interval and by both, for some that say nothing of single fields, and what each takes in memory.
import { heapStats } from "bun:jsc";
import { compileCatalogExpressions } from "../../src/expression/compile-catalog.ts";
import { FootprintIndex } from "../../src/query/footprint-index.ts";
import { footprintsOf } from "../../src/query/footprint-plan.ts";
import { keyFootprint, type TouchingChange } from "../../src/query/footprint.ts";
import { OpenOperands } from "../../src/query/open-operand.ts";
import { openParameters } from "../../src/query/query-shape.ts";
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

/** With the values of its comparisons left open, as a server has it. */
function parse(query: string): ReturnType<typeof parseRestQuery> {
  const operands = new OpenOperands(catalog);
  return parseRestQuery(openParameters(query, operands), { table, scope, limits: defaultLimits, now });
}

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

/** Of `query`, and what a change costs that moves a price. */
function indexOf(query: (number: number) => string): { readonly index: FootprintIndex<number>; readonly bytesEach: number; readonly addedEach: number } {
  Bun.gc(true);
  const before = heapStats().heapSize;
  const start = performance.now();
  const index = new FootprintIndex<number>(book);
  const { plan } = parse(query(0));
  for (let number = 0; number < FOOTPRINTS; number++) {
    const values = [...new URLSearchParams(query(number)).values()].slice(0, -1).map((text) => Number(text.split(".")[1]));
    index.add(number, footprintsOf(plan, { environment: { ...environment, variables: { values } }, rows: 20, lastKeys: null }, { book }).footprints);
  }
  const addedEach = (performance.now() - start) * 1_000 / FOOTPRINTS;
  Bun.gc(true);
  return { index, addedEach, bytesEach: (heapStats().heapSize - before) / FOOTPRINTS };
}

const ranges = {
  "by interval of a price": (number: number) => `price=gte.${number}&price=lt.${number + 5}&select=id,title,price`,
  "by key and interval": (number: number) => `category=eq.${number % 20}&price=gte.${number}&price=lt.${number + 100}&select=id,title,price`,
  "by two keys, the first of which few tell apart": (number: number) => `category=eq.${number % 20}&sold=eq.${number}&select=id,title,price`,
};
const moved = Array.from({ length: CHANGES / 10 }, (_, number): TouchingChange => {
  const record = { id: String(number), owner: "u1", category: number % 20, price: (number * 37) % FOOTPRINTS, title: "Item", sold: (number * 20 + number % 20) % FOOTPRINTS };
  return { table: "Item", old: record, new: { ...record, price: record.price + 1, sold: record.sold } };
});

const results = [
  [`a change of one record, ${FOOTPRINTS} footprints by key, some touched`, microseconds(keyed, touching)],
  [`a change of one record, ${FOOTPRINTS} footprints by key, none touched`, microseconds(keyed, missing)],
  [`a change of one record, ${BROAD} footprints without a key`, microseconds(broad, touching.slice(0, 20_000))],
] as const;
for (const [name, query] of Object.entries(ranges)) {
  const { index, bytesEach, addedEach } = indexOf(query);
  const { each, found } = microseconds(index, moved);
  console.log(`a change of one record, ${FOOTPRINTS} footprints ${name}: ${each.toFixed(2)} microseconds (${(found / moved.length).toFixed(1)} touched each); added in ${addedEach.toFixed(1)}, ${Math.round(bytesEach)} bytes each`);
}
for (const [name, { each, found }] of results) console.log(`${name}: ${each.toFixed(2)} microseconds (${found} touched)`);
