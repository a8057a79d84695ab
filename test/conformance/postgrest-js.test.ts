// @supabase/postgrest-js, unchanged, against a running app: what its users know works here.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { PostgrestClient } from "@supabase/postgrest-js";
import { adminToken, keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";

const schema = `
enum Genre { JAZZ ROCK FOLK }
type Artist @table @export
  @allow(to: ["public"], do: [READ]) @allow(to: ["editor"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: Int! @primaryKey
  name: String! @indexed(unique: true)
  genre: Genre
  born: Date
  tags: [String!]
  facts: JSON
  albums: [Album!]! @relationship(to: "artistId")
}
type Album @table @export
  @allow(to: ["public"], do: [READ]) @allow(to: ["editor"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: Int! @primaryKey
  title: String! @indexed
  notes: String @indexed(type: TEXT)
  year: Int! @indexed @range(min: 1900, max: 2100)
  sold: Long! @default(value: 0)
  artistId: Int! @indexed
  artist: Artist! @relationship(from: "artistId", onDelete: CASCADE)
  labels: [Label!]! @relationship(through: "Release")
}
type Label @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["editor"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  city: String
  albums: [Album!]! @relationship(through: "Release")
}
type Release @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["editor"], do: [READ, CREATE, UPDATE, DELETE])
  @indexed(fields: ["albumId", "labelId"], unique: true) {
  id: ID! @primaryKey
  albumId: Int! @indexed
  album: Album! @relationship(from: "albumId", onDelete: CASCADE)
  labelId: ID! @indexed
  label: Label! @relationship(from: "labelId", onDelete: CASCADE)
}
type Counted { genre: Genre count: Int! }
type Endpoints {
  add(left: Int!, right: Int!): Int! @http(method: GET, path: "/add/{left}/{right}") @allow(to: ["public"])
  byGenre(genre: Genre!): [Artist!]! @http(path: "/by-genre") @allow(to: ["public"])
  total(of: [Int!]!): Int! @http(method: GET, path: "/total") @allow(to: ["public"])
}`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async add(ctx, { left, right }) { return left + right; },
  async byGenre(ctx, { genre }) { return ctx.db.Artist.find({ genre, order: { id: "asc" } }); },
  async total(ctx, { of }) { return of.reduce((sum, one) => sum + one, 0); },
});
`;

let app: StartedApp;
let db: PostgrestClient;
let reader: PostgrestClient;

beforeAll(async () => {
  app = await startTestApp({ schema, resources, config: keysFor("editor") });
  db = new PostgrestClient(app.url, { headers: { authorization: "Bearer key-editor" } });
  reader = new PostgrestClient(app.url);
});
afterAll(() => app?.stop());

const artists = [
  { id: 1, name: "Nina", genre: "JAZZ", born: "1933-02-21", tags: ["piano", "voice"], facts: { place: { town: "Tryon" }, n: 1 } },
  { id: 2, name: "Joan", genre: "FOLK", born: "1941-01-09", tags: ["voice"], facts: null },
  { id: 3, name: "Jimi", genre: "ROCK", born: "1942-11-27", tags: ["guitar"], facts: { n: 2 } },
  { id: 4, name: "Miles", genre: "JAZZ", born: null, tags: null, facts: null },
];
const albums = [
  { id: 10, title: "Pastel Blues", notes: "strange fruit and sinnerman", year: 1965, sold: "9007199254740993", artistId: 1 },
  { id: 11, title: "Little Girl Blue", notes: "the first one", year: 1959, sold: "5", artistId: 1 },
  { id: 20, title: "Blue", notes: "guitar and voice", year: 1971, sold: "7", artistId: 2 },
  { id: 30, title: "Axis: Bold, (as Love)", notes: null, year: 1967, sold: "0", artistId: 3 },
  { id: 40, title: "Kind of Blue", notes: "so what", year: 1959, sold: "1", artistId: 4 },
];

beforeEach(async () => {
  const clear = async (table: string, column: string): Promise<void> => {
    const { error } = await db.from(table).delete().not(column, "is", null);
    expect(error).toBeNull();
  };
  for (const table of ["Release", "Album", "Artist", "Label"]) await clear(table, "id");
  for (const [table, rows] of [["Artist", artists], ["Album", albums], ["Label", [{ id: "verve", city: "Paris" }, { id: "riverside", city: null }]]] as const) {
    const { error, status } = await db.from(table).insert(rows as never);
    expect([table, error, status]).toEqual([table, null, 201]);
  }
  const { error } = await db.from("Release").insert([{ id: "r1", albumId: 10, labelId: "verve" }, { id: "r2", albumId: 40, labelId: "riverside" }, { id: "r3", albumId: 10, labelId: "riverside" }] as never);
  expect(error).toBeNull();
});

describe("select", () => {
  test("all fields", async () => {
    const { data, error, status } = await reader.from("Artist").select().order("id");
    expect([error, status]).toEqual([null, 200]);
    expect(data).toEqual(artists);
  });

  test("fields, aliases, casts and JSON paths", async () => {
    const { data } = await reader.from("Artist").select("who:name, id::text, town:facts->place->>town").eq("id", 1);
    expect(data as unknown).toEqual([{ who: "Nina", id: "1", town: "Tryon" }]);
  });

  test("64-bit integers are exact", async () => {
    const { data } = await reader.from("Album").select("sold").eq("id", 10).single();
    expect(data as unknown).toEqual({ sold: "9007199254740993" });
  });

  test("embeds: to many, to one, many to many, nested, with aliases", async () => {
    const { data, error } = await reader.from("Artist").select("name, records:albums(title, labels(id))").eq("id", 1).order("year", { referencedTable: "records" }).order("id", { referencedTable: "records.labels" }).single();
    expect(error).toBeNull();
    expect(data as unknown).toEqual({ name: "Nina", records: [{ title: "Little Girl Blue", labels: [] }, { title: "Pastel Blues", labels: [{ id: "riverside" }, { id: "verve" }] }] });
    const { data: one } = await reader.from("Album").select("title, artist(name)").eq("id", 20);
    expect(one as unknown).toEqual([{ title: "Blue", artist: { name: "Joan" } }]);
  });

  test("inner embeds filter, limits and spreads", async () => {
    const { data } = await reader.from("Artist").select("name, albums!inner(title)").lt("albums.year", 1960).order("name");
    expect(data as unknown).toEqual([{ name: "Miles", albums: [{ title: "Kind of Blue" }] }, { name: "Nina", albums: [{ title: "Little Girl Blue" }] }]);
    const { data: limited } = await reader.from("Artist").select("albums(id)").eq("id", 1).order("id", { referencedTable: "albums", ascending: false }).limit(1, { referencedTable: "albums" });
    expect(limited as unknown).toEqual([{ albums: [{ id: 11 }] }]);
    const { data: spread } = await reader.from("Album").select("title, ...artist(by:name)").eq("id", 20);
    expect(spread as unknown).toEqual([{ title: "Blue", by: "Joan" }]);
  });

  test("aggregates", async () => {
    const { data, error } = await reader.from("Album").select("year, count(), top:id.max()").order("year");
    expect(error).toBeNull();
    expect(data as unknown).toEqual([{ year: 1959, count: 2, top: 40 }, { year: 1965, count: 1, top: 10 }, { year: 1967, count: 1, top: 30 }, { year: 1971, count: 1, top: 20 }]);
  });
});

describe("filters", () => {
  type Filtered = { order(column: string): PromiseLike<{ data: unknown; error: { message: string } | null }> };
  const rows: readonly (readonly [string, () => Filtered, readonly number[]])[] = [
    ["eq", () => reader.from("Album").select("id").eq("title", "Blue"), [20]],
    ["neq", () => reader.from("Album").select("id").neq("artistId", 1), [20, 30, 40]],
    ["gt and lte", () => reader.from("Album").select("id").gt("year", 1959).lte("year", 1967), [10, 30]],
    ["gte and lt", () => reader.from("Album").select("id").gte("year", 1967).lt("year", 1971), [30]],
    ["like", () => reader.from("Album").select("id").like("title", "%Blue%"), [10, 11, 20, 40]],
    ["ilike", () => reader.from("Album").select("id").ilike("title", "%BLUES"), [10]],
    ["likeAllOf", () => reader.from("Album").select("id").likeAllOf("title", ["%Blue%", "K%"]), [40]],
    ["likeAnyOf", () => reader.from("Album").select("id").likeAnyOf("title", ["P%", "K%"]), [10, 40]],
    ["ilikeAnyOf", () => reader.from("Album").select("id").ilikeAnyOf("title", ["p%", "k%"]), [10, 40]],
    ["is null", () => reader.from("Album").select("id").is("notes", null), [30]],
    ["not is null", () => reader.from("Album").select("id").not("notes", "is", null), [10, 11, 20, 40]],
    ["in", () => reader.from("Album").select("id").in("id", [10, 30, 99]), [10, 30]],
    ["in with strange text", () => reader.from("Album").select("id").in("title", ["Axis: Bold, (as Love)", "Blue"]), [20, 30]],
    ["not in", () => reader.from("Album").select("id").not("id", "in", "(10,11)"), [20, 30, 40]],
    ["enum", () => reader.from("Artist").select("id").eq("genre", "JAZZ"), [1, 4]],
    ["date", () => reader.from("Artist").select("id").lt("born", "1942-01-01"), [1, 2]],
    ["contains", () => reader.from("Artist").select("id").contains("tags", ["voice"]), [1, 2]],
    ["containedBy", () => reader.from("Artist").select("id").containedBy("tags", ["voice", "guitar"]), [2, 3]],
    ["overlaps", () => reader.from("Artist").select("id").overlaps("tags", ["piano", "guitar"]), [1, 3]],
    ["match", () => reader.from("Album").select("id").match({ year: 1959, artistId: 1 }), [11]],
    ["or", () => reader.from("Album").select("id").or("id.eq.10,and(year.gt.1970,title.like.B*)"), [10, 20]],
    ["or of an embed", () => reader.from("Artist").select("id, albums!inner(id)").or("year.eq.1971,year.eq.1967", { referencedTable: "albums" }), [2, 3]],
    ["filter", () => reader.from("Album").select("id").filter("year", "in", "(1965,1967)"), [10, 30]],
    ["JSON path", () => reader.from("Artist").select("id").eq("facts->n", 2), [3]],
    ["textSearch", () => reader.from("Album").select("id").textSearch("notes", "guitar", { type: "plain" }), [20]],
    ["textSearch, websearch", () => reader.from("Album").select("id").textSearch("notes", "guitar or sinnerman", { type: "websearch" }), [10, 20]],
    ["regular expression", () => reader.from("Album").select("id").filter("title", "match", "^K.*e$"), [40]],
    ["isDistinct", () => reader.from("Album").select("id").filter("notes", "isdistinct", "so what"), [10, 11, 20, 30]],
  ];
  for (const [name, query, ids] of rows) {
    test(name, async () => {
      const { data, error } = await query().order("id");
      expect([error, (data as { id: number }[] | null)?.map((row) => row.id)]).toEqual([null, [...ids]]);
    });
  }

  test("order, limit, range and nulls", async () => {
    const ids = async (query: PromiseLike<{ data: unknown }>): Promise<number[]> => ((await query).data as { id: number }[]).map((row) => row.id);
    expect(await ids(reader.from("Artist").select("id").order("born", { ascending: false }).order("id"))).toEqual([4, 3, 2, 1]);
    expect(await ids(reader.from("Artist").select("id").order("born", { ascending: false, nullsFirst: false }))).toEqual([3, 2, 1, 4]);
    expect(await ids(reader.from("Album").select("id").order("id").range(1, 2))).toEqual([11, 20]);
    expect(await ids(reader.from("Album").select("id").order("artist(name)", { ascending: true }).order("id").limit(2))).toEqual([30, 20]);
  });
});

describe("counts and single records", () => {
  test("count with rows, with a page, and without rows", async () => {
    expect(await reader.from("Album").select("id", { count: "exact" })).toMatchObject({ count: 5, status: 200 });
    const page = await reader.from("Album").select("id", { count: "exact" }).range(0, 1);
    expect([page.count, page.status, page.data?.length, page.error]).toEqual([5, 206, 2, null]);
    expect(await reader.from("Album").select("*", { count: "exact", head: true })).toMatchObject({ count: 5, data: null, error: null });
    for (const count of ["planned", "estimated"] as const) expect((await reader.from("Album").select("id", { count }).gt("year", 1960)).count).toBeGreaterThan(0);
  });

  test("single", async () => {
    expect((await reader.from("Album").select("title").eq("id", 20).single()).data as unknown).toEqual({ title: "Blue" });
    const none = await reader.from("Album").select("title").eq("id", 99).single();
    expect([none.status, none.data, none.error?.code, none.error?.details, none.error?.message]).toEqual([406, null, "NOT_ONE_RECORD", "The result contains 0 rows", "JSON object requested, multiple (or no) rows returned"]);
    const many = await reader.from("Album").select("title").single();
    expect([many.status, many.error?.details]).toEqual([406, "The result contains 5 rows"]);
  });

  test("maybeSingle", async () => {
    expect(await reader.from("Album").select("title").eq("id", 20).maybeSingle()).toMatchObject({ data: { title: "Blue" }, error: null });
    expect(await reader.from("Album").select("title").eq("id", 99).maybeSingle()).toMatchObject({ data: null, error: null, status: 200 });
    expect((await reader.from("Album").select("title").maybeSingle()).error?.code).toBe("PGRST116");
  });

  test("CSV, stripped nulls", async () => {
    expect((await reader.from("Artist").select("id,born").order("id").gt("id", 2).csv()).data as unknown).toBe("id,born\n3,1942-11-27\n4,\n");
    expect((await reader.from("Artist").select("id,born").eq("id", 4).stripNulls()).data as unknown).toEqual([{ id: 4 }]);
    expect((await reader.from("Artist").select("id,born").eq("id", 4).stripNulls().single()).data as unknown).toEqual({ id: 4 });
  });
});

describe("insert", () => {
  test("one, without and with what was written", async () => {
    expect(await db.from("Artist").insert({ id: 5, name: "Odetta" } as never)).toMatchObject({ error: null, status: 201, data: null });
    const { data, error, status } = await db.from("Artist").insert({ id: 6, name: "Sandy", genre: "FOLK" } as never).select("id, name, genre").single();
    expect([data as unknown, error, status]).toEqual([{ id: 6, name: "Sandy", genre: "FOLK" }, null, 201]);
  });

  test("several, with different fields", async () => {
    const { data, error, count } = await db.from("Artist").insert([{ id: 5, name: "A" }, { id: 6, name: "B", genre: "ROCK" }] as never, { count: "exact" }).select("id,genre");
    expect([error, count, data as unknown]).toEqual([null, 2, [{ id: 5, genre: null }, { id: 6, genre: "ROCK" }]]);
  });

  test("with generated keys and defaults", async () => {
    const { data, error } = await db.from("Album").insert([{ title: "x", year: 2000, artistId: 1 }] as never, { defaultToNull: false }).select("id,sold");
    expect(error).toBeNull();
    expect(data as unknown).toEqual([{ id: expect.any(Number), sold: "0" }]);
  });

  test("a duplicate is an error and leaves nothing", async () => {
    const { error, status } = await db.from("Artist").insert([{ id: 7, name: "New" }, { id: 8, name: "Nina" }] as never);
    expect([status, error?.code]).toEqual([409, "UNIQUE_VIOLATION"]);
    expect((await db.from("Artist").select("id", { count: "exact", head: true })).count).toBe(4);
  });

  test("wrong data and missing rights are errors with a message", async () => {
    const wrong = await db.from("Album").insert({ id: 50, title: "x", year: 1800, artistId: 1 } as never);
    expect([wrong.status, wrong.error?.code, typeof wrong.error?.message]).toEqual([400, "VALIDATION_FAILED", "string"]);
    const orphan = await db.from("Album").insert({ id: 50, title: "x", year: 1999, artistId: 99 } as never);
    expect([orphan.status, orphan.error?.code]).toEqual([409, "REFERENCE_VIOLATION"]);
    const refused = await reader.from("Album").insert({ id: 50, title: "x", year: 1999, artistId: 1 } as never);
    expect([refused.status, refused.error?.code]).toEqual([401, "UNAUTHENTICATED"]);
    const unknown = await db.from("Album").insert({ id: 50, titel: "x" } as never);
    expect([unknown.status, unknown.error?.code]).toEqual([400, "VALIDATION_FAILED"]);
  });
});

describe("upsert", () => {
  test("by primary key: one updated, one created", async () => {
    const { data, error } = await db.from("Artist").upsert([{ id: 1, name: "Nina S." }, { id: 9, name: "Odetta" }] as never).select("id,name").order("id");
    expect([error, data as unknown]).toEqual([null, [{ id: 1, name: "Nina S." }, { id: 9, name: "Odetta" }]]);
    expect((await db.from("Artist").select("genre").eq("id", 1).single()).data as unknown).toEqual({ genre: "JAZZ" });
  });

  test("by another unique field", async () => {
    const { data, error } = await db.from("Artist").upsert({ name: "Nina", genre: "FOLK" } as never, { onConflict: "name" }).select("id,genre").single();
    expect([error, data as unknown]).toEqual([null, { id: 1, genre: "FOLK" }]);
  });

  test("ignoring duplicates", async () => {
    const { data, error } = await db.from("Artist").upsert([{ id: 1, name: "Other" }, { id: 9, name: "Odetta" }] as never, { ignoreDuplicates: true }).select("id");
    expect([error, data as unknown]).toEqual([null, [{ id: 9 }]]);
    expect((await db.from("Artist").select("name").eq("id", 1).single()).data as unknown).toEqual({ name: "Nina" });
  });
});

describe("update and delete", () => {
  test("update by a filter", async () => {
    expect(await db.from("Album").update({ notes: "changed" } as never).eq("artistId", 1)).toMatchObject({ status: 204, error: null, data: null });
    const { data, error, count } = await db.from("Album").update({ notes: "again" } as never, { count: "exact" }).eq("artistId", 1).order("id").select("id,notes,artist(name)");
    expect([error, count, data as unknown]).toEqual([null, 2, [{ id: 10, notes: "again", artist: { name: "Nina" } }, { id: 11, notes: "again", artist: { name: "Nina" } }]]);
    expect((await db.from("Album").update({ notes: "x" } as never).eq("id", 99).select()).data).toEqual([]);
  });

  test("the rows are those found before, though they no longer fit", async () => {
    const { data } = await db.from("Album").update({ year: 2001 } as never).eq("year", 1971).select("id,year");
    expect(data as unknown).toEqual([{ id: 20, year: 2001 }]);
  });

  test("single updates all or nothing", async () => {
    const one = await db.from("Album").update({ notes: "one" } as never).eq("id", 20).select("notes").single();
    expect([one.status, one.data as unknown]).toEqual([200, { notes: "one" }]);
    const many = await db.from("Album").update({ notes: "many" } as never).eq("artistId", 1).select().single();
    expect([many.status, many.error?.code]).toEqual([406, "NOT_ONE_RECORD"]);
    expect((await db.from("Album").select("id", { count: "exact", head: true }).eq("notes", "many")).count).toBe(0);
  });

  test("without a filter it is refused", async () => {
    expect((await db.from("Album").update({ notes: "x" } as never)).error?.code).toBe("FILTER_REQUIRED");
    expect((await db.from("Album").delete()).error?.code).toBe("FILTER_REQUIRED");
  });

  test("maxAffected", async () => {
    const strict = new PostgrestClient<{ __InternalSupabase: { PostgrestVersion: "13" }; public: { Tables: { Album: { Row: Record<string, unknown>; Insert: Record<string, unknown>; Update: Record<string, unknown>; Relationships: [] } }; Views: object; Functions: object } }>(app.url, { headers: { authorization: "Bearer key-editor" } });
    const refused = await strict.from("Album").update({ notes: "x" }).eq("artistId", 1).maxAffected(1);
    expect([refused.status, refused.error?.code]).toEqual([422, "TOO_MANY_ROWS"]);
    expect((await strict.from("Album").update({ notes: "x" }).eq("artistId", 1).maxAffected(2)).error).toBeNull();
  });

  test("delete, with cascade, and with what was deleted", async () => {
    const { data, error, count } = await db.from("Artist").delete({ count: "exact" }).eq("id", 1).select("id,name");
    expect([error, count, data as unknown]).toEqual([null, 1, [{ id: 1, name: "Nina" }]]);
    expect((await db.from("Album").select("id", { count: "exact", head: true })).count).toBe(3);
    expect(await db.from("Artist").delete().eq("id", 2)).toMatchObject({ status: 204, error: null });
    expect((await reader.from("Artist").delete().eq("id", 3)).status).toBe(401);
  });
});

describe("rpc", () => {
  test("by POST and by GET", async () => {
    expect((await reader.rpc("add", { left: 2, right: 3 })).data as unknown).toBe(5);
    expect((await reader.rpc("add", { left: 2, right: 3 }, { get: true })).data as unknown).toBe(5);
    expect((await reader.rpc("total", { of: [1, 2, 3] }, { get: true })).data as unknown).toBe(6);
    expect((await reader.rpc("add", { left: 2, right: 3 }, { head: true })).error).toBeNull();
  });

  test("a list, one of a list, errors", async () => {
    const { data, error } = await reader.rpc("byGenre", { genre: "JAZZ" });
    expect([error, (data as { id: number }[]).map((row) => row.id)]).toEqual([null, [1, 4]]);
    expect(((await reader.rpc("byGenre", { genre: "FOLK" }).single()).data as { name: string }).name).toBe("Joan");
    expect((await reader.rpc("add", { left: "two", right: 3 })).error?.code).toBe("VALIDATION_FAILED");
    expect((await reader.rpc("nothing", {})).status).toBe(404);
  });
});

test("errors of the query say what to do", async () => {
  const field = await reader.from("Album").select("titel");
  expect([field.status, field.error?.code, field.error?.message]).toEqual([400, "UNKNOWN_FIELD", expect.stringContaining("title")]);
  expect((await reader.from("Nothing").select()).status).toBe(404);
  expect((await reader.from("Album").select().explain()).status).toBe(406);
  const rolled = await db.from("Artist").insert({ id: 70, name: "Z" } as never).rollback();
  expect(rolled.error?.code).toBe("UNSUPPORTED_PREFERENCE");
  const admin = new PostgrestClient(app.url, { headers: { authorization: `Bearer ${adminToken}` } });
  expect((await admin.from("Artist").select("id", { count: "exact", head: true })).count).toBe(4);
});
