// A query as written becomes a plan: one level for the table and one for each embed, every name resolved through the Scope.
import { fault } from "../base/error.ts";
import type { Table } from "../schema/catalog.ts";
import { conditionExpression, type EmbeddedRelation } from "./build-filter.ts";
import { groupedLevel } from "./build-groups.ts";
import { orderTerms } from "./build-order.ts";
import { outputNames, selectItems } from "./build-select.ts";
import type { Plan, SelectItem } from "./plan.ts";
import type { EmbedSyntax, LevelSyntax, SelectSyntax } from "./query-syntax.ts";
import { conjunction } from "./related-exists.ts";
import { relatedTable, type RelationField, type Resolution } from "./resolution.ts";
import { resolveRelation } from "./resolve-relation.ts";

export interface LevelRequest {
  readonly table: Table;
  readonly items: readonly SelectSyntax[];
  /** Of this level and of those below. */
  readonly levels: readonly LevelSyntax[];
  /** 0: the table that was asked for. */
  readonly depth: number;
}

/** One embed with its plan. `name`: what the request calls it. */
interface BuiltEmbed extends EmbeddedRelation {
  readonly syntax: EmbedSyntax;
  readonly name: string;
}

/** `count`, `after`, rankings and `refuseScan` are left empty; the caller fills them for the outermost level. */
export function buildPlan(request: LevelRequest, resolution: Resolution): Plan {
  const { table, levels } = request;
  const own = levels.filter((level) => level.path.length === 0);
  const embeds = buildEmbeds(request, resolution);
  const items = selectItems(request.items, table, resolution, (syntax) => embedItem(embeds.find((embed) => embed.syntax === syntax)!));
  const conditions = own.flatMap((level) => (level.kind === "condition" ? [level.condition] : []));
  const scope = { row: "record", table, resolution, embedded: (name: string) => embedded(embeds, name) };
  const filter = conjunction(conditions.map((condition) => conditionExpression(condition, scope)));
  const terms = own.flatMap((level) => (level.kind === "order" ? level.terms.map((term) => ({ term, where: level.where })) : []));
  const level = groupedLevel({ table, select: items, filter }, resolution);
  outputNames(level.select);
  return {
    table: table.name, select: level.select, filter: level.filter, grouped: level.grouped,
    order: orderTerms(terms, { table, level, resolution, relationOf: (name) => embedded(embeds, name)?.field ?? null }),
    limit: countOf(own, "limit"), offset: countOf(own, "offset") ?? 0,
    after: null, count: null, search: null, similar: null, near: null, refuseScan: false,
  };
}

function countOf(own: readonly LevelSyntax[], kind: "limit" | "offset"): number | null {
  for (const level of own) if (level.kind === kind) return level.count;
  return null;
}

function buildEmbeds({ table, items, levels, depth }: LevelRequest, resolution: Resolution): BuiltEmbed[] {
  const found = items.flatMap((syntax) => (syntax.kind !== "embed" ? [] : [{ syntax, name: syntax.alias ?? syntax.name, field: resolveRelation(syntax.name, syntax.hint, table, resolution) }]));
  if (found.length > 0 && depth >= resolution.limits.embedDepth) {
    throw fault("MALFORMED_QUERY", `Embeds nest at most ${resolution.limits.embedDepth} deep.`, { where: "select" });
  }
  const below = new Map<EmbedSyntax, LevelSyntax[]>(found.map(({ syntax }) => [syntax, []]));
  for (const level of levels) {
    if (level.path.length > 0) below.get(addressee(level, found))!.push({ ...level, path: level.path.slice(1) });
  }
  return found.map(({ syntax, name, field }) => {
    const request = { table: relatedTable(field, resolution.catalog), items: syntax.items, levels: below.get(syntax)!, depth: depth + 1 };
    const before = resolution.terms();
    const plan = boundEmbed(buildPlan(request, resolution), field, request.levels, resolution);
    return { syntax, name, field, plan, terms: resolution.terms() - before };
  });
}

/** Which embed a parameter such as `stock.order` is for: by alias, else by the relation's name if that is one embed. */
function addressee(level: LevelSyntax, found: readonly { syntax: EmbedSyntax; name: string; field: RelationField }[]): EmbedSyntax {
  const name = level.path[0]!;
  const named = found.filter((embed) => embed.name === name);
  const fitting = named.length > 0 ? named : found.filter((embed) => embed.syntax.name === name || embed.field.name === name);
  if (fitting.length === 1) return fitting[0]!.syntax;
  if (fitting.length === 0) throw fault("MALFORMED_QUERY", `${name} is not embedded in this request.`, { where: level.where, fix: `Add ${name}(...) to select, or ${name}!inner() to filter only.` });
  throw fault("MALFORMED_QUERY", `${name} is embedded more than once.`, { where: level.where, fix: "Give each an alias, and use it here." });
}

/** A list has its bound; one record has neither bound nor offset. */
function boundEmbed(plan: Plan, field: RelationField, levels: readonly LevelSyntax[], { limits }: Resolution): Plan {
  if (field.relation.kind === "one") {
    const narrowed = levels.find((level) => level.path.length === 0 && ((level.kind === "limit" && level.count === 0) || (level.kind === "offset" && level.count > 0)));
    if (narrowed !== undefined) throw fault("MALFORMED_QUERY", `${field.name} is one record; ${narrowed.kind} would leave nothing of it.`, { where: narrowed.where });
    return { ...plan, order: [], limit: null, offset: 0 };
  }
  if (plan.limit !== null && plan.limit > limits.embedRows) {
    throw fault("MALFORMED_QUERY", `An embedded list has at most ${limits.embedRows} rows.`, { where: `${field.name}.limit`, fix: "Ask for fewer." });
  }
  return plan.limit === null ? { ...plan, limit: limits.embedRows } : plan;
}

function embedItem({ syntax, name, field, plan }: BuiltEmbed): SelectItem {
  return { kind: "embed", alias: name, relation: field.name, plan, inner: syntax.inner, spread: syntax.spread, visibleWhen: null };
}

function embedded(embeds: readonly BuiltEmbed[], name: string): BuiltEmbed | null {
  const named = embeds.filter((embed) => embed.name === name);
  const fitting = named.length > 0 ? named : embeds.filter((embed) => embed.field.name === name);
  return fitting.length === 1 ? fitting[0]! : null;
}
