// Holds a value against the part of JSON Schema that config.schema.json is written in. By itself, because a validator that
// knows all of JSON Schema takes longer to get ready than the whole rest of a start, and half of an idle process's memory.

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: { readonly [name: string]: JsonSchema };
  readonly required?: readonly string[];
  /** False, or what every other property must be. */
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
}

/** The keywords that are understood, beside those that say nothing about values. A test holds the published schema to them. */
export const understoodKeywords: readonly string[] = [
  "type", "properties", "required", "additionalProperties", "items", "minItems", "maxItems", "minLength", "minimum", "maximum", "pattern", "enum", "anyOf", "oneOf",
];

export interface SchemaProblem {
  /** Keys and indexes from the top. */
  readonly path: readonly string[];
  /** Reads after the name of the place: `must be integer`. */
  readonly message: string;
  /** A property at `path` that nobody declared, and those that are. */
  readonly unknown: { readonly name: string; readonly known: readonly string[] } | null;
}

/** All of them; none: the value is valid. */
export function schemaProblems(value: unknown, schema: JsonSchema, path: readonly string[] = []): SchemaProblem[] {
  const wrongType = typeProblem(value, schema);
  if (wrongType !== null) return [problem(path, wrongType)];
  const found = boundProblems(value, schema).map((message) => problem(path, message));
  if (Array.isArray(value) && schema.items !== undefined) {
    for (const [index, item] of value.entries()) found.push(...schemaProblems(item, schema.items, [...path, String(index)]));
  }
  if (isObject(value)) found.push(...propertyProblems(value, schema, path));
  found.push(...choiceProblems(value, schema, path));
  return found;
}

function problem(path: readonly string[], message: string): SchemaProblem {
  return { path, message, unknown: null };
}

function typeProblem(value: unknown, { type }: JsonSchema): string | null {
  if (type === undefined) return null;
  const types = typeof type === "string" ? [type] : type;
  return types.some((one) => isOfType(value, one)) ? null : `must be ${types.join(" or ")}`;
}

function isOfType(value: unknown, type: string): boolean {
  switch (type) {
    case "object": return isObject(value);
    case "array": return Array.isArray(value);
    case "integer": return Number.isInteger(value);
    case "number": return Number.isFinite(value);
    default: return typeof value === type;
  }
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function boundProblems(value: unknown, schema: JsonSchema): string[] {
  const found: string[] = [];
  if (typeof value === "string") {
    if (schema.minLength !== undefined && [...value].length < schema.minLength) found.push(`must have ${schema.minLength} characters at least`);
    if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(value)) found.push(`must match ${schema.pattern}`);
  }
  if (typeof value === "number") {
    if (schema.minimum !== undefined && value < schema.minimum) found.push(`must be ${schema.minimum} at least`);
    if (schema.maximum !== undefined && value > schema.maximum) found.push(`must be ${schema.maximum} at most`);
  }
  if (Array.isArray(value) && schema.minItems !== undefined && value.length < schema.minItems) found.push(`must have ${schema.minItems} items at least`);
  if (Array.isArray(value) && schema.maxItems !== undefined && value.length > schema.maxItems) found.push(`must have ${schema.maxItems} items at most`);
  if (schema.enum !== undefined && !schema.enum.some((one) => one === value)) found.push(`must be one of ${schema.enum.join(", ")}`);
  return found;
}

function propertyProblems(value: { readonly [name: string]: unknown }, schema: JsonSchema, path: readonly string[]): SchemaProblem[] {
  const { properties = {}, additionalProperties, required = [] } = schema;
  const found = required.filter((name) => !Object.hasOwn(value, name)).map((name) => problem(path, `must have ${name}`));
  for (const [name, inside] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) found.push(...schemaProblems(inside, properties[name]!, [...path, name]));
    else if (additionalProperties === false) found.push({ path, message: `must not have ${name}`, unknown: { name, known: Object.keys(properties) } });
    else if (typeof additionalProperties === "object") found.push(...schemaProblems(inside, additionalProperties, [...path, name]));
  }
  return found;
}

/** What each alternative misses, in one sentence. */
function choiceProblems(value: unknown, { anyOf, oneOf }: JsonSchema, path: readonly string[]): SchemaProblem[] {
  const found: SchemaProblem[] = [];
  for (const [alternatives, isEnough] of [[anyOf, (fitting: number) => fitting > 0], [oneOf, (fitting: number) => fitting === 1]] as const) {
    if (alternatives === undefined) continue;
    const misses = alternatives.map((one) => schemaProblems(value, one, path));
    const fitting = misses.filter((missed) => missed.length === 0).length;
    if (isEnough(fitting)) continue;
    if (fitting > 0) found.push(problem(path, `must have only one of ${alternatives.flatMap((one) => one.required ?? []).join(", ")}`));
    else found.push(problem(path, misses.map((missed) => missed[0]!.message).join(", or ")));
  }
  return found;
}
