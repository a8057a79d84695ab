// EMBED_SHAPE, CONFIG: what the schema wants of embedding models and what config.yaml says of them must fit, and what is secret must stay so.
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { fieldsRead, isOfRowAlone } from "../expression/inspect.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import { embeddedFields, type EmbeddedField } from "../tables/embedded-text.ts";
import type { AppConfig } from "./config.ts";

/** Of a schema without errors. */
export function checkEmbeddings({ catalog, book, config }: { readonly catalog: Catalog; readonly book: ExpressionBook; readonly config: AppConfig }): Diagnostic[] {
  const embedded = [...catalog.tables.values()].flatMap((table) => embeddedFields(table, book));
  return [
    ...embedded.flatMap((field) => [...checkModel(field, config), ...checkSecrets(field, book)]),
    ...[...catalog.decisions.values()].flatMap(({ model, callable }) => {
      const settings = config.models[model];
      if (settings === undefined || settings.dimensions === null) return [];
      return [problem("CONFIG", callable.position, { message: `${callable.name} asks ${model}, which is an embedding model.`, why: "It answers no questions.", fix: "Name another alias, or remove dimensions from it." })];
    }),
  ];
}

interface Said { readonly message: string; readonly why: string; readonly fix: string }

function problem(code: "EMBED_SHAPE" | "CONFIG", position: SourcePosition, said: Said, severity: Diagnostic["severity"] = "error"): Diagnostic {
  return { code, severity, position, ...said, edits: [] };
}

function positionOf({ table, field }: EmbeddedField): SourcePosition {
  return table.fields.get(field)!.position;
}

function checkModel(embedded: EmbeddedField, { models }: AppConfig): Diagnostic[] {
  const { table, field, model } = embedded;
  const settings = models[model];
  const at = positionOf(embedded);
  const place = `${table.name}.${field}`;
  if (settings === undefined) return [problem("EMBED_SHAPE", at, { message: `${place} is filled by the model ${model}, which config.yaml does not have.`, why: "Until it is there the vector stays empty.", fix: `Add models.${model} with dimensions.` }, "warning")];
  if (settings.dimensions === null) return [problem("EMBED_SHAPE", at, { message: `${place} is filled by ${model}, which is no embedding model.`, why: "An alias is one if it says how many dimensions its vectors have.", fix: `Name another alias, or give models.${model}.dimensions.` })];
  const index = dimensionsOf(table, field);
  if (index === null || index === settings.dimensions) return [];
  return [problem("EMBED_SHAPE", at, { message: `The index of ${place} has ${index} dimensions, and vectors of ${model} have ${settings.dimensions}.`, why: "They could not be stored.", fix: "Leave dimensions out of @indexed, or give the same number." })];
}

function dimensionsOf({ indexes }: Table, field: string): number | null {
  return indexes.find(({ kind, fields }) => kind === "VECTOR" && fields[0] === field)?.dimensions ?? null;
}

function checkSecrets(embedded: EmbeddedField, book: ExpressionBook): Diagnostic[] {
  const { table, field, from, secret } = embedded;
  const at = positionOf(embedded);
  const leaking = from.find((name) => {
    const fill = table.fields.get(name)?.fill;
    return fill?.kind === "computed" && fieldsRead(book.of(fill.rule)).some((read) => table.fields.get(read.field)?.limits.secret === true);
  });
  return [
    ...(leaking === undefined ? [] : [problem("EMBED_SHAPE", at, { message: `${table.name}.${field} is made of ${leaking}, which is computed from a secret.`, why: "What is @secret never enters a request to a model.", fix: "Leave it out of from." })]),
    ...(secret === null || isOfRowAlone(secret, book) ? [] : [problem("EMBED_SHAPE", at, { message: `@secret(where) of ${table.name} looks at more than the record itself.`, why: `Nobody would notice when a record whose text is in ${field} becomes secret.`, fix: "Decide by the record's own stored fields." })]),
  ];
}
