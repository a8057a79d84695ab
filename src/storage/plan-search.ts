// Ranked full-text search as a source of rows: FTS5 hits on the row itself and on rows that relations lead to, best score each.
// A hit counts only where its text may be read: for each mask the words are looked up in the columns that it opens.
import { ftsQuery } from "../base/text-query.ts";
import type { SearchClause } from "../query/plan.ts";
import type { Expression } from "../expression/expression.ts";
import type { Table } from "../schema/catalog.ts";
import { quoted, rowKeyColumn, textColumn, textFields, textTable } from "./column.ts";
import type { OrderKey } from "./plan-cursor.ts";
import { rankKey } from "./plan-rank.ts";
import { joinTerm, relationOf } from "./plan-relation.ts";
import { GUARD } from "./plan-statement.ts";
import { aliveTerms, column, fromTable, rowFilterSql, rowSql, tableNamed, type PlanScope, type RowAlias } from "./plan-scope.ts";

type SearchPath = SearchClause["paths"][number];

/** Text fields of one table, reached by the same relations, with the masks of each. */
interface TextPlace { readonly relations: readonly string[]; readonly fields: readonly SearchPath[] }

/** Columns that are open where these masks hold and those do not. Each row is under exactly one. */
interface Opening { readonly fields: readonly SearchPath[]; readonly holding: readonly Expression[]; readonly failing: readonly Expression[] }

/** So many masks are told apart, two openings for each combination; beyond it the rest of them opens together or not at all. */
const MASKS_MAX = 3;

export function searchSource(scope: PlanScope, search: SearchClause, row: RowAlias): { from: string; rank: OrderKey } {
  const hits = textPlaces(search).flatMap((place) =>
    openings(place.fields).map((opening) => hitsSql(scope, row, { relations: place.relations, opening, search })));
  const source = hits.length === 1 ? hits[0]! : `SELECT hit, min(score) AS score FROM (${hits.join(" UNION ALL ")}) GROUP BY hit`;
  const alias = scope.nextAlias();
  const from = `(${source}) ${alias} CROSS JOIN ${fromTable(row)} ON ${column(row.alias, rowKeyColumn(row.table))} = ${alias}.hit`;
  return { from, rank: rankKey(`${alias}.score`, false) };
}

function textPlaces(search: SearchClause): TextPlace[] {
  const places = new Map<string, { relations: readonly string[]; fields: SearchPath[] }>();
  for (const one of search.paths) {
    const relations = one.path.slice(0, -1);
    const place = places.get(relations.join(".")) ?? { relations, fields: [] };
    place.fields.push(one);
    places.set(relations.join("."), place);
  }
  return [...places.values()];
}

function openings(fields: readonly SearchPath[]): Opening[] {
  let found: Opening[] = [{ fields: fields.filter((field) => field.visibleWhen === null), holding: [], failing: [] }];
  for (const { masks, fields: opened } of maskGroups(fields)) {
    found = found.flatMap((one) => [
      { ...one, failing: [...one.failing, conjunction(masks)] },
      { ...one, fields: [...one.fields, ...opened], holding: [...one.holding, ...masks] },
    ]);
  }
  return found.filter((one) => one.fields.length > 0);
}

interface MaskGroup { readonly masks: Expression[]; readonly fields: SearchPath[] }

function maskGroups(fields: readonly SearchPath[]): MaskGroup[] {
  const groups = new Map<string, MaskGroup>();
  for (const field of fields) {
    if (field.visibleWhen === null) continue;
    const signature = JSON.stringify(field.visibleWhen, (_key, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
    const group = groups.get(signature) ?? { masks: [field.visibleWhen], fields: [] };
    group.fields.push(field);
    groups.set(signature, group);
  }
  const all = [...groups.values()];
  const rest = all.splice(MASKS_MAX);
  if (rest.length > 0) all.push({ masks: rest.flatMap((group) => group.masks), fields: rest.flatMap((group) => group.fields) });
  return all;
}

function conjunction(masks: readonly Expression[]): Expression {
  return masks.length === 1 ? masks[0]! : { op: "and", operands: masks };
}

interface HitSearch { readonly relations: readonly string[]; readonly opening: Opening; readonly search: SearchClause }

/** Keys of rows of `root`'s table, with a score: the smaller, the better. */
function hitsSql(scope: PlanScope, root: RowAlias, { opening, relations, search }: HitSearch): string {
  const rows = rowsAlong(scope, root, relations);
  const holder = rows.at(-1)!;
  const texts = scope.nextAlias();
  const hit = column(rows[0]!.alias, rowKeyColumn(root.table));
  const joins = [`${fromTable(holder)} ON ${column(holder.alias, rowKeyColumn(holder.table))} = ${texts}.rowid`];
  const score = scoreSql(scope, holder.table, opening);
  const terms = [`${column(texts, textTable(holder.table))} MATCH ${matchSql(scope, opening, search)}`];
  const from = `${quoted(textTable(holder.table))} ${texts}`;
  if (relations.length === 0 && opening.holding.length + opening.failing.length === 0) {
    return `SELECT ${texts}.rowid AS hit, ${score} FROM ${from} WHERE ${terms.join(" AND ")}`;
  }
  for (const mask of opening.holding) terms.push(rowFilterSql(scope, holder, mask));
  for (const mask of opening.failing) terms.push(`${rowSql(scope, holder, mask)} IS NOT 1`);
  for (let index = relations.length - 1; index >= 0; index--) {
    const [parent, child] = [rows[index]!, rows[index + 1]!];
    terms.push(...aliveTerms(scope, child));
    joins.push(`${fromTable(parent)} ON ${joinTerm(scope, relationOf(parent.table, relations[index]!), parent, child, "parent")}`);
  }
  return `SELECT ${hit} AS hit, ${score} FROM ${from} CROSS JOIN ${joins.join(" CROSS JOIN ")} WHERE ${GUARD}${terms.join(" AND ")}`;
}

/** A row for each table on the way, that of `root` first. */
function rowsAlong(scope: PlanScope, root: RowAlias, relations: readonly string[]): RowAlias[] {
  const rows: RowAlias[] = [{ alias: scope.nextAlias(), table: root.table }];
  for (const name of relations) {
    const table = tableNamed(scope, relationOf(rows.at(-1)!.table, name).table);
    rows.push({ alias: scope.nextAlias(), table });
  }
  return rows;
}

function scoreSql(scope: PlanScope, table: Table, opening: Opening): string {
  const weight = new Map(opening.fields.map((field) => [field.path.at(-1)!, field.weight]));
  const weights = textFields(table, scope.catalog).map((name) => scope.bindings.value(weight.get(name) ?? 0));
  return `bm25(${[quoted(textTable(table)), ...weights].join(", ")}) AS score`;
}

/** The words, looked for in the open columns only. */
function matchSql({ bindings }: PlanScope, { fields }: Opening, { words, match }: SearchClause): string {
  const columns = `{${fields.map(({ path }) => quoted(textColumn(path.at(-1)!))).join(" ")}}`;
  if (match === undefined) return bindings.value(`${columns} : (${ftsQuery("web", words)})`);
  return `(${bindings.value(`${columns} : (`)} || ${bindings.bind({ kind: "closed", expression: match })} || ')')`;
}
