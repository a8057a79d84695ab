// Root fields that call the app's own code: actions of tables, and exported endpoints; what is safe to repeat is a query. Records in
// an answer are read again, with the selection, under the caller's rights.
import type { GraphQLFieldConfigArgumentMap, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo } from "graphql";
import { GraphQLList, GraphQLNonNull, GraphQLObjectType as ObjectTypeOf } from "graphql/type/definition";
import { GraphQLBoolean, GraphQLString } from "graphql/type/scalars";
import { assert } from "../../base/assert.ts";
import { AmbitError } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import type { Value } from "../../base/value.ts";
import type { OperationBody, Result } from "../../resources/operation.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Callable, Table } from "../../schema/catalog.ts";
import { inputsOf } from "../../schema/page-arguments.ts";
import { coerceValue, noLimits } from "../../schema/coerce-value.ts";
import type { Members } from "./filter-conditions.ts";
import type { Caller } from "./graphql-parts.ts";
import { callArguments } from "./input-types.ts";
import { keyArgument } from "./mutation-fields.ts";
import { byKey, valueType } from "./output-types.ts";
import { jsonOf, keyOf, placeOf, readRecord, renamed, type RootFields, type RootResolver } from "./query-fields.ts";
import { isPlain, listPlan } from "./selection-plan.ts";
import type { SchemaContext } from "./schema-context.ts";
import { selectedFields, type Selected } from "./selected-fields.ts";

export function tableActions(table: Table, context: SchemaContext): RootFields {
  const fields: RootFields = {};
  for (const action of table.actions.values()) {
    const type = answerType(action, context);
    if (type === null) continue;
    const own = callArguments(inputsOf(action), context);
    const key = action.on === "RECORD" ? keyNames(table, own) : null;
    const resolve = call(action, (given, caller) => {
      if (key === null) return { kind: "action", table: table.name, id: null, name: action.name, input: given as RawInput };
      const { [key.name]: id, ...input } = given;
      return { kind: "action", table: table.name, id: keyOf(id, table, caller), name: action.name, input };
    });
    fields[context.names.table(table.name).actions.get(action.name)!] = { type, description: action.description, args: { ...key?.argument, ...own }, resolve };
  }
  return fields;
}

/** The record's key beside the action's own arguments. */
function keyNames(table: Table, own: GraphQLFieldConfigArgumentMap): { readonly name: string; readonly argument: GraphQLFieldConfigArgumentMap } {
  let name = table.primaryKey;
  while (Object.hasOwn(own, name)) name += "_";
  return { name, argument: { [name]: keyArgument(table)[table.primaryKey]! } };
}

/** `safe`: those that are called by GET over REST. */
export function endpointFields(safe: boolean, context: SchemaContext): RootFields {
  const fields: RootFields = {};
  for (const endpoint of context.catalog.endpoints.values()) {
    if (endpoint.exportOver?.includes("GRAPHQL") !== true || (endpoint.http?.method === "GET") !== safe) continue;
    const type = answerType(endpoint, context);
    if (type === null) continue;
    const resolve = call(endpoint, (given) => ({ kind: "endpoint", name: endpoint.name, input: given as RawInput }));
    fields[context.names.endpoint(endpoint.name)] = { type, description: endpoint.description, args: callArguments(inputsOf(endpoint), context), resolve };
  }
  return fields;
}

/** Null: not for this caller. Whoever may not read what it answers hears whether it answered. */
function answerType(callable: Callable, context: SchemaContext): GraphQLOutputType | null {
  if (context.rights.mayCall(callable) === false || isFile(callable)) return null;
  const { result } = callable;
  const table = result.kind === "table" ? context.catalog.tables.get(result.name)! : null;
  if (table !== null && !context.isReadable(table)) return GraphQLBoolean;
  if (!callable.page) return valueType({ ...result, itemRequired: result.itemRequired && table === null }, context, false);
  const name = context.names.endpointPage(callable);
  return context.type(name, () => new ObjectTypeOf({
    name, fields: () => ({
      rows: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(valueType({ ...result, list: false, required: false }, context) as GraphQLObjectType))), resolve: byKey },
      next: { type: GraphQLString, description: "For after, where there is a next page.", resolve: byKey },
    }),
  }));
}

function isFile({ arguments: inputs, result }: Callable): boolean {
  return result.name === "Blob" || [...inputs.values()].some(({ type }) => type.name === "Blob");
}

function call(callable: Callable, bodyOf: (given: Members, caller: Caller) => OperationBody): RootResolver {
  return (_source, given, caller, info) => whenReady(caller.dispatch(bodyOf(given, caller), placeOf(info)), (result) => answered(callable, result, { caller, info }));
}

interface Answering { readonly caller: Caller; readonly info: GraphQLResolveInfo }

function answered(callable: Callable, result: Result, { caller, info }: Answering): unknown {
  const body = jsonOf(result, caller);
  const table = callable.result.kind === "table" ? caller.parts.catalog.tables.get(callable.result.name)! : null;
  if (table !== null && info.returnType === GraphQLBoolean) return body !== undefined && body !== null;
  const selected = selectedFields(info.fieldNodes, namedType(info), info);
  if (!callable.page) return table === null ? body : recordsOf(body, table, selected, { caller, info });
  return Object.fromEntries(selected.map(({ key, name, nodes, type }) => {
    if (name !== "rows") return [key, result.nextCursor];
    return [key, table === null ? body : recordsOf(body, table, selectedFields(nodes, type, info), { caller, info })];
  }));
}

function namedType({ returnType }: GraphQLResolveInfo): GraphQLObjectType {
  let type = returnType;
  while ("ofType" in type) type = type.ofType as GraphQLOutputType;
  return type as GraphQLObjectType;
}

function recordsOf(body: unknown, table: Table, rows: readonly Selected[], answering: Answering): unknown {
  if (body === undefined || body === null) return null;
  if (!Array.isArray(body)) return recordOf(body as Members, table, rows, answering);
  const items = body as readonly (Members | null)[];
  const ids = items.flatMap((item) => (item === null || isComplete(item, table, rows) ? [] : [item[table.primaryKey] ?? null]));
  const found = storedRecords(ids.filter((id) => id !== null), table, rows, answering);
  return items.map((item) => (item === null ? null : found.get(String(item[table.primaryKey])) ?? renamed(item, rows, table)));
}

/** What is stored now of these, by their keys as text: one statement for each `limits.listValues` of them. */
function storedRecords(ids: readonly unknown[], table: Table, rows: readonly Selected[], { caller, info }: Answering): ReadonlyMap<string, Members> {
  const found = new Map<string, Members>();
  const { rights, parts: { limits } } = caller;
  if (!rights.scope.fields(table).has(table.primaryKey)) return found;
  const size = Math.min(limits.listValues, limits.pageRows);
  for (let from = 0; from < ids.length; from += size) {
    const some = ids.slice(from, from + size);
    const { plan } = listPlan({ table, arguments: { filter: { [table.primaryKey]: { in: some } }, limit: some.length }, part: info, rows, count: false, closed: true, keyed: true }, caller);
    const result = caller.dispatch({ kind: "query", plan, explain: false }, placeOf(info));
    assert(!(result instanceof Promise), "reads answer at once");
    for (const row of jsonOf(result, caller) as readonly Members[]) found.set(String(row["$key"]), row);
  }
  return found;
}

/** The answer is about the moment of the commit: what it says of own fields needs no second look. */
function isComplete(answer: Members, table: Table, rows: readonly Selected[]): boolean {
  return isPlain(rows, table) && rows.every(({ name }) => Object.hasOwn(answer, name));
}

/** As it is stored now; where code answered with what is not stored, that, without its relations. */
function recordOf(answer: Members, table: Table, rows: readonly Selected[], { caller, info }: Answering): unknown {
  const id = keyIn(answer, table, caller);
  if (id === null || isComplete(answer, table, rows)) return renamed(answer, rows, table);
  try {
    return readRecord({ table, id, rows, info }, caller);
  } catch (error) {
    if (error instanceof AmbitError && error.code === "NOT_FOUND") return renamed(answer, rows, table);
    throw error;
  }
}

function keyIn(answer: Members, table: Table, { parts }: Caller): Value {
  const raw = answer[table.primaryKey] ?? null;
  if (raw === null) return null;
  return coerceValue(raw, { type: table.fields.get(table.primaryKey)!.type, limits: noLimits }, { catalog: parts.catalog, dialect: "wire", path: "", limits: parts.limits }, []) ?? null;
}
