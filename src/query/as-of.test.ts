import { describe, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { defaultLimits } from "../base/limits.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import type { Table } from "../schema/catalog.ts";
import { readAsOf, tablesAsked } from "./as-of.ts";
import { keyPlan } from "./key-plan.ts";
import { parseRestQuery } from "./rest-query.ts";
import { urlPairs } from "./url-pairs.ts";

const { catalog } = compileSchema({ file: "schema.graphql", text: `
type Doc @table(history: "P9D") { id: ID! @primaryKey asof: Int title: String @indexed(type: TEXT) place: Place @indexed(type: GEO) shape: Vector @indexed(type: VECTOR, dimensions: 2) folderId: ID folder: Folder @relationship(from: "folderId") tags: [Tag!]! @relationship(through: "DocTag") notes: [Note!]! @relationship(to: "docId") }
type Place { lat: Float! lon: Float! }
type Folder @table(history: "P9D") { id: ID! @primaryKey name: String docs: [Doc!]! @relationship(to: "folderId") }
type Tag @table(history: "P9D") { id: ID! @primaryKey name: String }
type DocTag @table { id: ID! @primaryKey docId: ID! doc: Doc! @relationship(from: "docId") tagId: ID! tag: Tag! @relationship(from: "tagId") }
type Note @table(trash: "P9D") { id: ID! @primaryKey docId: ID! doc: Doc! @relationship(from: "docId") }` });
const context = { table: catalog.tables.get("Doc")!, scope: { catalog, fields: (table: Table) => table.fields, readable: () => true }, limits: defaultLimits, now: "2026-02-01T00:00:00.000Z" };
const plan = (query: string) => parseRestQuery(urlPairs(query), context).plan;
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "none";
  } catch (error) {
    if (error instanceof AmbitError) return error.code;
    throw error;
  }
};

describe("what asof takes", () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ["2026-01-31T12:00:00Z", { kind: "time", time: "2026-01-31T12:00:00.000Z" }], ["2026-01-31T13:00:00.5+01:00", { kind: "time", time: "2026-01-31T12:00:00.500Z" }],
    ["0123456789ab.0.17", { kind: "position", position: "0123456789ab.0.17" }],
  ];
  for (const [text, expected] of rows) test(text, () => expect(readAsOf(text)).toEqual(expected as never));
  for (const text of ["", " ", "now", "2026-01-31", "17", "eq.17", "2026-02-30T00:00:00Z", "x".repeat(10_000), "0123456789ab.0", "\u0000"]) {
    test(JSON.stringify(text.slice(0, 30)), () => expect(codeOf(() => readAsOf(text))).toBe("MALFORMED_QUERY"));
  }
});

test("a + that the URL turned into a blank is named", () => {
  for (const [text, fix] of [["2026-01-31T13:00:00 01:00", "%2B"], ["2026-01-31 13:00:00", "asof=2027-01-31T12:00:00Z"]] as const) {
    let told: unknown;
    try { readAsOf(text); } catch (error) { told = error; }
    expect((told as AmbitError).extras.fix).toContain(fix);
  }
});

describe("which tables a query asks", () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    ["", ["Doc"]], ["select=id,folder(name)", ["Doc", "Folder"]], ["select=id,folder(docs(id))", ["Doc", "Folder"]], ["select=id,tags(name)", ["Doc", "DocTag", "Tag"]],
    ["notes=is.null", ["Doc", "Note"]], ["tags=not.is.null", ["Doc", "DocTag", "Tag"]], ["select=id,folder!inner()&folder.name=eq.x", ["Doc", "Folder"]],
  ];
  for (const [query, expected] of rows) test(query, () => expect([...tablesAsked(plan(query), catalog)].sort()).toEqual([...expected]));
});

describe("what can be asked about an earlier moment", () => {
  const moment = "asof=2026-01-31T12:00:00Z";
  const rows: readonly (readonly [string, string])[] = [
    ["", "none"], ["select=id,folder(name)", "none"], ["title=ilike.*a*", "none"], ["order=title&limit=5", "none"], ["near=1,2,300", "none"], ["select=count()", "none"], ['"asof"=eq.5', "none"],
    ["select=id,tags(name)", "NO_HISTORY"], ["select=id,notes(id)", "NO_HISTORY"], ["notes=is.null", "NO_HISTORY"],
    ["title=fts.word", "MALFORMED_QUERY"], ["similar=[1,2]", "MALFORMED_QUERY"], ["search=x", "MALFORMED_QUERY"], ["select=id,folder(name)&order=folder(name)", "MALFORMED_QUERY"],
    ["select=id,folder(name)&folder.asof=2026-01-31T12:00:00Z", "UNKNOWN_PARAMETER"], ["asof=2026-01-31T12:00:00Z", "MALFORMED_QUERY"],
  ];
  for (const [query, expected] of rows) test(query, () => expect(codeOf(() => plan(`${moment}&${query}`))).toBe(expected));

  test("one record", () => {
    const { plan: found, plain } = keyPlan("d", urlPairs(moment), context);
    expect([found.asof, plain]).toEqual([{ kind: "time", time: "2026-01-31T12:00:00.000Z" }, false]);
    expect(keyPlan("d", [], context).plan.asof).toBeUndefined();
  });
});
