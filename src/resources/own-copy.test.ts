import { afterEach, expect, test } from "bun:test";
import { endpoints, Table } from "./app-api.ts";
import { ownCopy } from "./own-copy.ts";
import { openApp, refusal, user, type OpenApp } from "./testing/open-app.ts";

const SDL = `
type Doc @table @export @allow(to: ["staff"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey tags: [String!] data: JSON due: DateTime uses: Int @readOnly seen: Int @internal
}
type Endpoints { run(mode: String!, tags: [String!]): JSON @http(method: POST) @allow(to: ["public"]) }
`;

interface Row { readonly tags: string[]; readonly data: { x: number[] } }
interface Docs {
  get(id: string): Promise<Row>;
  create(input: object): Promise<Row>;
  update(id: string, patch: object): Promise<Row>;
  increment(id: string, field: string, by: number): Promise<Row>;
}
interface Context { readonly db: { readonly Doc: Docs } }
interface Arguments { readonly mode: string; readonly tags: string[] }
interface Base { readonly create: (ctx: object, input: object) => Promise<unknown> }

let runs = 0;
let modes: { [mode: string]: (ctx: Context, given: Arguments) => unknown } = {};
const Endpoints = endpoints({ run: (ctx: Context, given: Arguments) => { runs++; return modes[given.mode]!(ctx, given); } });
const sue = user("sue", "staff");

const apps: OpenApp[] = [];
function open(code: object = {}): OpenApp {
  runs = 0;
  const app = openApp(SDL, { code: { Endpoints, ...code } });
  apps.push(app);
  return app;
}
afterEach(async () => { for (const app of apps.splice(0)) await app.close(); });

test("what code does to a record that it was given stays with it", async () => {
  const app = open();
  await app.as(sue).create("Doc", { id: "d", tags: ["a"], data: { x: [1] } });
  modes = { change: async (ctx) => {
    const doc = await ctx.db.Doc.get("d");
    doc.tags.push("b");
    doc.data.x.push(2);
    return (await ctx.db.Doc.get("d")).tags;
  } };
  expect((await app.as(sue).call("run", { mode: "change" })).body).toEqual(["a"]);
  expect(app.tables.get("Doc", "d")!.values).toMatchObject({ tags: ["a"], data: { x: [1] } });
  expect((await app.as(sue).get("Doc", "d")).body).toMatchObject({ tags: ["a"], data: { x: [1] } });
});

test("a write is what code handed in at its call, and the record that it answered is code's own", async () => {
  const app = open();
  const due = new Date(0);
  modes = { change: async (ctx) => {
    const tags = ["a"];
    const made = await ctx.db.Doc.create({ id: "d", tags, due });
    tags.push("b");
    made.tags.push("c");
    due.setTime(1);
    return (await ctx.db.Doc.get("d")).tags;
  } };
  expect((await app.as(sue).call("run", { mode: "change" })).body).toEqual(["a"]);
  expect(app.tables.get("Doc", "d")!.values).toMatchObject({ tags: ["a"], due: "1970-01-01T00:00:00.000Z" });
  expect(runs).toBe(1);
});

test("a second run of a body begins with the arguments of the first", async () => {
  const app = open();
  await app.as(sue).create("Doc", { id: "d" });
  const seen: string[][] = [];
  modes = { change: async (ctx, { tags }) => {
    seen.push([...tags]);
    tags.pop();
    await ctx.db.Doc.get("d");
    if (runs === 1) await app.as(sue).update("Doc", "d", { tags: ["z"] });
    await ctx.db.Doc.update("d", { tags });
  } };
  await app.as(sue).call("run", { mode: "change", tags: ["1", "2"] });
  expect(seen).toEqual([["1", "2"], ["1", "2"]]);
  expect(app.tables.get("Doc", "d")!.values["tags"]).toEqual(["1"]);
});

test("an override's second run begins with the input of the first", async () => {
  const seen: string[][] = [];
  class Doc extends Table("Doc") {
    static override async create(ctx: Context, input: { tags: string[] }): Promise<unknown> {
      seen.push([...input.tags]);
      input.tags.pop();
      await ctx.db.Doc.get("other");
      if (seen.length === 1) await app.as(sue).update("Doc", "other", { data: 1 });
      return (super.create as Base["create"])(ctx, input);
    }
  }
  const app = open({ Doc });
  await app.tables.commit((session) => session.write({ kind: "create", table: "Doc", input: { id: "other" }, onConflict: null }, { dialect: "code", authority: null, sent: null }), { actor: null, requestId: "r" });
  await app.as(sue).create("Doc", { id: "d", tags: ["1", "2"] });
  expect(seen).toEqual([["1", "2"], ["1", "2"]]);
  expect(app.tables.get("Doc", "d")!.values["tags"]).toEqual(["1"]);
});

test("code increments what only code sets, as it updates it", async () => {
  const app = open();
  await app.as(sue).create("Doc", { id: "d" });
  modes = { add: async (ctx) => {
    await ctx.db.Doc.update("d", { uses: 1, seen: 1 });
    await ctx.db.Doc.increment("d", "uses", 1);
    await ctx.db.Doc.increment("d", "seen", 2);
  } };
  await app.as(sue).call("run", { mode: "add" });
  expect(app.tables.get("Doc", "d")!.values).toMatchObject({ uses: 2, seen: 3 });
});

test("circles, depth and things of a class are copied as far as they can be written at all", async () => {
  const circle: { inside?: object } = {};
  circle.inside = { left: circle, right: circle };
  const copy = ownCopy(circle) as { inside: { left: object } };
  expect(copy.inside.left).toBe(copy);
  const thing = new Map();
  expect(ownCopy({ thing }).thing).toBe(thing);
  expect(Object.keys(ownCopy(JSON.parse(`{"__proto__":{"a":1}}`) as object))).toEqual(["__proto__"]);
  let deep: unknown = 1;
  for (let level = 0; level < 100_000; level++) deep = [deep];
  const app = open();
  modes = { deep: (ctx) => ctx.db.Doc.create({ id: "d", data: deep }), circle: (ctx) => ctx.db.Doc.create({ id: "d", data: circle }) };
  for (const mode of ["deep", "circle"]) expect((await refusal(app.as(sue).call("run", { mode }))).code).toBe("VALIDATION_FAILED");
});
