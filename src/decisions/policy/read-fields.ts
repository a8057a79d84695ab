// Which declared fields an expression of a decision reads, by the values that it names. Pure; what follows from it is for others.
import type { Expression } from "../../expression/expression.ts";
import { partsOf, someIn } from "../../expression/inspect.ts";
import type { InputField, TypeRef } from "../../schema/catalog.ts";
import type { CompiledDecision } from "./compiled-decision.ts";

type Known = Pick<CompiledDecision, "catalog" | "contexts" | "declaration">;
type Scope = ReadonlyMap<string, TypeRef>;

/** All on the way of each value, once. */
export function fieldsRead(expression: Expression, decision: Known): readonly InputField[] {
  const scope = new Map<string, TypeRef>();
  for (const { declaration: { name }, source } of decision.contexts) scope.set(name, source.kind === "query" ? source.shape.type : { kind: "object", name: source.type, list: false, required: false, itemRequired: false });
  const found = new Set<InputField>();
  walk(expression, scope, { decision, found });
  return [...found];
}

/** Whether it looks at what is @secret: in what is named, or in the record that an effect changes. */
export function readsSecret(expression: Expression, decision: Known & Pick<CompiledDecision, "writes" | "effects">): boolean {
  if (fieldsRead(expression, decision).some(({ limits }) => limits.secret)) return true;
  const secretNames = new Set([...decision.writes, ...decision.effects].flatMap(({ table }) => [...table.fields.values()].flatMap(({ name, limits }) => (limits.secret ? [name] : []))));
  return secretNames.size > 0 && someIn(expression, (part) => part.op === "variable" && (part.root === "row" || ROWS_OF_EFFECTS.has(part.path[0] ?? "")) && part.path.some((step) => secretNames.has(step)));
}

/** Members of what stands in `effects`. */
const ROWS_OF_EFFECTS: ReadonlySet<string> = new Set(["before", "after"]);

/** A declared field or argument, wherever its values turn up. Null: it is none of the schema. */
export function placeOfField({ position: { file, line, column } }: Pick<InputField, "position">): string | null {
  return file === "" ? null : `${line}:${column}`;
}

interface Walk { readonly decision: Known; readonly found: Set<InputField> }

function walk(expression: Expression, scope: Scope, visit: Walk): void {
  if (expression.op === "variable") follow(expression, scope, visit);
  if (expression.op !== "quantify") return partsOf(expression).forEach((part) => walk(part, scope, visit));
  walk(expression.list, scope, visit);
  const list = expression.list.op === "variable" ? follow(expression.list, scope, visit) : null;
  walk(expression.body, list === null ? scope : new Map([...scope, [expression.variable, { ...list, list: false }]]), visit);
}

/** The type of what is named; null where nothing is known of it. */
function follow({ root, path }: Extract<Expression, { op: "variable" }>, scope: Scope, { decision, found }: Walk): TypeRef | null {
  const [first, ...rest] = root === "after" ? path : [root, ...path];
  let steps = rest;
  let type: TypeRef | null = scope.get(first ?? "") ?? null;
  if (root === "input") {
    const argument = decision.declaration.callable.arguments.get(rest[0] ?? "");
    if (argument !== undefined) found.add(argument);
    [type, steps] = [argument?.type ?? null, rest.slice(1)];
  }
  for (const step of steps) {
    const field: InputField | undefined = type === null ? undefined : decision.catalog.objects.get(type.name)?.fields.get(step);
    if (field !== undefined) found.add(field);
    type = field?.type ?? null;
  }
  return type;
}
