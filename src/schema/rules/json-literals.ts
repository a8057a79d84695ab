// JSON_LITERAL: literals in @default(value), @fallback(value), @range and `= value` are of the type of what they stand for, and keep its limits.
import type { ConstValueNode } from "graphql";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { limitsOf, rangeTarget } from "../build-limits.ts";
import { noLimits, type CoerceTarget } from "../coerce-value.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, useOf, type DeclaredField } from "../declarations.ts";
import { literalValue } from "../literal-value.ts";
import { orderedScalars } from "../scalar-names.ts";

interface Place {
  readonly node: ConstValueNode;
  readonly target: CoerceTarget;
  readonly what: string;
}

export function jsonLiterals(context: CompileContext): Diagnostic[] {
  return context.fields.flatMap((field) => placesOf(field, context)).flatMap(({ node, target, what }) => literalValue(node, target, context).problems.map((problem) => diagnose(context, {
    code: "JSON_LITERAL", at: problem.node, message: `${what}: ${problem.message}`, why: "A literal of another type could never be stored or compared.", fix: `Write a literal of type ${target.type.name}.`, edits: problem.edits,
  })));
}

function placesOf(field: DeclaredField, context: CompileContext): Place[] {
  const { type } = field;
  if (type === null) return [];
  const places: Place[] = [];
  const target = { type, limits: limitsOf(field, context) };
  const place = describeField(field);
  const value = valueOf(field, "default");
  if (value !== undefined && (field.kind === "stored" || field.owner.kind === "channel")) places.push({ node: value, target, what: `@default of ${place}` });
  if (field.node.kind === "InputValueDefinition" && field.node.defaultValue !== undefined) places.push({ node: field.node.defaultValue, target, what: `The default of ${place}` });
  const answer = valueOf(field, "fallback");
  if (answer !== undefined && field.owner.kind === "decisions") places.push({ node: answer, target, what: `@fallback of ${place}` });
  const range = useOf(field, "range");
  if (range === undefined || range.values === null || !orderedScalars.has(type.name)) return places;
  for (const name of ["min", "max"]) {
    const bound = argumentNode(range, name)?.value;
    if (bound !== undefined) places.push({ node: bound, target: { type: rangeTarget(type), limits: noLimits }, what: `@range(${name}) of ${place}` });
  }
  return places;
}

function valueOf(field: DeclaredField, directive: string): ConstValueNode | undefined {
  const use = useOf(field, directive);
  return use === undefined || use.values === null ? undefined : argumentNode(use, "value")?.value;
}
