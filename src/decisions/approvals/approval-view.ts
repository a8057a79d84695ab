// An approval as the people see it who decide: the answer, the effects and what they were based on, without what is secret.
import type { Json } from "../../base/value.ts";
import { dateTimeOf } from "../../base/date-time.ts";
import type { ApprovalRow } from "../../storage/approval-rows.ts";
import { gatheredAgain, shownContexts, type Question, type Recorded } from "../context/gather.ts";
import { shownInput } from "../context/kept-back.ts";
import { extractedOf, type KeptProposal } from "./kept-proposal.ts";

/** `about` null: it does not wait any more. */
export function approvalView({ id, run, decision, state, by, hash, openedMs, dueMs, closedMs }: ApprovalRow, about: { readonly kept: KeptProposal; readonly question: Question; readonly read: Recorded } | null): Json {
  return {
    id, run, decision, state, by: [...by], openedAt: dateTimeOf(openedMs), dueAt: dateTimeOf(dueMs), closedAt: closedMs === null ? null : dateTimeOf(closedMs),
    ...(about === null ? {} : { hash, ...content(about) }),
  };
}

function content({ kept, question, read }: { readonly kept: KeptProposal; readonly question: Question; readonly read: Recorded }): { [name: string]: Json } {
  const { decision, input } = question;
  const gathered = gatheredAgain(question, read);
  // People see what only quarantined calls read.
  const open = { ...decision, quarantined: new Set<string>() };
  const contexts = shownContexts(open, { ...gathered, variables: { ...gathered.variables, ...extractedOf(kept, decision) } });
  return {
    output: kept.output, effects: kept.shown.map(({ operation, args }) => ({ operation, args })),
    ...(kept.remembered.length === 0 ? {} : { remembers: kept.remembered.map(({ about, predicate, value }) => ({ about, predicate, value })) }), input: shownInput(open, input), contexts,
    escalated: [...kept.escalated], taint: kept.isUntrusted ? "UNTRUSTED" : null,
  };
}
