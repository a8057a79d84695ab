// Under `freshness: STRICT`, once people have approved: each read of the model, and each call of a tool, is made once more. What they answer must be
// what it was then, and stay so until the commit.
import type { Json, RecordValues } from "../../base/value.ts";
import { BodyConflict } from "../../resources/body-conflict.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { Gathered, Question } from "../context/gather.ts";
import type { CompiledCall } from "../policy/compiled-decision.ts";
import { ApprovalVoid } from "../run/commit-run.ts";
import { ownCaller } from "../run/own-caller.ts";
import { Acting, Halt, Refusal } from "./act.ts";
import { liveData } from "./live-data.ts";
import type { ToolUse } from "./call-tool.ts";
import type { ParseJson } from "./read-arguments.ts";
import { hashOfReading, StrictReads, type Reading } from "./strict-reads.ts";

export interface ReadAgain {
  readonly question: Question;
  readonly run: string;
  /** What it was reasoned over. */
  readonly over: Gathered;
  readonly readings: readonly Reading[];
}

interface ReadAgainParts {
  readonly core: DispatchCore;
  readonly parse: ParseJson;
  callTool(call: CompiledCall, args: RecordValues, use: ToolUse): Promise<Json>;
}

/** Whoever takes it ends it. Throws ApprovalVoid. */
export async function readAgain({ core, parse, callTool }: ReadAgainParts, { question, run, over, readings }: ReadAgain): Promise<StrictReads> {
  const strict = new StrictReads(core, question.caller);
  const acting = new Acting({
    core, question, reader: { parse, catalog: question.decision.catalog }, data: liveData(question, { own: () => ownCaller(question, core), noting: strict.work }, core), writers: null,
    beyond: {
      callTool: (call, args, { key, watch }) => callTool(call, args, { caller: { ...question.caller, callKey: `${run}-${key}` }, watch, noting: strict.work }),
      ask: () => Promise.reject(new Error("advice is nothing that was read")),
    },
  }, over);
  try {
    for (const { name, arguments: text, hash } of readings) if (hashOfReading(await acting.act({ id: "", name, arguments: text })) !== hash) throw new ApprovalVoid("changed");
    return strict;
  } catch (error) {
    strict.end();
    throw error instanceof BodyConflict || error instanceof Halt || error instanceof Refusal ? new ApprovalVoid("changed") : error;
  }
}
