// Decisions and tools of the Catalog, from the directives of their fields. Sound uses only; what is wrong with the others is for the rules.
import type { ConstValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { durationMs } from "../base/duration.ts";
import { resolveDuration } from "./argument-problems.ts";
import { commonParts } from "./build-callable.ts";
import { scheduleOf } from "./build-job.ts";
import { limitsOf } from "./build-limits.ts";
import { celOf, textCel } from "./build-rules.ts";
import type { Callable, Cel } from "./catalog.ts";
import type { CompileContext } from "./compile-context.ts";
import { argumentNode, isSet, numberOf, textOf, textsOf, useOf, usesOf, type DeclaredField, type DirectiveUse } from "./declarations.ts";
import type {
  ActsAs, Approval, Bound, BoundPoint, Budget, BudgetScope, ChangeTrigger, CommitmentDeclaration, ContextDeclaration, Decision, DecisionKind, DecisionMode, EffectDeclaration, EffectTarget, Fallback, Freshness,
  MayAsk, MayCall, MayRead, MayWrite, MemoryDeclaration, Negotiates, OnViolation, Rollout, TaintRule,
} from "./decision.ts";
import { literalValue } from "./literal-value.ts";
import { queryTemplate, type QueryTemplate } from "./query-template.ts";

const DEADLINE_MS = 30_000;

export function buildDecision(field: DeclaredField, context: CompileContext): Decision {
  const use = useOf(field, "decision");
  const sound = (directive: string): DirectiveUse[] => usesOf(field, directive).filter(({ values }) => values !== null);
  return {
    callable: decisionCallable(field, context),
    exportName: useOf(field, "export") === undefined ? null : textOf(useOf(field, "export"), "name") ?? field.name,
    policy: textOf(use, "policyFile") === undefined ? field.node.description?.value ?? null : null,
    policyFile: textOf(use, "policyFile") ?? null,
    mode: chosen<DecisionMode>(use, "mode", "SHADOW"),
    kind: chosen<DecisionKind>(use, "kind", "REASON"),
    model: textOf(use, "model") ?? "default",
    deadlineMs: durationOf(use, "deadline", context) ?? DEADLINE_MS,
    freshness: chosen<Freshness>(use, "freshness", "REVALIDATE"),
    subject: celOf(use, "subject", context.source),
    idempotency: celOf(use, "idempotency", context.source),
    repairs: numberOf(use, "repairs") ?? 1,
    inspect: textsOf(use, "inspect") ?? [],
    contexts: sound("context").map((one) => buildContext(one, context)),
    mayRead: sound("mayRead").map((one) => buildMayRead(one, context)),
    mayCall: sound("mayCall").map((one): MayCall => ({ tool: textOf(one, "tool")!, where: celOf(one, "where", context.source), max: numberOf(one, "max") ?? 1, taint: chosen<TaintRule>(one, "taint", "FORBID") })),
    mayAsk: sound("mayAsk").map((one): MayAsk => ({ decision: textOf(one, "decision")!, max: numberOf(one, "max") ?? 1 })),
    mayWrite: sound("mayWrite").flatMap((one) => buildMayWrite(one, context)),
    effects: sound("effect").flatMap((one) => buildEffect(one, context)),
    memories: sound("memory").map((one) => buildMemory(one, context)),
    bounds: sound("bound").map((one) => buildBound(one, context)),
    budgets: sound("budget").map((one) => buildBudget(one, context)),
    approvals: sound("approval").map((one) => buildApproval(one, context)),
    negotiates: buildNegotiates(useOf(field, "negotiates"), context),
    commitment: buildCommitment(field, context),
    fallback: buildFallback(field, context),
    triggers: sound("on").map((one): ChangeTrigger => ({ change: templateOf(one, "change", context)!, when: celOf(one, "when", context.source), input: celOf(one, "input", context.source) })),
    rollout: sound("rollout").map((one): Rollout => ({
      candidate: textOf(one, "candidate") ?? null, shadow: numberOf(one, "shadow") ?? 0, canary: numberOf(one, "canary") ?? 0,
      stickyBy: celOf(one, "stickyBy", context.source), stopWhen: celOf(one, "stopWhen", context.source),
    }))[0] ?? null,
    schedules: sound("every").map((one) => scheduleOf(one, context)),
    acknowledged: sound("acknowledge").map((one) => ({ rule: textOf(one, "rule") ?? null, reason: textOf(one, "reason")! })),
  };
}

/** What a model may call; without a route of its own. */
export function buildTool(field: DeclaredField, context: CompileContext): Callable {
  return { ...commonParts(field, context), kind: "tool", table: null, on: "TABLE", transaction: "NONE", http: null };
}

function decisionCallable(field: DeclaredField, context: CompileContext): Callable {
  const over = textsOf(useOf(field, "export"), "over");
  const name = textOf(useOf(field, "export"), "name") ?? field.name;
  const common = commonParts(field, context);
  return {
    // The docstring is the policy, a part of the prompt: no interface tells it to those who may ask.
    ...common, description: null, kind: "decision", table: null, on: "TABLE", transaction: "NONE",
    http: over?.includes("REST") === true ? { method: "POST", path: ["decide", name] } : null,
    ...(over === undefined ? {} : { exportOver: over }),
  };
}

function buildContext(use: DirectiveUse, context: CompileContext): ContextDeclaration {
  return {
    name: textOf(use, "name")!, query: templateOf(use, "query", context), from: celOf(use, "from", context.source), extract: textOf(use, "extract") ?? null,
    maxRows: numberOf(use, "maxRows") ?? 50, maxBytes: numberOf(use, "maxBytes") ?? 16_384, required: isSet(use, "required"),
  };
}

function buildMayRead(use: DirectiveUse, context: CompileContext): MayRead {
  const query = templateOf(use, "query", context)!;
  const table = /^\s*\/?([A-Za-z_]\w*)/.exec(query.text.source)?.[1] ?? "";
  return { name: textOf(use, "name") ?? table.toLowerCase(), query, max: numberOf(use, "max") ?? 5, as: chosen<ActsAs>(use, "as", "CALLER") };
}

function buildMayWrite(use: DirectiveUse, context: CompileContext): MayWrite[] {
  const operation = effectTarget(textOf(use, "operation") ?? "");
  if (operation === null) return [];
  return [{
    operation, fields: textsOf(use, "fields") ?? [], set: celsOf(use, "set", context), where: celOf(use, "where", context.source),
    max: numberOf(use, "max") ?? 1, taint: chosen<TaintRule>(use, "taint", "FORBID"), as: chosen<ActsAs>(use, "as", "CALLER"),
    release: effectTarget(textOf(use, "release") ?? ""), convert: effectTarget(textOf(use, "convert") ?? ""),
  }];
}

function buildEffect(use: DirectiveUse, context: CompileContext): EffectDeclaration[] {
  const operation = effectTarget(textOf(use, "operation") ?? "");
  return operation === null ? [] : [{ operation, set: celsOf(use, "set", context), when: celOf(use, "when", context.source) }];
}

function buildMemory(use: DirectiveUse, context: CompileContext): MemoryDeclaration {
  return {
    about: celOf(use, "about", context.source)!, reads: textsOf(use, "reads") ?? [], writes: textsOf(use, "writes") ?? [],
    maxTokens: numberOf(use, "maxTokens") ?? 800, maxAgeMs: durationOf(use, "maxAge", context),
  };
}

function buildBound(use: DirectiveUse, context: CompileContext): Bound {
  return {
    name: textOf(use, "name")!, rule: celOf(use, "rule", context.source)!, at: chosen<BoundPoint>(use, "at", "OUTPUT"), else: chosen<OnViolation>(use, "else", "REPAIR"),
    to: celOf(use, "to", context.source), tell: textOf(use, "tell") ?? null, soft: isSet(use, "soft"), of: celOf(use, "of", context.source),
    per: (use.values?.["per"] as BudgetScope | undefined) ?? null,
  };
}

function buildBudget(use: DirectiveUse, context: CompileContext): Budget {
  return {
    per: chosen<BudgetScope>(use, "per", "RUN"), timeMs: durationOf(use, "time", context), steps: numberOf(use, "steps") ?? null, calls: numberOf(use, "calls") ?? null,
    tokens: numberOf(use, "tokens") ?? null, cost: costOf(textOf(use, "cost")), runs: numberOf(use, "runs") ?? null,
  };
}

function buildApproval(use: DirectiveUse, context: CompileContext): Approval {
  return { when: celOf(use, "when", context.source), by: textsOf(use, "by") ?? [], withinMs: durationOf(use, "within", context) ?? 0, else: chosen<Approval["else"]>(use, "else", "FALLBACK") };
}

const ROUNDS = 6;

function buildNegotiates(use: DirectiveUse | undefined, context: CompileContext): Negotiates | null {
  if (use === undefined || use.values === null) return null;
  return {
    rounds: numberOf(use, "rounds") ?? ROUNDS, offerTtlMs: durationOf(use, "offerTtl", context) ?? 0, taint: chosen<TaintRule>(use, "taint", "FORBID"),
    exclusive: celOf(use, "exclusive", context.source), concession: celOf(use, "concession", context.source),
  };
}

/** Of the type of what it offers. */
function buildCommitment(field: DeclaredField, context: CompileContext): CommitmentDeclaration | null {
  const type = context.types.find(({ name }) => name === field.type?.name);
  const use = useOf(field, "negotiates") === undefined || type === undefined ? undefined : useOf(type, "commitment");
  const remedy = effectTarget(textOf(use, "remedy") ?? "");
  const [due, keptWhen] = [celOf(use, "due", context.source), celOf(use, "keptWhen", context.source)];
  return use === undefined || remedy === null || due === null || keptWhen === null ? null : { due, keptWhen, query: templateOf(use, "query", context), remedy };
}

/** The first source; that there is exactly one is a rule's to see. */
function buildFallback(field: DeclaredField, context: CompileContext): Fallback | null {
  const use = useOf(field, "fallback");
  if (use === undefined) return null;
  const [call, file, value] = [textOf(use, "call"), textOf(use, "table"), argumentNode(use, "value")?.value];
  if (call !== undefined) return { kind: "call", name: call };
  if (file !== undefined) return { kind: "table", file };
  if (isSet(use, "own")) return { kind: "own" };
  if (value === undefined || field.type === null) return null;
  const read = literalValue(value, { type: field.type, limits: limitsOf(field, context) }, context);
  return read.value === undefined ? null : { kind: "value", value: read.value };
}

/** `Table.verb`; null: it is not written so. */
export function effectTarget(text: string): EffectTarget | null {
  const found = /^([A-Za-z_]\w*)\.([A-Za-z_]\w*)$/.exec(text);
  return found === null ? null : { table: found[1]!, verb: found[2]! };
}

/** Of a JSON argument `{ field: "CEL" }`. */
function celsOf(use: DirectiveUse, argument: string, context: CompileContext): ReadonlyMap<string, Cel> {
  const node: ConstValueNode | undefined = argumentNode(use, argument)?.value;
  if (node?.kind !== Kind.OBJECT) return new Map();
  return new Map(node.fields.flatMap((field) => (field.value.kind === Kind.STRING ? [[field.name.value, textCel(field.value, context.source)] as const] : [])));
}

function templateOf(use: DirectiveUse, argument: string, context: CompileContext): QueryTemplate | null {
  const text = celOf(use, argument, context.source);
  return text === null ? null : queryTemplate(text);
}

function durationOf(use: DirectiveUse | undefined, argument: string, context: CompileContext): number | null {
  const text = textOf(use, argument);
  const canonical = text === undefined ? null : resolveDuration(text, context).text;
  return canonical === null ? null : durationMs(canonical);
}

/** Of a Cost, or null. */
export function costOf(text: string | undefined): Budget["cost"] {
  const found = text === undefined ? null : /^([0-9]+)(?:\.([0-9]{1,6}))? ([A-Z]{3})$/.exec(text);
  return found === null ? null : { micros: Number(found[1]) * 1_000_000 + Number((found[2] ?? "").padEnd(6, "0")), currency: found[3]! };
}

/** An enum argument, whose directive may be unsound as a whole. */
function chosen<Name extends string>(use: DirectiveUse | undefined, argument: string, otherwise: Name): Name {
  return (use?.values?.[argument] as Name | undefined) ?? otherwise;
}
