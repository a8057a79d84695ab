// What the answer of a context's query looks like, from its plan: the types that expressions see, which parts are secret, and values read
// back from the JSON that the database makes. Types of answers have no name in the schema; here they get one that no schema could give.
import type { Json, RecordValues } from "../../base/value.ts";
import type { Catalog, Field, InputField, ObjectType, Table, TypeRef } from "../../schema/catalog.ts";
import { noLimits } from "../../schema/coerce-value.ts";
import { fromWireValue } from "../../schema/wire-value.ts";
import type { Plan, SelectItem } from "../../query/plan.ts";

export interface AnswerShape {
  /** Of one row. */
  readonly row: ObjectType;
  /** Of the whole: one record, or a list of them. */
  readonly type: TypeRef;
  /** The shapes of rows inside, by name, and the row's own. */
  readonly objects: ReadonlyMap<string, ObjectType>;
}

/** A member of every row whose table has @secret(where): true where the row must not be shown to a model. */
export const HIDDEN = "@hidden";
/** A member of rows whose table has @untrusted text: their key, whatever is selected. */
export const KEY = "@key";

export function answerShape(name: string, plan: Plan, options: { readonly catalog: Catalog; readonly one: boolean; readonly required: boolean }): AnswerShape {
  const objects = new Map<string, ObjectType>();
  const row = rowShape(name, plan, { catalog: options.catalog, objects });
  const type: TypeRef = { kind: "object", name: row.name, list: !options.one, required: options.one ? options.required : true, itemRequired: !options.one };
  return { row, type, objects };
}

interface Shaping { readonly catalog: Catalog; readonly objects: Map<string, ObjectType> }

function rowShape(name: string, plan: Plan, shaping: Shaping): ObjectType {
  const fields = new Map<string, InputField>();
  const row: ObjectType = { name: `@${name}`, description: null, kind: "object", fields };
  shaping.objects.set(row.name, row);
  const table = shaping.catalog.tables.get(plan.table)!;
  for (const item of plan.select) for (const field of itemFields(item, { name, table, grouped: plan.grouped }, shaping)) fields.set(field.name, field);
  return row;
}

interface Row { readonly name: string; readonly table: Table; readonly grouped: boolean }

function itemFields(item: SelectItem, row: Row, shaping: Shaping): InputField[] {
  switch (item.kind) {
    // Undeclared fields have no type that an expression could rely on.
    case "open": return [];
    case "value": return item.alias === HIDDEN || item.alias === KEY ? [] : [member(item.alias, valueType(item, row), row.table.fields.get(item.field) ?? null)];
    case "aggregate": return [member(item.alias, aggregateType(item, row), item.field === null ? null : row.table.fields.get(item.field) ?? null)];
    case "embed": return embedFields(item, row, shaping);
  }
}

function member(name: string, type: TypeRef, field: Field | null): InputField {
  return { name, description: field?.description ?? null, position: field?.position ?? NOWHERE, type, defaultValue: undefined, limits: field?.limits ?? noLimits };
}

const NOWHERE = { file: "", line: 1, column: 1 };
const JSON_VALUE: TypeRef = { kind: "scalar", name: "JSON", list: false, required: false, itemRequired: false };
const CASTS: Readonly<Record<string, string>> = { text: "String", int: "Long", float: "Float", boolean: "Boolean", json: "JSON" };

function valueType({ value, field, cast }: Extract<SelectItem, { kind: "value" }>, { table }: Row): TypeRef {
  if (cast !== null) return { ...JSON_VALUE, name: CASTS[cast]! };
  const declared = table.fields.get(field);
  const isWhole = value.op !== "field" || (value.within.length === 0 && value.path.length === 0);
  return declared === undefined || !isWhole ? JSON_VALUE : declared.type;
}

function aggregateType({ function: name, field, cast }: Extract<SelectItem, { kind: "aggregate" }>, { table }: Row): TypeRef {
  if (cast !== null) return { ...JSON_VALUE, name: CASTS[cast]! };
  if (name === "count") return { ...JSON_VALUE, name: "Int", required: true };
  if (name === "avg") return { ...JSON_VALUE, name: "Float" };
  const declared = field === null ? undefined : table.fields.get(field);
  return declared === undefined ? { ...JSON_VALUE, name: "Float" } : { ...declared.type, required: false };
}

function embedFields(item: Extract<SelectItem, { kind: "embed" }>, { name, table, grouped }: Row, shaping: Shaping): InputField[] {
  const field = table.fields.get(item.relation)!;
  const relation = field.relation!;
  const inner = rowShape(`${name}.${item.alias}`, item.plan, shaping);
  const isOne = relation.kind === "one";
  const isThere = isOne && !grouped && (item.inner || (table.fields.get(relation.from)?.type.required === true && item.plan.filter === null));
  if (item.plan.select.length === 0) return [];
  if (item.spread) return [...inner.fields.values()].map((one) => ({ ...one, type: isOne ? { ...one.type, required: one.type.required && isThere } : { ...one.type, list: true, required: true, itemRequired: one.type.required } }));
  const type: TypeRef = { kind: "object", name: inner.name, list: !isOne, required: !isOne || isThere, itemRequired: !isOne };
  return [member(item.alias, type, field)];
}

/** The catalog, with the shapes of answers among its objects. */
export function withShapes(catalog: Catalog, shapes: Iterable<ReadonlyMap<string, ObjectType>>): Catalog {
  const objects = new Map(catalog.objects);
  for (const shape of shapes) for (const [name, object] of shape) objects.set(name, object);
  return { ...catalog, objects };
}

/** A row of ready JSON as values; members that no expression knows are left out. */
export function rowValues(row: { readonly [name: string]: Json }, shape: ObjectType, catalog: Catalog): RecordValues {
  return fromWireValue(row, { ...JSON_VALUE, kind: "object", name: shape.name }, catalog) as RecordValues;
}

export interface Showing { readonly catalog: Catalog; isHidden(field: Pick<InputField, "limits" | "position">): boolean }

/** What a model is shown of the rows: without hidden members, and without rows that are secret as a whole. */
export function shownRow(row: { readonly [name: string]: Json }, shape: ObjectType, showing: Showing): { [name: string]: Json } | null {
  if (row[HIDDEN] === true) return null;
  const shown: { [name: string]: Json } = {};
  for (const field of shape.fields.values()) if (!showing.isHidden(field)) shown[field.name] = shownValue(row[field.name] ?? null, field.type, showing);
  return shown;
}

function shownValue(value: Json, type: TypeRef, showing: Showing): Json {
  if (type.kind !== "object" || value === null) return value;
  const object = showing.catalog.objects.get(type.name)!;
  const one = (item: Json): Json => (typeof item === "object" && item !== null && !Array.isArray(item) ? shownRow(item, object, showing) : item);
  return Array.isArray(value) ? value.map(one).filter((item) => item !== null) : one(value);
}
