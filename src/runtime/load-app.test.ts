// What is wrong with app code is a diagnostic at its place, whatever the code does while it is loaded.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadApp } from "./load-app.ts";
import { loadResources } from "./load-resources.ts";

const root = mkdtempSync(join(tmpdir(), "ambit-load-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const SCHEMA = `type A @table { id: ID! @primaryKey go: Int @action }\ntype Endpoints { q: Int! @http(method: GET) @allow(to: ["public"]) }\n`;
const TABLE = `export class A extends Table("A") { async go() { return 1; } }\n`;
let count = 0;

async function problems(files: Readonly<Record<string, string>>, typeCheck = false): Promise<string[]> {
  const directory = mkdtempSync(join(root, `app${count++}-`));
  for (const [name, text] of Object.entries({ "schema.graphql": SCHEMA, ...files })) writeFileSync(join(directory, name), text);
  const { diagnostics } = await loadApp(directory, { environment: {}, typeCheck });
  return diagnostics.filter(({ severity }) => severity === "error").map(({ code, position, message }) => `${code} ${position.file}:${position.line}:${position.column} ${message}`);
}

const endpoint = (body: string, head = ""): string => `import { endpoints, Table } from "ambit";\n${head}${TABLE}export const Endpoints = endpoints({ async q(ctx) {\n  ${body}\n} });\n`;

describe("members of ctx that are not available", () => {
  const once = async (body: string, expected: readonly string[]): Promise<void> => {
    for (const typeCheck of [false, true]) expect(await problems({ "resources.ts": endpoint(`${body} return 1;`) }, typeCheck)).toEqual([...expected]);
  };

  test("named, once each, with the compiler and without it", () => once("await ctx.call();", ["NOT_AVAILABLE resources.ts:4:13 ctx.call is not available in this version."]));
  test("taken out of ctx", () => once("const { now, call: end } = ctx;", [
    "NOT_AVAILABLE resources.ts:4:16 ctx.call is not available in this version.",
  ]));
  test("not what only looks like it", () => once(`const text = "ctx.call()"; /* ctx.send */ const { length } = ctx.id(); void length; void text;`, []));

  test("under another name: by the compiler", async () => {
    expect(await problems({ "resources.ts": endpoint("const c = ctx; c.call(); return 1;") }, true)).toEqual(["NOT_AVAILABLE resources.ts:4:20 ctx.call is not available in this version."]);
  });

  test("in a file that resources.ts imports", async () => {
    const lib = `import type { Ctx } from "ambit";\nexport async function tell(ctx: Ctx) { await ctx.call({}); }\n`;
    for (const typeCheck of [false, true]) {
      expect(await problems({ "resources.ts": endpoint("await tell(ctx); return 1;", `import { tell } from "./lib.ts";\n`), "lib.ts": lib }, typeCheck))
        .toEqual(["NOT_AVAILABLE lib.ts:2:50 ctx.call is not available in this version."]);
    }
  });
});

describe("code that does something while it is loaded", () => {
  const loaded = (line: string, lib = ""): Promise<string[]> => problems({ "resources.ts": `${endpoint("return 1;", `import "./lib.ts";\n`)}${line}\n`, "lib.ts": `${lib}\nexport {};\n` });

  test("throws", async () => {
    expect(await loaded(`throw new Error("at once");`)).toEqual(["BODY_MISSING resources.ts:7:11 resources.ts failed while it was loaded: at once."]);
    expect(await loaded("", `throw new Error("in there");`)).toEqual(["BODY_MISSING lib.ts:1:11 resources.ts failed while it was loaded: in there."]);
    expect(await loaded("throw null;")).toEqual(["BODY_MISSING resources.ts:1:1 resources.ts failed while it was loaded: null."]);
  });

  test("misses an import", async () => {
    const directory = mkdtempSync(join(root, "import-"));
    writeFileSync(join(directory, "resources.ts"), "export const Migrations = migrations({});\n");
    expect((await loadResources(directory)).diagnostics.map(({ fix }) => fix)).toEqual(["Import migrations, or declare it."]);
  });

  test("ends the process", async () => expect(await loaded("process.exit(0);")).toEqual([expect.stringMatching(/^BODY_MISSING resources\.ts:7:\d+ resources\.ts failed while it was loaded: process\.exit is not for app code\.$/)]));

  test("never ends", async () => {
    const directory = mkdtempSync(join(root, "endless-"));
    writeFileSync(join(directory, "resources.ts"), "await new Promise(() => {});\n");
    const { module, diagnostics } = await loadResources(directory, 50);
    expect(module).toBeNull();
    expect(diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual(["BODY_MISSING resources.ts failed while it was loaded: it was not done after 50 ms."]);
  });
});
