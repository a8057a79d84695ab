// Orders that a plan brings by itself: nearest in space, nearest in meaning. Text search has its own file.
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { NearClause, SimilarClause } from "../query/plan.ts";
import type { Index, Table } from "../schema/catalog.ts";
import { keyColumn } from "./column.ts";
import type { OrderKey } from "./plan-cursor.ts";
import { column, rowFilterSql, type PlanScope, type RowAlias } from "./plan-scope.ts";

const DISTANCES = { COSINE: "vec_distance_cosine", L2: "vec_distance_L2", L1: "vec_distance_L1" } as const;

/** A number that orders the rows, smallest first, and is no field of theirs. No cursor holds it. */
export function rankKey(sql: string, nullable: boolean): OrderKey {
  return { sql, wire: sql, descending: false, nulls: "last", nullable, output: null, read: () => undefined };
}

/** Exact search: the distance of every row that passes the terms is worked out. A vector of zeros has none by cosine. */
export function similarRank(scope: PlanScope, row: RowAlias, similar: SimilarClause): { rank: OrderKey; terms: string[] } {
  const index = vectorIndex(row.table, similar.field);
  if (similar.words !== undefined) throw fault("EXTERNAL_IN_TRANSACTION", "similar by a text asks a model, which nothing within a transaction may.", { where: "similar", fix: "Pass a vector." });
  if (index.dimensions !== null && index.dimensions !== similar.vector.length) {
    throw fault("BAD_FILTER_VALUE", `${similar.field} has ${index.dimensions} dimensions.`, { where: "similar" });
  }
  const vector = column(row.alias, keyColumn(similar.field));
  const terms = [`${vector} IS NOT NULL`];
  // Where the index does not say it, or a model fills them, some may have another length: those of a former model.
  if (index.dimensions === null || row.table.fields.get(similar.field)?.fill?.kind === "embedding") terms.push(`length(${vector}) = ${scope.bindings.value(similar.vector.length * 4)}`);
  if (similar.visibleWhen !== null) terms.push(rowFilterSql(scope, row, similar.visibleWhen));
  const distance = `${DISTANCES[index.metric]}(${vector}, ${scope.bindings.value(float32Bytes(similar.vector))})`;
  return { rank: rankKey(distance, true), terms };
}

export function nearRank(scope: PlanScope, row: RowAlias, near: NearClause): OrderKey {
  const [latitude, longitude] = coordinates(row, near.fields);
  const [here, there] = [scope.bindings.value(near.latitude), scope.bindings.value(near.longitude)];
  return rankKey(`ambit_distance(${here}, ${there}, ${latitude}, ${longitude})`, true);
}

/** Two Floats, or the members of one object. */
function coordinates({ alias }: RowAlias, [first, second]: readonly string[]): [string, string] {
  const place = column(alias, first!);
  return second === undefined ? [`json_extract(${place}, '$.lat')`, `json_extract(${place}, '$.lon')`] : [place, column(alias, second)];
}

function vectorIndex(table: Table, field: string): Index {
  const index = table.indexes.find((one) => one.kind === "VECTOR" && one.fields[0] === field);
  assert(index !== undefined, `${table.name}.${field} has a VECTOR index`);
  return index;
}

/** As sqlite-vec reads it: float32, little-endian. */
function float32Bytes(numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 4);
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, index) => view.setFloat32(index * 4, number, true));
  return bytes;
}
