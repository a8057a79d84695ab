// From what a root field's one statement brought to what was selected: each value under its response key, null where it is hidden. Where both are
// the same the text goes through as it is. This, not graphql-js, completes values: of large answers that alone took ten times what SQLite did.
import { isNonNullType, type GraphQLObjectType } from "graphql/type/definition";
import type { Rights } from "../../access/rights.ts";
import { assert } from "../../base/assert.ts";
import type { Catalog, Field, Table, TypeRef } from "../../schema/catalog.ts";
import type { GraphqlNames } from "./graphql-names.ts";
import { groupAlias, itemAlias, relationAggregatedBy } from "./record-selection.ts";
import { selectedFields, TYPE_NAME, type DocumentPart, type Selected } from "./selected-fields.ts";

export type Row = Readonly<Record<string, unknown>>;
type Read = (row: Row) => unknown;
interface Member { readonly key: string; readonly read: Read; /** Never null, says the schema; what an incident calls it. */ readonly required: string | null }

export class Shape {
  /** Rows of the statement are the answer already. */
  readonly ready: boolean;
  readonly #members: readonly Member[];

  constructor(members: readonly Member[], ready: boolean) {
    this.#members = members;
    this.ready = ready;
  }

  of(row: Row): Row {
    // Without a prototype: keys are the client's.
    const answer = Object.create(null) as Record<string, unknown>;
    for (const { key, read, required } of this.#members) {
      const value = read(row) ?? null;
      assert(value !== null || required === null, `${required} is never null`);
      answer[key] = value;
    }
    return answer;
  }

  /** Of one, of a list, of null. */
  ofAny(value: unknown): unknown {
    if (value === null || value === undefined) return null;
    return Array.isArray(value) ? value.map((item: unknown) => (item === null ? null : this.of(item as Row))) : this.of(value as Row);
  }
}

export interface ShapeContext { readonly part: DocumentPart; readonly names: GraphqlNames; readonly catalog: Catalog; readonly rights: Rights }

/** `plan`: rows by the aliases of the plan. `whole`: a record by the names of its fields, without relations. */
export function recordShape(selected: readonly Selected[], at: { readonly table: Table; readonly source: "plan" | "whole" }, context: ShapeContext): Shape {
  const { table, source } = at;
  let ready = source === "plan" && selected.length > 0;
  const members = selected.map((one): Member => {
    const { key, name } = one;
    if (name === TYPE_NAME) {
      ready = false;
      return { key, read: () => table.name, required: null };
    }
    const from = source === "plan" ? itemAlias(table, name, key) : name;
    const field = table.fields.get(name) ?? null;
    ready &&= from === key && field !== null && isAlwaysThere(table, field, context);
    const { read, passes } = field === null ? aggregateRead(one, from, at, context) : field.relation === null ? valueRead(one, from, field.type, context) : relationRead(one, from, { ...at, field }, context);
    ready &&= passes;
    return member(one, read, `${table.name}.${name}`);
  });
  return new Shape(members, ready);
}

function member({ key, fieldType }: Selected, read: Read, label: string): Member {
  return { key, read, required: isNonNullType(fieldType) ? label : null };
}

/** Hidden on some records, it is absent from their rows. */
function isAlwaysThere(table: Table, field: Field, { rights }: ShapeContext): boolean {
  return rights.authority === null || rights.authority.table(table.name).field(field.name).read === true;
}

/** `passes`: the value in the row is the answer. */
interface Reading { readonly read: Read; readonly passes: boolean }

function valueRead(one: Selected, from: string, type: TypeRef, context: ShapeContext): Reading {
  if (type.kind !== "object") return { read: (row) => row[from], passes: true };
  const shape = objectShape(one, context);
  return { read: (row) => shape.ofAny(row[from]), passes: false };
}

function relationRead({ nodes, type }: Selected, from: string, { field, source }: { readonly field: Field; readonly source: "plan" | "whole" }, context: ShapeContext): Reading {
  const { kind, table } = field.relation!;
  if (source === "whole") return { read: () => (kind === "one" ? null : []), passes: false };
  const shape = recordShape(selectedFields(nodes, type, context.part), { table: context.catalog.tables.get(table)!, source }, context);
  return { read: (row) => shape.ofAny(row[from]), passes: shape.ready };
}

function aggregateRead({ name, nodes, type }: Selected, from: string, { table, source }: { readonly table: Table; readonly source: "plan" | "whole" }, context: ShapeContext): Reading {
  if (source === "whole") return { read: () => [], passes: false };
  const { relation } = table.fields.get(relationAggregatedBy(name, table, context.names))!;
  const shape = groupShape(selectedFields(nodes, type, context.part), { table: context.catalog.tables.get(relation!.table)!, type }, context);
  return { read: (row) => shape.ofAny(row[from]), passes: false };
}

/** Groups: rows by the keys of both levels. */
export function groupShape(selected: readonly Selected[], { table, type: outer }: { readonly table: Table; readonly type: GraphQLObjectType }, context: ShapeContext): Shape {
  return new Shape(selected.map((one): Member => {
    const { key, name, nodes, type } = one;
    if (name === TYPE_NAME) return { key, read: () => outer.name, required: null };
    if (name === "count") return member(one, (row) => row[key], "count");
    const inner = new Shape(selectedFields(nodes, type, context.part).map((part): Member => {
      if (part.name === TYPE_NAME) return { key: part.key, read: () => type.name, required: null };
      const { read } = valueRead(part, groupAlias(key, part.key), table.fields.get(part.name)!.type, context);
      return member(part, read, `${name} of ${part.name}`);
    }), false);
    return { key, read: (row) => inner.of(row), required: null };
  }), false);
}

/** A nested object, by the names of its fields. */
export function objectShape({ nodes, type }: Pick<Selected, "nodes" | "type">, context: ShapeContext): Shape {
  const { fields } = context.catalog.objects.get(type.name)!;
  return new Shape(selectedFields(nodes, type, context.part).map((one): Member => {
    if (one.name === TYPE_NAME) return { key: one.key, read: () => type.name, required: null };
    return member(one, valueRead(one, one.name, fields.get(one.name)!.type, context).read, `${type.name}.${one.name}`);
  }), false);
}
