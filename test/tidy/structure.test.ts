// Layers, cycles, sizes, names and headers of the source. A floor, not the aim.
import { expect, test } from "bun:test";
import { basename } from "node:path";
import { bunFolders, clientEffectFile, effectFiles, effectFolders, layers, longFiles, longFunctions, pureFolders } from "./layers.ts";
import { codeOnly, functionsOf, importsOf, isTest, readSource, repositoryFiles, sourceFiles, withoutComments } from "./source-files.ts";

const sources = sourceFiles("src");
const product = sources.filter((file) => !isTest(file.path));
const client = sourceFiles("client").filter((file) => !isTest(file.path));
const shipped = [...product, ...client];
const folderOf = (path: string): string => path.split("/")[1] ?? "";

test("the folder table of ARCHITECTURE.md is the one that is checked", () => {
  const rows = [...readSource("ARCHITECTURE.md").text.matchAll(/^\| `([a-z]+)\/` \|/gm)].map((match) => match[1]!);
  expect(rows).toEqual([...layers]);
});

test("a folder imports only folders before it", () => {
  const wrong: string[] = [];
  for (const file of product) {
    const own = layers.indexOf(folderOf(file.path));
    if (file.path === "src/index.ts") continue;
    if (own < 0) { wrong.push(`${file.path}: its folder is not in the table`); continue; }
    for (const { target } of importsOf(file)) {
      if (target === null || !target.startsWith("src/") || target === "src/index.ts" && ["runtime", "cli"].includes(folderOf(file.path))) continue;
      if (layers.indexOf(folderOf(target)) > own) wrong.push(`${file.path} imports ${target}`);
    }
  }
  expect(wrong).toEqual([]);
});

test("no value cycles between files, no cycles between folders", () => {
  const graph = new Map(shipped.map((file) => [file.path, importsOf(file).filter((one) => one.target !== null && !one.typeOnly).map((one) => one.target!)]));
  expect(cycleIn(graph)).toBeNull();
});

function cycleIn(graph: ReadonlyMap<string, readonly string[]>): string[] | null {
  const state = new Map<string, "open" | "done">();
  const visit = (node: string, path: string[]): string[] | null => {
    if (state.get(node) === "done") return null;
    if (state.get(node) === "open") return [...path.slice(path.indexOf(node)), node];
    state.set(node, "open");
    for (const next of graph.get(node) ?? []) {
      const found = visit(next, [...path, node]);
      if (found !== null) return found;
    }
    state.set(node, "done");
    return null;
  };
  for (const node of graph.keys()) {
    const found = visit(node, []);
    if (found !== null) return found;
  }
  return null;
}

test("files are short, or listed with a reason", () => {
  const wrong = [...sources, ...client].filter((file) => file.lines.length > 600 && longFiles[file.path] === undefined).map((file) => `${file.path}: ${file.lines.length}`);
  expect(wrong).toEqual([]);
  expect(Object.keys(longFiles).filter((path) => !sources.some((file) => file.path === path && file.lines.length > 600))).toEqual([]);
});

test("functions are short, or listed with a reason", () => {
  const long = shipped.flatMap((file) => functionsOf(file).filter((one) => one.lines > 70).map((one) => `${file.path}:${one.name}`));
  expect(long.filter((name) => longFunctions[name] === undefined)).toEqual([]);
  expect(Object.keys(longFunctions).filter((name) => !long.includes(name))).toEqual([]);
});

test("names are kebab-case full words", () => {
  const vague = /(^|-)(util|utils|helper|helpers|common|misc|manager|new|enhanced)(-|\.|$)/;
  const wrong = repositoryFiles().filter((path) => /^(src|client|test|bench)\/.*\.ts$/.test(path))
    .filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(basename(path)) || vague.test(basename(path)));
  expect(wrong).toEqual([]);
});

test("each file says in its first lines what it is for", () => {
  const wrong = shipped.filter((file) => !/^\/\/ .{20,}/.test(file.lines[0]!) || (file.lines[4] ?? "").startsWith("// ")).map((file) => file.path);
  expect(wrong).toEqual([]);
});

test("no any, no silenced compiler, no leftovers", () => {
  const wrong: string[] = [];
  for (const file of [...sources, ...sourceFiles("client", "test", "bench")]) {
    if (file.path.startsWith("test/tidy/")) continue;
    const code = codeOnly(file.text);
    if (/\bas any\b|: any\b|<any>/.test(code)) wrong.push(`${file.path}: any`);
    if (/@ts-(ignore|expect-error|nocheck)|\bTODO\b|\bFIXME\b|\bXXX\b/.test(file.text)) wrong.push(`${file.path}: leftover`);
  }
  expect(wrong).toEqual([]);
});

test("Bun is named only where another runtime would be plugged in", () => {
  const wrong = product.filter((file) => !bunFolders.includes(folderOf(file.path)))
    .filter((file) => importsOf(file).some((one) => one.specifier === "bun" || one.specifier.startsWith("bun:")) || /\bBun\./.test(codeOnly(file.text))).map((file) => file.path);
  expect(wrong).toEqual([]);
});

test("the environment, timers, time and chance stay in runtime, cli, clock and random", () => {
  const effects = /\bprocess\.env\b|\bDate\.now\b|\bMath\.random\b|\bsetTimeout\(|\bsetInterval\(|\bnew Date\(\)/;
  const wrong = product.filter((file) => !effectFolders.includes(folderOf(file.path)) && !effectFiles.includes(file.path))
    .filter((file) => effects.test(codeOnly(file.text))).map((file) => file.path);
  expect(wrong).toEqual([]);
});

test("the client imports nothing but itself, and names the platform in one file", () => {
  const platform = /\bprocess\.|\bBun\.|\bBuffer\b|\bDate\.now\b|\bMath\.random\b|\bset(Timeout|Interval)\(|\bnew (Date\(\)|WebSocket\()|\bfetch\(/;
  const wrong = client.flatMap((file) => [
    ...importsOf(file).filter(({ target }) => target === null || !/^client\/[a-z-]+\.ts$/.test(target)).map(({ specifier }) => `${file.path} imports ${specifier}`),
    ...(file.path !== clientEffectFile && platform.test(codeOnly(file.text).replaceAll("environment.fetch(", "")) ? [`${file.path} names the platform`] : []),
  ]);
  expect(wrong).toEqual([]);
});

test("compilers do no input or output", () => {
  const wrong = product.filter((file) => pureFolders.includes(folderOf(file.path)))
    .filter((file) => importsOf(file).some((one) => /^(node:(fs|net|http|child_process|os|dns|process)|bun)/.test(one.specifier)) || /\bfetch\(/.test(codeOnly(file.text))).map((file) => file.path);
  expect(wrong).toEqual([]);
});

test("no barrels: only src/index.ts re-exports", () => {
  const wrong = shipped.filter((file) => file.path !== "src/index.ts" && /(^|\n)export \* from/.test(withoutComments(file.text))).map((file) => file.path);
  expect(wrong).toEqual([]);
});

test("no dead files: each is imported, or an entry", () => {
  // The two that `#decisions` may mean.
  const entries = new Set(["src/runtime/decisions.ts", "src/runtime/no-decisions.ts", "src/index.ts", "client/index.ts", "src/cli/main.ts", "src/runtime/test-preload.ts"]);
  const imported = new Set([...sources, ...sourceFiles("client", "test", "bench", "examples")].filter((file) => !file.path.endsWith(".test.ts") || true).flatMap((file) => importsOf(file).map((one) => one.target)));
  const wrong = shipped.filter((file) => !entries.has(file.path) && !imported.has(file.path)).map((file) => file.path);
  expect(wrong).toEqual([]);
});
