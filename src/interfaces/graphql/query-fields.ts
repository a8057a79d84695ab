// Root fields that read a table: one record, a list, groups. Each selection of rows is one Operation, and so one SQL statement.
import { GraphQLList, GraphQLNonNull } from "graphql/type/definition";
import { AmbitError, fault } from "../../base/error.ts";
import type { Value } from "../../base/value.ts";
import type { OperationBody, Result } from "../../resources/operation.ts";
import type { Table } from "../../schema/catalog.ts";
import { coerceValue, noLimits } from "../../schema/coerce-value.ts";
import { groupShape, recordShape, type Row, type Shape } from "./answer-shape.ts";
import type { Caller } from "./graphql-parts.ts";
import { scalarType } from "./graphql-scalars.ts";
import { aggregateArguments, momentArgument, rankingArguments, rootArguments } from "./list-arguments.ts";
import { aggregateType, pageType, recordType } from "./output-types.ts";
import { objectText, valueOf, type Root, type RootFields, type RootResolver } from "./root-field.ts";
import type { SchemaContext } from "./schema-context.ts";
import { TYPE_NAME, type Selected } from "./selected-fields.ts";
import { isPlain, listPlan, recordPlan, wholePlan, type ListRequest } from "./selection-plan.ts";

export function tableQueries(table: Table, context: SchemaContext): RootFields {
  const { one, list, aggregate } = context.names.table(table.name);
  const { description } = table;
  const key = table.fields.get(table.primaryKey)!;
  return {
    [one]: { type: recordType(table, context), description, args: { [key.name]: { type: new GraphQLNonNull(scalarType(key.type.name)) }, ...momentArgument(table) }, resolve: readOne(table) },
    [list]: { type: pageType(table, context), description, args: rootArguments(table, context), resolve: readPage(table) },
    [aggregate]: {
      type: new GraphQLList(new GraphQLNonNull(aggregateType(table, context))), description: `Groups of ${list}: one for each combination in by, or one in all.`,
      args: { ...aggregateArguments(table, context), ...rankingArguments(table, context), ...momentArgument(table) }, resolve: readGroups(table),
    },
  };
}

function readOne(table: Table): RootResolver {
  return orNull((given, root) => readRecord(keyOf(given[table.primaryKey], table, root.caller), { table, rows: root.selected(), root, asof: (given["asof"] as string | null | undefined) ?? null }));
}

/** What is not there, or not for the caller, is null. */
export function orNull(resolve: RootResolver): RootResolver {
  return (given, root) => {
    try {
      const found = resolve(given, root);
      return found instanceof Promise ? found.catch(absent) : found;
    } catch (error) {
      return absent(error);
    }
  };
}

function absent(error: unknown): null {
  if (error instanceof AmbitError && error.code === "NOT_FOUND") return null;
  throw error;
}

export interface RecordRequest { readonly table: Table; readonly rows: readonly Selected[]; readonly root: Root; readonly asof?: string | null }

/** One record as it was selected. Throws NOT_FOUND. */
export function readRecord(id: Value, { table, rows, root, asof = null }: RecordRequest): unknown {
  const plain = asof === null && isPlain(rows, table);
  const plan = plain ? wholePlan(table, root.caller) : recordPlan({ table, rows, part: root.info, asof }, root.caller).plan;
  const shape = recordShape(rows, { table, source: plain ? "whole" : "plan" }, root.shapes);
  return root.dispatch({ kind: "get", table: table.name, id, plan, plain }, (result) => shaped(result, shape));
}

/** The text itself where it is the answer. */
export function shaped(result: Result, shape: Shape): unknown {
  return shape.ready ? result.body ?? null : shape.ofAny(valueOf(result));
}

/** What no key of the table can look like is not found. */
export function keyOf(raw: unknown, table: Table, { parts }: Caller): Value {
  const field = table.fields.get(table.primaryKey)!;
  const value = coerceValue(raw, { type: { ...field.type, required: true }, limits: noLimits }, { catalog: parts.catalog, dialect: "wire", path: field.name, limits: parts.limits }, []);
  if (value === undefined || value === null) throw fault("NOT_FOUND", `There is no ${table.name} with this ${field.name}.`);
  return value;
}

function readPage(table: Table): RootResolver {
  return (given, root) => {
    const page = root.selected();
    const count = page.some(({ name }) => name === "total");
    const wanted = page.filter(({ name }) => name === "rows");
    const onlyTotal = page.every(({ name }) => name === "total" || name === TYPE_NAME);
    const request: Omit<ListRequest, "rows" | "count"> = { table, arguments: onlyTotal ? { ...given, limit: 1 } : given, part: root.info };
    if (page.every(({ name }) => name === TYPE_NAME)) return pageOf(page, [], root);
    // Without rows the question is where the page ends; the first of several selections answers that too.
    const selections = wanted.length === 0 ? [null] : wanted.map((rows) => root.below(rows));
    const lists = selections.map((rows, index) => {
      const shape = rows === null ? null : recordShape(rows, { table, source: "plan" }, root.shapes);
      return readList({ ...request, rows, count: count && index === 0 }, root, (result): ReadList => ({ result, rows: shape === null ? null : shaped(result, shape) }));
    });
    return whenAllReady(lists, (ready) => pageOf(page, ready, root));
  };
}

interface ReadList { readonly result: Result; readonly rows: unknown }

function pageOf(page: readonly Selected[], lists: readonly ReadList[], root: Root): unknown {
  let next = 0;
  return objectText(page.map(({ key, name }) => {
    switch (name) {
      case TYPE_NAME: return [key, root.type.name];
      case "rows": return [key, lists[next++]!.rows];
      case "next": return [key, lists[0]!.result.nextCursor];
      default: return [key, lists[0]!.result.range?.total ?? null];
    }
  }));
}

function readGroups(table: Table): RootResolver {
  return (given, root) => {
    const groups = root.selected();
    const shape = groupShape(groups, { table, type: root.type }, root.shapes);
    return readList({ table, arguments: given, part: root.info, rows: null, groups, count: false }, root, (result) => (valueOf(result) as readonly Row[]).map((row) => shape.of(row)));
  };
}

function readList<Next>(request: ListRequest, root: Root, next: (result: Result) => Next): Next | Promise<Next> {
  const { plan, values } = listPlan(request, root.caller);
  const body: OperationBody = { kind: "query", plan, explain: false, ...(values === undefined ? {} : { values }) };
  return root.dispatch(body, next);
}

function whenAllReady<Item, Next>(items: readonly (Item | Promise<Item>)[], next: (ready: readonly Item[]) => Next): Next | Promise<Next> {
  if (!items.some((item) => item instanceof Promise)) return next(items as readonly Item[]);
  return (async () => next(await Promise.all(items)))();
}
