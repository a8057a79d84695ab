// SDL text to the Catalog and all its problems. The one entry of schema/; no input or output.
import { compareDiagnostics, type Diagnostic } from "../base/diagnostic.ts";
import { accountTablesText } from "./account-tables.ts";
import { buildCatalog } from "./build-catalog.ts";
import { buildLiteralCatalog } from "./build-objects.ts";
import type { Catalog } from "./catalog.ts";
import type { CompileContext } from "./compile-context.ts";
import { directiveLanguage } from "./directives-source.ts";
import { parseSchema } from "./parse-schema.ts";
import { readDeclarations } from "./read-declarations.ts";
import { allRules } from "./rules/all-rules.ts";
import { sourceText } from "./source-text.ts";

export interface SchemaSource {
  /** As the user named it. */
  readonly file: string;
  readonly text: string;
  /** `values` of config.yaml, which Duration arguments may name. */
  readonly values?: Readonly<Record<string, unknown>>;
}

export interface CompiledSchema {
  /** Also with errors, as far as it goes; run nothing on it then. */
  readonly catalog: Catalog;
  /** In the order of their places. */
  readonly diagnostics: readonly Diagnostic[];
}

export function compileSchema(schema: SchemaSource): CompiledSchema {
  const compiled = compile(schema);
  const { tables, account } = compiled.catalog;
  const people = account === undefined ? undefined : tables.get(account.table);
  const key = people?.fields.get(people.primaryKey)?.type.name;
  if (people === undefined || key === undefined || compiled.diagnostics.some(({ severity }) => severity === "error")) return compiled;
  // Behind the app's text, so that every place in it stays where it is.
  return { ...compiled, catalog: compile({ ...schema, text: schema.text + accountTablesText({ table: people.name, id: people.primaryKey, key }) }).catalog };
}

function compile(schema: SchemaSource): CompiledSchema {
  const source = sourceText(schema.file, schema.text);
  const { document, diagnostics: syntax, broken } = parseSchema(source);
  const base = { source, language: directiveLanguage(), values: schema.values ?? {} };
  const { types, byName } = readDeclarations(document, broken, base);
  const literals = buildLiteralCatalog(byName.values(), source);
  const tables = [...byName.values()].filter((type) => type.kind === "table");
  const fields = types.flatMap((type) => type.fields).flatMap((field) => [field, ...field.arguments]);
  const context: CompileContext = { ...base, document, types, byName, tables, fields, broken, literals };
  const diagnostics = [...syntax, ...allRules.flatMap((rule) => rule(context))].sort(compareDiagnostics);
  return { catalog: buildCatalog(context), diagnostics };
}
