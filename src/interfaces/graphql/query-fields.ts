// Root fields that read a table: one record, a list, groups. Each selection of rows is one Operation, and so one SQL statement.
import type { GraphQLFieldConfig, GraphQLFieldResolver, GraphQLObjectType, GraphQLResolveInfo } from "graphql";
import { GraphQLList, GraphQLNonNull } from "graphql/type/definition";
import { AmbitError, fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { assert } from "../../base/assert.ts";
import type { Value } from "../../base/value.ts";
import { JsonText, type OperationBody, type Result } from "../../resources/operation.ts";
import { coerceValue, noLimits } from "../../schema/coerce-value.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Members } from "./filter-conditions.ts";
import type { Caller } from "./graphql-parts.ts";
import { scalarType } from "./graphql-scalars.ts";
import { aggregateArguments, rankingArguments, rootArguments } from "./list-arguments.ts";
import { aggregateType, pageType, recordType } from "./output-types.ts";
import { itemAlias } from "./record-selection.ts";
import type { SchemaContext } from "./schema-context.ts";
import { selectedFields, type Selected } from "./selected-fields.ts";
import { isPlain, listPlan, recordPlan, wholePlan, type ListRequest } from "./selection-plan.ts";

export type RootFields = Record<string, GraphQLFieldConfig<unknown, Caller>>;
export type RootResolver = GraphQLFieldResolver<unknown, Caller, Members>;

export function tableQueries(table: Table, context: SchemaContext): RootFields {
  const { one, list, aggregate } = context.names.table(table.name);
  const { description } = table;
  const key = table.fields.get(table.primaryKey)!;
  return {
    [one]: { type: recordType(table, context), description, args: { [key.name]: { type: new GraphQLNonNull(scalarType(key.type.name)) } }, resolve: readOne(table) },
    [list]: { type: pageType(table, context), description, args: rootArguments(table, context), resolve: readPage(table) },
    [aggregate]: {
      type: new GraphQLList(new GraphQLNonNull(aggregateType(table, context))), description: `Groups of ${list}: one for each combination in by, or one in all.`,
      args: { ...aggregateArguments(table, context), ...rankingArguments(table, context) }, resolve: readGroups(table),
    },
  };
}

function readOne(table: Table): RootResolver {
  return (_source, given, caller, info) => {
    const rows = selectedFields(info.fieldNodes, info.schema.getType(table.name) as GraphQLObjectType, info);
    try {
      const id = keyOf(given[table.primaryKey], table, caller);
      const record = readRecord({ table, id, rows, info }, caller);
      return record instanceof Promise ? record.catch(absent) : record;
    } catch (error) {
      return absent(error);
    }
  };
}

/** What is not there, or not for the caller, is null. */
function absent(error: unknown): null {
  if (error instanceof AmbitError && error.code === "NOT_FOUND") return null;
  throw error;
}

export interface RecordRequest { readonly table: Table; readonly id: Value; readonly rows: readonly Selected[]; readonly info: GraphQLResolveInfo }

/** One record by response key. Throws NOT_FOUND. */
export function readRecord({ table, id, rows, info }: RecordRequest, caller: Caller): Members | Promise<Members> {
  const plain = isPlain(rows, table);
  const { plan } = plain ? { plan: wholePlan(table, caller) } : recordPlan(table, rows, info, caller);
  const result = caller.dispatch({ kind: "get", table: table.name, id, plan, plain }, placeOf(info));
  return whenReady(result, (ready) => {
    const record = jsonOf(ready, caller) as Members;
    return plain ? renamed(record, rows, table) : record;
  });
}

/** A whole record under the keys that were asked for. It has no relations. */
export function renamed(record: Members, rows: readonly Selected[], table: Table): Members {
  return Object.fromEntries(rows.map(({ key, name }) => {
    const relation = table.fields.get(name)?.relation;
    const value = relation === null ? record[name] ?? null : relation?.kind === "one" ? null : [];
    return [itemAlias(table, name, key), value];
  }));
}

/** The response key of the root field. */
export function placeOf({ path }: GraphQLResolveInfo): string {
  return String(path.key);
}

/** What no key of the table can look like is not found. */
export function keyOf(raw: unknown, table: Table, { parts }: Caller): Value {
  const field = table.fields.get(table.primaryKey)!;
  const value = coerceValue(raw, { type: { ...field.type, required: true }, limits: noLimits }, { catalog: parts.catalog, dialect: "wire", path: field.name, limits: parts.limits }, []);
  if (value === undefined || value === null) throw fault("NOT_FOUND", `There is no ${table.name} with this ${field.name}.`);
  return value;
}

function readPage(table: Table): RootResolver {
  return (_source, given, caller, info) => {
    const page = selectedFields(info.fieldNodes, info.returnType as GraphQLObjectType, info);
    const count = page.some(({ name }) => name === "total");
    const wanted = page.filter(({ name }) => name === "rows");
    const onlyTotal = page.every(({ name }) => name === "total");
    const request: Omit<ListRequest, "rows" | "count"> = { table, arguments: onlyTotal ? { ...given, limit: 1 } : given, part: info };
    // Without rows the question is where the page ends; the first of several selections answers that too.
    const selections = wanted.length === 0 ? [null] : wanted.map((rows) => selectedFields(rows.nodes, rows.type, info));
    const results = page.length === 0 ? [] : selections.map((rows, index) => readList({ ...request, rows, count: count && index === 0 }, caller, info));
    return whenAllReady(results, (ready) => pageOf(page, ready, caller));
  };
}

function pageOf(page: readonly Selected[], results: readonly Result[], caller: Caller): Members {
  const lists = results.map((result) => jsonOf(result, caller));
  let next = 0;
  return Object.fromEntries(page.map(({ key, name }) => [key, name === "rows" ? lists[next++] : name === "next" ? results[0]!.nextCursor : results[0]!.range?.total ?? null]));
}

function readGroups(table: Table): RootResolver {
  return (_source, given, caller, info) => {
    const groups = selectedFields(info.fieldNodes, info.schema.getType(caller.parts.names.tableType(table.name, "Aggregate")) as GraphQLObjectType, info);
    return whenReady(readList({ table, arguments: given, part: info, rows: null, groups, count: false }, caller, info), (result) => jsonOf(result, caller));
  };
}

function readList(request: ListRequest, caller: Caller, info: GraphQLResolveInfo): Result | Promise<Result> {
  const { plan, values } = listPlan(request, caller);
  const body: OperationBody = { kind: "query", plan, explain: false, ...(values === undefined ? {} : { values }) };
  return caller.dispatch(body, placeOf(info));
}

function whenAllReady<Next>(results: readonly (Result | Promise<Result>)[], next: (ready: readonly Result[]) => Next): Next | Promise<Next> {
  if (!results.some((result) => result instanceof Promise)) return next(results as readonly Result[]);
  return (async () => next(await Promise.all(results)))();
}

/** The body as values. Undefined: none. */
export function jsonOf({ body }: Result, caller: Caller): unknown {
  if (!(body instanceof JsonText)) return body;
  caller.spend(body.text.length);
  const value: unknown = JSON.parse(body.text);
  assert(value !== undefined, "JSON has a value");
  return value;
}
