// Two shapes of one table: what has changed, and which changes need data that only a person can give. Looks at no data.
import type { Table } from "../schema/catalog.ts";
import type { Remedy } from "../schema/remedy.ts";
import type { FieldShape, TableShape, TypeShape } from "./catalog-shape.ts";

/**
 * needs-data: a function of Migrations can give what is missing. destructive: it happens once the person names what may be lost.
 * impossible: neither.
 */
export type DifferenceKind = "needs-data" | "destructive" | "impossible";

/** One difference that stored records do not allow. */
export interface Difference {
  readonly kind: DifferenceKind;
  readonly table: string;
  /** A path inside stored objects; `*`: undeclared fields. */
  readonly field: string | null;
  readonly message: string;
  readonly fix: string;
  /** What a machine may change in the schema instead; absent: that needs a person. */
  readonly remedy?: Remedy;
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
    ...addedFields.flatMap((field) => refusedAddition(field, { old, next, table })),
    ...kept.flatMap((field) => refusedType(before.get(field.name)!, field, next)),
    ...(old.primaryKey === next.primaryKey ? [] : [difference(next, next.primaryKey, "became the primary key", `Keep ${old.primaryKey} as the primary key.`, "impossible")]),
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

export function difference(table: { readonly name: string }, field: string | null, what: string, fix: string, kind: DifferenceKind = "needs-data"): Difference {
  return { kind, table: table.name, field, message: `${nameOf({ table: table.name, field })} ${what}.`, fix };
}

/** The same, with what a machine may do about it. */
export function remedied(one: Difference, remedy: Remedy | null): Difference {
  return remedy === null ? one : { ...one, remedy };
}

/** `Task`, `Task.due`: what --allow-destroy takes. */
export function nameOf({ table, field }: { readonly table: string; readonly field: string | null }): string {
  return field === null || field === "*" ? table : `${table}.${field}`;
}

function removedFields(old: TableShape, next: TableShape): Difference[] {
  const present = new Set(next.fields.map((field) => field.name));
  const removed = old.fields.filter((field) => !present.has(field.name) && field.computed === null);
  return removed.map((field) => {
    const heir = heirOf(field, old, next);
    const rename = heir === null ? `If it was renamed, give the new one @renamed(from: "${field.name}").` : `If it was renamed, give ${heir} @renamed(from: "${field.name}").`;
    const fix = `${rename} Else keep the field; @internal hides it from clients. If its values may be lost, run ambit migrate apply --allow-destroy ${next.name}.${field.name}.`;
    const type = sdlOf(field.type);
    const remedy: Remedy | null = heir !== null ? { make: "renamed", field: heir, from: field.name } : type === null ? null : { make: "present", field: field.name, type };
    return remedied(difference(next, field.name, "was removed, and what records hold of it would be lost", fix, "destructive"), remedy);
  });
}

/** The one new field that may be this one under another name: of the same type, and so is no other. */
function heirOf(removed: FieldShape, old: TableShape, next: TableShape): string | null {
  const [before, after] = [new Set(old.fields.map((field) => field.name)), new Set(next.fields.map((field) => field.name))];
  const isAlike = ({ type, computed }: FieldShape): boolean => computed === null && type.base === removed.type.base && type.list === removed.type.list;
  const added = next.fields.filter((field) => !before.has(field.name) && isAlike(field));
  const gone = old.fields.filter((field) => !after.has(field.name) && isAlike(field));
  return added.length === 1 && gone.length === 1 ? added[0]!.name : null;
}

/** Null where the names are not kept with the data, or the type alone would not do. */
function sdlOf({ base, list, required, itemRequired }: TypeShape): string | null {
  if (base === "enum" || base === "object" || base === "Money") return null;
  return `${list ? `[${base}${itemRequired ? "!" : ""}]` : base}${required ? "!" : ""}`;
}

interface Addition { readonly old: TableShape; readonly next: TableShape; readonly table: Table }

/** A constant default fills the records that are there; anything else cannot. */
function refusedAddition(field: FieldShape, { old, next, table }: Addition): Difference[] {
  const fill = table.fields.get(field.name)?.fill?.kind;
  if (!field.type.required || fill === "default-value" || fill === "computed") return [];
  // What the runtime fills takes no default beside it.
  const fix = fill === undefined || fill === "default-rule" ? `Give it @default(value: ...), make it nullable, or give its values in Migrations: ${exampleFunction(next.name, field.name)}.`
    : `${fill === "tenant" ? "G" : "Make it nullable, or g"}ive its values in Migrations: ${exampleFunction(next.name, field.name)}.`;
  // A tenant's field is required.
  if (fill === "tenant") return [difference(next, field.name, "is new and required, and the records that are there have no value for it", fix)];
  const former = old.fields.find((one) => heirOf(one, old, next) === field.name && !next.fields.some(({ name }) => name === one.name));
  const remedy: Remedy = former === undefined ? { make: "nullable", field: field.name } : { make: "renamed", field: field.name, from: former.name };
  return [remedied(difference(next, field.name, "is new and required, and the records that are there have no value for it", fix), remedy)];
}

/** What stands in resources.ts, for messages. */
export function exampleFunction(table: string, field: string): string {
  return `export const Migrations = migrations({ ${table}: (old) => ({ ${field}: ... }) })`;
}

function refusedType(before: FieldShape, field: FieldShape, next: TableShape): Difference[] {
  if (field.computed !== null && before.computed === null) {
    return [difference(next, field.name, "became computed, and records hold values of their own", "Add a computed field of another name.", "destructive")];
  }
  if (field.computed !== null) return before.type.base === field.type.base && before.type.list === field.type.list ? [] : [retyped(next, field, before)];
  return typeProblems(before.type, field.type, "").map(({ path, what, fix, kind }) => remedied(difference(next, field.name + path, what, fix, kind), path === "" ? typeRemedy(before.type, field) : null));
}

function typeRemedy(old: TypeShape, { name, type }: FieldShape): Remedy | null {
  if (old.base === "enum" && type.base === "enum" && old.list === type.list) return { make: "values", field: name, values: old.values ?? [] };
  const sdl = sdlOf(old);
  return sdl === null ? null : { make: "typed", field: name, type: sdl };
}

function retyped(next: TableShape, field: FieldShape, before: FieldShape): Difference {
  return difference(next, field.name, changedType(before.type, field.type), "Add a field of the new type beside it.", "destructive");
}

interface TypeProblem { readonly path: string; readonly what: string; readonly fix: string; readonly kind: DifferenceKind }

/** Empty: each value of `old` is one of `next`. */
export function typeProblems(old: TypeShape, next: TypeShape, path: string): TypeProblem[] {
  if (old.base !== next.base || old.list !== next.list) {
    return [{ path, what: changedType(old, next), fix: "Keep the type, add a field of the new type beside it, or convert the values in Migrations.", kind: "needs-data" }];
  }
  const problems: TypeProblem[] = [];
  if (next.itemRequired && !old.itemRequired) problems.push({ path, what: "no longer allows null items", fix: "Allow null items, or replace them in Migrations.", kind: "needs-data" });
  if (path !== "" && next.required && !old.required) problems.push({ path, what: "became required inside a stored object", fix: "Keep it nullable, or fill it in Migrations.", kind: "needs-data" });
  const narrower = old.values?.filter((value) => !next.values?.includes(value)) ?? [];
  if (narrower.length > 0) problems.push({ path, what: `lost the value ${narrower.join(", ")} of its enum`, fix: "Keep the value in the enum; if it may become null, or Migrations replaces it, run ambit migrate apply --allow-destroy with this field's name.", kind: "destructive" });
  if (old.fields !== null && next.fields !== null) problems.push(...objectProblems(old.fields, next.fields, path));
  return problems;
}

function objectProblems(old: NonNullable<TypeShape["fields"]>, next: NonNullable<TypeShape["fields"]>, path: string): TypeProblem[] {
  const problems: TypeProblem[] = [];
  for (const [name, type] of Object.entries(old)) {
    const present = next[name];
    if (present === undefined) problems.push({ path: `${path}.${name}`, what: "was removed from a stored object", fix: "Keep the field in the object's type; if its values may be lost, run ambit migrate apply --allow-destroy with this field's name.", kind: "destructive" });
    else problems.push(...typeProblems(type, present, `${path}.${name}`));
  }
  for (const [name, type] of Object.entries(next)) {
    if (old[name] === undefined && type.required) problems.push({ path: `${path}.${name}`, what: "is new and required inside a stored object", fix: "Make it nullable, or fill it in Migrations.", kind: "needs-data" });
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
