// What documents list is what the code has: limits, settings, commands, operators, directives, log events, what is not available.
// UPDATE=1 writes the table of README anew.
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import configSchema from "../../config.schema.json";
import seed from "../../examples/store/seed.ts";
import { defaultLimits } from "../../src/base/limits.ts";
import { commands } from "../../src/cli/main.ts";
import { SECTIONS } from "../../src/runtime/describe-app.ts";
import { operatorNames } from "../../src/query/operators.ts";
import { unavailable, unavailableContextMembers } from "../../src/schema/availability.ts";
import { scalarNames } from "../../src/schema/scalar-names.ts";
import { isTest, sourceFiles } from "../tidy/source-files.ts";
import { configProblems } from "./app-samples.ts";
import { blocksOf } from "./markdown-blocks.ts";

const root = join(import.meta.dir, "..", "..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const spansOf = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map((match) => match[1]!);
/** Code spans of the first cell of each row of a table. */
const firstCells = (text: string): string[][] => [...text.matchAll(/^\| (`.*?) \|/gm)].map((match) => spansOf(match[1]!));

test("docs/reference/limits.md has every limit with its default, config.schema.json lets each be set", () => {
  const stated = Object.fromEntries([...read("docs/reference/limits.md").matchAll(/^\| `(\w+)` \| (\d+) \|/gm)].map((match) => [match[1]!, Number(match[2])]));
  expect(stated).toEqual({ ...defaultLimits });
  expect(Object.keys(configSchema.properties.limits.properties).sort()).toEqual(Object.keys(defaultLimits).sort());
});

test("docs/reference/settings.md has every setting, and what docs/config.md calls not available is so", () => {
  const text = read("docs/config.md");
  const stated = firstCells(read("docs/reference/settings.md")).flat();
  expect(stated.sort()).toEqual(settingsOf(configSchema as unknown as SettingSchema, "").sort());
  const later = spansOf(/^Not available yet: (.*)$/m.exec(text)![1]!);
  expect(later.length).toBeGreaterThan(0);
  for (const path of later) {
    const [section, name] = path.split(".");
    expect(configProblems(name === undefined ? `${section}: {}` : `${section}: { ${name}: {} }`).map((problem) => problem.code)).toContain("NOT_AVAILABLE");
  }
});

interface SettingSchema { readonly properties?: Readonly<Record<string, SettingSchema>>; readonly additionalProperties?: unknown }

/** Paths of settings; those of free names, of lists and of limits end in NAME or in themselves. */
function settingsOf(schema: SettingSchema, path: string): string[] {
  if (path === "limits" || (path !== "" && schema.properties === undefined && typeof schema.additionalProperties === "object")) return [`${path}.NAME`];
  if (schema.properties === undefined) return [path];
  return Object.entries(schema.properties).flatMap(([name, inner]) => settingsOf(inner, path === "" ? name : `${path}.${name}`));
}

test("docs/commands.md has every command with its words", () => {
  expect(firstCells(read("docs/commands.md")).flat()).toEqual(expect.arrayContaining(commands.map((command) => `ambit ${command.name} ${command.usage}`)));
  expect(SECTIONS).toContain("routes");
});

test("docs/rest.md has every operator, docs/schema.md every type of a field", () => {
  const rest = spansOf(read("docs/rest.md").replace(/```[\s\S]*?```/g, "")).join(" ");
  expect(operatorNames.filter((name) => !new RegExp(`\\b${name}\\b`).test(rest))).toEqual([]);
  const types = firstCells(read("docs/schema.md")).flat();
  const absent = unavailable.filter((entry) => entry.kind === "scalar").map((entry) => entry.name.replace("scalar ", ""));
  expect(scalarNames.filter((name) => !absent.includes(name) && !types.includes(name))).toEqual([]);
});

test("docs/INDEX.md shows every directive that is available, the pages of decisions those of decisions", () => {
  const shown = new Set(["INDEX", "decisions", "memory", "approvals", "negotiation", "reference/rollout"].flatMap((page) => blocksOf(read(`docs/${page}.md`))).flatMap((block) => [...block.text.matchAll(/@(\w+)/g)].map((match) => match[1]!)));
  const absent = new Set(unavailable.filter((entry) => entry.kind === "directive").map((entry) => entry.name.slice(1)));
  const all = [...read("directives.graphql").matchAll(/^directive @(\w+)/gm)].map((match) => match[1]!);
  expect(all.filter((name) => !absent.has(name) && !shown.has(name))).toEqual([]);
});

test("docs/resources.md names every member of ctx that is not there", () => {
  const [line] = /^Not there yet: .*$/m.exec(read("docs/resources.md"))!;
  expect(spansOf(line).flatMap((span) => span.split(" ")).map((name) => name.replace("ctx.", "")).filter((name) => name !== "check").sort()).toEqual([...unavailableContextMembers.keys()].sort());
});

test("docs/reference/log-and-metrics.md names the events that are logged", () => {
  const events = /\| event \|[\s\S]*?\n\n/.exec(read("docs/reference/log-and-metrics.md"))![0];
  const sources = sourceFiles("src").filter((file) => !isTest(file.path)).map((file) => file.text).join("\n");
  const logged = new Set([...sources.matchAll(/(?:\blog(?:\.(?:info|warn|error)|\[level\])\(\s*|\bconst EVENT = )"([a-z]+(?:-[a-z]+)+)"/g)].map((match) => match[1]!));
  expect(firstCells(events).flat().sort()).toEqual([...logged].sort());
});

test("README's seed is the store's", () => {
  const { Product: products, Order: orders } = seed();
  expect(read("README.md")).toContain(`a seed of ${products!.length} products and ${orders!.length.toLocaleString("en")} orders`);
});

test("README shows what is not available", () => {
  const text = read("README.md");
  const [begin, end] = ["<!-- not available: begin -->\n", "<!-- not available: end -->"];
  const rows = unavailable.map(({ name, does, reason }) => `| \`${name}\` | ${does} | ${reason.replace(/^It comes with (.*)\.$/, "$1")} |`);
  const rendered = `| name | will | comes with |\n| --- | --- | --- |\n${rows.join("\n")}\n`;
  const written = text.slice(text.indexOf(begin) + begin.length, text.indexOf(end));
  if (process.env["UPDATE"] === "1" && written !== rendered) writeFileSync(join(root, "README.md"), text.replace(begin + written + end, () => begin + rendered + end));
  else expect(written).toBe(rendered);
});
