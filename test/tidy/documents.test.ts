// Documents speak only of what exists: paths, commands, directives, error codes; and keep their sizes.
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { errorRegistry } from "../../src/base/error-registry.ts";
import { commands } from "../../src/cli/main.ts";
import { readSource, repositoryFiles, root } from "./source-files.ts";

const documents = repositoryFiles().filter((path) => path.endsWith(".md") && !path.startsWith("examples/")).map(readSource);
const directives = new Set([...readSource("directives.graphql").text.matchAll(/^directive @(\w+)/gm)].map((match) => match[1]!));
/** Written as code in a document: `...`. */
const codeSpans = (text: string): string[] => [...text.replace(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);

test("paths named in documents exist", () => {
  const wrong = documents.flatMap((document) => {
    const spans = codeSpans(document.text).filter((span) => /^(src|test|docs|bench|examples|bin|\.ci)\/[\w./-]*$/.test(span));
    const links = [...document.text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)].map((match) => join(document.path, "..", match[1]!));
    return [...spans, ...links].filter((path) => !existsSync(join(root, path))).map((path) => `${document.path}: ${path}`);
  });
  expect(wrong).toEqual([]);
});

test("directives named in documents exist", () => {
  const wrong = documents.flatMap((document) => [...new Set(codeSpans(document.text).flatMap((span) => [...span.matchAll(/(?:^|[\s(])@([a-z]\w*)/g)].map((match) => match[1]!)))]
    .filter((name) => !directives.has(name) && !/^(transaction|supabase|marcbachmann|types|oven|seriousme|urql|ai|better|opentelemetry)$/.test(name)).map((name) => `${document.path}: @${name}`));
  expect(wrong).toEqual([]);
});

test("commands named in documents exist", () => {
  const known = new Set(commands.map((command) => command.name));
  const later = new Set(["migrate", "query", "docs", "trace", "logs", "decisions", "jobs", "replay", "backtest", "audit", "backup", "restore", "export", "import", "mcp", "deploy"]);
  const wrong = documents.filter((document) => !document.path.startsWith("docs/decisions/")).flatMap((document) => [...document.text.matchAll(/(?:npx )?\bambit (?!—)([a-z]+)\b/g)]
    .filter((match) => /^(npx ambit|ambit)/.test(match[0]) && /[`\n]/.test(document.text[match.index - 1] ?? "\n") && !known.has(match[1]!) && !later.has(match[1]!)).map((match) => `${document.path}: ${match[0]}`));
  expect(wrong).toEqual([]);
});

test("error codes and their pages are the same set", () => {
  const pages = repositoryFiles().filter((path) => /^docs\/errors\/[A-Z_]+\.md$/.test(path)).map((path) => path.slice("docs/errors/".length, -3)).sort();
  expect(pages).toEqual(Object.keys(errorRegistry).sort());
});

test("the index is small, the manual fits a reader", () => {
  expect(Buffer.byteLength(readSource("docs/INDEX.md").text)).toBeLessThan(8_192);
  const manual = documents.filter((document) => /^docs\/[\w-]+\.md$/.test(document.path)).reduce((sum, document) => sum + document.text.length, 0);
  // About four characters a token.
  expect(manual / 4).toBeLessThan(30_000);
});

test("ARCHITECTURE.md is two pages", () => {
  expect(readSource("ARCHITECTURE.md").text.split(/\s+/).length).toBeLessThan(1_500);
});

test("decisions are numbered one after the other, each number once", () => {
  const numbers = documents.flatMap(({ path, text }) => {
    const [, number] = /^docs\/decisions\/(\d+)-/.exec(path) ?? [];
    if (number === undefined) return [];
    expect(text.startsWith(`# ${Number(number)}. `), path).toBe(true);
    return [Number(number)];
  });
  expect(numbers.toSorted((left, right) => left - right)).toEqual(numbers.map((_, index) => index + 1));
});

test("every dependency has its line in docs/decisions/", () => {
  const { dependencies, devDependencies } = JSON.parse(readSource("package.json").text) as Record<"dependencies" | "devDependencies", Record<string, string>>;
  const text = documents.filter((document) => document.path.startsWith("docs/decisions/")).map((document) => document.text).join("\n");
  expect(Object.keys({ ...dependencies, ...devDependencies }).filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
});
