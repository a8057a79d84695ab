// Plans of root fields, made once for each signature and set of roles: reads of lists, groups and single records, and what writes answer.
import { dateTimeOf } from "../../base/date-time.ts";
import type { Value } from "../../base/value.ts";
import { buildPlan } from "../../query/build-plan.ts";
import { codeNear, codeSimilar } from "../../query/code-rankings.ts";
import { defaultPlan } from "../../query/key-plan.ts";
import type { Plan } from "../../query/plan.ts";
import { searchClause } from "../../query/rankings.ts";
import { createResolution, type QueryContext } from "../../query/resolution.ts";
import type { SelectSyntax } from "../../query/query-syntax.ts";
import { atMoment, rankedPlan, withPage } from "../../query/rest-query.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Members } from "./filter-conditions.ts";
import type { Caller } from "./graphql-parts.ts";
import { PlanDraft } from "./plan-draft.ts";
import { groupSyntax, listLevels, presence, recordSyntax, type QuerySyntax, type SelectionContext } from "./record-selection.ts";
import { TYPE_NAME, type DocumentPart, type Selected } from "./selected-fields.ts";

export interface SelectionPlan {
  /** The same object for the same signature: what is compiled from it is found again. */
  readonly plan: Plan;
  /** As asked for; `plan.limit` has a bound where this is null. */
  readonly limit: number | null;
}

export interface Asked extends SelectionPlan {
  /** Of what the plan leaves open. */
  readonly values: readonly Value[] | undefined;
}

/** Longer ones are made anew each time: the cache is bounded by entries. */
const SIGNATURE_MAX = 20_000;

export interface ListRequest {
  readonly table: Table;
  readonly arguments: Members;
  readonly part: DocumentPart;
  /** Of the rows; null: only that they are there. */
  readonly rows: readonly Selected[] | null;
  /** In place of rows: the aggregate. */
  readonly groups?: readonly Selected[];
  readonly count: boolean;
  /** The plan has all values: for Operations that take none beside it. */
  readonly closed?: boolean;
  /** The key of each row comes too, as `$key`. Such a plan is not kept: it is for these records only. */
  readonly keyed?: boolean;
}

/** A list of records or groups. Throws what REST would for the same question. */
export function listPlan(request: ListRequest, caller: Caller): Asked {
  const { table, arguments: given, rows, groups, count } = request;
  const context = selectionContext(request.part, caller, request.closed);
  const { draft } = context;
  draft.note("list", table.name, count, groups !== undefined, request.closed === true);
  const found: QuerySyntax = groups !== undefined ? groupSyntax(groups, context)
    : rows === null ? { items: [presence(table, context.scope)], levels: [] } : recordSyntax(rows, { table, path: [], where: "" }, context);
  const levels = [...listLevels(given, { table, path: [], where: "" }, context), ...found.levels];
  const items = request.keyed === true ? [...found.items, keyItem(table)] : found.items;
  const ranked = ["search", "near", "similar", "after", "asof"].map((name) => given[name] ?? null);
  draft.note(ranked);
  return prepared({ draft, kept: request.keyed !== true }, caller, () => {
    const query = queryContext(table, caller);
    const resolution = createResolution(query);
    const built = buildPlan({ table, items, levels, depth: 0 }, resolution);
    const [search, near, similar, after, asof] = ranked as [string | null, unknown, unknown, string | null, string | null];
    const plan = rankedPlan({
      ...built, search: search === null ? null : searchClause(search, table, resolution),
      near: codeNear(literal(near), table, resolution), similar: codeSimilar(literal(similar), table, resolution),
    }, table);
    return { plan: { ...atMoment(withPage(plan, after, query), asof, query), count: count ? "exact" : null }, limit: built.limit };
  });
}

/** What is answered of records that are known by their keys; with all its values, since what asks for a record hands over its key alone. */
export function recordPlan({ table, rows, part, asof = null }: { readonly table: Table; readonly rows: readonly Selected[]; readonly part: DocumentPart; readonly asof?: string | null }, caller: Caller): SelectionPlan {
  const context = selectionContext(part, caller, true);
  context.draft.note("record", table.name, asof);
  const { items, levels } = recordSyntax(rows, { table, path: [], where: "" }, context);
  return prepared({ draft: context.draft, kept: true }, caller, () => {
    const query = queryContext(table, caller);
    return { plan: atMoment(buildPlan({ table, items, levels, depth: 0 }, createResolution(query)), asof, query), limit: null };
  });
}

/** The record as it is, by the names of its fields. */
export function wholePlan(table: Table, caller: Caller): Plan {
  return caller.parts.plans.get(`${caller.rights.roleKey}\nwhole ${table.name}`, () => ({ plan: defaultPlan(queryContext(table, caller)), limit: null })).plan;
}

/** Its own fields and nothing else, so that it may come from memory. */
export function isPlain(rows: readonly Selected[], table: Table): boolean {
  return rows.every(({ name }) => name === TYPE_NAME || table.fields.get(name)?.relation === null);
}


function prepared({ draft, kept }: { readonly draft: PlanDraft; readonly kept: boolean }, { parts, rights }: Caller, build: () => SelectionPlan): Asked {
  const { signature } = draft;
  const found = !kept || signature.length > SIGNATURE_MAX ? build() : parts.plans.get(`${rights.roleKey}\n${signature}`, build);
  return { ...found, values: draft.values() };
}

function keyItem(table: Table): SelectSyntax {
  return { kind: "field", alias: "$key", field: { name: table.primaryKey, path: [], asText: false }, cast: null };
}

function selectionContext(part: DocumentPart, { parts, rights }: Caller, closed: boolean = false): SelectionContext {
  return { part, names: parts.names, scope: rights.scope, draft: new PlanDraft(parts.catalog, closed) };
}

function queryContext(table: Table, { parts, rights }: Caller): QueryContext {
  return { table, scope: rights.scope, limits: parts.limits, now: dateTimeOf(parts.clock.now()) };
}

/** An ordinary object, as queries in code take them; absent members left out. */
function literal(given: unknown): unknown {
  return given === null ? null : Object.fromEntries(Object.entries(given as object).filter(([, value]) => value !== null));
}
