// Every code block of the manual is run: requests against the fixture app, schemas and settings by their compilers, TypeScript by
// the compiler and, where it is a test, by `ambit test`. `sh` and `text` are for reading, unless they say `run`.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { configProblems, schemaProblems, unreachableProblems } from "./app-samples.ts";
import { runRequests, type SampleAnswer } from "./http-requests.ts";
import { blocksOf, type Block } from "./markdown-blocks.ts";
import { openFixture, type Fixture } from "./running-fixture.ts";
import { runShell } from "./shell-samples.ts";
import { typeScriptErrors } from "./typescript-samples.ts";

const docs = join(import.meta.dir, "..", "..", "docs");
const pages = [...readdirSync(docs), ...readdirSync(join(docs, "reference")).map((name) => `reference/${name}`)].filter((name) => name.endsWith(".md")).sort().map((name) => ({ name, blocks: blocksOf(readFileSync(join(docs, name), "utf8")) }));

let fixture: Fixture;
beforeAll(async () => { fixture = await openFixture(); });
afterAll(() => fixture.close());

const all = (language: string): { name: string; block: Block }[] =>
  pages.flatMap(({ name, blocks }) => blocks.filter((block) => block.language === language).map((block) => ({ name: `${name}:${block.line}`, block })));

test("every block is in a language that is run, or is for reading", () => {
  const languages = new Set(["http", "graphql", "yaml", "ts", "json", "sh", "text"]);
  expect(pages.flatMap(({ name, blocks }) => blocks.filter((block) => !languages.has(block.language)).map((block) => `${name}:${block.line}`))).toEqual([]);
});

for (const { name, blocks } of pages.filter((page) => page.blocks.some((block) => block.language === "http"))) {
  test(`the requests of ${name} answer as they say`, async () => {
    const app = await fixture.start();
    let last: SampleAnswer | null = null;
    try {
      for (const block of blocks) {
        if (block.language === "http") last = await runRequests(app.url, block.text, true);
        if (block.language === "json" && block.words.includes("answer")) expect(last?.json).toMatchObject(JSON.parse(block.text) as object);
      }
    } finally {
      await app.stop();
    }
  });
}

test("schemas compile without errors and warnings; `fields` are those of a table", () => {
  const wrong = all("graphql").flatMap(({ name, block }) => {
    const text = block.words.includes("fields") ? `type Sample @table {\n  id: ID! @primaryKey\n${block.text}\n}` : block.text;
    return [...schemaProblems(text), ...unreachableProblems(text)].map((problem) => `${name}: ${problem.code} ${problem.message}`);
  });
  expect(wrong).toEqual([]);
});

test("settings load, with every variable set that they refer to", () => {
  const wrong = all("yaml").flatMap(({ name, block }) => {
    const environment = Object.fromEntries([...block.text.matchAll(/\$\{(\w+)\}/g)].map((match) => [match[1]!, `0123456789abcdef0123456789abcdef${match[1]!}`]));
    return configProblems(block.text, environment).map((problem) => `${name}: ${problem.code} ${problem.message}`);
  });
  expect(wrong).toEqual([]);
});

test("TypeScript type-checks against the fixture app", async () => {
  expect(await typeScriptErrors(fixture, all("ts").map(({ name, block }) => ({ name, text: block.text, words: block.words })))).toEqual([]);
}, 120_000);

test("tests pass", async () => {
  const tests = all("ts").filter(({ block }) => block.words.includes("test"));
  expect(tests.length).toBeGreaterThan(0);
  for (const [index, { block }] of tests.entries()) writeFileSync(join(fixture.directory, `sample-${index}.test.ts`), block.text);
  let output = "";
  const code = await main(["test", fixture.directory, "--json"], process.env, { out: (text) => { output += text; }, err: (text) => { output += text; }, terminal: false });
  expect({ code, output }).toEqual({ code: 0, output });
}, 120_000);

for (const { name, block } of all("sh").filter((one) => one.block.words.includes("run"))) {
  test(`the commands of ${name} succeed`, async () => {
    const { code, output } = await runShell(block.text);
    expect({ failed: code !== null && code !== 0, output }).toEqual({ failed: false, output });
  }, 120_000);
}
