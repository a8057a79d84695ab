// `near` and `similar` of typed query objects: from plain values to the same clauses that REST makes.
import type { Table } from "../schema/catalog.ts";
import { codeOperand } from "./code-operand.ts";
import { isLiteral, malformed } from "./code-conditions.ts";
import type { NearClause, SimilarClause } from "./plan.ts";
import { checkedNear, checkedSimilar, indexedFields, similarText } from "./rankings.ts";
import type { Resolution } from "./resolution.ts";
import { textType } from "./resolve-field.ts";

/** `{ latitude, longitude, metres, field? }`. */
export function codeNear(raw: unknown, table: Table, resolution: Resolution): NearClause | null {
  if (raw === undefined || raw === null) return null;
  const { field, latitude, longitude, metres, ...rest } = isLiteral(raw) ? raw : {};
  if (!isNumber(latitude) || !isNumber(longitude) || !isNumber(metres) || !isName(field) || Object.keys(rest).length > 0) {
    throw malformed("near takes { latitude, longitude, metres, field? }.", "near", "Write near: { latitude: 52.52, longitude: 13.405, metres: 1000 }.");
  }
  return checkedNear({ fields: indexedFields("GEO", field ?? null, { table, resolution, where: "near" }).fields, latitude, longitude, metres });
}

/** A vector or a text, or `{ vector, field? }` or `{ text, field? }`. */
export function codeSimilar(raw: unknown, table: Table, resolution: Resolution): SimilarClause | null {
  if (raw === undefined || raw === null) return null;
  const { field, vector, text, ...rest } = isLiteral(raw) ? raw : typeof raw === "string" ? { text: raw } : { vector: raw };
  const isOne = (vector === undefined || vector === null) !== (text === undefined || text === null);
  if (!isName(field) || !isOne || Object.keys(rest).length > 0) throw malformed("similar takes a vector or a text, or { vector, field? } or { text, field? }.", "similar", "Write similar: [0.1, 0.2].");
  const index = indexedFields("VECTOR", field ?? null, { table, resolution, where: "similar" });
  if (typeof text === "string") return similarText(text, index, table);
  return checkedSimilar(codeOperand(vector, "similar").value({ ...textType, name: "Vector" }, resolution.catalog) as readonly number[], index);
}

function isNumber(raw: unknown): raw is number {
  return typeof raw === "number" && Number.isFinite(raw);
}

function isName(raw: unknown): raw is string | undefined | null {
  return raw === undefined || raw === null || typeof raw === "string";
}
