// JSON Schemas for models: one type or one list of members with all that they lead to in `$defs`, so that nothing outside is needed to read it.
import type { Json } from "../base/value.ts";
import type { Catalog, InputField, TypeRef } from "../schema/catalog.ts";
import { noLimits } from "../schema/coerce-value.ts";
import { enumSchema, fieldsSchema, objectSchema, typesReached, valueSchema, type JsonObject } from "./json-schema.ts";

const COMPONENTS = "#/components/schemas/";

/** Of an object, the object itself; of anything else, an object with the member `value`. */
export function typeSchema(type: TypeRef, catalog: Catalog): JsonObject {
  const required = { ...type, required: true };
  const object = type.kind === "object" && !type.list ? catalog.objects.get(type.name) : undefined;
  const schema = object === undefined ? valueSchema({ type: required, limits: noLimits }, "out") : objectSchema(object);
  return withDefinitions(schema, object === undefined ? [type] : [...object.fields.values()].map((field) => field.type), catalog);
}

export function membersSchema(members: ReadonlyMap<string, Pick<InputField, "type" | "limits" | "description">>, catalog: Catalog): JsonObject {
  const fields = new Map([...members].map(([name, member]): [string, InputField] => [name, { name, position: { file: "", line: 1, column: 1 }, defaultValue: undefined, ...member }]));
  return withDefinitions(fieldsSchema(fields), [...members.values()].map(({ type }) => type), catalog);
}

function withDefinitions(schema: JsonObject, types: readonly TypeRef[], catalog: Catalog): JsonObject {
  const definitions: JsonObject = {};
  for (const name of typesReached(types, catalog)) {
    const [object, named] = [catalog.objects.get(name), catalog.enums.get(name)];
    if (object !== undefined) definitions[name] = localRefs(objectSchema(object));
    else if (named !== undefined) definitions[name] = localRefs(enumSchema(named));
  }
  const local = localRefs(schema) as JsonObject;
  return Object.keys(definitions).length === 0 ? local : { ...local, $defs: definitions };
}

function localRefs(schema: Json): Json {
  if (Array.isArray(schema)) return schema.map(localRefs);
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(Object.entries(schema).map(([name, value]) => (name === "$ref" && typeof value === "string" ? [name, value.replace(COMPONENTS, "#/$defs/")] : [name, localRefs(value)])));
}
