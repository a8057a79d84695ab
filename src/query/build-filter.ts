// Conditions as written to one expression over a row: fields, groups of conditions, and whether related records exist.
import { fault } from "../base/error.ts";
import type { Expression } from "../expression/expression.ts";
import type { Table } from "../schema/catalog.ts";
import { constant, operationExpression, type FilterTarget } from "./operator-expression.ts";
import type { Plan } from "./plan.ts";
import type { ConditionSyntax, OperationSyntax } from "./query-syntax.ts";
import { conjunction, planMatch, relatedExists, type RelatedRow } from "./related-exists.ts";
import { isRelation, unknownField, visibleField, visibleRelation, type RelationField, type Resolution } from "./resolution.ts";
import { placeOf, resolveField } from "./resolve-field.ts";

/** A relation as the request embeds it, so that `alias=is.null` asks for that embed's matches. */
export interface EmbeddedRelation {
  readonly field: RelationField;
  readonly plan: Plan;
  /** Terms that its plan took: so many more where its conditions are asked again. */
  readonly terms: number;
}

export interface FilterScope extends RelatedRow {
  readonly resolution: Resolution;
  /** By alias or name; null if nothing is embedded so. */
  embedded(name: string): EmbeddedRelation | null;
}

type Filter = Extract<ConditionSyntax, { kind: "filter" }>;

export function conditionExpression(condition: ConditionSyntax, scope: FilterScope): Expression {
  switch (condition.kind) {
    case "filter": return filterExpression(condition, scope);
    case "logic": return logicExpression(condition, scope);
    case "related": return relatedExpression(condition, scope);
  }
}

function logicExpression(condition: Extract<ConditionSyntax, { kind: "logic" }>, scope: FilterScope): Expression {
  // Groups count too: their depth is that of the expression.
  scope.resolution.countTerms(1, condition.operator);
  const operands = condition.operands.map((operand) => conditionExpression(operand, scope));
  const joined: Expression = operands.length === 0 ? constant(condition.operator === "and") : operands.length === 1 ? operands[0]! : { op: condition.operator, operands };
  return condition.negated ? { op: "not", operand: joined } : joined;
}

function relatedExpression(condition: Extract<ConditionSyntax, { kind: "related" }>, scope: FilterScope): Expression {
  const { resolution, table } = scope;
  resolution.countTerms(1, condition.where);
  const field = visibleRelation(condition.relation, table, resolution.scope);
  if (field === null) throw unknownField(condition.relation, table, resolution.scope, condition.where);
  return relatedExists(field, scope, resolution, (child) =>
    conjunction(condition.operands.map((operand) => conditionExpression(operand, { ...child, resolution, embedded: () => null }))));
}

function filterExpression(condition: Filter, scope: FilterScope): Expression {
  const { resolution, table } = scope;
  resolution.countTerms(1, condition.where);
  const named = visibleField(condition.field.name, table, resolution.scope);
  if (named === null || isRelation(named)) return nullnessExpression(condition, scope);
  const { field, expression, type, label } = resolveField(condition.field, placeOf(table, scope.row), resolution, condition.where);
  const isWhole = condition.field.path.length === 0;
  const search: FilterTarget["search"] = isWhole && hasTextIndex(table, field.name)
    ? (syntax, words) => ({ op: "text-search", row: scope.row, table: table.name, fields: [field.name], syntax, words })
    : null;
  return operationExpression({ expression, type, label, search, where: condition.where }, condition.operation, resolution);
}

function hasTextIndex(table: Table, field: string): boolean {
  return table.indexes.some((index) => index.kind === "TEXT" && index.fields.includes(field))
    || table.search.some(({ path }) => path.length === 1 && path[0] === field);
}

/** `customer=is.null`: no record is there, or none that passes the embed's filters. */
function nullnessExpression({ field: { name, path }, operation, where }: Filter, scope: FilterScope): Expression {
  const { resolution, table } = scope;
  const embedded = scope.embedded(name);
  const field = embedded?.field ?? visibleRelation(name, table, resolution.scope);
  if (field === null) throw unknownField(name, table, resolution.scope, where);
  const isNull = path.length === 0 ? askedForNull(operation) : null;
  if (isNull === null) {
    const { kind, from } = field.relation;
    const byKey = kind === "one" && visibleField(from, table, resolution.scope) !== null ? `Filter by ${from}, or by` : "Filter by";
    throw fault("OPERATOR_TYPE", `${name} is a relation: it takes is.null and not.is.null only.`, { where, fix: `${byKey} its fields: select=*,${name}!inner(*) and ${name}.FIELD=eq.VALUE.` });
  }
  resolution.countTerms(embedded?.terms ?? 0, where);
  const exists = relatedExists(field, scope, resolution, (child) => (embedded === null ? null : planMatch(embedded.plan, child, resolution)));
  return isNull ? { op: "not", operand: exists } : exists;
}

function askedForNull({ operator, negated, operand }: OperationSyntax): boolean | null {
  if (operator !== "is") return null;
  const state = operand.state();
  if (state !== "null" && state !== "not_null") return null;
  return (state === "null") !== negated;
}
