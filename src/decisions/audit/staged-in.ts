// What a model had staged by some step of a recorded conversation: by what it called, and what it was told of that. Pure.
import type { Json } from "../../base/value.ts";
import type { ModelAnswer } from "../../models/model.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { callKey } from "../reason/act.ts";
import type { ArgumentReader } from "../reason/read-arguments.ts";
import { stagedAgain } from "../reason/staged-arguments.ts";
import type { StagedEffect } from "../run/commit-run.ts";
import type { Members } from "./payloads.ts";

/** One request and its answer. */
export interface Exchange {
  readonly messages: readonly Members[];
  readonly answer: Pick<ModelAnswer, "calls">;
  /** What came of calls beside an answer that stood. */
  readonly beside?: Json;
}

export interface Result { readonly id: string; readonly json: string }

/** What came of the calls of a step. */
export function resultsOf(asked: readonly Exchange[], step: number): readonly Result[] {
  return (asked[step + 1]?.messages.at(-1)?.["results"] ?? asked[step]?.beside ?? []) as unknown as readonly Result[];
}

/** `asked`: of one conversation. `last`: the step up to which, itself included. */
export function stagedIn(asked: readonly Exchange[], last: number, { writes }: CompiledDecision, reader: ArgumentReader): readonly StagedEffect[] {
  const seen = new Set<string>();
  return asked.slice(0, last + 1).flatMap(({ answer: { calls } }, step) => calls.flatMap(({ id, name, arguments: text }) => {
    const write = writes.find((one) => one.name === name);
    const result = resultsOf(asked, step).find((one) => one.id === id);
    const key = callKey(name, text);
    if (write === undefined || result === undefined || seen.has(key)) return [];
    seen.add(key);
    const args = stagedAgain(write, { arguments: text, json: result.json }, reader);
    return args === undefined ? [] : [{ write, args }];
  }));
}
