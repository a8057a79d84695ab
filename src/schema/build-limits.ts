// The limits that directives put on a value: @length @range @pattern @currency @redact @sensitive @secret @untrusted. Wrong ones are left out.
import type { Value } from "../base/value.ts";
import type { Catalog, TypeRef, ValueLimits } from "./catalog.ts";
import { noLimits } from "./coerce-value.ts";
import { argumentNode, numberOf, textOf, useOf, usesOf, type DeclaredField, type DirectiveUse } from "./declarations.ts";
import { literalValue } from "./literal-value.ts";
import { orderedScalars, textScalars } from "./scalar-names.ts";
import { patternProblem } from "../base/pattern.ts";
import type { SourceText } from "./source-text.ts";

export interface LiteralContext {
  readonly source: SourceText;
  readonly literals: Catalog;
}

export function limitsOf(field: DeclaredField, context: LiteralContext): ValueLimits {
  if (field.uses.length === 0 || field.type === null) return noLimits;
  const pattern = textOf(useOf(field, "pattern"), "regex");
  return {
    length: lengthOf(useOf(field, "length")),
    range: rangeOf(useOf(field, "range"), field.type, context),
    pattern: pattern !== undefined && textScalars.has(field.type.name) && patternProblem(pattern) === null ? pattern : null,
    currency: currencyOf(useOf(field, "currency")),
    redact: field.type.name === "String" ? usesOf(field, "redact").flatMap((use) => (use.values === null ? [] : [use.values["kind"] as ValueLimits["redact"][number]])) : [],
    sensitive: useOf(field, "sensitive") !== undefined,
    secret: useOf(field, "secret") !== undefined,
    untrusted: useOf(field, "untrusted") !== undefined,
  };
}

/** The type of what @range bounds: the value, or each item of a list. */
export function rangeTarget(type: TypeRef): TypeRef {
  return { ...type, list: false, required: false, itemRequired: false };
}

function lengthOf(use: DirectiveUse | undefined): ValueLimits["length"] {
  if (use === undefined || use.values === null) return null;
  return { min: numberOf(use, "min") ?? null, max: numberOf(use, "max") ?? null };
}

function rangeOf(use: DirectiveUse | undefined, type: TypeRef, context: LiteralContext): ValueLimits["range"] {
  if (use === undefined || use.values === null || !orderedScalars.has(type.name)) return null;
  const bound = (name: "min" | "max"): Value => {
    const node = argumentNode(use, name)?.value;
    return node === undefined ? null : literalValue(node, { type: rangeTarget(type), limits: noLimits }, context).value ?? null;
  };
  const range = { min: bound("min"), max: bound("max") };
  return range.min === null && range.max === null ? null : range;
}

function currencyOf(use: DirectiveUse | undefined): ValueLimits["currency"] {
  const [code, field] = [textOf(use, "code"), textOf(use, "field")];
  return code !== undefined ? { code } : field !== undefined ? { field } : null;
}
