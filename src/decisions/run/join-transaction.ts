// A decision without a model as a part of the transaction of app code: its effects, its record, its sums and its answer are committed with that, and run again
// with it. Nothing of it is known to anybody before.
import type { Body } from "../../resources/body.ts";
import { BodyConflict } from "../../resources/body-conflict.ts";
import type { DecisionResult } from "../../resources/decision-port.ts";
import type { AdmittedRun } from "../../storage/decision-rows.ts";
import { subjectOf, type Gathered, type Question } from "../context/gather.ts";
import { decideInBody, type CommitRequest, type FallbackAnswer } from "./commit-run.ts";
import { answerOf, reasonClass } from "./ending.ts";
import type { RunEnd } from "./run-tally.ts";
import { KeyTaken, noFacts, storeRun } from "./store-run.ts";

export interface Joining {
  readonly question: Question;
  readonly admitted: AdmittedRun;
  fallback(gathered: Gathered): FallbackAnswer;
  /** Once the transaction is durable. */
  ended(end: RunEnd): void;
  /** People are asked, in the same transaction. Absent: nobody is. */
  readonly asking?: Required<Pick<CommitRequest, "wait" | "told">>;
}

/** Throws NOT_FOUND, and what makes the transaction run again. */
export async function joinTransaction(body: Body, { question, admitted, fallback, ended, asking }: Joining): Promise<DecisionResult> {
  const { core } = body;
  const { decision, input } = question;
  const ending = await decideInBody(body, {
    question, proposal: null, reason: null, extracted: {}, isNew: true, mayReason: false, fallback, ended,
    ...(asking === undefined ? {} : { told: asking.told, wait: (session, waiting) => withKey(() => asking.wait(session, waiting)) }),
    store: (session, end, gathered) => withKey(() => storeRun(session, end, gathered, { admitted: { ...admitted, subject: subjectOf(decision, gathered, core) }, epoch: 0, decision, input, facts: noFacts, random: core.random, nowMs: core.clock.now() })),
  });
  if (ending === null) return { run: admitted.id, state: WAITING, status: 202, body: JSON.stringify({ run: admitted.id, state: WAITING }), source: null, reason: null, isUntrusted: false, tells: [], replayed: false };
  const { state, source, reason, isUntrusted, tells } = ending;
  const { status, body: text } = answerOf(ending, { type: { result: decision.declaration.callable.result, catalog: decision.catalog }, run: admitted.id });
  return { run: admitted.id, state, status, body: text, source, reason: reasonClass(reason), isUntrusted, tells, replayed: false };
}

const WAITING = "AWAITING_APPROVAL";

/** Somebody was quicker with the key: whoever runs again finds their answer. */
function withKey<Stored>(store: () => Stored): Stored {
  try {
    return store();
  } catch (error) {
    throw error instanceof KeyTaken ? new BodyConflict({ records: [], lane: "decisions" }) : error;
  }
}
