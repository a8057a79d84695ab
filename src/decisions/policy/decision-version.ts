// VERSION of a decision: the first 12 hex digits of a hash over all that decides what it does. Another version is another decision to its records.
import { createHash } from "node:crypto";
import type { Catalog, ObjectType, TypeRef } from "../../schema/catalog.ts";
import type { Decision } from "../../schema/decision.ts";

export interface VersionParts {
  readonly catalog: Catalog;
  /** Of resources.ts and what it imports. */
  readonly codeHash: string;
  /** The alias as configured, without its key; null: none is. */
  readonly model: object | null;
  readonly runtime: string;
  /** Of files that it names; null: it names none. */
  readonly policyText: string | null;
  readonly tableText: string | null;
}

/** The same without the policy's words: an approval outlives a change of these. */
export function decisionContract(decision: Decision, parts: VersionParts): string {
  const { callable } = decision;
  return decisionVersion({ ...decision, policy: null, policyFile: null, callable: { ...callable, description: null } }, { ...parts, policyText: null });
}

export function decisionVersion(decision: Decision, parts: VersionParts): string {
  const types = new Map<string, unknown>();
  const { callable } = decision;
  for (const type of [callable.result, ...[...callable.arguments.values()].map((argument) => argument.type), ...decision.contexts.flatMap(({ extract }) => (extract === null ? [] : [named(extract)]))]) closure(type, parts.catalog, types);
  const facts = decision.memories.flatMap(({ reads, writes }) => [...reads, ...writes]).map((name) => parts.catalog.facts.get(name));
  for (const fact of facts) if (fact !== undefined) closure(fact.result, parts.catalog, types);
  return createHash("sha256").update(textOf({ decision, types, ...(facts.length === 0 ? {} : { facts }), code: parts.codeHash, model: parts.model, runtime: parts.runtime, policy: parts.policyText, table: parts.tableText })).digest("hex").slice(0, 12);
}

function named(name: string): TypeRef {
  return { kind: "object", name, list: false, required: true, itemRequired: false };
}

function closure({ name }: TypeRef, catalog: Catalog, types: Map<string, unknown>): void {
  const found: ObjectType | { readonly values: readonly string[] } | undefined = catalog.objects.get(name) ?? catalog.enums.get(name);
  if (found === undefined || types.has(name)) return;
  types.set(name, found);
  if ("fields" in found) for (const field of found.fields.values()) closure(field.type, catalog, types);
}

/** Where a thing stands in the file does not count. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (key, item: unknown) => {
    if (key === "position") return undefined;
    if (item instanceof Map) return [...item.entries()];
    return typeof item === "bigint" ? `${item}n` : item;
  });
}
