// Root fields that call the app's own code: actions of tables, and exported endpoints; what is safe to repeat is a query. Records in
// an answer are read again, with the selection, under the caller's rights.
import type { GraphQLFieldConfigArgumentMap, GraphQLObjectType, GraphQLOutputType } from "graphql";
import { GraphQLList, GraphQLNonNull, GraphQLObjectType as ObjectTypeOf } from "graphql/type/definition";
import { GraphQLBoolean, GraphQLString } from "graphql/type/scalars";
import { assert } from "../../base/assert.ts";
import { AmbitError } from "../../base/error.ts";
import type { Value } from "../../base/value.ts";
import type { OperationBody, Result } from "../../resources/operation.ts";
import type { RawInput } from "../../tables/write.ts";
import type { Callable, Table } from "../../schema/catalog.ts";
import { inputsOf } from "../../schema/page-arguments.ts";
import { coerceValue, noLimits } from "../../schema/coerce-value.ts";
import { objectShape, recordShape, type Row } from "./answer-shape.ts";
import type { Members } from "./filter-conditions.ts";
import type { Caller } from "./graphql-parts.ts";
import { callArguments } from "./input-types.ts";
import { keyArgument } from "./mutation-fields.ts";
import { valueType } from "./output-types.ts";
import { keyOf, readRecord, type RecordRequest } from "./query-fields.ts";
import { objectText, valueOf, type Root, type RootFields, type RootResolver } from "./root-field.ts";
import { isPlain, listPlan } from "./selection-plan.ts";
import type { SchemaContext } from "./schema-context.ts";
import { selectedFields, TYPE_NAME, type Selected } from "./selected-fields.ts";

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
      rows: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(valueType({ ...result, list: false, required: false }, context) as GraphQLObjectType))) },
      next: { type: GraphQLString, description: "For after, where there is a next page." },
    }),
  }));
}

function isFile({ arguments: inputs, result }: Callable): boolean {
  return result.name === "Blob" || [...inputs.values()].some(({ type }) => type.name === "Blob");
}

function call(callable: Callable, bodyOf: (given: Members, caller: Caller) => OperationBody): RootResolver {
  return (given, root) => root.dispatch(bodyOf(given, root.caller), (result) => answered(callable, result, root));
}

function answered(callable: Callable, result: Result, root: Root): unknown {
  const body = valueOf(result);
  if (!callable.page) return answer(callable, body, { nodes: root.info.fieldNodes, type: root.type }, root);
  const members = root.selected().map((one) => [one.key, one.name === TYPE_NAME ? root.type.name : one.name === "next" ? result.nextCursor : answer(callable, body, one, root)] as const);
  return settled(members.map(([, value]) => value), (values) => objectText(members.map(([key], index) => [key, values[index]])));
}

function settled(values: readonly unknown[], next: (values: readonly unknown[]) => unknown): unknown {
  if (!values.some((value) => value instanceof Promise)) return next(values);
  return (async () => next(await Promise.all(values)))();
}

/** What the callable answered, as it was selected. */
function answer({ result }: Callable, body: unknown, at: Pick<Selected, "nodes" | "type">, root: Root): unknown {
  if (result.kind === "object") return objectShape(at, root.shapes).ofAny(body);
  if (result.kind !== "table") return body;
  const table = root.caller.parts.catalog.tables.get(result.name)!;
  if (at.type.name === GraphQLBoolean.name) return body !== null;
  if (body === null) return null;
  const rows = selectedFields(at.nodes, at.type, root.info);
  return Array.isArray(body) ? recordsOf(body as readonly (Row | null)[], { table, rows, root }) : recordOf(body as Row, { table, rows, root });
}

function recordsOf(items: readonly (Row | null)[], request: RecordRequest): unknown {
  const { table, rows, root } = request;
  const whole = recordShape(rows, { table, source: "whole" }, root.shapes);
  const ids = items.flatMap((item) => (item === null || isComplete(item, request) ? [] : [item[table.primaryKey] ?? null]));
  const found = storedRecords(ids.filter((id) => id !== null), request);
  return items.map((item) => (item === null ? null : found.get(String(item[table.primaryKey])) ?? whole.of(item)));
}

/** What is stored now of these, by their keys as text: one statement for each `limits.listValues` of them. */
function storedRecords(ids: readonly unknown[], { table, rows, root }: RecordRequest): ReadonlyMap<string, Row> {
  const found = new Map<string, Row>();
  const { rights, parts: { limits } } = root.caller;
  if (!rights.scope.fields(table).has(table.primaryKey)) return found;
  const shape = recordShape(rows, { table, source: "plan" }, root.shapes);
  const size = Math.min(limits.listValues, limits.pageRows);
  for (let from = 0; from < ids.length; from += size) {
    const some = ids.slice(from, from + size);
    const { plan } = listPlan({ table, arguments: { filter: { [table.primaryKey]: { in: some } }, limit: some.length }, part: root.info, rows, count: false, closed: true, keyed: true }, root.caller);
    const read = root.dispatch({ kind: "query", plan, explain: false }, (result) => {
      for (const row of valueOf(result) as readonly Row[]) found.set(String(row["$key"]), shape.of(row));
    });
    assert(!(read instanceof Promise), "reads answer at once");
  }
  return found;
}

/** The answer is about the moment of the commit: what it says of own fields needs no second look. */
function isComplete(answered: Row, { table, rows }: RecordRequest): boolean {
  return isPlain(rows, table) && rows.every(({ name }) => name === TYPE_NAME || Object.hasOwn(answered, name));
}

/** As it is stored now; where code answered with what is not stored, that, without its relations. */
function recordOf(answered: Row, request: RecordRequest): unknown {
  const { table, rows, root } = request;
  const id = keyIn(answered, table, root.caller);
  const asAnswered = (): Row => recordShape(rows, { table, source: "whole" }, root.shapes).of(answered);
  if (id === null || isComplete(answered, request)) return asAnswered();
  try {
    return readRecord(id, request);
  } catch (error) {
    if (error instanceof AmbitError && error.code === "NOT_FOUND") return asAnswered();
    throw error;
  }
}

function keyIn(answer: Members, table: Table, { parts }: Caller): Value {
  const raw = answer[table.primaryKey] ?? null;
  if (raw === null) return null;
  return coerceValue(raw, { type: table.fields.get(table.primaryKey)!.type, limits: noLimits }, { catalog: parts.catalog, dialect: "wire", path: "", limits: parts.limits }, []) ?? null;
}
