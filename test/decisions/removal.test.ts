// Decisions can be taken out: without their folder the server builds, its tests and benchmarks among it, checks apps, and passes the tests of everything
// else. Which tests are theirs is worked out (what-needs-decisions.ts). AMBIT_TEST_SIZE=long runs all others, short those of the tables.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { root, scratchFolder } from "../processes/scratch-folder.ts";
import { testsOfDecisions } from "./what-needs-decisions.ts";

const PARTS = ["src", "client", "test", "bench", "bin", "docs", "examples", "package.json", "package-lock.json", "tsconfig.json", "directives.graphql", "config.schema.json", "README.md", "ARCHITECTURE.md", "CHANGELOG.md"];
const THEIRS = ["src/decisions", "src/runtime/decisions.ts", "src/runtime/decisions.test.ts", "test/decisions", "bench/decisions"];
const isLong = process.env["AMBIT_TEST_SIZE"] === "long";

const scratch = scratchFolder();
const copy = scratch.free("server");
const theirTests = testsOfDecisions(root);
const others = readdirSync(join(root, "test"), { recursive: true }).map(String).filter((file) => file.endsWith(".test.ts") && !theirTests.includes(`test/${file}`));
const folders = [...new Set(others.map((file) => `./test/${dirname(file)}`))].toSorted();
beforeAll(() => {
  for (const part of PARTS) cpSync(join(root, part), join(copy, part), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  for (const part of [...THEIRS, ...theirTests]) rmSync(join(copy, part), { recursive: true, force: true });
}, 120_000);
afterAll(() => scratch.remove());

async function run(...words: string[]): Promise<{ readonly code: number; readonly said: string }> {
  // A long run here is a short one of all others.
  const child = Bun.spawn(words, { cwd: copy, env: { ...process.env, BUN_OPTIONS: "", AMBIT_TEST_SIZE: "short", AMBIT_FORBID_OUTBOUND: "1" }, stdout: "pipe", stderr: "pipe" });
  const [out, err] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()]);
  return { code: await child.exited, said: `${out}${err}` };
}

test("what goes with them is named for them, declares some, or needs what does", () => {
  expect(theirTests).toContain("test/mqtt/decisions.test.ts");
  expect(theirTests).toContain("test/acceptance/store.test.ts");
  for (const stays of ["scenarios/every-interface.test.ts", "transactions/long-bodies.test.ts", "client/browser.test.ts", "matrix/records.test.ts"]) expect(others).toContain(stays);
});

test("it builds, with all that stays", async () => {
  expect(await run(process.execPath, join(root, "node_modules/typescript/bin/tsc"), "-p", ".")).toEqual({ code: 0, said: "" });
}, 300_000);

test("an app without decisions is sound as ever, one that has some is refused", async () => {
  const table = `type Item @table @export { id: ID! @primaryKey }\n`;
  const check = (schema: string): ReturnType<typeof run> => run(process.execPath, "src/cli/main.ts", "check", scratch.app({ "schema.graphql": schema }));
  expect(await check(table)).toMatchObject({ code: 0 });
  const refused = await check(`${table}type Decisions { pick(itemId: ID!): Int! @decision(kind: RULE) @fallback(value: 1) }`);
  expect(refused.code).not.toBe(0);
  expect(refused.said).toContain("NOT_AVAILABLE");
}, 120_000);

test.each(isLong ? ["./src", "./client", ...folders] : ["src/tables"])("%s passes", async (folder) => {
  const { code, said } = await run(process.execPath, "test", "--parallel=2", "--timeout=120000", folder);
  const counts = ["pass", "fail"].map((kind) => `${/^ *(\d+) /.exec(said.split("\n").find((line) => line.trim().endsWith(` ${kind}`)) ?? "")?.[1] ?? 0} ${kind}`);
  console.log(`without decisions, ${folder}: ${counts.join(", ")}`);
  expect({ code, failed: said.split("\n").filter((line) => line.startsWith("(fail)")), said: code === 0 ? "" : said.slice(-3_000) }).toEqual({ code: 0, failed: [], said: "" });
}, 3_600_000);
