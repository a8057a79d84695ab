// Which relation an embed names: the relation field, its foreign key, or the other table where a hint or the lack of a choice
// makes it clear.
import { didYouMean } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import type { Table } from "../schema/catalog.ts";
import { isRelation, relatedTable, tableLabel, visibleRelation, type RelationField, type Resolution } from "./resolution.ts";

/** `hint`: the foreign key, the join table or the relation itself. Throws UNKNOWN_FIELD or MALFORMED_QUERY. */
export function resolveRelation(name: string, hint: string | null, table: Table, resolution: Resolution): RelationField {
  const { scope } = resolution;
  const own = visibleRelation(name, table, scope);
  if (own !== null && (hint === null || hintFits(own, hint, resolution))) return own;
  const relations = [...scope.fields(table).values()].filter(isRelation).filter((field) => visibleRelation(field.name, table, scope) !== null);
  const there = own !== null ? [] : relations.filter((field) => isCalled(relatedTable(field, resolution.catalog), name) || (field.relation.kind === "one" && field.relation.from === name));
  const fitting = hint === null ? there : there.filter((field) => hintFits(field, hint, resolution));
  if (fitting.length === 1) return fitting[0]!;
  if (fitting.length > 1) {
    throw fault("MALFORMED_QUERY", `${tableLabel(table)} has several relations to ${name}.`, { where: "select", fix: `Name one: ${fitting.map((field) => field.name).join(", ")}.` });
  }
  if (own !== null || there.length > 0) {
    throw fault("MALFORMED_QUERY", `The relation ${name} does not go through ${hint}.`, { where: "select", fix: `Leave out !${hint}.` });
  }
  const near = didYouMean(name, relations.map((field) => field.name));
  const fix = near !== null ? `Write ${near}(...).` : relations.length === 0 ? "Leave it out." : `Name one of ${relations.map((field) => field.name).join(", ")}.`;
  throw fault("UNKNOWN_FIELD", `${tableLabel(table)} has no relation ${name}.${near === null ? "" : ` Did you mean ${near}?`}`, { where: "select", fix });
}

function isCalled(table: Table, name: string): boolean {
  return table.name === name || table.exportName === name;
}

function hintFits(field: RelationField, hint: string, resolution: Resolution): boolean {
  if (hint === field.name || isCalled(relatedTable(field, resolution.catalog), hint)) return true;
  const { relation } = field;
  if (relation.kind === "one") return relation.from === hint;
  if (relation.kind === "many") return relation.to === hint;
  const { through } = relation;
  const join = through === null ? undefined : resolution.catalog.tables.get(through.table);
  return join !== undefined && (isCalled(join, hint) || through?.from === hint || through?.to === hint);
}
