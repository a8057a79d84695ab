// Which parts of `args`, `row` and `effects` are there in whatever a decision may do, so that its expressions need no guard before them. Pure.
import type { InputField, ObjectType, TypeRef } from "../../schema/catalog.ts";
import { objectOf } from "./decision-values.ts";

/** Something that a decision does, as expressions see it. */
export interface OperationValues {
  readonly args: ObjectType;
  /** Those of `args` that it is called with. */
  readonly given: ReadonlySet<string>;
  /** The record before and after it. */
  readonly row: ObjectType;
  /** A new one has none before, a deleted one none after, an action on a table neither. */
  readonly hasRow: { readonly before: boolean; readonly after: boolean };
}

/** Types by name, and by variable what is known of it; all else there is JSON of which nothing is known. */
interface KnownMembers { readonly types: readonly ObjectType[]; readonly values: ReadonlyMap<string, Pick<InputField, "type">> }

/** By where an expression stands: `planned` from PROPOSED on, `committed` in the commit. */
export type KnownOperations = Readonly<Record<"calls" | "effects" | "planned" | "committed", KnownMembers>>;

/** `tools`: the arguments of each that may be called. */
export function knownOperations(tools: readonly ObjectType[], operations: readonly OperationValues[]): KnownOperations {
  return { calls: knownOfCalls(tools), effects: knownOfEffects(operations), planned: knownInEffects(operations, { isCommitted: false }), committed: knownInEffects(operations, { isCommitted: true }) };
}

/** In a bound at CALL. */
function knownOfCalls(tools: readonly ObjectType[]): KnownMembers {
  const args = inCommon("@args call", tools);
  return { types: [args], values: new Map([["args", { type: named(args, true) }]]) };
}

/** In a bound at EFFECT. */
function knownOfEffects(operations: readonly OperationValues[]): KnownMembers {
  const [args, row] = [inCommon("@args effect", operations.map((one) => one.args)), inCommon("@row effect", operations.map((one) => one.row))];
  return { types: [args, row], values: new Map([["args", { type: named(args, true) }], ["row", { type: named(row, operations.every(({ hasRow }) => hasRow.before)) }]]) };
}

/** Of `effects`. Which members an item has, its `operation` tells, so what is there in one of them counts as there. */
function knownInEffects(operations: readonly OperationValues[], { isCommitted }: { readonly isCommitted: boolean }): KnownMembers {
  const prefix = isCommitted ? "@committed" : "@planned";
  const args = inAny(`${prefix} args`, operations.map(({ args: type, given }) => ({ ...type, fields: new Map([...type.fields].filter(([name]) => given.has(name))) })));
  const row = inAny(`${prefix} row`, operations.map((one) => one.row));
  const isThere = (when: "before" | "after"): boolean => isCommitted && operations.every(({ hasRow }) => hasRow[when]);
  const item = objectOf(`${prefix} effect`, [
    ["operation", JSON_VALUE], ["id", { ...JSON_VALUE, required: operations.every(({ given, hasRow }) => given.has("id") || (isCommitted && (hasRow.before || hasRow.after))) }],
    ["args", named(args, true)], ["before", named(row, isThere("before"))], ["after", named(row, isThere("after"))],
  ]);
  return { types: [args, row, item], values: new Map([["effects", { type: { ...named(item, true), list: true, itemRequired: true } }]]) };
}

const JSON_VALUE: TypeRef = { kind: "scalar", name: "JSON", list: false, required: true, itemRequired: false };
const named = ({ name }: ObjectType, required: boolean): TypeRef => ({ ...JSON_VALUE, kind: "object", name, required });

/** There where it is in each. */
function inCommon(name: string, types: readonly ObjectType[]): ObjectType {
  return objectOf(name, merged(types, (found) => found.length === types.length && found.every(({ required }) => required)));
}

function inAny(name: string, types: readonly ObjectType[]): ObjectType {
  return objectOf(name, merged(types, (found) => found.every(({ required }) => required)));
}

function merged(types: readonly ObjectType[], isThere: (found: readonly TypeRef[]) => boolean): (readonly [string, TypeRef])[] {
  const names = new Set(types.flatMap(({ fields }) => [...fields.keys()]));
  return [...names].map((name) => {
    const found = types.flatMap(({ fields }) => fields.get(name)?.type ?? []);
    return [name, { ...found[0]!, required: isThere(found) }];
  });
}
