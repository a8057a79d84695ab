// One stored, computed or relation field of a table of the Catalog.
import type { Field, Fill, Relation } from "./catalog.ts";
import { unknownType } from "./build-objects.ts";
import { limitsOf } from "./build-limits.ts";
import { allowRules, celOf } from "./build-rules.ts";
import type { CompileContext } from "./compile-context.ts";
import { argumentNode, isSet, textOf, textsOf, useOf, type DeclaredField } from "./declarations.ts";
import { storedType } from "./file-type.ts";
import { literalValue } from "./literal-value.ts";
import { resolveRelation } from "./resolve-relation.ts";
import { positionAt, startOf } from "./source-text.ts";

export function buildField(field: DeclaredField, context: CompileContext): Field {
  const relation = field.kind === "relation" ? resolveRelation(field, context.byName).relation : null;
  const isUnresolved = field.type === null || (field.kind === "relation" && relation === null);
  return {
    name: field.name,
    description: field.node.description?.value ?? null,
    position: positionAt(context.source, startOf(field.node.name)),
    type: isUnresolved || field.type === null ? unknownType : useOf(field, "primaryKey") === undefined ? storedType(field.type) : { ...field.type, required: true },
    kind: isUnresolved ? "stored" : field.kind === "computed" || field.kind === "relation" ? field.kind : "stored",
    relation: relation satisfies Relation | null,
    fill: fillOf(field, context),
    limits: limitsOf(field, context),
    allow: allowRules(field, context.source),
    readOnly: useOf(field, "readOnly") !== undefined,
    fixed: useOf(field, "fixed") !== undefined,
    internal: useOf(field, "internal") !== undefined,
    expiresAt: useOf(field, "expiresAt") !== undefined,
    renamedFrom: textOf(useOf(field, "renamed"), "from") ?? null,
  };
}

function fillOf(field: DeclaredField, context: CompileContext): Fill | null {
  const fallback = useOf(field, "default");
  if (fallback !== undefined) return defaultOf(field, context);
  const computed = useOf(field, "computed");
  const rule = celOf(computed, "rule", context.source);
  if (rule !== null) return { kind: "computed", rule, stored: isSet(computed, "stored") };
  if (useOf(field, "createdTime") !== undefined) return { kind: "created-time" };
  if (useOf(field, "updatedTime") !== undefined) return { kind: "updated-time" };
  if (useOf(field, "createdBy") !== undefined) return { kind: "created-by" };
  const embed = useOf(field, "embed");
  if (embed !== undefined) return { kind: "embedding", from: textsOf(embed, "from") ?? [], model: textOf(embed, "model") ?? "" };
  const sequence = useOf(field, "sequence");
  return sequence === undefined ? null : { kind: "sequence", per: textOf(sequence, "per") ?? null };
}

function defaultOf(field: DeclaredField, context: CompileContext): Fill | null {
  const use = useOf(field, "default");
  if (use === undefined || use.values === null) return null;
  const rule = celOf(use, "rule", context.source);
  if (rule !== null) return { kind: "default-rule", rule };
  const node = argumentNode(use, "value")?.value;
  if (node === undefined || field.type === null) return null;
  const { value } = literalValue(node, { type: field.type, limits: limitsOf(field, context) }, context);
  return value === undefined ? null : { kind: "default-value", value };
}
