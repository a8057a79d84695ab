// Enums, nested objects and inputs of the Catalog, with the defaults of their fields.
import type { Catalog, EnumType, InputField, ObjectType, TypeRef } from "./catalog.ts";
import type { DeclaredField, DeclaredType } from "./declarations.ts";
import { limitsOf, type LiteralContext } from "./build-limits.ts";
import { literalValue } from "./literal-value.ts";
import type { SourceText } from "./source-text.ts";
import { positionAt, startOf } from "./source-text.ts";

/** What a field counts as whose type is unknown, so that everything else can still be checked. */
export const unknownType: TypeRef = { kind: "scalar", name: "JSON", list: false, required: false, itemRequired: false };

/** A catalog that holds enums, objects and inputs alone: all that literals need. */
export function buildLiteralCatalog(types: Iterable<DeclaredType>, source: SourceText): Catalog {
  const declared = [...types];
  const enums = new Map(declared.filter((type) => type.kind === "enum").map((type) => [type.name, buildEnum(type)]));
  const objects = new Map<string, ObjectType>();
  const literals: Catalog = { hash: "", tables: new Map(), channels: new Map(), enums, objects, endpoints: new Map(), jobs: new Map(), tools: new Map(), decisions: new Map(), facts: new Map(), roles: [] };
  // A default may be an object whose fields have defaults of their own: each round makes one more level of them right.
  for (const round of ["types", "defaults", "defaults of defaults"]) {
    for (const type of declared) {
      if (type.kind !== "nested" && type.kind !== "input") continue;
      objects.set(type.name, buildObject(type, { source, literals }, round !== "types"));
    }
  }
  return literals;
}

export function buildInputField(field: DeclaredField, context: LiteralContext, withDefault = true): InputField {
  // A table's type is refused here, and a literal of the whole must not look for its records.
  const type = field.type === null || field.type.kind === "table" ? unknownType : field.type;
  const limits = limitsOf(field, context);
  const node = field.node.kind === "InputValueDefinition" ? field.node.defaultValue : undefined;
  return {
    name: field.name,
    description: field.node.description?.value ?? null,
    position: positionAt(context.source, startOf(field.node.name)),
    type,
    defaultValue: node === undefined || !withDefault ? undefined : literalValue(node, { type, limits }, context).value,
    limits,
  };
}

function buildEnum(type: DeclaredType): EnumType {
  return { name: type.name, description: type.node.description?.value ?? null, values: type.values.map((value) => value.name.value) };
}

function buildObject(type: DeclaredType, context: LiteralContext, withDefaults: boolean): ObjectType {
  const fields = new Map<string, InputField>();
  for (const field of type.fields) if (!fields.has(field.name)) fields.set(field.name, buildInputField(field, context, withDefaults));
  return { name: type.name, description: type.node.description?.value ?? null, kind: type.kind === "input" ? "input" : "object", fields };
}
