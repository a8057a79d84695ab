// Names and paths in CEL: record.order.customer.vip, auth.claims.plan, input.lines[0].sku, variables of quantifiers.
import type { Field, Table, TypeRef } from "../schema/catalog.ts";
import { type CelNode, type CelOf, type CelRange } from "./cel-ast.ts";
import { sourceOf, unknownName, type CelContext, type Domain, type Typed } from "./cel-context.ts";
import type { Expression, ExpressionType } from "./expression.ts";
import { describeType, typeOfField } from "./field-type.ts";

/** A record, which is no value itself: of the row, or where to-one relations lead from it. */
export interface RowReference { readonly kind: "row"; readonly row: string; readonly rowTable: Table; readonly path: readonly string[]; readonly table: Table; readonly node: CelNode }
interface RootReference { readonly kind: "root"; readonly root: "auth" | "input"; readonly node: CelNode }
type Reference = RowReference | RootReference | Typed;

const PATH_MAX = 3;
const STRING: ExpressionType = { kind: "string" };

/** The value of an identifier, field access or index; a record has none. */
export function compileName(node: CelNode, context: CelContext): Typed | null {
  const found = resolve(node, context);
  if (found === null || !("kind" in found)) return found;
  if (found.kind === "root") return context.fail(node, { message: `${found.root} is not a value.`, fix: `Name what you need of it, such as ${found.root === "auth" ? "auth.subject" : `${found.root}.NAME`}.` });
  return context.fail(node, { message: `${sourceOf(node)} is a record, not a value.`, fix: `Name one of its fields, or compare it with null: ${sourceOf(node)} == null.` });
}

/** Of a node that may stand for a record: `old == null`, `has(record.customer)`. Null if it does not. Reports nothing new. */
export function rowReference(node: CelNode, context: CelContext): RowReference | null {
  if (node.op !== "id" && node.op !== ".") return null;
  const found = resolve(node, { ...context, fail: () => null });
  return found !== null && "kind" in found && found.kind === "row" ? found : null;
}

/** A field that every record has, to ask whether the record is there. */
export function presenceOf(reference: RowReference, context: CelContext): Typed {
  const field = reference.table.fields.get(reference.table.primaryKey);
  return typed(reference.node, context, fieldExpression(reference, reference.table.primaryKey, field === undefined ? STRING : typeOfField(field.type, context.place.catalog)), null);
}

function resolve(node: CelNode, context: CelContext): Reference | null {
  switch (node.op) {
    case "id": return resolveIdentifier(node, context);
    case ".": {
      const target = resolve(node.args[0], context);
      return target === null ? null : member(target, node.args[1], node, context);
    }
    case "[]": {
      const target = resolve(node.args[0], context);
      return target === null ? null : indexed(target, node, context);
    }
    default: return context.compile(node, context);
  }
}

function resolveIdentifier(node: CelOf<"id">, context: CelContext): Reference | null {
  const name = node.args;
  const item = context.items.get(name);
  if (item !== undefined) return typed(node, context, { op: "variable", type: item.type, root: name, path: [] }, item.domain);
  const { place } = context;
  const value = place.values?.get(name);
  if (value !== undefined) return typed(node, context, { op: "variable", type: typeOfField(value.type, place.catalog), root: name, path: [] }, domainOf(value.type));
  const row = place.rows.get(name);
  if (row !== undefined) return { kind: "row", row: name, rowTable: row, path: [], table: row, node };
  if (name === "auth" && place.auth) return { kind: "root", root: "auth", node };
  if (name === "input" && place.input !== null) return { kind: "root", root: "input", node };
  const reason = Object.hasOwn(place.absent, name) ? place.absent[name] : undefined;
  if (reason !== undefined) return context.fail(node, { message: reason, fix: "Leave it out here." });
  const known = [...context.items.keys(), ...(place.values?.keys() ?? []), ...place.rows.keys(), ...(place.auth ? ["auth"] : []), ...(place.input === null ? [] : ["input"])];
  if (place.rows.get("record")?.fields.has(name) === true) {
    return context.fail(node, { message: `${name} is not a name here.`, fix: `Write record.${name}.`, edits: [{ start: node.start, end: node.start, text: "record." }] });
  }
  return unknownName(context, node, { what: "The name ", name, known });
}

function member(target: Reference, name: string, node: CelOf<"."> | CelOf<"[]">, context: CelContext): Reference | null {
  const range = node.op === "." ? { start: node.end - name.length, end: node.end } : node.args[1].range;
  if (!("kind" in target)) return inside(target, name, { range, node }, context);
  if (target.kind === "root") return rootMember(target, name, { range, node }, context);
  const field = target.table.fields.get(name);
  if (field === undefined) {
    const known = [...target.table.fields.keys()];
    return unknownName(context, range, { what: `The field ${target.table.name}.`, name, known });
  }
  if (field.relation === null) return typed(node, context, fieldExpression(target, name, typeOfField(field.type, context.place.catalog)), domainOf(field.type));
  return related(target, field, { range, node }, context);
}

interface Spot { readonly range: CelRange; readonly node: CelNode }

function related(target: RowReference, field: Field, { range, node }: Spot, context: CelContext): RowReference | null {
  const relation = field.relation!;
  if (relation.kind !== "one") {
    return context.fail(range, { message: `${target.table.name}.${field.name} is a relation to many records.`, fix: "Rules follow relations to one record only, and ask lists of the record itself; keep a counter or a flag in the record instead." });
  }
  if (target.path.length >= PATH_MAX) return context.fail(range, { message: `A path in a rule goes through at most ${PATH_MAX} relations.`, fix: "Keep the value nearer to the record." });
  const table = context.place.catalog.tables.get(relation.table);
  if (table === undefined) return null;
  return { ...target, path: [...target.path, field.name], table, node };
}

function rootMember(target: RootReference, name: string, { range, node }: Spot, context: CelContext): Typed | null {
  if (target.root === "input") {
    const argument = context.place.input!.get(name);
    if (argument === undefined) return unknownName(context, range, { what: "The argument ", name, known: context.place.input!.keys() });
    return typed(node, context, variable("input", name, typeOfField(argument.type, context.place.catalog)), domainOf(argument.type));
  }
  switch (name) {
    case "subject": case "tenant": return typed(node, context, variable("auth", name, STRING), null);
    case "roles": return typed(node, context, variable("auth", name, { kind: "list", item: STRING }), { kind: "role" });
    case "claims": return typed(node, context, variable("auth", name, { kind: "json" }), null);
    default: return unknownName(context, range, { what: "The member auth.", name, known: ["subject", "roles", "tenant", "claims"] });
  }
}

/** A member of a nested object or JSON value. */
function inside(target: Typed, name: string, { range, node }: Spot, context: CelContext): Typed | null {
  if (target.type.kind === "json") return typed(node, context, deeper(target.expression, name, { kind: "json" }), null);
  if (target.type.kind !== "object") return context.fail(range, { message: `${sourceOf(target.node)} is of type ${describeType(target.type)} and has no member ${name}.`, fix: "Compare the value itself." });
  const object = context.place.catalog.objects.get(target.type.name);
  const field = object?.fields.get(name);
  if (field === undefined) return unknownName(context, range, { what: `The field ${target.type.name}.`, name, known: object?.fields.keys() ?? [] });
  return typed(node, context, deeper(target.expression, name, typeOfField(field.type, context.place.catalog)), domainOf(field.type));
}

function indexed(target: Reference, node: CelOf<"[]">, context: CelContext): Reference | null {
  const key = node.args[1];
  const value = key.op === "value" ? key.args : undefined;
  if (typeof value === "string") return member(target, value, node, context);
  const isIndex = typeof value === "bigint" && value >= 0n && value < 1_000_000n;
  if ("kind" in target || (target.type.kind !== "list" && target.type.kind !== "json") || !isIndex) {
    return context.fail(key, { message: "An index here is a number of a list's item from 0, or a name in quotes.", fix: "Write a literal index of a list or JSON value." });
  }
  const type: ExpressionType = target.type.kind === "list" ? target.type.item : { kind: "json" };
  return typed(node, context, deeper(target.expression, Number(value), type), target.domain);
}

function deeper(expression: Expression, step: string | number, type: ExpressionType): Expression {
  if (expression.op === "field") return { ...expression, type, within: [...expression.within, step] };
  if (expression.op === "variable") return { ...expression, type, path: [...expression.path, step.toString()] };
  const path: Expression = { op: "json-path", type: { kind: "json" }, operand: expression, path: [step], asText: false };
  return type.kind === "json" ? path : { op: "json-as", type, operand: path };
}

function fieldExpression({ row, rowTable, path }: RowReference, field: string, type: ExpressionType): Expression {
  return { op: "field", type, row, table: rowTable.name, path, field, within: [] };
}

function variable(root: string, name: string, type: ExpressionType): Expression {
  return { op: "variable", type, root, path: [name] };
}

function domainOf(type: TypeRef): Domain | null {
  return type.kind === "enum" ? { kind: "enum", name: type.name } : null;
}

/** Remembers where the expression stands. */
export function typed(node: CelNode, context: CelContext, expression: Expression, domain: Domain | null, type?: ExpressionType): Typed {
  context.starts.set(expression, node);
  return { expression, type: type ?? ("type" in expression ? expression.type : { kind: "bool" }), domain, node };
}
