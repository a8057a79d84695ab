// Two shapes of one table: what has changed, and which changes need data that only a person can give. Looks at no data.
import type { Table } from "../schema/catalog.ts";
import type { FieldShape, TableShape, TypeShape } from "./catalog-shape.ts";

/** One difference that stored records do not allow. */
export interface Difference {
  readonly table: string;
  readonly field: string | null;
  readonly message: string;
  readonly fix: string;
}

/** Steps from one shape to the next, as far as it is known without looking at the rows. */
export interface TableChange {
  readonly old: TableShape;
  readonly next: TableShape;
  /** Not possible while there are records. */
  readonly refused: readonly Difference[];
  readonly addedFields: readonly FieldShape[];
  /** Nullable before, required now: possible if no record has null there. */
  readonly tightened: readonly FieldShape[];
  /** Stored computed fields, ones with a new folded companion, and objects with new fields, that are to be written again. Filled nulls change what is computed from them. */
  readonly refilled: readonly string[];
  /** Constraints or columns went: the table is to be copied. */
  readonly rebuild: boolean;
}

export function compareTables(old: TableShape, next: TableShape, table: Table): TableChange {
  const before = new Map(old.fields.map((field) => [field.name, field]));
  const addedFields = next.fields.filter((field) => !before.has(field.name));
  const kept = next.fields.filter((field) => before.has(field.name));
  const tightened = kept.filter((field) => field.type.required && !before.get(field.name)!.type.required);
  const refused = [
    ...removedFields(old, next),
    ...addedFields.flatMap((field) => refusedAddition(field, next, table)),
    ...kept.flatMap((field) => refusedType(before.get(field.name)!, field, next)),
    ...(old.primaryKey === next.primaryKey ? [] : [difference(next, next.primaryKey, "became the primary key", `Keep ${old.primaryKey} as the primary key.`)]),
  ];
  return {
    old, next, refused, addedFields,
    tightened,
    refilled: next.fields.filter((field) => isRefilled(field, before.get(field.name), old, next) || (field.computed !== null && tightened.length > 0)).map((field) => field.name),
    rebuild: old.columns.some((column) => !next.columns.includes(column))
      || kept.some((field) => field.type.required !== before.get(field.name)!.type.required)
      || !sameSet(old.foreignKeys, next.foreignKeys),
  };
}

export function difference(table: { readonly name: string }, field: string | null, what: string, fix: string): Difference {
  return { table: table.name, field, message: `${field === null ? table.name : `${table.name}.${field}`} ${what}.`, fix };
}

function removedFields(old: TableShape, next: TableShape): Difference[] {
  const present = new Set(next.fields.map((field) => field.name));
  const removed = old.fields.filter((field) => !present.has(field.name) && field.computed === null);
  return removed.map((field) => difference(next, field.name, "was removed, and records hold values of it", "Keep the field; @internal hides it from clients."));
}

/** A constant default fills the records that are there; anything else cannot. */
function refusedAddition(field: FieldShape, next: TableShape, table: Table): Difference[] {
  const fill = table.fields.get(field.name)?.fill?.kind;
  if (!field.type.required || fill === "default-value" || fill === "computed") return [];
  // What the runtime fills takes no default beside it.
  const fix = fill === undefined || fill === "default-rule" ? "Give it @default(value: ...), or make it nullable." : "Make it nullable.";
  return [difference(next, field.name, "is new and required, and the records that are there have no value for it", fix)];
}

function refusedType(before: FieldShape, field: FieldShape, next: TableShape): Difference[] {
  if (field.computed !== null && before.computed === null) {
    return [difference(next, field.name, "became computed, and records hold values of their own", "Add a computed field of another name.")];
  }
  if (field.computed !== null) return before.type.base === field.type.base && before.type.list === field.type.list ? [] : [retyped(next, field, before)];
  return typeProblems(before.type, field.type, "").map(({ path, what, fix }) => difference(next, field.name + path, what, fix));
}

function retyped(next: TableShape, field: FieldShape, before: FieldShape): Difference {
  return difference(next, field.name, changedType(before.type, field.type), "Add a field of the new type beside it.");
}

interface TypeProblem { readonly path: string; readonly what: string; readonly fix: string }

function typeProblems(old: TypeShape, next: TypeShape, path: string): TypeProblem[] {
  if (old.base !== next.base || old.list !== next.list) {
    return [{ path, what: changedType(old, next), fix: "Keep the type; add a field of the new type beside it." }];
  }
  const problems: TypeProblem[] = [];
  if (next.itemRequired && !old.itemRequired) problems.push({ path, what: "no longer allows null items", fix: "Allow null items." });
  if (path !== "" && next.required && !old.required) problems.push({ path, what: "became required inside a stored object", fix: "Keep it nullable." });
  const narrower = old.values?.filter((value) => !next.values?.includes(value)) ?? [];
  if (narrower.length > 0) problems.push({ path, what: `lost the value ${narrower.join(", ")} of its enum`, fix: "Keep the value in the enum." });
  if (old.fields !== null && next.fields !== null) problems.push(...objectProblems(old.fields, next.fields, path));
  return problems;
}

function objectProblems(old: NonNullable<TypeShape["fields"]>, next: NonNullable<TypeShape["fields"]>, path: string): TypeProblem[] {
  const problems: TypeProblem[] = [];
  for (const [name, type] of Object.entries(old)) {
    const present = next[name];
    if (present === undefined) problems.push({ path: `${path}.${name}`, what: "was removed from a stored object", fix: "Keep the field in the object's type." });
    else problems.push(...typeProblems(type, present, `${path}.${name}`));
  }
  for (const [name, type] of Object.entries(next)) {
    if (old[name] === undefined && type.required) problems.push({ path: `${path}.${name}`, what: "is new and required inside a stored object", fix: "Make it nullable." });
  }
  return problems;
}

function changedType(old: TypeShape, next: TypeShape): string {
  return `changed its type from ${typeText(old)} to ${typeText(next)}`;
}

function typeText({ base, list }: TypeShape): string {
  return list ? `[${base}]` : base;
}

function isRefilled(field: FieldShape, before: FieldShape | undefined, old: TableShape, next: TableShape): boolean {
  const newlyFolded = next.folded.includes(field.name) && !old.folded.includes(field.name);
  const completed = before !== undefined && hasNewParts(before.type, field.type);
  return newlyFolded || completed || (field.computed !== null && field.computed !== before?.computed);
}

/** Stored objects name all their fields, so that every read shows the same of them. */
function hasNewParts({ fields: old }: TypeShape, { fields: next }: TypeShape): boolean {
  return old !== null && next !== null && Object.entries(next).some(([name, type]) => old[name] === undefined || hasNewParts(old[name], type));
}

function sameSet(left: readonly string[], right: readonly string[]): boolean {
  return left.length === right.length && left.every((item) => right.includes(item));
}
