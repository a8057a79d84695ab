// Typed query objects of app code to a plan: conditions by name, and order, page and selection beside them. No text is parsed.
import { fault } from "../base/error.ts";
import type { Table } from "../schema/catalog.ts";
import { buildPlan } from "./build-plan.ts";
import { codeConditions, isLiteral, joinPath, malformed, type Literal } from "./code-conditions.ts";
import { codeNear, codeSimilar } from "./code-rankings.ts";
import type { Plan } from "./plan.ts";
import type { LevelSyntax, OrderSyntax, SelectSyntax } from "./query-syntax.ts";
import { searchClause } from "./rankings.ts";
import { createResolution, isRelation, relatedTable, unknownField, visibleField, visibleRelation, type QueryContext } from "./resolution.ts";
import { atMoment, rankedPlan, withPage } from "./rest-query.ts";
import type { Scope } from "./scope.ts";

/** One level of the query: the table's own, or that of an embedded relation. */
interface CodeLevel {
  readonly table: Table;
  readonly scope: Scope;
  /** Relations that lead to it. */
  readonly path: readonly string[];
}

const shapeNames = ["select", "order", "limit", "offset"] as const;
const rootNames = ["after", "asof", "near", "search", "similar"] as const;

/**
 * A plan as REST would make it. Undefined: everything. Absent, null and undefined are the same for what is not a
 * condition. Throws faults; an unknown name is UNKNOWN_FIELD with a did-you-mean.
 */
export function parseCodeQuery(query: unknown, context: QueryContext): Plan {
  const literal = query === undefined || query === null ? {} : query;
  if (!isLiteral(literal)) throw malformed("A query is an object.", "", "Write { field: value, order: { field: \"asc\" }, limit: 10 }.");
  const { table, scope } = context;
  const { items, levels } = readLevel(literal, { table, scope, path: [] });
  const resolution = createResolution(context);
  const built = buildPlan({ table, items, levels, depth: 0 }, resolution);
  const near = codeNear(literal["near"], table, resolution);
  const similar = codeSimilar(literal["similar"], table, resolution);
  const search = typeof literal["search"] === "string" ? searchClause(literal["search"], table, resolution) : refuseUnlessAbsent(literal["search"], "search", "a text");
  const after = typeof literal["after"] === "string" ? literal["after"] : refuseUnlessAbsent(literal["after"], "after", "a cursor");
  const plan = withPage(rankedPlan({ ...built, near, search, similar }, table), after, context);
  const moment = literal["asof"] instanceof Date && Number.isFinite(literal["asof"].getTime()) ? literal["asof"].toISOString() : literal["asof"];
  return atMoment(plan, typeof moment === "string" ? moment : refuseUnlessAbsent(moment, "asof", "a time"), context);
}

function refuseUnlessAbsent(raw: unknown, where: string, expected: string): null {
  if (raw === undefined || raw === null) return null;
  throw malformed(`${where} takes ${expected}.`, where, "Leave it out where there is none.");
}

function readLevel(literal: Literal, level: CodeLevel): { items: readonly SelectSyntax[]; levels: LevelSyntax[] } {
  const { path } = level;
  const where = path.join(".");
  if (path.length > 20) throw malformed("The selection is nested too deeply.", where, "Select fewer levels.");
  const reserved: readonly string[] = path.length === 0 ? [...shapeNames, ...rootNames] : shapeNames;
  const entries = Object.entries(literal).filter(([name]) => !reserved.includes(name));
  const conditions = codeConditions(entries, { table: level.table, scope: level.scope, where, depth: 0 });
  const levels: LevelSyntax[] = conditions.map((condition) => ({ path, where, kind: "condition", condition }));
  const terms = readOrder(literal["order"], joinPath(where, "order"), level);
  if (terms.length > 0) levels.push({ path, where: joinPath(where, "order"), kind: "order", terms });
  for (const kind of ["limit", "offset"] as const) {
    const count = readCount(literal[kind], joinPath(where, kind));
    if (count !== null) levels.push({ path, where: joinPath(where, kind), kind, count });
  }
  const selected = readSelection(literal["select"], joinPath(where, "select"), level);
  return { items: selected.items, levels: [...levels, ...selected.levels] };
}

function readCount(raw: unknown, where: string): number | null {
  if (raw === undefined || raw === null) return null;
  if (typeof raw === "number" && Number.isSafeInteger(raw) && raw >= 0) return raw;
  throw malformed(`${where} takes a whole number, not below 0.`, where, "Leave it out where there is none.");
}

function readSelection(raw: unknown, where: string, level: CodeLevel): { items: readonly SelectSyntax[]; levels: LevelSyntax[] } {
  if (raw === undefined || raw === null) return { items: [{ kind: "all" }], levels: [] };
  if (!Array.isArray(raw)) throw malformed(`${where} takes a list.`, where, "Write select: [\"id\", { relation: [\"id\"] }].");
  const levels: LevelSyntax[] = [];
  const items = (raw as readonly unknown[]).flatMap((entry): SelectSyntax[] => {
    if (typeof entry === "string") return [readName(entry, where, level)];
    if (!isLiteral(entry)) throw malformed(`${where} holds names and { relation: [...] }.`, where, "Write select: [\"id\", { relation: [\"id\"] }].");
    return Object.entries(entry).map(([name, inner]) => {
      const field = visibleRelation(name, level.table, level.scope);
      if (field === null) throw unknownField(name, level.table, level.scope, where);
      const query = Array.isArray(inner) ? { select: inner } : inner;
      if (!isLiteral(query)) throw malformed(`${where}.${name} takes a list or a query.`, where, `Write { ${name}: ["id"] }.`);
      const embedded = readLevel(query, { table: relatedTable(field, level.scope.catalog), scope: level.scope, path: [...level.path, name] });
      levels.push(...embedded.levels);
      return { kind: "embed", alias: null, name, hint: null, inner: false, spread: false, items: embedded.items };
    });
  });
  return { items, levels };
}

function readName(name: string, where: string, { table, scope }: CodeLevel): SelectSyntax {
  if (name === "*") return { kind: "all" };
  const field = visibleField(name, table, scope);
  if (field === null) throw unknownField(name, table, scope, where);
  if (isRelation(field)) throw malformed(`${name} is a relation.`, where, `Write { ${name}: ["*"] }.`);
  return { kind: "field", alias: null, field: { name, path: [], asText: false }, cast: null };
}

const directions: readonly string[] = ["asc", "desc", "asc.nullsfirst", "asc.nullslast", "desc.nullsfirst", "desc.nullslast"];

function readOrder(raw: unknown, where: string, level: CodeLevel): OrderSyntax[] {
  if (raw === undefined || raw === null) return [];
  const literals: readonly unknown[] = Array.isArray(raw) ? raw : [raw];
  return literals.flatMap((literal) => {
    if (!isLiteral(literal)) throw malformed(`${where} takes { field: "asc" } or a list of such.`, where, "Write order: { field: \"desc\" }.");
    return Object.entries(literal).flatMap(([name, direction]): OrderSyntax[] => {
      const isRelated = visibleRelation(name, level.table, level.scope) !== null;
      if (!isLiteral(direction) || (!isRelated && visibleField(name, level.table, level.scope) !== null)) return [orderTerm(null, name, direction, where)];
      if (!isRelated) throw unknownField(name, level.table, level.scope, where);
      return Object.entries(direction).map(([field, inner]) => orderTerm(name, field, inner, where));
    });
  });
}

function orderTerm(relation: string | null, name: string, direction: unknown, where: string): OrderSyntax {
  if (typeof direction !== "string" || !directions.includes(direction)) throw fault("MALFORMED_QUERY", `${where}.${name} is one of ${directions.join(", ")}.`, { where });
  const descending = direction.startsWith("desc");
  const nulls = direction.includes("nulls") ? (direction.endsWith("first") ? "first" : "last") : descending ? "first" : "last";
  return { relation, field: { name, path: [], asText: false }, descending, nulls };
}
