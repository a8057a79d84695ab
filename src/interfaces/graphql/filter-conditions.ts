// A filter as GraphQL hands it over, already of its input type, to conditions as written. Its names are fields, relations and
// operators by their place in the type: a value never becomes one.
import { fault } from "../../base/error.ts";
import { isOperator, isQuantifiable, operandKind, type Operator } from "../../query/operators.ts";
import { textType } from "../../query/resolve-field.ts";
import type { ConditionSyntax, FieldSyntax, Operand } from "../../query/query-syntax.ts";
import type { Catalog, Table, TypeRef } from "../../schema/catalog.ts";
import type { GraphqlNames } from "./graphql-names.ts";
import type { PlanDraft } from "./plan-draft.ts";

export type Members = Readonly<Record<string, unknown>>;

export interface FilterPlace {
  readonly table: Table;
  readonly catalog: Catalog;
  readonly names: GraphqlNames;
  readonly draft: PlanDraft;
  /** Names that led here, for errors. */
  readonly where: string;
  readonly depth: number;
}

const DEPTH_MAX = 100;

/** All of which must hold. */
export function filterConditions(filter: Members, place: FilterPlace): ConditionSyntax[] {
  return nested(place, () => Object.entries(filter).map(([name, value]) => {
    const inside = { ...place, where: `${place.where}.${name}`, depth: place.depth + 1 };
    place.draft.note(name, value === null);
    const field = place.table.fields.get(name);
    if (field === undefined) return groupCondition(name, value, inside);
    if (field.relation === null) return fieldCondition({ name, path: [], asText: false }, field.type, value as Members | null, inside);
    return relatedCondition(name, value as Members | null, { ...inside, table: place.catalog.tables.get(field.relation.table)! });
  }));
}

/** The draft sees where it begins and ends. */
function nested(place: FilterPlace, conditions: () => ConditionSyntax[]): ConditionSyntax[] {
  if (place.depth > DEPTH_MAX) throw fault("MALFORMED_QUERY", `Conditions nest at most ${DEPTH_MAX} deep.`, { where: place.where });
  place.draft.note("{");
  const found = conditions();
  place.draft.note("}");
  return found;
}

/** Null, as of a variable that was not sent: no condition. */
function groupCondition(name: string, value: unknown, place: FilterPlace): ConditionSyntax {
  if (value === null) return together([]);
  const { and, or, not } = place.names.table(place.table.name);
  if (name === not) return negated(filterConditions(value as Members, place));
  if (name !== and && name !== or) throw fault("UNKNOWN_FIELD", `There is no field ${name}.`, { where: place.where });
  return { kind: "logic", operator: name === and ? "and" : "or", negated: false, operands: (value as readonly Members[]).map((one) => together(filterConditions(one, place))) };
}

/** Null: no such record. */
function relatedCondition(relation: string, filter: Members | null, place: FilterPlace): ConditionSyntax {
  const { where } = place;
  if (filter === null) return negated([{ kind: "related", relation, operands: [], where }]);
  return { kind: "related", relation, operands: filterConditions(filter, place), where };
}

/** Null: no value. */
function fieldCondition(field: FieldSyntax, type: TypeRef, conditions: Members | null, place: FilterPlace): ConditionSyntax {
  if (conditions === null) return isNull(field, false, place);
  const members = type.kind === "object" && !type.list ? place.catalog.objects.get(type.name)!.fields : null;
  return together(nested(place, () => Object.entries(conditions).map(([name, value]): ConditionSyntax => {
    const inside = { ...place, where: `${place.where}.${name}`, depth: place.depth + 1 };
    place.draft.note(name, value === null);
    const inner = members?.get(name);
    if (inner !== undefined) return fieldCondition({ ...field, path: [...field.path, name] }, inner.type, value as Members | null, inside);
    if (name === "not") return value === null ? together([]) : negated([fieldCondition(field, type, value as Members, inside)]);
    if (name === "at" && isJson(type)) return value === null ? together([]) : pathCondition(field, value as Members, inside);
    return operation({ field, type, name, value }, inside);
  })));
}

export function isJson(type: TypeRef): boolean {
  return type.kind === "scalar" && type.name === "JSON" && !type.list;
}

/** Inside JSON: `value` as REST's `->`, `text` as its `->>`. Digits are an index. */
function pathCondition(field: FieldSyntax, given: Members, place: FilterPlace): ConditionSyntax {
  const steps = (given["path"] as readonly string[]).map((step) => (/^[0-9]{1,9}$/.test(step) ? Number(step) : step));
  place.draft.note(steps);
  const inside = { ...field, path: [...field.path, ...steps] };
  const conditions = (["value", "text"] as const).filter((name) => given[name] !== undefined).map((name) => {
    place.draft.note(name, given[name] === null);
    const at = { ...place, where: `${place.where}.${name}`, depth: place.depth + 1 };
    return fieldCondition({ ...inside, asText: name === "text" }, { ...textType, name: name === "text" ? "String" : "JSON" }, given[name] as Members | null, at);
  });
  return together(conditions);
}

interface Asked { readonly field: FieldSyntax; readonly type: TypeRef; readonly name: string; readonly value: unknown }

function operation({ field, type, name, value }: Asked, { draft, where }: FilterPlace): ConditionSyntax {
  const quantifier = name.endsWith("Any") ? "any" : name.endsWith("All") ? "all" : null;
  const operator = quantifier === null ? name : name.slice(0, -3);
  if (!isOperator(operator) || (quantifier !== null && !isQuantifiable(operator))) throw fault("UNKNOWN_OPERATOR", `There is no operator ${name}.`, { where });
  if (value === null && (operator === "eq" || operator === "neq" || operator === "isdistinct")) return isNull(field, operator !== "eq", { draft, where });
  const given = operator === "is" ? String(value).toLowerCase() : value;
  const isPlain = quantifier === null && field.path.length === 0 && isOpenComparison(operator);
  const operand: Operand = isPlain ? draft.compared(given, type, where) : draft.fixed(given, where);
  return { kind: "filter", field, where, operation: { operator, negated: false, quantifier, operand } };
}

function isOpenComparison(operator: Operator): boolean {
  return operandKind(operator) === "compare" && operator !== "isdistinct";
}

function isNull(field: FieldSyntax, isNegated: boolean, { draft, where }: Pick<FilterPlace, "draft" | "where">): ConditionSyntax {
  return { kind: "filter", field, where, operation: { operator: "is", negated: isNegated, quantifier: null, operand: draft.fixed("null", where) } };
}

function together(conditions: readonly ConditionSyntax[]): ConditionSyntax {
  return conditions.length === 1 ? conditions[0]! : { kind: "logic", operator: "and", negated: false, operands: conditions };
}

function negated(operands: readonly ConditionSyntax[]): ConditionSyntax {
  return { kind: "logic", operator: "and", negated: true, operands };
}
