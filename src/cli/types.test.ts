// `ambit types --client`: printed, or written where it differs; an app with errors has none.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "./main.ts";

const work = mkdtempSync(join(tmpdir(), "ambit-types-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

async function run(...words: string[]): Promise<{ code: number; out: string }> {
  let out = "";
  const code = await main(["types", ...words], {}, { out: (text) => { out += text; }, err: (text) => { out += text; }, terminal: false });
  return { code, out };
}

test("printed and written", async () => {
  writeFileSync(join(work, "schema.graphql"), 'type Item @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey text: String }');
  const printed = await run(work, "--client");
  expect([printed.code, printed.out.includes("export interface Item { readonly id: string; readonly text: string | null; }")]).toEqual([0, true]);
  const out = join(work, "app.ts");
  expect((await run(work, "--client", "--out", out)).out).toBe(`wrote ${out}\n`);
  expect(readFileSync(out, "utf8")).toBe(printed.out);
  const before = statSync(out).mtimeMs;
  expect([(await run(work, "--client", "--out", out)).out, statSync(out).mtimeMs]).toEqual([`${out} is up to date\n`, before]);
  const module = join(work, "app.mjs");
  await run(work, "--client", "--out", module);
  expect(readFileSync(module, "utf8")).toStartWith("// Written from schema.graphql");
  expect((await import(module) as { app: unknown }).app).toEqual({ tables: { Item: { key: "id" } } });
  expect(JSON.parse((await run(work, "--client", "--json")).out)).toMatchObject({ text: printed.out });
});

test("what is called wrongly, and an app with errors", async () => {
  expect(await run(work)).toMatchObject({ code: 2 });
  writeFileSync(join(work, "schema.graphql"), "type Item @table { id: Nope }");
  expect(await run(work, "--client")).toMatchObject({ code: 1 });
});
