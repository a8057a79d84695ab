// LIMIT_RANGE: @length, @range, @pattern and @redact stand on types that they fit, and their bounds are not empty.
import type { Diagnostic, TextEdit } from "../../base/diagnostic.ts";
import { compareScalars } from "../check-limits.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, numberOf, useOf, usesOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import { limitsOf } from "../build-limits.ts";
import { orderedScalars, textScalars } from "../scalar-names.ts";
import { removeNode } from "../schema-edits.ts";

export function limitRanges(context: CompileContext): Diagnostic[] {
  return context.fields.filter((field) => field.type !== null).flatMap((field) => [
    ...unfit(field, context), ...checkLength(field, useOf(field, "length"), context), ...checkRange(field, useOf(field, "range"), context),
  ]);
}

const why = "A limit that cannot be kept, or that everything keeps, is a mistake.";

function unfit(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const scalar = field.type?.name ?? "";
  const list = field.type?.list === true;
  const fits: Readonly<Record<string, { readonly ok: boolean; readonly on: string }>> = {
    length: { ok: list || textScalars.has(scalar) || scalar === "Bytes" || scalar === "Blob", on: "text, lists, Bytes and Blob" },
    range: { ok: orderedScalars.has(scalar), on: "numbers, Money, Decimal, dates and Duration" },
    pattern: { ok: textScalars.has(scalar), on: "text" },
    redact: { ok: scalar === "String", on: "fields of type String" },
  };
  return Object.entries(fits).filter(([, { ok }]) => !ok).flatMap(([name, { on }]) => usesOf(field, name).map((use) => diagnose(context, {
    code: "LIMIT_RANGE", at: use.node, message: `@${name} does not fit ${describeField(field)}, which is ${scalar}.`, why, fix: `Remove it; it is for ${on}.`, edits: [removeNode(context.source, use.node)],
  })));
}

function checkLength(field: DeclaredField, use: DirectiveUse | undefined, context: CompileContext): Diagnostic[] {
  if (use === undefined || use.values === null) return [];
  const [min, max] = [numberOf(use, "min"), numberOf(use, "max")];
  const limit = (message: string, fix: string, edits: readonly TextEdit[] = []): Diagnostic[] => [diagnose(context, { code: "LIMIT_RANGE", at: use.node, message: `@length of ${describeField(field)} ${message}`, why, fix, edits })];
  if (min === undefined && max === undefined) return limit("has neither min nor max.", "Give one of them, or remove it.", [removeNode(context.source, use.node)]);
  if ((min ?? 0) < 0 || (max ?? 0) < 0) return limit("is below zero.", "Use 0 or more.");
  return min !== undefined && max !== undefined && min > max ? limit(`has min ${min} above max ${max}.`, "Exchange them.") : [];
}

function checkRange(field: DeclaredField, use: DirectiveUse | undefined, context: CompileContext): Diagnostic[] {
  if (use === undefined || use.values === null || field.type === null) return [];
  const limit = (message: string, fix: string, edits: readonly TextEdit[] = []): Diagnostic[] => [diagnose(context, { code: "LIMIT_RANGE", at: use.node, message: `@range of ${describeField(field)} ${message}`, why, fix, edits })];
  const isGiven = ["min", "max"].some((name) => (argumentNode(use, name)?.value.kind ?? "NullValue") !== "NullValue");
  if (!isGiven) return limit("has neither min nor max.", "Give one of them, or remove it.", [removeNode(context.source, use.node)]);
  const range = limitsOf(field, context).range;
  if (range === null || range.min === null || range.max === null || compareScalars(range.min, range.max, field.type.name) <= 0) return [];
  return limit(`has min ${String(range.min)} above max ${String(range.max)}.`, "Exchange them.");
}
