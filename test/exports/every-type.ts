// An app with every type, list, reference and index, and random awkward records of it in a data file: what an export has to carry.
import { mkdirSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import type { RecordValues, Value } from "../../src/base/value.ts";
import { appendEntry } from "../../src/changes/log.ts";
import { compileCatalogExpressions } from "../../src/expression/compile-catalog.ts";
import type { ExpressionBook } from "../../src/expression/expression-book.ts";
import type { Catalog, Field, TypeRef } from "../../src/schema/catalog.ts";
import { compileSchema } from "../../src/schema/compile-schema.ts";
import { storedFields } from "../../src/storage/column.ts";
import { openStorage } from "../../src/storage/open-storage.ts";
import { recordCodec } from "../../src/storage/record-codec.ts";
import type { Dice } from "../fuzz/dice.ts";
import { randomScalar } from "../fuzz/random-values.ts";

const scalars = ["String", "Int", "Long", "Float", "Boolean", "DateTime", "Date", "Duration", "Decimal", "Bytes", "JSON", "Money"] as const;
const LONG_NAME = "aVeryLongNameThatGoesOnAndOnUntilPostgreSQLWouldCutItOffSomewhere";

export const exportSchema = `
enum Color { RED GREEN }
type Spot { lat: Float! lon: Float! name: String count: Long inner: Inner }
type Inner { at: DateTime exact: Decimal }

"""Everything there is, it's "all"."""
type Every @table(name: "every_thing", open: true) @export @allow(to: ["public"], do: [READ])
  @indexed(fields: ["color", "money"]) @search(fields: ["text"])
{
  id: ID! @primaryKey
  parentId: ID
  parent: Every @relationship(from: "parentId", onDelete: SET_NULL)
  ownerNumber: Long!
  owner: Owner! @relationship(from: "ownerNumber", onDelete: CASCADE)
  color: Color
  colors: [Color!]
  spot: Spot @indexed(type: GEO)
  spots: [Spot!]
  text: String! @indexed(type: TEXT) @indexed
  mail: String @indexed(unique: true, fold: true)
  vector: Vector @indexed(type: VECTOR, dimensions: 3)
  needed: Decimal! @indexed
  size: Int! @computed(rule: "size(record.text) + 1", stored: true)
  twice: Int @computed(rule: "record.size * 2")
  secret: String @internal
  ${scalars.map((type) => `"""One ${type}."""\n  ${type.toLowerCase()}: ${type}${type === "Money" ? " @currency(code: \"EUR\")" : ""}\n  ${type.toLowerCase()}List: [${type}]${type === "Money" ? " @currency(code: \"EUR\")" : ""}`).join("\n  ")}
  ${LONG_NAME}One: String
  ${LONG_NAME}Two: String
}

type Owner @table @check(rule: "record.number != 0") { number: Long! @primaryKey favouriteId: ID favourite: Every @relationship(from: "favouriteId") order: Int @indexed(unique: true) }
type Guest @table(expiration: "P1D") { id: Int! @primaryKey name: String! }
`;

export const compiledExport = (): { readonly catalog: Catalog; readonly book: ExpressionBook } => {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: exportSchema });
  const { book, diagnostics: more } = compileCatalogExpressions(catalog);
  const errors = [...diagnostics, ...more].filter(({ severity }) => severity === "error");
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join("\n"));
  return { catalog, book };
};

const awkward = ["\\N", "\\.", "a\tb\nc\rd", "\\", "'; DROP TABLE x; --", "\"", "{a,\"b\"}", "\u{1f600}\u2028", "NULL", "\u0001\u007f", "\\x00", "$$"];
const instants = ["0000-01-01T00:00:00.000Z", "0001-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z", "1582-10-10T12:00:00.001Z"];
const days = ["0000-02-29", "0001-01-01", "9999-12-31", "1582-10-10"];
const spans = ["-P1DT2H3M4.567S", "P104249991DT8H59M0.991S", "-P104249991DT8H59M0.991S", "-PT0.001S"];
const decimals = ["123456789012345678901234567890123456789012345678901234567890.1234567890123456789012345678901234567890", "-0.0000000000000000000000000000001"];

export type Records = ReadonlyMap<string, readonly RecordValues[]>;

/** Records of every table by its name, written to a new data directory. Guest 1 has expired. */
export async function writeRecords(directory: string, count: number, dice: Dice): Promise<Records> {
  const { catalog, book } = compiledExport();
  const records = randomRecords(catalog, count, dice);
  mkdirSync(directory, { recursive: true });
  const storage = openStorage({ directory, limits: defaultLimits, clock: systemClock(), onFatal: (error) => { throw error; } });
  storage.prepareCatalog(catalog, book);
  await storage.commit((connection) => {
    const position = appendEntry(connection, { time: "2026-01-01T00:00:00.000Z", actor: null, requestId: "r", changes: [] });
    connection.execute("PRAGMA defer_foreign_keys = ON");
    for (const [name, rows] of records) {
      const codec = recordCodec(catalog.tables.get(name)!, catalog);
      for (const row of rows) connection.run(codec.insertSql, ...codec.encode(row, position, name !== "Guest" ? null : row["id"] === 1 ? "2020-01-01T00:00:00.000Z" : "2999-01-01T00:00:00.000Z"));
    }
    connection.run(`INSERT INTO "$sequence" ("name", "scope", "next") VALUES ('Owner', '', 9007199254740995)`);
  });
  await storage.close();
  return new Map([...records].map(([name, rows]) => [name, rows.filter((row) => name !== "Guest" || row["id"] !== 1)]));
}

function randomRecords(catalog: Catalog, count: number, dice: Dice): Map<string, RecordValues[]> {
  const owners = Array.from({ length: 5 }, (_, index) => ({ number: 9_007_199_254_740_990n + BigInt(index), favouriteId: dice.chance(0.5) ? `e${dice.below(count)}` : null, order: dice.chance(0.5) ? index : null }));
  const every = Array.from({ length: count }, (_, index) => {
    const record: { [field: string]: Value } = {};
    for (const field of storedFields(catalog.tables.get("Every")!)) record[field.name] = dice.chance(0.2) && !field.type.required ? null : valueOf(field, dice);
    const own = {
      id: `e${index}`, parentId: dice.chance(0.5) ? `e${dice.below(count)}` : null, ownerNumber: dice.pick(owners).number,
      mail: dice.chance(0.3) ? null : `${dice.pick(["\u00df", "SS", "\u0130", "I", "K"])}${index}`,
    };
    return { ...record, ...own, size: [...(record["text"] as string)].length + 1, ...(dice.chance(0.5) ? { extra: randomScalar("JSON", dice), "odd \"name": "it's" } : {}) };
  });
  return new Map<string, RecordValues[]>([["Every", every], ["Owner", owners], ["Guest", [1, 2].map((id) => ({ id, name: `guest ${id}` }))]]);
}

function valueOf({ type }: Field, dice: Dice): Value {
  if (!type.list) return itemOf(type, dice);
  return Array.from({ length: dice.below(4) }, () => (!type.itemRequired && dice.chance(0.2) ? null : itemOf(type, dice)));
}

function itemOf(type: TypeRef, dice: Dice): Value {
  if (type.kind === "enum") return dice.pick(["RED", "GREEN"]);
  if (type.kind === "object") {
    const inner = dice.chance(0.5) ? null : { at: dice.pick(instants), exact: dice.pick(decimals) };
    return { lat: 52.5, lon: dice.pick([13.4, -179.999, 0.1]), name: dice.pick([null, ...awkward]), count: dice.pick([null, 9_223_372_036_854_775_807n]), inner };
  }
  const extreme: Readonly<Record<string, readonly Value[]>> = { String: awkward, DateTime: instants, Date: days, Duration: spans, Decimal: decimals, Float: [5e-324, 1.7976931348623157e308, 0.1 + 0.2], JSON: awkward };
  const pool = extreme[type.name];
  return pool !== undefined && dice.chance(0.4) ? dice.pick(pool) : randomScalar(type.name, dice);
}
