// Samples of the three files: what the runtime says of a schema, a config.yaml or a resources.ts that stands in a document.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decisions } from "#decisions";
import { advise } from "../../src/access/advise.ts";
import { findUnreachable } from "../../src/access/find-unreachable.ts";
import type { Diagnostic } from "../../src/base/diagnostic.ts";
import { AmbitError } from "../../src/base/error.ts";
import { compileCatalogExpressions } from "../../src/expression/compile-catalog.ts";
import { loadConfig } from "../../src/runtime/config.ts";
import { loadApp } from "../../src/runtime/load-app.ts";
import { compileSchema } from "../../src/schema/compile-schema.ts";
import { startFolder } from "./running-fixture.ts";

/** Settings that samples may refer to as `values.NAME`. */
const VALUES = { ttl: "PT15M" };

export function schemaProblems(text: string, config = ""): Diagnostic[] {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text, values: VALUES });
  const { book, diagnostics: ofExpressions } = compileCatalogExpressions(catalog);
  if (diagnostics.some(({ severity }) => severity === "error")) return [...diagnostics, ...ofExpressions];
  const ofDecisions = decisions.checkDecisions({ catalog, book, config: loadConfig("config.yaml", config, {}).config, directory: tmpdir() });
  return [...diagnostics, ...ofExpressions, ...ofDecisions];
}

/** The warnings about what nobody may reach. */
export function unreachableProblems(text: string): Diagnostic[] {
  return findUnreachable(compileSchema({ file: "schema.graphql", text, values: VALUES }).catalog);
}

/** What `ambit check` advises. */
export function adviceProblems(text: string): Diagnostic[] {
  const { catalog } = compileSchema({ file: "schema.graphql", text, values: VALUES });
  return advise(catalog, compileCatalogExpressions(catalog).book);
}

export function configProblems(text: string, environment: Readonly<Record<string, string>> = {}): Diagnostic[] {
  return loadConfig("config.yaml", text, environment).diagnostics;
}

/** Of resources.ts beside this schema, the TypeScript compiler's included. */
export async function codeProblems(schema: string, resources: string): Promise<readonly Diagnostic[]> {
  return inFolder({ "schema.graphql": schema, "resources.ts": resources }, async (directory) => (await loadApp(directory, { environment: {}, typeCheck: true })).diagnostics);
}

/** Starts with the schema `before` and these records, then with `after` on the same data. The code that refuses it, or null. */
export async function evolutionProblem(before: string, seed: string, after: string): Promise<string | null> {
  return inFolder({ "schema.graphql": before, "seed.ts": `export default ${seed};\n` }, async (directory) => {
    const dataDirectory = join(directory, "data");
    await (await startFolder({ directory, seed: "seed.ts", dataDirectory })).stop();
    writeFileSync(join(directory, "schema.graphql"), after);
    try {
      await (await startFolder({ directory, seed: null, dataDirectory })).stop();
      return null;
    } catch (error) {
      if (error instanceof AmbitError) return error.code;
      throw error;
    }
  });
}

async function inFolder<T>(files: Readonly<Record<string, string>>, work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "ambit-sample-"));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
