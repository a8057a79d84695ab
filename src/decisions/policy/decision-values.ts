// Which values the expressions of a decision may name, by where they stand, and their types.
import type { Catalog, InputField, ObjectType, Table, TypeRef } from "../../schema/catalog.ts";
import { noLimits } from "../../schema/coerce-value.ts";
import type { Decision } from "../../schema/decision.ts";
import type { CelPlace } from "../../expression/cel-context.ts";

export type Values = ReadonlyMap<string, Pick<InputField, "type">>;

const scalar = (name: string, required = true): TypeRef => ({ kind: "scalar", name, list: false, required, itemRequired: false });
const JSON_VALUE = scalar("JSON");
const objectNamed = (name: string): TypeRef => ({ ...JSON_VALUE, kind: "object", name });

const RUN = objectOf("@run", [["taint", scalar("String")]]);
const EFFECT = objectOf("@effect", [["operation", scalar("String")], ["id", scalar("JSON", false)], ["args", JSON_VALUE], ["before", scalar("JSON", false)], ["after", scalar("JSON", false)]]);

/** A context as expressions name it. `has`: it need not be there, which `has_NAME` tells. */
export interface NamedContext { readonly name: string; readonly type: TypeRef; readonly optional: boolean }

/** What is there from the beginning: `input`, `auth`, `now`, and the contexts so far. */
export function contextValues(contexts: readonly NamedContext[]): Map<string, Pick<InputField, "type">> {
  const values = new Map<string, Pick<InputField, "type">>([["now", { type: scalar("DateTime") }]]);
  for (const { name, type, optional } of contexts) {
    values.set(name, { type });
    if (optional) values.set(`has_${name}`, { type: scalar("Boolean") });
  }
  return values;
}

/** From PROPOSED on. */
export function outcomeValues(values: Values, decision: Decision, mem: ObjectType | null): Map<string, Pick<InputField, "type">> {
  return new Map([...values, ["out", { type: { ...decision.callable.result, required: true } }], ["effects", { type: { ...objectNamed(EFFECT.name), list: true, itemRequired: true } }], ["run", { type: objectNamed(RUN.name) }], ["mem", { type: mem === null ? JSON_VALUE : { ...objectNamed(mem.name), required: true } }], ["negotiation", { type: decision.negotiates === null ? JSON_VALUE : objectNamed(NEGOTIATION) }]]);
}

/** Of `mem`: each predicate that is read, which need not be known, and the same in `unverified`. The last is the whole; empty: there is no memory. */
export function memTypes({ memories }: Decision, { facts }: Pick<Catalog, "facts">): readonly ObjectType[] {
  const predicates = memories.flatMap(({ reads }) => reads.flatMap((name): [string, TypeRef][] => {
    const fact = facts.get(name);
    return fact === undefined ? [] : [[name, { ...fact.result, required: false }]];
  }));
  if (memories.length === 0) return [];
  const unverified = objectOf("@mem unverified", predicates);
  return [unverified, objectOf("@mem", [...predicates, ["unverified", { ...JSON_VALUE, kind: "object", name: unverified.name, required: true }]])];
}

const NEGOTIATION = "@negotiation";

/** Of `negotiation`: which round it is, the offers so far, and what the other party wants instead. Its members are there only where they have named them. */
export function negotiationType({ callable: { result } }: Decision, catalog: Pick<Catalog, "objects">): readonly ObjectType[] {
  const terms = catalog.objects.get(result.name);
  const wanted = result.kind === "object" && terms !== undefined && !result.list ? { ...terms, name: "@counter", fields: new Map([...terms.fields].map(([name, field]) => [name, { ...field, type: { ...field.type, required: false } }])) } : null;
  const counter: TypeRef = wanted === null ? { ...result, required: false } : { ...objectNamed(wanted.name), required: false };
  return [...(wanted === null ? [] : [wanted]), objectOf(NEGOTIATION, [["round", scalar("Int")], ["rounds", scalar("Int")], ["given", { ...result, list: true, required: true, itemRequired: true }], ["counter", counter]])];
}

/** `run` and the items of `effects`. */
export const outcomeTypes: readonly (readonly [string, ObjectType])[] = [[RUN.name, RUN], [EFFECT.name, EFFECT]];

/** The value of `run`. */
export function runValue(isUntrusted: boolean): { readonly taint: string } {
  return { taint: isUntrusted ? "UNTRUSTED" : "TRUSTED" };
}

/** In the commit: the same queries with the effects. */
export function committedValues(values: Values): Map<string, Pick<InputField, "type">> {
  return new Map([...values, ["after", { type: { ...JSON_VALUE, kind: "object", name: AFTER } }]]);
}

export const AFTER = "@after";

/** The type of `after`. */
export function afterType(contexts: readonly NamedContext[]): ObjectType {
  return objectOf(AFTER, contexts.map(({ name, type }) => [name, type]));
}

/** `args` and `row` of an effect or a call; without types where several are meant. */
export function callValues(values: Values, { args, row }: { readonly args: ObjectType | null; readonly row: ObjectType | null }): Map<string, Pick<InputField, "type">> {
  const typeOf = (object: ObjectType | null): TypeRef => (object === null ? JSON_VALUE : { ...JSON_VALUE, kind: "object", name: object.name });
  return new Map([...values, ["args", { type: typeOf(args) }], ["row", { type: row === null ? JSON_VALUE : typeOf(row) }]]);
}

/** A record as a value: what it stores. */
export function rowType(table: Table): ObjectType {
  const fields = new Map<string, InputField>();
  for (const field of table.fields.values()) if (field.kind !== "relation") fields.set(field.name, { name: field.name, description: field.description, position: field.position, type: field.type, defaultValue: undefined, limits: field.limits });
  return { name: `@row ${table.name}`, description: null, kind: "object", fields };
}

/** Nothing of it must be given. */
export function argumentsType(name: string, fields: ReadonlyMap<string, InputField>): ObjectType {
  return { name: `@args ${name}`, description: null, kind: "object", fields };
}

/** A type of ours, with fields without limits. */
export function objectOf(name: string, members: readonly (readonly [string, TypeRef])[]): ObjectType {
  const fields = new Map(members.map(([member, type]): [string, InputField] => [member, { name: member, description: null, position: { file: "", line: 1, column: 1 }, type, defaultValue: undefined, limits: noLimits }]));
  return { name, description: null, kind: "object", fields };
}

export function placeOf(values: Values, decision: Decision, catalog: Catalog): CelPlace {
  return {
    catalog, rows: new Map(), auth: true, input: decision.callable.arguments, values,
    absent: { record: "A decision is about its input and its contexts.", old: "A decision is about its input and its contexts.", out: "There is no answer yet at this point.", after: "Effects are seen in the commit: at: COMMIT.", total: "There is a total at: TOTAL only.", args: "There are arguments at CALL and EFFECT only.", row: "There is a row at CALL and EFFECT only." },
  };
}
