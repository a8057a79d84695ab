// The steps of a run as they happened: each request's hash and its answer, kept before anything of it is acted on. A run that goes on elsewhere
// takes its answers from here, as long as it asks the same.
import { hash } from "node:crypto";
import type { ModelAnswer, ModelRequest } from "../../models/model.ts";
import type { Connection } from "../../storage/connection.ts";
import { askedBy, stepsOf, type RunStep } from "../../storage/decision-rows.ts";
import type { Recorded } from "../context/gather.ts";

export interface Spent { readonly tokens: number; readonly micros: number }

/** What a model was told of a call. */
export interface Acted { readonly json: string; /** The run's label after it. */ readonly isUntrusted: boolean; /** What only a person may let through by then. Absent: nothing. */ readonly escalated?: readonly string[]; /** Of text that it has read. Absent: nobody. */ readonly writers?: readonly string[] }

/** Before the answer. */
export interface AskingStep {
  readonly model: string;
  readonly reserved: Spent;
  /** Reservations of requests whose answers nobody knows. */
  readonly lost: Spent;
  /** Since the step before. */
  readonly acted: readonly Acted[];
  /** Not null: reasoned anew, over these contexts. */
  readonly over: Recorded | null;
}

export interface AskedStep extends AskingStep {
  readonly answer: ModelAnswer;
  readonly settled: Spent & { readonly flag: string | null };
}

/** Another question than the recorded one. */
export class Diverged extends Error {
  override readonly name = "Diverged";
}

/** Of a request over no wire: its JSON's hash, and how many bytes of it a model reads. */
export function requestHash(model: { readonly alias: string; readonly id: string }, { messages, tools, maxOutputTokens }: ModelRequest): { readonly hash: string; readonly bytes: number } {
  const said = `${JSON.stringify(messages)},${toolsText(tools)}`;
  const text = `[${JSON.stringify(model.alias)},${JSON.stringify(model.id)},${said},${maxOutputTokens}]`;
  return { hash: hash("sha256", text, "hex"), bytes: Buffer.byteLength(said) + "[]".length };
}

/** The tools of a decision are the same ones in all its requests. */
const toolTexts = new WeakMap<ModelRequest["tools"], string>();

function toolsText(tools: ModelRequest["tools"]): string {
  const text = toolTexts.get(tools) ?? JSON.stringify(tools);
  toolTexts.set(tools, text);
  return text;
}

export const nothing: Spent = { tokens: 0, micros: 0 };

function sumOf(spent: readonly Spent[]): Spent {
  return spent.reduce((sum, { tokens, micros }) => ({ tokens: sum.tokens + tokens, micros: sum.micros + micros }), nothing);
}

/** By the runs that it has asked, and those that they have: settled, reserved and lost together. */
export function spentBelow(reader: Connection, run: string): Spent {
  return sumOf(askedBy(reader, run).flatMap(({ id }) => [
    spentBelow(reader, id),
    ...stepsOf(reader, id).flatMap(({ facts }) => {
      const step = JSON.parse(facts) as AskingStep | AskedStep;
      return [step.lost, "settled" in step ? step.settled : step.reserved];
    }),
  ]));
}

export class Journal {
  readonly #recorded: ReadonlyMap<number, RunStep>;
  #next = 0;

  constructor(recorded: readonly RunStep[]) {
    this.#recorded = new Map(recorded.map((step) => [step.number, step]));
  }

  /** The number of the step to come. */
  get position(): number {
    return this.#next;
  }

  /** The step to come as it was the last time; null: it was never begun. */
  get coming(): AskingStep | AskedStep | null {
    const known = this.#recorded.get(this.#next);
    return known === undefined ? null : JSON.parse(known.facts) as AskingStep | AskedStep;
  }

  /** The number of the step to come, what was answered then, and what was spent on answers that nobody knows. Throws Diverged. */
  step(hash: string): { readonly number: number; readonly recorded: AskedStep | null; readonly lost: Spent } {
    const { coming } = this;
    const number = this.#next++;
    if (coming === null) return { number, recorded: null, lost: nothing };
    if (this.#recorded.get(number)!.hash !== hash) throw new Diverged("the request differs from the recorded one");
    if ("answer" in coming) return { number, recorded: coming, lost: coming.lost };
    return { number, recorded: null, lost: { tokens: coming.lost.tokens + coming.reserved.tokens, micros: coming.lost.micros + coming.reserved.micros } };
  }
}
