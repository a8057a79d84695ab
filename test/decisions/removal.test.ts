// Decisions can be taken out: without their folder the server builds, checks apps, and passes tests of everything else. AMBIT_TEST_SIZE=long runs more of
// them.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root, scratchFolder } from "../processes/scratch-folder.ts";

const OTHERS = process.env["AMBIT_TEST_SIZE"] === "long" ? ["test/scenarios", "test/transactions", "test/jobs", "test/live", "test/crash"] : ["src/tables"];

const scratch = scratchFolder();
const copy = scratch.free("server");
beforeAll(() => {
  for (const part of ["src", "client", "test", "bin", "package.json", "tsconfig.json", "directives.graphql", "config.schema.json"]) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const part of ["src/decisions", "src/runtime/decisions.ts", "src/runtime/decisions.test.ts", "test/decisions"]) rmSync(join(copy, part), { recursive: true });
  writeFileSync(join(copy, "tsconfig.server.json"), JSON.stringify({ extends: "./tsconfig.json", include: ["src"], exclude: ["src/**/*.test.ts"] }));
}, 60_000);
afterAll(() => scratch.remove());

async function run(...words: string[]): Promise<{ readonly code: number; readonly said: string }> {
  const child = Bun.spawn(words, { cwd: copy, env: { ...process.env, BUN_OPTIONS: "" }, stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, said: `${out}${err}`.slice(-3_000) };
}

test("it builds", async () => {
  expect(await run(process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.server.json")).toEqual({ code: 0, said: "" });
}, 300_000);

test("an app without decisions is sound as ever, one that has some is refused", async () => {
  const table = `type Item @table @export { id: ID! @primaryKey }\n`;
  const check = (schema: string): ReturnType<typeof run> => run(process.execPath, "src/cli/main.ts", "check", scratch.app({ "schema.graphql": schema }));
  expect(await check(table)).toMatchObject({ code: 0 });
  const refused = await check(`${table}type Decisions { pick(itemId: ID!): Int! @decision(kind: RULE) @fallback(value: 1) }`);
  expect(refused.code).not.toBe(0);
  expect(refused.said).toContain("NOT_AVAILABLE");
}, 60_000);

test("what has nothing to do with them passes", async () => {
  const { code, said } = await run(process.execPath, "test", "--timeout=120000", ...OTHERS);
  expect({ code, said: code === 0 ? "" : said }).toEqual({ code: 0, said: "" });
}, 1_800_000);
