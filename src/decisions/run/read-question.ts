// What a decision is asked, from the words of a request: its input by the declared types, the caller's own answer where one travels with it, and what tells
// two requests under one key apart.
import { createHash } from "node:crypto";
import { fault } from "../../base/error.ts";
import type { Json, Value } from "../../base/value.ts";
import { coerceFields, coerceValue, noLimits, type Issue } from "../../schema/coerce-value.ts";
import type { TypeRef } from "../../schema/catalog.ts";
import { inputsOf } from "../../schema/page-arguments.ts";
import { toWireValue } from "../../schema/wire-value.ts";
import { invalid } from "../../tables/input-issue.ts";
import type { RawInput } from "../../tables/write.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import { canonicalJson } from "../../base/canonical-json.ts";
import type { Question } from "../context/gather.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";

/** Throws INVALID. */
export function readQuestion(raw: RawInput, decision: CompiledDecision, { catalog, limits }: DispatchCore, of: Pick<Question, "caller" | "isFromUntrusted">): { readonly own: Value | undefined; readonly question: Question } {
  const { callable, fallback } = decision.declaration;
  const { own, rest } = fallback?.kind === "own" ? ownAnswer(raw, decision) : { own: undefined, rest: raw };
  const issues: Issue[] = [];
  const input = coerceFields(rest, inputsOf(callable), { catalog, dialect: "wire", path: "", limits }, issues);
  if (input === undefined) throw invalid(issues);
  return { own, question: { decision, input, ...of } };
}

function ownAnswer(raw: RawInput, { declaration, catalog }: CompiledDecision): { readonly own: Value; readonly rest: RawInput } {
  const { own: given, ...rest } = raw as { readonly [name: string]: unknown };
  const issues: Issue[] = [];
  const own = coerceValue(given, { type: { ...declaration.callable.result, required: true }, limits: noLimits }, { catalog, dialect: "wire", path: "own" }, issues);
  if (own === undefined) throw invalid(issues);
  return { own, rest };
}

/** Of what was understood: what is left out is what it is by default, or null. */
export function fingerprintOf({ decision: { declaration: { callable }, catalog }, input }: Question, own: Value | undefined): string {
  const wire = (value: Value | undefined, type: TypeRef): Json => (value === undefined || value === null ? null : toWireValue(value, type, catalog));
  const understood = Object.fromEntries([...callable.arguments].map(([name, { type }]) => [name, wire(input[name], type)]));
  return createHash("sha256").update(canonicalJson([understood, wire(own, callable.result)])).digest("hex");
}

export function mismatch(): Error {
  return fault("IDEMPOTENCY_MISMATCH", "The key was used with another input.");
}
