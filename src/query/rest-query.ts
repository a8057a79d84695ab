// The REST grammar: the pairs of a query string to a plan. Nothing unknown is ignored; every name goes through the Scope.
import { didYouMean } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import { typeOfField } from "../expression/field-type.ts";
import type { Table } from "../schema/catalog.ts";
import { asOfPlan, readAsOf } from "./as-of.ts";
import { buildPlan } from "./build-plan.ts";
import { cursorFingerprint, decodeCursor, malformedCursor } from "./cursor.ts";
import { orderKeys } from "./order-keys.ts";
import type { Plan } from "./plan.ts";
import type { LevelSyntax, SelectSyntax } from "./query-syntax.ts";
import { nearClause, nearExpression, searchClause, similarClause } from "./rankings.ts";
import { conjunction } from "./related-exists.ts";
import { createResolution, isRelation, tableLabel, unknownField, visibleField, type QueryContext, type Resolution } from "./resolution.ts";
import { readFlag, readNames, readParameters, reservedParameters, type Parameter, type RestParameters } from "./rest-parameters.ts";
import { readSelect } from "./select-syntax.ts";

export type Parameters = readonly Parameter[];

export interface RestQuery {
  readonly plan: Plan;
  /** `limit=` as asked for; `plan.limit` has a bound where this is null. Bulk writes put this into their plan. */
  readonly limit: number | null;
  readonly explain: boolean;
  /** Keys of the body that count. Not resolved: whether they may be written is decided with the write. */
  readonly columns: readonly string[] | null;
  /** Fields of the primary key or of one unique index. */
  readonly onConflict: readonly string[] | null;
}

/** Throws faults of status 400, 422 MIXED_CURRENCY, and NOT_AVAILABLE. */
export function parseRestQuery(parameters: Parameters, context: QueryContext): RestQuery {
  const request = readParameters(parameters);
  const { single } = request;
  const resolution = createResolution(context);
  refuseUnavailable(request);
  refuseMisspelt(request, context);
  const items = readItems(single.select);
  const built = buildPlan({ table: context.table, items, levels: request.levels, depth: 0 }, resolution);
  const plan = atMoment(withPage(withRankings(built, request, context.table, resolution), single.after, context), single.asof, context);
  return {
    plan, limit: built.limit, explain: readFlag(single.explain, "explain"),
    columns: single.columns === null ? null : readNames(single.columns, "columns"),
    onConflict: single.on_conflict === null ? null : conflictFields(single.on_conflict, context),
  };
}

/** As of the moment that the request names, if it names one. */
export function atMoment(plan: Plan, asof: string | null, { scope }: QueryContext): Plan {
  return asof === null ? plan : asOfPlan(plan, readAsOf(asof), scope.catalog);
}

/** Without `select` everything. */
export function readItems(select: string | null): readonly SelectSyntax[] {
  return select === null ? [{ kind: "all" }] : readSelect(select);
}

export function refuseUnavailable({ single }: RestParameters): void {
  if (single.since !== null) throw fault("MALFORMED_QUERY", "since says where a stream of changes goes on.", { where: "since", fix: "Send Accept: text/event-stream, or leave it out." });
}

/** `limt=5` is no filter on a field that nobody declared, but a parameter misspelt. */
export function refuseMisspelt({ levels }: RestParameters, { table, scope }: QueryContext): void {
  for (const level of levels) {
    const name = rootField(level);
    if (name === null || visibleField(name, table, scope) !== null || didYouMean(name, scope.fields(table).keys()) !== null) continue;
    const near = didYouMean(name, reservedParameters);
    if (near !== null) throw fault("UNKNOWN_PARAMETER", `There is no parameter ${name}, and ${tableLabel(table)} has no such field. Did you mean ${near}?`, { where: name, fix: `Write ${near}=...` });
  }
}

function rootField(level: LevelSyntax): string | null {
  return level.kind === "condition" && level.path.length === 0 && level.condition.kind === "filter" ? level.condition.field.name : null;
}

function withRankings(plan: Plan, { single, words }: RestParameters, table: Table, resolution: Resolution): Plan {
  const near = single.near === null ? null : nearClause(single.near, table, resolution);
  const search = single.search === null ? null : searchClause(single.search, table, resolution, words?.openWords?.());
  const similar = single.similar === null ? null : similarClause(single.similar, table, resolution);
  return rankedPlan({ ...plan, near, search, similar }, table);
}

/** Adds the condition of `near`. */
export function rankedPlan(plan: Plan, table: Table): Plan {
  return plan.near === null ? plan : { ...plan, filter: conjunction([plan.filter, nearExpression(plan.near, table)]) };
}

/** Checks the limit and puts the cursor in place. */
export function withPage(plan: Plan, after: string | null, { table, scope, limits }: QueryContext): Plan {
  if (plan.limit !== null && plan.limit > limits.pageRows) {
    throw fault("MALFORMED_QUERY", `A page has at most ${limits.pageRows} rows.`, { where: "limit", fix: "Ask for fewer and go on with after= or offset=." });
  }
  const page = { ...plan, limit: plan.limit ?? limits.pageRows };
  if (after === null) return page;
  if (plan.grouped) throw fault("MALFORMED_QUERY", "Groups have no cursor.", { where: "after", fix: "Page through them with offset." });
  if (plan.order.length === 0 && (plan.near !== null || plan.search !== null || plan.similar !== null)) {
    throw fault("MALFORMED_QUERY", "A ranking has no cursor.", { where: "after", fix: "Page through it with offset, or give order=." });
  }
  const keys = orderKeys(plan, table, typeOfField(table.fields.get(table.primaryKey)!.type, scope.catalog));
  const values = decodeCursor(after, cursorFingerprint(table.name, keys));
  if (values.length !== keys.length) throw malformedCursor("The cursor belongs to another table or order.");
  return { ...page, after: values };
}

function conflictFields(text: string, { table, scope }: QueryContext): readonly string[] {
  const names = readNames(text, "on_conflict");
  for (const name of names) {
    const field = visibleField(name, table, scope);
    if (field === null || isRelation(field)) throw unknownField(name, table, scope, "on_conflict");
  }
  const wanted = new Set(names);
  const isUnique = (fields: readonly string[]): boolean => fields.length === wanted.size && fields.every((field) => wanted.has(field));
  if (isUnique([table.primaryKey]) || table.indexes.some((index) => index.unique && isUnique(index.fields))) return names;
  throw fault("MALFORMED_QUERY", `No unique index of ${tableLabel(table)} has exactly these fields.`, { where: "on_conflict", fix: `Name ${table.primaryKey}, or the fields of one @indexed(unique: true).` });
}
