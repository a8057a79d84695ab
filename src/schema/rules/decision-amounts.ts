// ARGUMENT_VALUE: what a decision may use up is more than nothing, and counted where it can be.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { costOf } from "../build-decision.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, numberOf, textOf, useOf, usesOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import { decisionFields } from "./decision-sources.ts";

/** Whole numbers that are at least this; durations are held by their form. */
const LEAST: readonly (readonly [directive: string, argument: string, least: number])[] = [
  ["decision", "repairs", 0], ["context", "maxRows", 1], ["context", "maxBytes", 1], ["mayRead", "max", 1], ["mayCall", "max", 1], ["mayAsk", "max", 1], ["mayWrite", "max", 1],
  ["budget", "steps", 1], ["budget", "calls", 1], ["budget", "tokens", 1], ["budget", "runs", 1], ["negotiates", "rounds", 1],
];

export function decisionAmounts(context: CompileContext): Diagnostic[] {
  return decisionFields(context).flatMap((field) => [
    ...LEAST.flatMap(([directive, argument, least]) => usesOf(field, directive).flatMap((use) => checkLeast(use, { argument, least }, context))),
    ...usesOf(field, "budget").flatMap((use) => checkBudget(use, field, context)),
  ]);
}

function checkLeast(use: DirectiveUse, { argument, least }: { readonly argument: string; readonly least: number }, context: CompileContext): Diagnostic[] {
  const [value, node] = [numberOf(use, argument), argumentNode(use, argument)];
  if (value === undefined || node === undefined || value >= least) return [];
  return [diagnose(context, { code: "ARGUMENT_VALUE", at: node.value, message: `@${use.name}(${argument}) is ${value}.`, why: "Where nothing is allowed nothing could ever be decided.", fix: `Use ${least} or more${least === 0 ? "" : ", or remove it"}.` })];
}

const AMOUNTS = ["time", "steps", "calls", "tokens", "cost", "runs"] as const;
/** Counted within one run alone. */
const OF_ONE_RUN: readonly string[] = ["time", "steps", "calls"];

function checkBudget(use: DirectiveUse, field: DeclaredField, context: CompileContext): Diagnostic[] {
  if (use.values === null) return [];
  const report = (at: DirectiveUse["node"] | NonNullable<ReturnType<typeof argumentNode>>, message: string, fix: string): Diagnostic => diagnose(context, { code: "ARGUMENT_VALUE", at, message, why: "A budget that bounds nothing would be taken for one that does.", fix });
  const per = String(use.values["per"] ?? "RUN");
  const given = AMOUNTS.flatMap((name) => argumentNode(use, name) ?? []);
  const found = given.filter(({ name: { value } }) => (per === "RUN" ? value === "runs" : OF_ONE_RUN.includes(value)))
    .map((node) => report(node, `@budget(per: ${per}) of ${describeField(field)} has ${node.name.value}.`, per === "RUN" ? "A run is one run: choose another per." : "It is counted within one run: use per: RUN."));
  if (given.length === 0) found.push(report(use.node, `@budget of ${describeField(field)} bounds nothing.`, "Give tokens, cost, steps, calls, time or runs."));
  const cost = textOf(use, "cost");
  if (cost !== undefined && costOf(cost)?.micros === 0) found.push(report(argumentNode(use, "cost")!, `@budget(cost) is ${cost}.`, "Use more than nothing."));
  if (per === "NEGOTIATION" && useOf(field, "negotiates") === undefined) found.push(report(argumentNode(use, "per")!, `@budget(per: NEGOTIATION) stands on ${describeField(field)}, which makes no offers.`, "Add @negotiates, or choose another per."));
  return found;
}
