// The Catalog's types as JSON Schema 2020-12, in wire form. Says all that SDL and directives say of a value; nothing of who may see it.
import type { Json } from "../base/value.ts";
import type { Catalog, EnumType, InputField, ObjectType, TypeRef, ValueLimits } from "../schema/catalog.ts";

export type JsonObject = { [key: string]: Json };

/** in: what clients send, may be more forgiving. out: what they get. */
export type Direction = "in" | "out";

export interface ValueShape { readonly type: TypeRef; readonly limits: ValueLimits }

const SCHEMAS = "#/components/schemas/";
const LONG_MIN = "-9223372036854775808";

/** The schema of a field's value or an argument, null included where it is not required. */
export function valueSchema(shape: ValueShape, direction: Direction): JsonObject {
  const { type } = shape;
  const bare = type.list ? listSchema(shape, direction) : itemSchema(type, shape.limits, direction);
  return type.required ? bare : nullable(bare);
}

function listSchema({ type, limits }: ValueShape, direction: Direction): JsonObject {
  const item = itemSchema(type, { ...limits, length: null }, direction);
  const schema: JsonObject = { type: "array", items: type.itemRequired ? item : nullable(item) };
  const { min = null, max = null } = limits.length ?? {};
  if (min !== null) schema["minItems"] = min;
  if (max !== null) schema["maxItems"] = max;
  return schema;
}

function itemSchema(type: TypeRef, limits: ValueLimits, direction: Direction): JsonObject {
  if (type.kind !== "scalar") return { $ref: `${SCHEMAS}${type.name}` };
  switch (type.name) {
    case "Int": return numberSchema({ type: "integer", format: "int32", minimum: -2147483648, maximum: 2147483647 }, limits);
    case "Money": return numberSchema({ type: "integer", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER, description: moneyText(limits) }, limits);
    case "Float": return numberSchema({ type: "number" }, limits);
    case "Long": return longSchema(limits, direction);
    case "Boolean": return { type: "boolean" };
    case "DateTime": return textSchema({ type: "string", format: "date-time" }, limits);
    case "Date": return textSchema({ type: "string", format: "date" }, limits);
    case "Duration": return textSchema({ type: "string", format: "duration" }, limits);
    case "Decimal": return textSchema({ type: "string", pattern: "^-?[0-9]+(\\.[0-9]+)?$" }, limits);
    case "Bytes": return { type: "string", contentEncoding: "base64" };
    case "Blob": return { type: "string", contentMediaType: "application/octet-stream" };
    case "Vector": return { type: "array", items: { type: "number" } };
    case "JSON": return {};
    default: return textSchema({ type: "string" }, limits);
  }
}

function numberSchema(schema: JsonObject, limits: ValueLimits): JsonObject {
  const { min = null, max = null } = limits.range ?? {};
  if (typeof min === "number") schema["minimum"] = min;
  if (typeof max === "number") schema["maximum"] = max;
  return schema;
}

function longSchema(limits: ValueLimits, direction: Direction): JsonObject {
  const text = textSchema({ type: "string", format: "int64", pattern: "^-?[0-9]{1,19}$" }, limits);
  return direction === "out" ? text : { anyOf: [text, { type: "integer", description: `A literal from ${LONG_MIN} on.` }] };
}

/** Limits of values that are text on the wire: what JSON Schema cannot say stands in the description. */
function textSchema(schema: JsonObject, limits: ValueLimits): JsonObject {
  const { min: shortest = null, max: longest = null } = limits.length ?? {};
  if (shortest !== null) schema["minLength"] = shortest;
  if (longest !== null) schema["maxLength"] = longest;
  const words: string[] = [];
  if (limits.pattern !== null) {
    if (isEcmaPattern(limits.pattern) && schema["pattern"] === undefined) schema["pattern"] = limits.pattern;
    else words.push(`Matches ${limits.pattern} (RE2).`);
  }
  const { min = null, max = null } = limits.range ?? {};
  if (min !== null) words.push(`Not below ${String(min)}.`);
  if (max !== null) words.push(`Not above ${String(max)}.`);
  if (words.length > 0) schema["description"] = words.join(" ");
  return schema;
}

function isEcmaPattern(source: string): boolean {
  try {
    RegExp(source, "u");
    return true;
  } catch {
    return false;
  }
}

function moneyText(limits: ValueLimits): string {
  const { currency } = limits;
  if (currency === null) return "Minor units.";
  return "code" in currency ? `Minor units of ${currency.code}.` : `Minor units of the currency in ${currency.field}.`;
}

function nullable(schema: JsonObject): JsonObject {
  const { type } = schema;
  if (typeof type === "string" && schema["enum"] === undefined) return { ...schema, type: [type, "null"] };
  return Object.keys(schema).length === 0 ? schema : { anyOf: [schema, { type: "null" }] };
}

/** Of an argument list, an input or a nested object. What has a default need not be sent. */
export function fieldsSchema(fields: ReadonlyMap<string, InputField>): JsonObject {
  const properties: JsonObject = {};
  const required: string[] = [];
  for (const field of fields.values()) {
    properties[field.name] = withDescription(valueSchema(field, "in"), field.description, field.defaultValue === undefined ? {} : { default: wireDefault(field.defaultValue) });
    if (field.type.required && field.defaultValue === undefined) required.push(field.name);
  }
  return { type: "object", properties, ...(required.length === 0 ? {} : { required }), additionalProperties: false };
}

function wireDefault(value: unknown): Json {
  return JSON.parse(JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? String(item) : item))) as Json;
}

/** Siblings of $ref are allowed in 3.1, but description of a type is not lost for that of a field. */
export function withDescription(schema: JsonObject, description: string | null, more: JsonObject = {}): JsonObject {
  if (description === null) return { ...schema, ...more };
  const own = schema["description"];
  return { ...schema, ...more, description: typeof own === "string" ? `${description} ${own}` : description };
}

export function enumSchema(type: EnumType): JsonObject {
  return { type: "string", enum: [...type.values], ...(type.description === null ? {} : { description: type.description }) };
}

/** One schema for both directions: what comes out is a narrower case of what may go in. */
export function objectSchema(type: ObjectType): JsonObject {
  const schema = fieldsSchema(type.fields);
  return type.description === null ? schema : { ...schema, description: type.description };
}

/** Names of the enums, nested objects and inputs that these types lead to, at any depth. */
export function typesReached(start: Iterable<TypeRef>, catalog: Catalog): Set<string> {
  const reached = new Set<string>();
  const visit = (type: TypeRef): void => {
    if (type.kind === "scalar" || type.kind === "table" || reached.has(type.name)) return;
    reached.add(type.name);
    for (const field of catalog.objects.get(type.name)?.fields.values() ?? []) visit(field.type);
  };
  for (const type of start) visit(type);
  return reached;
}
