// What a model says in a test of an app, by decision and step. What is asked and not said there is a fault of the test, and no failure of a model that a decision
// could fall back from.
import type { Json } from "../base/value.ts";
import { ModelFailure, type FailureReason, type ModelAnswer, type ModelMessage, type ModelRequest } from "../models/model.ts";
import type { ModelScript, ScriptedAnswer, ScriptedCall } from "../models/scripted-model.ts";

/** What it says once. `answer` is a call of the tool of this name, behind `calls`. */
export interface ModelWords {
  readonly answer?: unknown;
  /** Arguments that are a text stand as they are, well-formed or not. */
  readonly calls?: readonly ScriptedCall[];
  readonly text?: string;
  readonly finish?: ModelAnswer["finish"];
  readonly usage?: ModelAnswer["usage"];
  /** Nothing: the reason why not. */
  readonly fails?: FailureReason;
}

/** What it is asked. */
export interface ModelTurn {
  readonly decision: string;
  /** From 0, within the run. */
  readonly step: number;
  /** The alias. */
  readonly model: string;
  /** Of the document that it sees first; undefined where text is extracted, which has a document of its own. */
  readonly input: Json | undefined;
  readonly contexts: Json | undefined;
  /** What its last calls came to, in their order. */
  readonly results: readonly { readonly name: string; readonly result: Json }[];
  readonly messages: readonly ModelMessage[];
  readonly tools: ModelRequest["tools"];
}

/** `count`: 1 for the first request to this alias. A list: calls. */
export type ModelFunction = (turn: ModelTurn, count: number) => ModelWords | readonly ScriptedCall[] | Promise<ModelWords | readonly ScriptedCall[]>;
export type ModelStep = ModelWords | ModelFunction;
/** One for all decisions, or each its own. A list: one for each step. Else the same for all of them. */
export type ModelScripts = ModelFunction | { readonly [decision: string]: ModelStep | readonly ModelStep[] };

/** Something is wrong with the script, or it threw. */
export class ScriptFault extends Error {
  override readonly name = "ScriptFault";
}

/** `fault` is told what the test must fail with. Decisions that are not scripted have no model. */
export function modelScript(scripts: ModelScripts, { alias, fault }: { readonly alias: string; fault(error: unknown): void }): ModelScript {
  return async (request, count) => {
    const turn = turnOf(request, alias);
    const { decision, step } = turn;
    const script = typeof scripts === "function" ? scripts : Object.hasOwn(scripts, decision) ? scripts[decision] : undefined;
    if (script === undefined) throw new ModelFailure("no_model", "the script does not name the decision");
    try {
      const said = isSteps(script) ? script[step] : script;
      if (said === undefined) throw new ScriptFault(`The script of ${decision} has no step ${step}.`);
      return answerOf(typeof said === "function" ? await said(turn, count) : said);
    } catch (error) {
      fault(error);
      throw error;
    }
  };
}

function isSteps(script: ModelStep | readonly ModelStep[]): script is readonly ModelStep[] {
  return Array.isArray(script);
}

function isCalls(said: ModelWords | readonly ScriptedCall[]): said is readonly ScriptedCall[] {
  return Array.isArray(said);
}

function answerOf(said: ModelWords | readonly ScriptedCall[]): ScriptedAnswer {
  if (isCalls(said)) return said;
  const { answer, calls = [], text = "", finish, usage, fails } = said;
  if (fails !== undefined) return { fails };
  const last = answer === undefined ? [] : [{ name: "answer", arguments: JSON.stringify(answer) }];
  return { text, calls: [...calls, ...last], ...(finish === undefined ? {} : { finish }), ...(usage === undefined ? {} : { usage }) };
}

function turnOf({ messages, tools, by }: ModelRequest, model: string): ModelTurn {
  const document = (): { readonly input?: Json; readonly contexts?: Json } => {
    const first = messages.find(({ role }) => role === "user");
    return first?.role === "user" ? JSON.parse(first.text) as { readonly input?: Json; readonly contexts?: Json } : {};
  };
  const last = messages.at(-1);
  return {
    decision: by?.decision ?? "", step: by?.step ?? 0, model, messages, tools,
    get input() { return document().input; },
    get contexts() { return document().contexts; },
    results: last?.role === "tool" ? last.results.map(({ name, json }) => ({ name, result: JSON.parse(json) as Json })) : [],
  };
}
