// The TypeScript compiler over apps whose bodies fit their schema, and over some that do not.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadApp } from "./load-app.ts";

const root = mkdtempSync(join(tmpdir(), "ambit-types-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let count = 0;

async function problems(schema: string, resources: string): Promise<{ code: string; where: string; message: string }[]> {
  const directory = join(root, String(count++));
  mkdirSync(directory);
  writeFileSync(join(directory, "schema.graphql"), schema);
  writeFileSync(join(directory, "resources.ts"), `/// <reference path="./.ambit/types.d.ts" />\n${resources}`);
  const app = await loadApp(directory, { environment: {}, typeCheck: true });
  return app.diagnostics.filter(({ severity }) => severity === "error").map(({ code, position, message }) => ({ code, where: `${position.file}:${position.line}:${position.column}`, message }));
}

const SCHEMA = `enum Direction { UP DOWN }
type Condition { text: String! }
type Query$ @table { id: ID! @primaryKey }
`.replace("type Query$ @table { id: ID! @primaryKey }\n", `type Tables @table {
  id: ID! @primaryKey
  direction: Direction!
  condition: Condition
  total: Long!
  turn(by: Int!): Tables! @action
  count: Int! @action(on: TABLE)
}
type Endpoints { echo(text: String!, times: Int = 1): [String!]! @http(method: GET) }
`);

const BODIES = `import { Table, endpoints, type Args, type Ctx, type Input } from "ambit";
export class Tables extends Table("Tables") {
  async turn({ by }: Args<"Tables.turn">) {
    const next = this.direction === "UP" ? "DOWN" : "UP";
    return this.update({ direction: next, total: this.total + BigInt(by) });
  }
  static async count(ctx: Ctx) { return ctx.db.Tables.count({ direction: "UP", total: { gte: 1n }, or: [{ condition: null }, { id: "x" }] }); }
  static override async create(ctx: Ctx, input: Input<"Tables">) { return super.create(ctx, { ...input, total: 0n }); }
}
export const Endpoints = endpoints({ echo: (ctx, { text, times }) => Array.from({ length: times ?? 1 }, () => text) });
`;

test("bodies that fit, with type names that module ambit uses itself", async () => {
  expect(await problems(SCHEMA, BODIES)).toEqual([]);
});

test("jobs, and what enqueues them, have the types of the schema", async () => {
  const schema = "type Endpoints { go: String @http } type Jobs { none: Boolean some(id: ID!, at: DateTime, times: Int! = 1): Int }";
  const code = `import { endpoints, jobs, type Args } from "ambit";
async function work({ id, times }: Args<"Jobs.some">): Promise<number> { return id.length * times; }
export const Endpoints = endpoints({
  async go(ctx) {
    await ctx.enqueue("none");
    await ctx.enqueue("none", {}, { delay: "PT1M", priority: 1 });
    await ctx.at(new Date(), "some", { id: "x", at: new Date() }, { dedupe: "x", concurrency: "y" });
    return ctx.enqueue("some", { id: "x" });
  },
});
export const Jobs = jobs({ async none(ctx) { ctx.progress(1, 2); if (ctx.signal.aborted) return false; return true; }, some: (_, args) => work(args) });
`;
  expect(await problems(schema, code)).toEqual([]);
  for (const [right, wrong] of [['ctx.enqueue("some", { id: "x" })', 'ctx.enqueue("some")'], ['{ id: "x" }', "{ id: true }"], ['ctx.enqueue("none");', 'ctx.enqueue("noen");'], ['dedupe: "x"', "delay: 5"], ["work(args)", '"text"'], ["id.length * times", "id * times"]] as const) {
    expect([wrong, (await problems(schema, code.replace(right, wrong))).length]).toEqual([wrong, 1]);
  }
}, 120_000);

test("arguments, which are read-only, may stand in a JSON answer", async () => {
  const schema = "type Endpoints { list(numbers: [Int!], more: JSON): JSON @http }";
  expect(await problems(schema, `import { endpoints } from "ambit";
export const Endpoints = endpoints({ list: (ctx, { numbers, more }) => ({ numbers: numbers ?? null, more: [more ?? null] }) });
`)).toEqual([]);
});

test("a misspelt field, a wrong argument and a wrong result are found in their places", async () => {
  const found = await problems(SCHEMA, BODIES.replace("this.direction ===", "this.directoin ===").replace(`total: { gte: 1n }`, `total: { gte: true }`).replace("() => text)", "() => 5)"));
  expect(found.map(({ code, where }) => `${code} ${where}`)).toEqual([
    "TYPESCRIPT resources.ts:5:23", "TYPESCRIPT resources.ts:8:89", "TYPESCRIPT resources.ts:11:70",
  ]);
});

test("a body that asks for more than is declared, and one that answers something else", async () => {
  const found = await problems(SCHEMA, BODIES.replace(`async turn({ by }: Args<"Tables.turn">)`, `async turn({ by }: { by: number; more: string })`).replace("async count(ctx: Ctx) { return ctx.db.Tables.count(", "async count(ctx: Ctx) { return \"n\" + await ctx.db.Tables.count("));
  expect(found.map(({ code, where }) => `${code} ${where}`)).toEqual(["BODY_MISSING schema.graphql:8:3", "BODY_MISSING schema.graphql:9:3"]);
});

test("members of ctx that this version lacks are named with their reason, once", async () => {
  const found = await problems(SCHEMA, BODIES.replace("const next =", "await this.ctx.call(\"x\"); // ctx.decide in a comment\n    const next ="));
  expect(found).toEqual([expect.objectContaining({ code: "NOT_AVAILABLE", where: "resources.ts:5:20", message: "ctx.call is not available in this version." })]);
});

test("one mistake is told once: no consequences of a file that does not parse, of a module or a table that is not there", async () => {
  const told = async (from: string, to: string): Promise<string[]> => (await problems(SCHEMA, BODIES.replace(from, to))).map(({ code, where, message }) => `${code} ${where} ${message}`);
  expect(await told("extends Table(", "{{ extends Table(")).toEqual([expect.stringMatching(/^SYNTAX resources\.ts:3:\d+ /)]);
  expect(await told('from "ambit"', 'from "ambitt"')).toEqual([
    "BODY_MISSING resources.ts:1:1 resources.ts failed while it was loaded: Cannot find package 'ambitt'.",
    "TYPESCRIPT resources.ts:2:67 Cannot find module 'ambitt' or its corresponding type declarations. (TS2307)",
  ]);
  // A name that is nearly right: one sign at the end, not two.
  expect((await told("this.update(", "this.updaet("))[0]).toMatch(/Did you mean 'update'\? \(TS2551\)$/);
  const misnamed = await told('Table("Tables")', 'Table("Tablse")');
  expect(misnamed[0]).toBe(`BODY_MISSING resources.ts:3:8 class Tables extends Table("Tablse"), but the schema has no table Tablse.`);
  expect(misnamed.slice(1).every((line) => line.startsWith("TYPESCRIPT resources.ts:3:"))).toBe(true);
  expect(await told("async turn(", "async trun(")).toEqual(["BODY_MISSING resources.ts:4:9 Tables.trun has a body but no declaration."]);
});

test("of a long chain of reasons the last is told, with the members that lead to it", async () => {
  const schema = "type Part { size: Int! } type Whole { part: Part! } type Endpoints { whole: Whole! @http(method: GET) }";
  const [found] = await problems(schema, `import { endpoints } from "ambit";\nexport const Endpoints = endpoints({ whole: async () => ({ part: { size: "5" } }) });\n`);
  expect(found?.message).toEndWith("Type 'string' is not assignable to type 'number'. (TS2322)");
  expect(found!.message.length).toBeLessThan(250);
});

const SOURCED = `type Rate @table @source(maxAge: "PT1M") { id: Int! @primaryKey rate: Float! at: DateTime! @createdTime }
type Endpoints { told(id: Int!): Boolean! @http }`;
const sourceOf = (body: string): string => `import { endpoints, fetched, sources } from "ambit";
export const Sources = sources({ Rate: { ${body} } });
export const Endpoints = endpoints({ async told(ctx, { id }) { await ctx.sources.Rate.invalidate(id); await ctx.sources.Rate.keep({ id, rate: 1 }); return true; } });`;

test("sources are typed from their table", async () => {
  expect(await problems(SOURCED, sourceOf(`
    async get(ctx, id, previous) {
      if (previous !== null && previous.etag !== null && previous.record.rate > id.toFixed().length) return previous;
      return id > 1 ? null : fetched({ rate: 1.5 }, { etag: ctx.id() });
    },
    async put(_ctx, id, record) { return { id, rate: record.rate }; },
    remove() {},`))).toEqual([]);
  expect((await problems(SOURCED, sourceOf("async get() { return { rate: \"much\" }; }"))).map(({ code }) => code)).toContain("TYPESCRIPT");
  expect((await problems(SOURCED, `export const Sources = { Rate: { async get() { return { rate: "much" }; } } };\nexport const Endpoints = { told: () => true };`))[0]).toMatchObject({ code: "BODY_MISSING", where: "schema.graphql:1:6" });
}, 120_000);
