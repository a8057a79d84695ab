// What people are asked about, as it is kept while they are: the answer, what was staged, why they are asked, what it was reasoned over. Written
// and read back as values of the declared types; its hash binds an approval to it.
import { createHash } from "node:crypto";
import type { Json, Value } from "../../base/value.ts";
import { coerceValue } from "../../schema/coerce-value.ts";
import type { Catalog, TypeRef } from "../../schema/catalog.ts";
import { fromWireValue, toWireValue } from "../../schema/wire-value.ts";
import type { StagedFact } from "../memory/remember.ts";
import type { AppliedEffect } from "../effects/apply-effect.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import { gatheredAgain, recordOf, type Question, type Recorded } from "../context/gather.ts";
import type { CompiledDecision, CompiledWrite } from "../policy/compiled-decision.ts";
import type { Reading } from "../reason/strict-reads.ts";
import { isSecretlySet } from "../policy/secretly-set.ts";
import { shownTyped } from "../policy/shown-value.ts";
import type { Proposal, StagedEffect, Waiting } from "../run/commit-run.ts";
import type { RunFacts } from "../run/store-run.ts";

export interface KeptProposal {
  readonly output: Json;
  readonly effects: readonly KeptEffect[];
  /** What it would have remembered. */
  readonly remembered: readonly StagedFact[];
  readonly isUntrusted: boolean;
  readonly source: Proposal["source"];
  /** Null: over the contexts of any time. */
  readonly over: Recorded | null;
  readonly extracted: Json;
  readonly escalated: readonly string[];
  readonly clamped: readonly string[];
  /** Everything that would be done, in order, without what is secret. */
  readonly shown: readonly { readonly operation: string; readonly args: Json }[];
  /** Subjects that have written text of it for which nobody answers. */
  readonly writers: readonly string[];
  /** That must still be so. */
  readonly readings: readonly Reading[];
  /** Of the reasoning, for the record. */
  readonly facts: RunFacts;
}

export interface KeptEffect { readonly tool: string; readonly args: { readonly [name: string]: Json } }

export interface Keeping { readonly question: Question; readonly extracted: Readonly<Record<string, Value>>; readonly writers: readonly string[]; readonly facts: RunFacts }

export function keptProposal({ proposal, escalated, clamped, effects }: Waiting, { question: { decision }, extracted, writers, facts }: Keeping): KeptProposal {
  const { callable } = decision.declaration;
  return {
    output: toWireValue(proposal.output, { ...callable.result, required: false }, decision.catalog),
    effects: proposal.effects.map((staged) => keptEffect(staged, decision.catalog)), remembered: proposal.remembered ?? [], isUntrusted: proposal.isUntrusted, source: proposal.source,
    over: proposal.over === null ? null : recordOf(proposal.over), extracted: wireExtracted(extracted, decision), escalated: [...escalated], clamped: [...clamped],
    shown: effects.map((effect) => shownEffect(effect, decision)), writers: [...writers], readings: proposal.readings ?? [], facts,
  };
}

/** As it was proposed. */
export function proposalOf(kept: KeptProposal, question: Question): Proposal {
  const { decision } = question;
  return {
    output: fromWireValue(kept.output, { ...decision.declaration.callable.result, required: false }, decision.catalog),
    effects: kept.effects.map((effect) => stagedEffect(effect, decision)), remembered: kept.remembered, source: kept.source, isUntrusted: kept.isUntrusted,
    over: kept.over === null ? null : gatheredAgain(question, kept.over), escalated: kept.escalated,
  };
}

/** Hex. `version`: of the decision. */
export function proposalHash({ output, effects, remembered, shown }: Pick<KeptProposal, "output" | "effects" | "remembered" | "shown">, version: string): string {
  return createHash("sha256").update(canonicalJson({ output, effects: effects as unknown as Json, remembered: remembered as unknown as Json, operations: shown.map(({ operation }) => operation), version })).digest("hex");
}

export function extractedOf({ extracted }: KeptProposal, decision: CompiledDecision): Record<string, Value> {
  const kept = extracted as { readonly [name: string]: Json };
  return Object.fromEntries(extractions(decision).flatMap(([name, type]) => (name in kept ? [[name, fromWireValue(kept[name], type, decision.catalog)]] : [])));
}

function wireExtracted(extracted: Readonly<Record<string, Value>>, decision: CompiledDecision): Json {
  return Object.fromEntries(extractions(decision).flatMap(([name, type]) => (name in extracted ? [[name, toWireValue(extracted[name], type, decision.catalog)]] : [])));
}

function extractions({ contexts }: CompiledDecision): [string, TypeRef][] {
  return contexts.flatMap(({ declaration: { name }, source }): [string, TypeRef][] => (source.kind === "extract" ? [[name, { kind: "object", name: source.type, list: false, required: false, itemRequired: false }]] : []));
}

function keptEffect({ write, args }: StagedEffect, catalog: Catalog): KeptEffect {
  return { tool: write.name, args: Object.fromEntries(Object.entries(args).map(([name, value]) => [name, toWireValue(value, memberType(write, name), catalog)])) };
}

function stagedEffect({ tool, args }: KeptEffect, decision: CompiledDecision): StagedEffect {
  const write = decision.writes.find(({ name }) => name === tool)!;
  return { write, args: Object.fromEntries(Object.entries(args).map(([name, value]) => [name, fromWireValue(value, memberType(write, name), decision.catalog)])) };
}

/** What an argument of an effect is. */
function memberType({ members }: CompiledWrite, name: string): TypeRef {
  return { ...members.get(name)!.type, required: false };
}

/** Effects that a person proposes instead: by tool, with the fields that a model might have given. Null: they are none of those. */
export function editedEffects(given: unknown, before: readonly StagedEffect[], decision: CompiledDecision, newId: () => string): readonly StagedEffect[] | null {
  if (!Array.isArray(given)) return null;
  const counts = new Map<string, number>();
  const effects: StagedEffect[] = [];
  for (const [index, one] of (given as readonly unknown[]).entries()) {
    const { operation, args } = (typeof one === "object" && one !== null ? one : {}) as { readonly operation?: unknown; readonly args?: unknown };
    const write = decision.writes.find(({ table, verb }) => `${table.name}.${verb}` === operation);
    if (write === undefined || typeof args !== "object" || args === null || Array.isArray(args)) return null;
    const count = (counts.get(write.name) ?? 0) + 1;
    counts.set(write.name, count);
    if (count > write.declaration.max) return null;
    const same = before[index]?.write === write ? before[index].args : null;
    const values = editedArguments(args as { readonly [name: string]: unknown }, write, decision.catalog);
    if (values === null) return null;
    effects.push({ write, args: { ...values, ...keyOf(write, same, newId) } });
  }
  return effects;
}

function editedArguments(args: { readonly [name: string]: unknown }, write: CompiledWrite, catalog: Catalog): Record<string, Value> | null {
  const values: Record<string, Value> = {};
  for (const [name, raw] of Object.entries(args)) {
    if (!write.declaration.fields.includes(name)) return null;
    const value = coerceValue(raw, { type: memberType(write, name), limits: write.members.get(name)!.limits }, { catalog, dialect: "wire", path: name }, []);
    if (value === undefined) return null;
    values[name] = value;
  }
  return values;
}

/** Of the record that it makes: as it was shown, or a new one. */
function keyOf({ table, verb, declaration }: CompiledWrite, same: StagedEffect["args"] | null, newId: () => string): Record<string, Value> {
  const key = table.primaryKey;
  if (declaration.fields.includes(key) || declaration.set.has(key)) return {};
  const known = same?.[key];
  if (known !== undefined) return { [key]: known };
  return verb === "create" && ["ID", "String"].includes(table.fields.get(key)!.type.name) ? { [key]: newId() } : {};
}

function shownEffect({ operation, args }: AppliedEffect, decision: CompiledDecision): { readonly operation: string; readonly args: Json } {
  const [name = "", verb = ""] = operation.split(".");
  const table = decision.catalog.tables.get(name);
  const members = table?.actions.get(verb)?.arguments ?? table?.fields;
  return { operation, args: Object.fromEntries(Object.entries(args as { readonly [member: string]: Json }).flatMap(([member, value]) => {
    const declared = members?.get(member);
    if (declared?.limits.secret === true || isSecretlySet(decision, operation, member)) return [];
    return [[member, declared === undefined ? value : shownTyped(value, declared.type, decision.catalog)]];
  })) };
}
