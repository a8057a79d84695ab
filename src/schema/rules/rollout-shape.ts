// ROLLOUT_SHAPE: a candidate can stand in for its champion, and shares are shares.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, unknownName, type CompileContext } from "../compile-context.ts";
import { argumentNode, numberOf, textOf, useOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import type { Located } from "../source-text.ts";
import { decisionFields } from "./decision-sources.ts";

export function rolloutShape(context: CompileContext): Diagnostic[] {
  return decisionFields(context).flatMap((field) => {
    const use = useOf(field, "rollout");
    return use === undefined ? [] : checkRollout(field, use, context);
  });
}

function checkRollout(field: DeclaredField, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const report = (at: Located, message: string, why: string, fix: string): Diagnostic => diagnose(context, { code: "ROLLOUT_SHAPE", at, message, why, fix });
  const [canary, shadow] = [numberOf(use, "canary") ?? 0, numberOf(use, "shadow") ?? 0];
  const found = (["canary", "shadow"] as const).flatMap((name) => {
    const share = numberOf(use, name) ?? 0;
    return share >= 0 && share <= 1 ? [] : [report(argumentNode(use, name)!, `@rollout(${name}) is ${share}.`, "It is a share of all runs.", "Use a number from 0 to 1.")];
  });
  const name = textOf(use, "candidate");
  const negotiating = [field, ...decisionFields(context).filter((one) => one.name === name)].find((one) => useOf(one, "negotiates") !== undefined);
  if (negotiating !== undefined) found.push(report(use.node, `${describeField(negotiating)} negotiates, and a rollout would share its rounds.`, "What one decision has offered binds it in the next round.", "Try the other policy with ambit backtest, or as a decision of its own."));
  if (canary + shadow === 0) found.push(report(use.node, `@rollout of ${describeField(field)} tries nobody.`, "What has no effect is refused.", name === undefined ? "Add canary, the share that it decides." : "Add canary, the share that the candidate decides, or shadow, the share that it is asked beside."));
  const node = argumentNode(use, "candidate");
  if (name === undefined || node === undefined) return found;
  return [...found, ...checkCandidate(field, { name, node }, context, report), ...(canary > 0 ? checkMode(name, node, context) : [])];
}

function checkCandidate(field: DeclaredField, { name, node }: { readonly name: string; readonly node: NonNullable<ReturnType<typeof argumentNode>> }, context: CompileContext, report: (at: Located, message: string, why: string, fix: string) => Diagnostic): Diagnostic[] {
  const decisions = decisionFields(context);
  const candidate = decisions.find((one) => one.name === name);
  if (candidate === undefined) return [unknownName(context, { at: node.value, name, label: name, candidates: decisions.map((one) => one.name), place: "@rollout(candidate)" })];
  if (candidate === field) return [report(node, `${describeField(field)} is its own candidate.`, "Champion and candidate are two decisions.", "Leave candidate out to try the decision itself, or name another.")];
  if (useOf(candidate, "rollout") !== undefined) return [report(node, `${describeField(candidate)} has a @rollout of its own.`, "Which of them decides would not be clear.", "Remove one of the two.")];
  const ownOf = (one: DeclaredField): boolean => useOf(one, "fallback")?.values?.["own"] === true;
  if (ownOf(candidate) && !ownOf(field)) return [report(node, `${describeField(candidate)} wants an answer of the caller's own, which ${describeField(field)} does not take.`, "It answers in the place of its champion.", "Give both @fallback(own: true), or the candidate another fallback.")];
  return signatureOf(candidate) === signatureOf(field) ? [] : [report(node, `${describeField(candidate)} has other arguments, or another result.`, "It answers in the place of its champion.", "Declare both alike.")];
}

/** A candidate that may not decide has no share to decide. */
function checkMode(name: string, node: NonNullable<ReturnType<typeof argumentNode>>, context: CompileContext): Diagnostic[] {
  const candidate = decisionFields(context).find((one) => one.name === name);
  const use = candidate === undefined ? undefined : useOf(candidate, "decision");
  if (use === undefined || use.values?.["mode"] === "ENFORCE" || use.values?.["kind"] === "RULE") return [];
  const message = `${name} has not mode: ENFORCE, so that the champion decides the canary's share, too.`;
  return [diagnose(context, { code: "ROLLOUT_SHAPE", severity: "warning", at: node, message, why: "A candidate decides only where its own mode is ENFORCE.", fix: `Give ${name} @decision(mode: ENFORCE).` })];
}

function signatureOf({ arguments: given, type }: DeclaredField): string {
  return JSON.stringify([type, given.map((argument) => [argument.name, argument.type])]);
}
