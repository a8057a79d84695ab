// Root fields that write a table: one record or many, each an Operation with its own commit. What is answered is read in that commit,
// with the selection, under the caller's READ rules.
import type { GraphQLFieldConfigArgumentMap, GraphQLObjectType, GraphQLOutputType } from "graphql";
import { GraphQLList, GraphQLNonNull, GraphQLObjectType as ObjectTypeOf } from "graphql/type/definition";
import { GraphQLBoolean, GraphQLInt } from "graphql/type/scalars";
import { fault } from "../../base/error.ts";
import type { Plan } from "../../query/plan.ts";
import type { JsonText, OperationBody } from "../../resources/operation.ts";
import type { Table } from "../../schema/catalog.ts";
import type { RawInput } from "../../tables/write.ts";
import { recordShape, type Shape } from "./answer-shape.ts";
import type { Members } from "./filter-conditions.ts";
import { scalarType } from "./graphql-scalars.ts";
import { recordInput, uniqueFields } from "./input-types.ts";
import { listArguments, rankingArguments } from "./list-arguments.ts";
import { recordType } from "./output-types.ts";
import { keyOf, shaped } from "./query-fields.ts";
import { objectText, valueOf, type Root, type RootFields, type RootResolver } from "./root-field.ts";
import type { SchemaContext } from "./schema-context.ts";
import { TYPE_NAME, type Selected } from "./selected-fields.ts";
import { listPlan, recordPlan } from "./selection-plan.ts";

export function tableMutations(table: Table, context: SchemaContext): RootFields {
  const readable = context.isReadable(table) && context.may(table, "READ");
  return { ...createFields(table, readable, context), ...changeFields(table, readable, context), ...removeFields(table, readable, context) };
}

function createFields(table: Table, readable: boolean, context: SchemaContext): RootFields {
  if (!context.may(table, "CREATE")) return {};
  const names = context.names.table(table.name);
  const type = recordInput(table, "CREATE", context);
  const inputs: GraphQLFieldConfigArgumentMap = type === null ? {} : { input: { type: new GraphQLNonNull(type) } };
  const fields: RootFields = {
    [names.create]: { type: oneWritten(table, readable, context), description: `Creates one ${table.name}.`, args: inputs, resolve: writeOne(table, readable, (given) => createBody(table, [inputOf(given)], null)) },
  };
  if (type === null) return fields;
  const list = new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(type)));
  fields[names.createList] = {
    type: manyWritten(table, readable, context), description: "Creates all of them, or none.", args: { inputs: { type: list } },
    resolve: writeMany(table, (given, root, returning) => createBody(table, inputsOf(given, root), null, returning)),
  };
  const unique = uniqueFields(table, context);
  if (unique.getValues().length === 0) return fields;
  fields[names.upsert] = {
    type: manyWritten(table, readable, context), description: "Creates each of them, or changes the record that has its unique value: all, or none. With ignore what is there already stays as it is.",
    args: { inputs: { type: list }, by: { type: unique, description: "Without it: the primary key." }, ignore: { type: GraphQLBoolean } },
    resolve: writeMany(table, (given, root, returning) => createBody(table, inputsOf(given, root), {
      fields: (given["by"] as readonly string[] | null | undefined) ?? null, resolution: given["ignore"] === true ? "ignore" : "merge",
    }, returning)),
  };
  return fields;
}

type CreateBody = Extract<OperationBody, { kind: "create" }>;

function createBody(table: Table, inputs: readonly RawInput[], onConflict: CreateBody["onConflict"], returning: Plan | null = null): CreateBody {
  return { kind: "create", table: table.name, inputs, onConflict, precondition: null, returning };
}

function changeFields(table: Table, readable: boolean, context: SchemaContext): RootFields {
  const names = context.names.table(table.name);
  const fields: RootFields = {};
  const patch = context.may(table, "UPDATE") ? recordInput(table, "UPDATE", context) : null;
  const merge = { type: GraphQLBoolean, description: "Changes inside JSON and nested objects only what is given (RFC 7396)." };
  if (patch !== null && readable) {
    fields[names.update] = {
      type: oneWritten(table, readable, context), description: "Sets the fields given.", args: { ...keyArgument(table), patch: { type: new GraphQLNonNull(patch) }, merge: { ...merge } },
      resolve: writeOne(table, readable, (given, root) => ({ kind: "update", table: table.name, id: keyOf(given[table.primaryKey], table, root.caller), input: given["patch"] as RawInput, merge: given["merge"] === true, precondition: null, returning: null })),
    };
    fields[names.updateList] = {
      type: manyWritten(table, readable, context), description: "Sets the fields given in all records that the filter names: all, or none.",
      args: { ...bulkArguments(table, context), patch: { type: new GraphQLNonNull(patch) }, merge: { ...merge } },
      resolve: writeMany(table, (given, root, returning) => ({ kind: "update-many", plan: bulkPlan(table, given, root), input: given["patch"] as RawInput, merge: given["merge"] === true, maxAffected: maxOf(given), returning })),
    };
  }
  const input = recordInput(table, context.may(table, "CREATE") ? "CREATE" : "UPDATE", context);
  if (input !== null && (context.may(table, "CREATE") || context.may(table, "UPDATE"))) {
    fields[names.replace] = {
      type: oneWritten(table, readable, context), description: "Replaces the record, or creates it.", args: { ...keyArgument(table), input: { type: new GraphQLNonNull(input) } },
      resolve: writeOne(table, readable, (given, root) => ({ kind: "replace", table: table.name, id: keyOf(given[table.primaryKey], table, root.caller), input: inputOf(given), precondition: null, returning: null })),
    };
  }
  return fields;
}

function removeFields(table: Table, readable: boolean, context: SchemaContext): RootFields {
  if (!context.may(table, "DELETE") || !readable) return {};
  const names = context.names.table(table.name);
  const restore: RootFields = table.trashMs === null ? {} : {
    [names.restore]: {
      type: oneWritten(table, readable, context), description: "Brings the deleted record back, with what went with it.", args: keyArgument(table),
      resolve: writeOne(table, readable, (given, root) => ({ kind: "restore", table: table.name, id: keyOf(given[table.primaryKey], table, root.caller), returning: null })),
    },
  };
  return {
    ...restore,
    [names.remove]: {
      type: oneWritten(table, readable, context), description: "Deletes the record. Answers it as it was.", args: keyArgument(table),
      resolve: writeOne(table, readable, (given, root) => ({ kind: "remove", table: table.name, id: keyOf(given[table.primaryKey], table, root.caller), precondition: null, returning: null })),
    },
    [names.removeList]: {
      type: manyWritten(table, readable, context), description: "Deletes all records that the filter names. Answers them as they were.", args: bulkArguments(table, context),
      resolve: writeMany(table, (given, root, returning) => ({ kind: "remove-many", plan: bulkPlan(table, given, root), maxAffected: maxOf(given), returning })),
    },
  };
}

export function keyArgument(table: Table): GraphQLFieldConfigArgumentMap {
  const { name, type } = table.fields.get(table.primaryKey)!;
  return { [name]: { type: new GraphQLNonNull(scalarType(type.name)) } };
}

function bulkArguments(table: Table, context: SchemaContext): GraphQLFieldConfigArgumentMap {
  const { filter, ...list } = listArguments(table, context);
  return { ...list, ...rankingArguments(table, context), filter: { ...filter!, type: new GraphQLNonNull(filter!.type as never) }, max: { type: GraphQLInt, description: "More records than this are refused." } };
}

function maxOf(given: Members): number | null {
  return (given["max"] as number | null | undefined) ?? null;
}

function inputOf(given: Members): RawInput {
  return (given["input"] ?? {}) as RawInput;
}

function inputsOf(given: Members, { caller }: Root): RawInput[] {
  const inputs = given["inputs"] as RawInput[];
  const { bulkRows } = caller.parts.limits;
  if (inputs.length > bulkRows) throw fault("TOO_MANY_ROWS", `The body has more than ${bulkRows} rows.`);
  return inputs;
}

/** A bulk write without a condition would be one to the whole table. */
function bulkPlan(table: Table, given: Members, { caller, info }: Root): Plan {
  const { plan, limit } = listPlan({ table, arguments: given, part: info, rows: null, count: false, closed: true }, caller);
  if (plan.filter === null && plan.search === null) throw fault("FILTER_REQUIRED", "The request names no records.");
  return { ...plan, limit };
}

/** The record; to whoever may read none of them only that it was written. */
function oneWritten(table: Table, readable: boolean, context: SchemaContext): GraphQLOutputType {
  return readable ? recordType(table, context) : plainWritten(context);
}

function plainWritten(context: SchemaContext): GraphQLObjectType {
  const name = context.names.shared("Written");
  return context.type(name, () => new ObjectTypeOf({ name, fields: { affected: affectedField } }));
}

const affectedField = { type: new GraphQLNonNull(GraphQLInt), description: "How many records were written." };

function manyWritten(table: Table, readable: boolean, context: SchemaContext): GraphQLOutputType {
  if (!readable) return plainWritten(context);
  const name = context.names.tableType(table.name, "Written");
  return context.type(name, () => new ObjectTypeOf({
    name, fields: () => ({
      affected: affectedField,
      rows: { type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(recordType(table, context)))), description: "Those of them that the caller may read." },
    }),
  }));
}

type ReturningBody = Extract<OperationBody, { readonly returning: Plan | null }>;

/** What is answered of the records, and how. */
interface Returning { readonly plan: Plan; readonly shape: Shape }

function returningOf(table: Table, rows: readonly Selected[], root: Root): Returning {
  return { plan: recordPlan({ table, rows, part: root.info }, root.caller).plan, shape: recordShape(rows, { table, source: "plan" }, root.shapes) };
}

function writeOne(table: Table, readable: boolean, bodyOf: (given: Members, root: Root) => ReturningBody): RootResolver {
  return (given, root) => {
    const selected = root.selected();
    const returning = readable ? returningOf(table, selected, root) : null;
    return root.dispatch({ ...bodyOf(given, root), returning: returning?.plan ?? null }, (result) => {
      if (returning === null) return written(selected, { affected: result.affected, rows: null }, root);
      const body = valueOf(result);
      return returning.shape.ofAny(Array.isArray(body) ? body[0] : body);
    });
  };
}

function written(selected: readonly Selected[], { affected, rows }: { readonly affected: number; readonly rows: unknown }, root: Root): JsonText {
  return objectText(selected.map(({ key, name }) => [key, name === TYPE_NAME ? root.type.name : name === "rows" ? rows : affected]));
}

type ManyBody = (given: Members, root: Root, returning: Plan | null) => ReturningBody;

function writeMany(table: Table, bodyOf: ManyBody): RootResolver {
  return (given, root) => {
    const selected = root.selected();
    const [rows, ...more] = selected.filter(({ name }) => name === "rows");
    if (more.length > 0) throw fault("INVALID_DOCUMENT", "rows of a write are selected once.", { where: root.place, fix: "Name rows once, with all that is wanted." });
    const returning = rows === undefined ? null : returningOf(table, root.below(rows), root);
    return root.dispatch(bodyOf(given, root, returning?.plan ?? null), (result) =>
      written(selected, { affected: result.affected, rows: returning === null ? null : shaped({ ...result, body: result.body ?? [] }, returning.shape) }, root));
  };
}
