// Conditions of a typed query object to conditions as written. Values from outside never become operators: an object
// counts as operators or fields only if it is an ordinary literal, and whatever came over a wire has no prototype.
import { didYouMean } from "../base/diagnostic.ts";
import { fault, type AmbitError } from "../base/error.ts";
import type { ObjectType, Table, TypeRef } from "../schema/catalog.ts";
import { codeOperand } from "./code-operand.ts";
import { isOperator, isQuantifiable, operatorNames, type Operator } from "./operators.ts";
import type { ConditionSyntax, FieldSyntax } from "./query-syntax.ts";
import { isRelation, relatedTable, unknownField, visibleField, visibleRelation, type RelationField } from "./resolution.ts";
import type { Scope } from "./scope.ts";

export type Literal = { readonly [name: string]: unknown };

export interface ConditionPlace {
  readonly table: Table;
  readonly scope: Scope;
  /** Names that led here, for errors. */
  readonly where: string;
  readonly depth: number;
}

const DEPTH_MAX = 100;

/** An ordinary object literal, written by the app. */
export function isLiteral(raw: unknown): raw is Literal {
  return typeof raw === "object" && raw !== null && Object.getPrototypeOf(raw) === Object.prototype;
}

/** Of the entries that are conditions: `and`, `or`, `not`, and names of fields and relations. */
export function codeConditions(entries: readonly (readonly [string, unknown])[], place: ConditionPlace): ConditionSyntax[] {
  if (place.depth > DEPTH_MAX) throw fault("MALFORMED_QUERY", `Conditions nest at most ${DEPTH_MAX} deep.`, { where: place.where });
  return entries.map(([name, raw]) => {
    const inside = { ...place, where: joinPath(place.where, name), depth: place.depth + 1 };
    if (raw === undefined) throw malformed(`${inside.where} is undefined.`, inside.where, "Leave the name out, or write null for records without a value.");
    if (name === "and" || name === "or") return group(name, raw, inside);
    if (name === "not") return negation(conditionsOf(raw, inside));
    return named(name, raw, inside);
  });
}

function group(operator: "and" | "or", raw: unknown, place: ConditionPlace): ConditionSyntax {
  if (!Array.isArray(raw)) throw malformed(`${place.where} takes a list of conditions.`, place.where, `Write ${operator}: [{ ... }, { ... }].`);
  return { kind: "logic", operator, negated: false, operands: raw.map((one: unknown) => all(conditionsOf(one, place))) };
}

function conditionsOf(raw: unknown, place: ConditionPlace): ConditionSyntax[] {
  if (!isLiteral(raw)) throw malformed(`${place.where} takes an object of conditions.`, place.where, "Write { field: value }.");
  return codeConditions(Object.entries(raw), place);
}

function all(conditions: readonly ConditionSyntax[]): ConditionSyntax {
  return conditions.length === 1 ? conditions[0]! : { kind: "logic", operator: "and", negated: false, operands: conditions };
}

function negation(conditions: readonly ConditionSyntax[]): ConditionSyntax {
  return { kind: "logic", operator: "and", negated: true, operands: conditions };
}

function named(name: string, raw: unknown, place: ConditionPlace): ConditionSyntax {
  const field = visibleField(name, place.table, place.scope);
  if (field === null) throw unknownField(name, place.table, place.scope, place.where);
  if (isRelation(field)) return related(field, raw, place);
  return fieldCondition({ name, path: [], asText: false }, field.type, raw, place);
}

function related(field: RelationField, raw: unknown, place: ConditionPlace): ConditionSyntax {
  const { where, scope } = place;
  if (visibleRelation(field.name, place.table, scope) === null) throw unknownField(field.name, place.table, scope, where);
  if (raw === null) return negation([{ kind: "related", relation: field.name, operands: [], where }]);
  const table = relatedTable(field, scope.catalog);
  return { kind: "related", relation: field.name, operands: conditionsOf(raw, { ...place, table }), where };
}

function fieldCondition(field: FieldSyntax, type: TypeRef, raw: unknown, place: ConditionPlace): ConditionSyntax {
  if (raw === undefined) throw malformed(`${place.where} is undefined.`, place.where, "Leave the name out, or write null for records without a value.");
  if (place.depth > DEPTH_MAX) throw malformed(`Conditions nest at most ${DEPTH_MAX} deep.`, place.where, "Say it with fewer levels.");
  if (raw === null) return operation(field, "is", "null", place);
  if (!isLiteral(raw)) return operation(field, "eq", raw, place);
  const nested = type.kind === "object" && !type.list ? place.scope.catalog.objects.get(type.name) : undefined;
  const entries = Object.entries(raw);
  if (entries.length === 0) throw malformed(`${place.where} has no condition.`, place.where, "Leave it out.");
  return all(entries.map(([name, inner]) => {
    const inside = { ...place, where: joinPath(place.where, name), depth: place.depth + 1 };
    if (nested?.fields.has(name) === true) return fieldCondition({ ...field, path: [...field.path, name] }, nested.fields.get(name)!.type, inner, inside);
    if (name === "not") return negation([fieldCondition(field, type, inner, inside)]);
    if (isOperator(name)) return operation(field, name, inner, inside);
    throw unknownEntry(name, nested, inside);
  }));
}

function operation(field: FieldSyntax, operator: Operator, raw: unknown, { where }: ConditionPlace): ConditionSyntax {
  if (raw === undefined) throw malformed(`${where} is undefined.`, where, "Leave the operator out.");
  const filter = (quantifier: "any" | "all" | null, operand: unknown): ConditionSyntax => ({
    kind: "filter", field, where, operation: { operator, negated: false, quantifier, operand: codeOperand(operand, where) },
  });
  if (raw === null && (operator === "eq" || operator === "neq" || operator === "isdistinct")) {
    const isNull: ConditionSyntax = { kind: "filter", field, where, operation: { operator: "is", negated: operator !== "eq", quantifier: null, operand: codeOperand("null", where) } };
    return isNull;
  }
  const [name, ...more] = isLiteral(raw) && isQuantifiable(operator) ? Object.keys(raw) : [];
  return (name === "any" || name === "all") && more.length === 0 ? filter(name, (raw as Literal)[name]) : filter(null, raw);
}

function unknownEntry(name: string, nested: ObjectType | undefined, { where }: ConditionPlace): AmbitError {
  const near = didYouMean(name, [...operatorNames, "not", ...(nested?.fields.keys() ?? [])]);
  const fix = nested === undefined ? "Write { eq: value } where the value is an object." : "Name a field of the nested object, or an operator.";
  return fault("UNKNOWN_OPERATOR", `${where} is no operator.${near === null ? "" : ` Did you mean ${near}?`}`, { where, fix });
}

export function malformed(message: string, where: string, fix: string): AmbitError {
  return fault("MALFORMED_QUERY", message, { where, fix });
}

export function joinPath(where: string, name: string): string {
  return where === "" ? name : `${where}.${name}`;
}
