// Which tests go with decisions when those are taken out: by what a test's text says, and that of the modules of test/ that it imports. Nothing is
// listed by name, so that a test of something else cannot be left out by mistake.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** An app that has some. */
const DECLARES = /\btype (?:Decisions|Facts)\b/;
/** Where apps and samples are. */
const WITH_APPS: readonly string[] = ["examples", "docs"];
/** It has those apps run that it names. */
const README = "README.md";

/**
 * A test file needs decisions if it is named for them, if it declares some, or if it names a file or folder of apps or samples that does; and so does
 * what imports such a file. Paths below `root`, sorted.
 */
export function testsOfDecisions(root: string): string[] {
  const texts = new Map(filesIn(join(root, "test")).filter((file) => file.endsWith(".ts")).map((file) => [file, readFileSync(file, "utf8")]));
  const declaring = [...WITH_APPS, "test"].flatMap((folder) => filesIn(join(root, folder))).filter((file) => /\.(?:graphql|md)$/.test(file) && DECLARES.test(readFileSync(file, "utf8"))).map((file) => relative(root, file));
  if (declaring.some((file) => file.startsWith("examples/") && readFileSync(join(root, README), "utf8").includes(dirname(file)))) declaring.push(README);
  const needing = new Set([...texts].filter(([file, text]) => /decisions/.test(relative(root, file)) || DECLARES.test(text) || named(file, text, root).some((path) => declaring.some((one) => `${one}/`.startsWith(`${path}/`)))).map(([file]) => file));
  for (let before = -1; before !== needing.size;) {
    before = needing.size;
    for (const [file, text] of texts) if (importsOf(file, text).some((one) => needing.has(one))) needing.add(file);
  }
  return [...needing].map((file) => relative(root, file)).sort();
}

/** Paths below `root`: those that a text begins with one of the folders, or with a folder beside the file. Parts of a path may be texts of their own. */
function named(file: string, text: string, root: string): string[] {
  const beside = readdirSync(dirname(file), { withFileTypes: true }).filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const paths = [...text.replaceAll(/["'`], *["'`]/g, "/").matchAll(/["'`]([\w./-]+)["'`]/g)].map(([, path]) => path!.replace(/^(?:\.\.\/)+|\/$/g, ""));
  return paths.flatMap((path) => {
    const first = path.split("/")[0]!;
    return [...([...WITH_APPS, README].includes(first) ? [path] : []), ...(beside.includes(first) ? [relative(root, join(dirname(file), path))] : [])];
  });
}

function importsOf(file: string, text: string): string[] {
  return [...text.matchAll(/from "(\.{1,2}\/[^"]+)"/g)].map(([, path]) => resolve(dirname(file), path!));
}

function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name))).filter((file) => statSync(file).isFile());
}
