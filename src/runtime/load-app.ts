// Reads the three files of an app and compiles them together, so that every problem of all three is known at once.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { advise } from "../access/advise.ts";
import { findUnreachable } from "../access/find-unreachable.ts";
import { compareDiagnostics, type Diagnostic } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { decisions } from "#decisions";
import type { ValueType } from "../codegen/types-declaration.ts";
import { bindAppCode, type AppCode } from "../resources/app-code.ts";
import type { Catalog } from "../schema/catalog.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { checkEmbeddings } from "./check-embeddings.ts";
import { loadConfig, type AppConfig } from "./config.ts";
import type { EnvironmentVariables } from "./environment-references.ts";
import { loadResources, resourcesFile } from "./load-resources.ts";
import { findUnavailableMembers } from "./unavailable-members.ts";
import { webhookSecrets } from "./webhook-secrets.ts";
import { typeCheck, writeTypes } from "./type-check.ts";

export interface LoadedApp {
  readonly directory: string;
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly config: AppConfig;
  readonly code: AppCode;
  /** SHA-256 of the app's own files of code, hex. */
  readonly codeHash: string;
  /** In the order in which they are shown. Any error among them: the app must not start. */
  readonly diagnostics: readonly Diagnostic[];
}

export interface LoadOptions {
  readonly environment: EnvironmentVariables;
  /** Also run the TypeScript compiler over resources.ts. */
  readonly typeCheck: boolean;
}

/** Throws APP_MISSING when the folder has no schema.graphql; all other problems are diagnostics. */
export async function loadApp(directory: string, options: LoadOptions): Promise<LoadedApp> {
  const schemaFile = join(directory, "schema.graphql");
  if (!existsSync(schemaFile)) throw fault("APP_MISSING", `There is no schema.graphql in ${directory}.`);
  const configFile = join(directory, "config.yaml");
  const { config, diagnostics: configProblems } = loadConfig("config.yaml", existsSync(configFile) ? await Bun.file(configFile).text() : null, options.environment);
  const { catalog, diagnostics: schemaProblems } = compileSchema({ file: "schema.graphql", text: await Bun.file(schemaFile).text(), values: config.values });
  const { book, diagnostics: expressionProblems } = compileCatalogExpressions(catalog, config.limits);
  const resources = await loadResources(directory);
  const { code, diagnostics: codeProblems } = bindAppCode(catalog, resources.module, { file: resourcesFile(directory) ?? "resources.ts", loaded: resources.diagnostics.length === 0, source: resources.source });
  const decisionProblems = schemaProblems.some(isError) ? [] : decisions.checkDecisions({ catalog, book, config, directory });
  const found: Diagnostic[] = [...decisionProblems, ...configProblems, ...schemaProblems, ...expressionProblems, ...resources.diagnostics, ...codeProblems];
  found.push(...resources.files.flatMap(({ file, text }) => findUnavailableMembers(text, file)));
  // Types of a schema with errors would only repeat them, and so would those of a file that cannot be read.
  const broken = schemaProblems.some(isError) || resources.diagnostics.some(({ code }) => code === "SYNTAX");
  if (!schemaProblems.some(isError)) found.push(...findUnreachable(catalog));
  if (!configProblems.some(isError) && !schemaProblems.some(isError)) found.push(...webhookSecrets(catalog, config.secrets));
  if (![...configProblems, ...schemaProblems, ...expressionProblems].some(isError)) found.push(...checkEmbeddings({ catalog, book, config }));
  if (options.typeCheck && !found.some(isError)) found.push(...advise(catalog, book), ...decisions.tryFallbacks({ catalog, book, config, code, directory }));
  if (options.typeCheck && !broken) found.push(...await checkTypes(directory, catalog, config));
  return { directory, catalog, book, config, code, codeHash: hashOf(resources.files), diagnostics: toldOnce(found.sort(compareDiagnostics)) };
}

function hashOf(files: readonly { readonly file: string; readonly text: string }[]): string {
  const hash = createHash("sha256");
  for (const { file, text } of files) hash.update(`${file}\n${text}\n`);
  return hash.digest("hex");
}

/** The scan for members of `ctx` and the compiler find the same ones where a type is known. */
function toldOnce(sorted: readonly Diagnostic[]): Diagnostic[] {
  return sorted.filter((diagnostic, index) => {
    const before = sorted[index - 1];
    return before === undefined || compareDiagnostics(before, diagnostic) !== 0 || before.message !== diagnostic.message;
  });
}

export const isError = (diagnostic: Diagnostic): boolean => diagnostic.severity === "error";

function valueType(value: string | number | boolean): ValueType {
  return typeof value === "string" ? "string" : typeof value === "number" ? "number" : "boolean";
}

async function checkTypes(directory: string, catalog: Catalog, config: AppConfig): Promise<Diagnostic[]> {
  const types = { catalog, values: Object.fromEntries(Object.entries(config.values).map(([name, value]) => [name, valueType(value)])), secrets: Object.keys(config.secrets) };
  const file = resourcesFile(directory);
  if (file === null) { await writeTypes(directory, types); return []; }
  return typeCheck(directory, file, types);
}
