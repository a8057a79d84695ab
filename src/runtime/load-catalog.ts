// The schema of an app and its settings, without its code: for commands on data, which run none of it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Diagnostic } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog } from "../schema/catalog.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { loadConfig, type AppConfig } from "./config.ts";
import type { EnvironmentVariables } from "./environment-references.ts";

export interface LoadedCatalog {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly config: AppConfig;
  /** Of the schema alone: data can be taken out without the secrets that config.yaml asks for. */
  readonly diagnostics: readonly Diagnostic[];
}

/** Throws APP_MISSING; all other problems are diagnostics. */
export async function loadCatalog(directory: string, environment: EnvironmentVariables): Promise<LoadedCatalog> {
  const schemaFile = join(directory, "schema.graphql");
  if (!existsSync(schemaFile)) throw fault("APP_MISSING", `There is no schema.graphql in ${directory}.`);
  const configFile = join(directory, "config.yaml");
  const { config } = loadConfig("config.yaml", existsSync(configFile) ? await Bun.file(configFile).text() : null, environment);
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: await Bun.file(schemaFile).text(), values: config.values });
  const compiled = compileCatalogExpressions(catalog, config.limits);
  return { catalog, book: compiled.book, config, diagnostics: [...diagnostics, ...compiled.diagnostics] };
}
