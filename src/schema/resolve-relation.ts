// What a @relationship means: which keys join which tables. The one place that decides it, for the rule and for the Catalog.
import type { StringValueNode } from "graphql";
import type { Relation } from "./catalog.ts";
import { argumentNode, fieldNamed, useOf, writtenText, type DeclaredField, type DeclaredType, type DirectiveUse } from "./declarations.ts";
import type { Located } from "./source-text.ts";

export type RelationProblem =
  /** A name in quotes that is no field or table. */
  | { readonly kind: "unknown"; readonly at: Located; readonly name: string; readonly label: string; readonly candidates: readonly string[] }
  | { readonly kind: "shape"; readonly at: Located; readonly message: string; readonly why: string; readonly fix: string; readonly repair: RelationRepair | null };

export type RelationRepair =
  | { readonly kind: "remove-argument"; readonly argument: string }
  | { readonly kind: "key-type"; readonly field: DeclaredField; readonly type: string }
  | { readonly kind: "list"; readonly list: boolean };

export interface ResolvedRelation {
  /** Null when there are problems. */
  readonly relation: Relation | null;
  readonly problems: readonly RelationProblem[];
}

interface Sides {
  readonly field: DeclaredField;
  readonly use: DirectiveUse;
  readonly here: DeclaredType;
  readonly there: DeclaredType;
  readonly problems: RelationProblem[];
}

type Types = ReadonlyMap<string, DeclaredType>;

/**
 * `field` is of a table's type and stands on a table. Others report a @relationship with a wrong argument; here it counts by what is
 * right in it, so that one mistake is told once.
 */
export function resolveRelation(field: DeclaredField, types: Types): ResolvedRelation {
  const use = useOf(field, "relationship");
  const there = field.type === null ? undefined : types.get(field.type.name);
  if (use === undefined || there === undefined || there.kind !== "table") return { relation: null, problems: [] };
  const sides: Sides = { field, use, here: field.owner, there, problems: [] };
  const relation = resolveSides(sides, types);
  return { relation: sides.problems.length > 0 ? null : relation, problems: use.values === null ? [] : sides.problems };
}

function resolveSides(sides: Sides, types: Types): Relation | null {
  const { use } = sides;
  const [from, to, through] = [writtenText(use, "from"), writtenText(use, "to"), writtenText(use, "through")];
  const hasOnDelete = argumentNode(use, "onDelete") !== undefined;
  if (hasOnDelete && (through !== undefined || to !== undefined || from === undefined)) {
    shape(sides, use.node, { message: "onDelete stands only beside `from` alone.", why: "Only the side that holds the foreign key can lose what it points to.", fix: "Remove onDelete here; put it on the other side's relationship.", repair: { kind: "remove-argument", argument: "onDelete" } });
  }
  if (through !== undefined) return resolveThrough(sides, { from, to, through }, types);
  if (from !== undefined && to === undefined) return resolveOne(sides, from);
  if (to !== undefined && from === undefined) return resolveMany(sides, to);
  shape(sides, use.node, {
    message: from === undefined ? "@relationship names none of from, to, through." : "@relationship names both from and to, but no through.",
    why: "It must be clear which side holds the foreign key.",
    fix: from === undefined ? "Name `from` (the key is here), `to` (the key is there) or `through` (a join table)." : "Keep `from` if the key is here, `to` if it is there.",
    repair: from === undefined ? null : { kind: "remove-argument", argument: sides.field.type?.list === true ? "from" : "to" },
  });
  return null;
}

function resolveOne(sides: Sides, from: string): Relation | null {
  const { here, there, use } = sides;
  expectList(sides, false);
  const key = namedKey(sides, { table: here, name: from, argument: "from" });
  const primary = primaryKeyOf(there);
  if (key === null || primary === null) return null;
  expectSameType(sides, { key, primary, at: argumentAt(use, "from") });
  const onDelete = use.values === null ? "RESTRICT" : use.values["onDelete"] as Relation["onDelete"];
  if (onDelete === "SET_NULL" && key.type?.required === true) {
    shape(sides, argumentAt(use, "onDelete"), { message: `onDelete: SET_NULL, but ${here.name}.${key.name} is required.`, why: "It could not become null.", fix: `Make ${key.name} nullable, or use CASCADE or RESTRICT.`, repair: null });
  }
  return { kind: "one", table: there.name, from: key.name, to: primary.name, through: null, onDelete };
}

function resolveMany(sides: Sides, to: string): Relation | null {
  const { here, there, use } = sides;
  expectList(sides, true);
  const key = namedKey(sides, { table: there, name: to, argument: "to" });
  const primary = primaryKeyOf(here);
  if (key === null || primary === null) return null;
  if (expectPointsTo(sides, { key, target: here, argument: "to" })) expectSameType(sides, { key, primary, at: argumentAt(use, "to") });
  return { kind: "many", table: there.name, from: primary.name, to: key.name, through: null, onDelete: null };
}

function resolveThrough(sides: Sides, names: { from: string | undefined; to: string | undefined; through: string }, types: Types): Relation | null {
  const { here, there, use } = sides;
  expectList(sides, true);
  const join = types.get(names.through);
  if (join === undefined || join.kind !== "table") {
    const candidates = [...types.values()].filter((type) => type.kind === "table").map((type) => type.name);
    sides.problems.push({ kind: "unknown", at: argumentAt(use, "through"), name: names.through, label: `the table ${names.through}`, candidates });
    return null;
  }
  const from = joinKey(sides, { join, name: names.from, target: here, argument: "from" });
  const to = joinKey(sides, { join, name: names.to, target: there, argument: "to" });
  const [primaryHere, primaryThere] = [primaryKeyOf(here), primaryKeyOf(there)];
  if (from === null || to === null || primaryHere === null || primaryThere === null) return null;
  if (from === to) {
    shape(sides, use.node, { message: `Both keys of ${join.name} are ${from.name}.`, why: "One must point here and another there.", fix: "Name two keys.", repair: null });
    return null;
  }
  expectSameType(sides, { key: from, primary: primaryHere, at: argumentAt(use, "from") });
  expectSameType(sides, { key: to, primary: primaryThere, at: argumentAt(use, "to") });
  return { kind: "through", table: there.name, from: primaryHere.name, to: primaryThere.name, through: { table: join.name, from: from.name, to: to.name }, onDelete: null };
}

/** The join table's key that is named, or the only one that points to `target`. */
function joinKey(sides: Sides, wanted: { join: DeclaredType; name: string | undefined; target: DeclaredType; argument: "from" | "to" }): DeclaredField | null {
  const { join, name, target, argument } = wanted;
  if (name !== undefined) {
    const key = namedKey(sides, { table: join, name, argument });
    return key !== null && expectPointsTo(sides, { key, target, argument }) ? key : null;
  }
  const keys = keysTo(join, target);
  const only = keys[0];
  if (keys.length === 1 && only !== undefined) return fieldNamed(join, only) ?? null;
  const message = keys.length === 0 ? `${join.name} has no foreign key to ${target.name}.` : `${join.name} has several foreign keys to ${target.name}: ${keys.join(", ")}.`;
  const fix = keys.length === 0 ? `Add a field of type ${target.name} with @relationship(from:) to ${join.name}, or name the key with ${argument}.` : `Name the one that is meant with ${argument}.`;
  shape(sides, sides.use.node, { message, why: "A join table needs one key for each side.", fix, repair: null });
  return null;
}

/** Names of the foreign keys of `table` that a @relationship(from:) leads to `target`. */
export function keysTo(table: DeclaredType, target: DeclaredType): string[] {
  const keys = new Set<string>();
  for (const field of table.fields) {
    const key = foreignKeyOf(field);
    if (key !== null && field.type?.name === target.name) keys.add(key);
  }
  return [...keys];
}

/** The foreign key that a to-one relation field names; null for other fields. */
export function foreignKeyOf(field: DeclaredField): string | null {
  const use = useOf(field, "relationship");
  if (field.kind !== "relation" || field.type?.list === true || writtenText(use, "through") !== undefined) return null;
  return writtenText(use, "from") ?? null;
}

/** True if some @relationship(from:) of its table names it. */
export function isForeignKey(field: DeclaredField): boolean {
  return field.owner.fields.some((other) => foreignKeyOf(other) === field.name);
}

/** The first field with @primaryKey. */
export function primaryKeyOf(table: DeclaredType): DeclaredField | null {
  return table.fields.find((field) => useOf(field, "primaryKey") !== undefined) ?? null;
}

function namedKey(sides: Sides, wanted: { table: DeclaredType; name: string; argument: string }): DeclaredField | null {
  const { table, name, argument } = wanted;
  const key = fieldNamed(table, name);
  const at = argumentAt(sides.use, argument);
  if (key === undefined) {
    sides.problems.push({ kind: "unknown", at, name, label: `${table.name}.${name}`, candidates: table.fields.filter((field) => field.kind === "stored").map((field) => field.name) });
    return null;
  }
  if (key.type === null) return null;
  if (key.kind === "stored" && key.type.kind === "scalar" && !key.type.list && useOf(key, "computed") === undefined) return key;
  shape(sides, at, { message: `${table.name}.${name} is no foreign key: it is ${describeKind(key)}.`, why: "A key is a stored field that holds another record's primary key.", fix: "Name a stored scalar field.", repair: null });
  return null;
}

function describeKind(field: DeclaredField): string {
  if (field.kind === "relation") return "a relation itself";
  if (field.kind === "action") return "an action";
  return useOf(field, "computed") !== undefined ? "computed" : "not a single scalar";
}

function expectList(sides: Sides, list: boolean): void {
  const { type } = sides.field;
  if (type === null || type.list === list) return;
  shape(sides, sides.field.node.type, {
    message: list ? `${sides.field.name} leads to many records, but its type is not a list.` : `${sides.field.name} leads to one record, but its type is a list.`,
    why: list ? "`to` and `through` lead to any number of records." : "`from` is one foreign key, so it leads to one record.",
    fix: list ? `Write [${type.name}!]!.` : `Write ${type.name}, or name the other side's key with \`to\`.`,
    repair: { kind: "list", list },
  });
}

function expectSameType(sides: Sides, match: { key: DeclaredField; primary: DeclaredField; at: Located }): void {
  const { key, primary, at } = match;
  if (key.type === null || primary.type === null || key.type.name === primary.type.name) return;
  shape(sides, at, {
    message: `${key.owner.name}.${key.name} is ${key.type.name}, but ${primary.owner.name}.${primary.name}, which it points to, is ${primary.type.name}.`,
    why: "A key and what it points to must have one type, or they never match.",
    fix: `Make ${key.owner.name}.${key.name} of type ${primary.type.name}.`,
    repair: { kind: "key-type", field: key, type: primary.type.name },
  });
}

/** A key that another relation says points elsewhere cannot point here too. */
function expectPointsTo(sides: Sides, match: { key: DeclaredField; target: DeclaredType; argument: "from" | "to" }): boolean {
  const { key, target, argument } = match;
  const relations = key.owner.fields.filter((field) => foreignKeyOf(field) === key.name && field.type !== null);
  if (relations.length === 0 || relations.some((field) => field.type?.name === target.name)) return true;
  shape(sides, argumentAt(sides.use, argument), { message: `${key.owner.name}.${key.name} points to ${relations[0]?.type?.name}, not to ${target.name}.`, why: "Its @relationship(from:) says so.", fix: `Name a key of ${key.owner.name} that points to ${target.name}.`, repair: null });
  return false;
}

function argumentAt(use: DirectiveUse, argument: string): Located {
  return (argumentNode(use, argument)?.value as StringValueNode | undefined) ?? use.node;
}

function shape(sides: Sides, at: Located, problem: { message: string; why: string; fix: string; repair: RelationRepair | null }): void {
  sides.problems.push({ kind: "shape", at, ...problem });
}
