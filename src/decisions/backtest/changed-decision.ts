// What a backtest goes through runs with: the decision as it would be with another policy, model, bound, or the candidate in its place. Compiled as at
// the start of an app, and refused for the same reasons.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { fault, type AmbitError } from "../../base/error.ts";
import type { Bound, Decision } from "../../schema/decision.ts";
import type { BacktestRequest } from "../../resources/decision-port.ts";
import type { ModelAccess } from "../../models/model-access.ts";
import type { ReplayParts } from "../audit/replay-run.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import type { BacktestedDecision } from "./past-run.ts";
import type { ReportHead } from "./report.ts";

/** What is known of an app. */
export interface ChangingParts {
  readonly compiled: ReadonlyMap<string, CompiledDecision>;
  compile(name: string, declaration: Decision): { readonly decision: CompiledDecision | null; readonly diagnostics: readonly Diagnostic[] };
  partsOf(decision: CompiledDecision): ReplayParts;
  /** By alias; null: not configured. */
  accessOf(alias: string): ModelAccess | null;
  readonly differencesMax: number;
}

export interface Changed {
  readonly present: BacktestedDecision;
  readonly changed: BacktestedDecision;
  readonly access: ModelAccess | null;
  readonly head: Omit<ReportHead, "kind" | "version" | "changedVersion">;
}

/** Throws NOT_FOUND, VALIDATION_FAILED. */
export function changedDecision(request: BacktestRequest, parts: ChangingParts): Changed {
  const own = parts.compiled.get(request.decision);
  if (own === undefined) throw fault("NOT_FOUND", `There is no decision ${request.decision}.`);
  const base = request.candidate === null ? own : candidateOf(own, request.candidate, parts);
  const { policy, model, bounds } = request;
  const asks = policy !== null || model !== null || request.candidate !== null;
  if (!asks && Object.keys(bounds).length === 0) throw refusal("Nothing is changed.", "Give a policy, a model, a candidate or a bound.");
  if (asks && base.declaration.kind === "RULE") throw refusal(`${base.name} is a rule: it asks no model.`, "Change its bounds, or name a candidate that asks one.");
  const declaration: Decision = {
    ...base.declaration, ...(policy === null ? {} : { policy, policyFile: null }), ...(model === null ? {} : { model }),
    bounds: withBounds(base.declaration, bounds),
  };
  const { decision, diagnostics } = policy === null && model === null && Object.keys(bounds).length === 0 ? { decision: base, diagnostics: [] } : parts.compile(base.name, declaration);
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  if (decision === null || errors.length > 0) throw refusal(errors.map(({ message }) => message).join(" ") || "It does not compile.", errors[0]?.fix ?? "Correct it.");
  const access = asks ? parts.accessOf(decision.declaration.model) : null;
  if (asks && access === null) throw refusal(`There is no model ${decision.declaration.model}.`, "Configure it in config.yaml, or name another with model.");
  const price = access?.primary.price ?? null;
  return {
    present: { ...parts.partsOf(own), recordedBy: own }, changed: { ...parts.partsOf(decision), recordedBy: own }, access,
    head: {
      changes: changesOf(request, base), last: request.last, repeat: asks ? request.repeat : 1, currency: price?.currency ?? null,
      maxCostMicros: asks ? costMax(request.maxCost, price?.currency ?? null) : null, differencesMax: parts.differencesMax,
    },
  };
}

function candidateOf({ declaration: { callable } }: CompiledDecision, name: string, { compiled }: ChangingParts): CompiledDecision {
  const candidate = compiled.get(name);
  if (candidate === undefined) throw fault("NOT_FOUND", `There is no decision ${name}.`);
  const shape = ({ arguments: given, result }: typeof callable): string => JSON.stringify([[...given].map(([argument, { type }]) => [argument, type]), { ...result, required: true }]);
  if (shape(callable) !== shape(candidate.declaration.callable)) throw refusal(`${name} has other arguments, or another result.`, "A candidate is asked and answers as the decision does.");
  return candidate;
}

/** A name that is none of them is a new bound of the output. */
function withBounds({ bounds, callable: { position } }: Decision, rules: BacktestRequest["bounds"]): readonly Bound[] {
  const cel = (source: string): Bound["rule"] => ({ source, position });
  const added = Object.entries(rules).filter(([name]) => !bounds.some((bound) => bound.name === name));
  return [
    ...bounds.map((bound) => (Object.hasOwn(rules, bound.name) ? { ...bound, rule: cel(rules[bound.name]!) } : bound)),
    ...added.map(([name, source]): Bound => ({ name, rule: cel(source), at: "OUTPUT", else: "FALLBACK", to: null, tell: null, soft: false, of: null, per: null })),
  ];
}

function changesOf({ candidate, policy, model, bounds }: BacktestRequest, { declaration }: CompiledDecision): string[] {
  const before = (name: string): string => declaration.bounds.find((bound) => bound.name === name)?.rule.source ?? "";
  return [
    ...(candidate === null ? [] : [`candidate ${candidate}`]), ...(policy === null ? [] : ["policy"]), ...(model === null ? [] : [`model ${model}, was ${declaration.model}`]),
    ...Object.entries(bounds).map(([name, rule]) => (before(name) === "" ? `new bound ${name}: ${rule}` : `bound ${name}: ${rule}, was ${before(name)}`)),
  ];
}

/** Null: without a price nobody knows costs. */
function costMax(text: string | null, currency: string | null): number | null {
  if (text === null) return currency === null ? null : MICROS;
  const [, whole, part = "", given] = /^([0-9]{1,9})(?:\.([0-9]{1,6}))? ([A-Z]{3})$/.exec(text) ?? [];
  if (whole === undefined) throw refusal("maxCost is an amount and a currency.", 'Write "1.00 USD".');
  if (given !== currency) throw refusal(`The model has no price in ${given}.`, "Give its price in config.yaml, in that currency.");
  return Number(whole) * MICROS + Number(part.padEnd(6, "0"));
}

const MICROS = 1_000_000;

function refusal(message: string, fix: string): AmbitError {
  return fault("VALIDATION_FAILED", message, { fix });
}
