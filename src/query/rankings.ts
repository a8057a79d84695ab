// `near`, `search` and `similar`: from their text to clauses of a plan, by the indexes that the caller may use.
import { AmbitError, fault } from "../base/error.ts";
import { isWellFormedText } from "../base/text.ts";
import { ftsQuery, textQueryProblem } from "../base/text-query.ts";
import type { Expression } from "../expression/expression.ts";
import { coerceText } from "../schema/coerce-text.ts";
import type { Index, Table } from "../schema/catalog.ts";
import type { NearClause, SearchClause, SimilarClause } from "./plan.ts";
import { isRelation, relatedTable, tableLabel, unknownField, visibleField, visibleRelation, type Resolution } from "./resolution.ts";
import { textType } from "./resolve-field.ts";
import { requireWellFormed } from "./rest-parameters.ts";

const DEGREES_LATITUDE = 90;
const DEGREES_LONGITUDE = 180;
/** Half the circumference: beyond it everything is near. */
const METRES_MAX = 20_100_000;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** `[field:]latitude,longitude,metres`. */
export function nearClause(text: string, table: Table, resolution: Resolution): NearClause {
  const [, name, rest] = /^(?:([^:,]*):)?(.*)$/su.exec(text)!;
  const numbers = rest!.split(",").map((part) => part.trim());
  if (numbers.length !== 3 || !numbers.every((part) => NUMBER.test(part))) {
    throw fault("MALFORMED_QUERY", "near takes latitude, longitude and metres.", { where: "near", fix: "Write near=52.52,13.405,1000." });
  }
  const [latitude, longitude, metres] = numbers.map(Number) as [number, number, number];
  return checkedNear({ fields: indexedFields("GEO", name ?? null, { table, resolution, where: "near" }).fields, latitude, longitude, metres });
}

/** Throws BAD_FILTER_VALUE for a place that is not on Earth. */
export function checkedNear(near: NearClause): NearClause {
  const { latitude, longitude, metres } = near;
  const isPlace = Math.abs(latitude) <= DEGREES_LATITUDE && Math.abs(longitude) <= DEGREES_LONGITUDE && metres >= 0 && metres <= METRES_MAX;
  if (isPlace) return near;
  throw fault("BAD_FILTER_VALUE", `near takes a latitude within ±${DEGREES_LATITUDE}, a longitude within ±${DEGREES_LONGITUDE} and metres from 0 to ${METRES_MAX}.`, { where: "near" });
}

export function nearExpression(near: NearClause, table: Table): Expression {
  return { op: "near", row: "record", table: table.name, ...near };
}

/** Over the paths of @search, or where there are none over all fields with a text index; only those that the caller may read. `match`: in place of the words. */
export function searchClause(words: string, table: Table, resolution: Resolution, match?: Expression): SearchClause {
  const declared = table.search.length > 0 ? table.search
    : table.indexes.filter((index) => index.kind === "TEXT").flatMap((index) => index.fields.map((field) => ({ path: [field], weight: 1 })));
  const paths = declared.filter(({ path }) => isVisiblePath(path, table, resolution)).map(({ path, weight }) => ({ path, weight, visibleWhen: null }));
  if (paths.length === 0) {
    throw fault("MALFORMED_QUERY", `${tableLabel(table)} has no text to search.`, { where: "search", fix: "Declare @search(fields: [...]) on the type, or @indexed(type: TEXT) on a field." });
  }
  requireSearchable(words);
  return { words, paths, ...(match === undefined ? {} : { match }) };
}

function requireSearchable(words: string): void {
  const problem = textQueryProblem("web", words);
  if (problem !== null) throw fault("BAD_FILTER_VALUE", problem, { where: "search" });
}

/** Some text can be searched for by them. */
export function isSearchable(words: string): boolean {
  return isWellFormedText(words) && textQueryProblem("web", words) === null;
}

/** What FTS5 is asked for these words. Throws what `search` with them would. */
export function searchMatch(words: string): string {
  requireWellFormed(words);
  requireSearchable(words);
  return ftsQuery("web", words);
}

function isVisiblePath(path: readonly string[], start: Table, resolution: Resolution): boolean {
  let table = start;
  for (const step of path.slice(0, -1)) {
    const relation = visibleRelation(step, table, resolution.scope);
    if (relation === null) return false;
    table = relatedTable(relation, resolution.catalog);
  }
  return visibleField(path.at(-1) ?? "", table, resolution.scope) !== null;
}

/** `[field:][0.1,0.2,...]`, or a text in place of the vector. */
export function similarClause(text: string, table: Table, resolution: Resolution): SimilarClause {
  const [, field, words] = /^(?:([A-Za-z_]\w*):)?\s*(.*)$/su.exec(text)!;
  const index = indexedFields("VECTOR", field ?? null, { table, resolution, where: "similar" });
  if (!words!.startsWith("[")) return similarText(words!, index, table);
  let vector: readonly number[];
  try {
    vector = coerceText(words!, { ...textType, name: "Vector" }, resolution.catalog) as readonly number[];
  } catch (error) {
    if (error instanceof AmbitError) throw fault("BAD_FILTER_VALUE", error.message, { where: "similar" });
    throw error;
  }
  return checkedSimilar(vector, index);
}

/** Throws MALFORMED_QUERY where no model makes the vectors of this index, and BAD_FILTER_VALUE for no text. */
export function similarText(text: string, { fields }: Index, table: Table): SimilarClause {
  const field = fields[0]!;
  const fill = table.fields.get(field)?.fill;
  if (fill?.kind !== "embedding") throw fault("MALFORMED_QUERY", `${field} is not filled by a model, so it is compared with a vector.`, { where: "similar", fix: "Pass the vector: similar=[0.1,0.2,...]." });
  if (text.trim() === "") throw fault("BAD_FILTER_VALUE", "similar takes a vector or a text.", { where: "similar" });
  return { field, vector: [], words: { text, model: fill.model }, visibleWhen: null };
}

/** Throws BAD_FILTER_VALUE where the vector cannot be compared with those of the index. */
export function checkedSimilar(vector: readonly number[], index: Index): SimilarClause {
  const field = index.fields[0]!;
  if (index.dimensions !== null && vector.length !== index.dimensions) {
    throw fault("BAD_FILTER_VALUE", `${field} has ${index.dimensions} dimensions, not ${vector.length}.`, { where: "similar" });
  }
  if (index.metric === "COSINE" && vector.every((number) => Math.fround(number) === 0)) throw fault("BAD_FILTER_VALUE", "A vector of zeros has no direction.", { where: "similar" });
  return { field, vector, visibleWhen: null };
}

export interface IndexPlace {
  readonly table: Table;
  readonly resolution: Resolution;
  readonly where: "near" | "similar";
}

/** The one index of its kind on the field, or on the table where no field is named. */
export function indexedFields(kind: "GEO" | "VECTOR", field: string | null, { table, resolution, where }: IndexPlace): Index {
  const visible = (name: string): boolean => {
    const found = visibleField(name, table, resolution.scope);
    return found !== null && !isRelation(found);
  };
  if (field !== null && !visible(field)) throw unknownField(field, table, resolution.scope, where);
  const indexes = table.indexes.filter((index) => index.kind === kind && index.fields.every(visible) && (field === null || index.fields.includes(field)));
  if (indexes.length === 1) return indexes[0]!;
  if (indexes.length > 1) {
    throw fault("MALFORMED_QUERY", `${tableLabel(table)} has several such fields.`, { where, fix: `Name one: ${where}=${indexes.map((index) => `${index.fields[0]}:...`).join(` or ${where}=`)}` });
  }
  throw fault("MALFORMED_QUERY", `${field ?? tableLabel(table)} has no ${kind} index.`, { where, fix: `Declare @indexed(type: ${kind}).` });
}
