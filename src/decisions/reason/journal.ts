// The steps of a run as they happened: each request's hash and its answer, kept before anything of it is acted on. A run that goes on elsewhere
// takes its answers from here, as long as it asks the same.
import { createHash } from "node:crypto";
import type { ModelAnswer, ModelRequest } from "../../models/model.ts";
import type { RunStep } from "../../storage/decision-rows.ts";

export interface AskedStep {
  readonly model: string;
  readonly answer: ModelAnswer;
  readonly reserved: { readonly tokens: number; readonly micros: number };
  readonly settled: { readonly tokens: number; readonly micros: number; readonly flag: string | null };
}

/** Another question than the recorded one. */
export class Diverged extends Error {
  override readonly name = "Diverged";
}

export function requestHash(model: { readonly alias: string; readonly id: string }, { messages, tools, maxOutputTokens }: ModelRequest): string {
  return createHash("sha256").update(JSON.stringify([model.alias, model.id, messages, tools, maxOutputTokens])).digest("hex");
}

export class Journal {
  readonly #recorded: ReadonlyMap<number, RunStep>;
  #next = 0;

  constructor(recorded: readonly RunStep[]) {
    this.#recorded = new Map(recorded.map((step) => [step.number, step]));
  }

  /** The number of the step to come, and what was answered then. Throws Diverged. */
  step(hash: string): { readonly number: number; readonly recorded: AskedStep | null } {
    const number = this.#next++;
    const known = this.#recorded.get(number);
    if (known === undefined) return { number, recorded: null };
    if (known.hash !== hash) throw new Diverged("the request differs from the recorded one");
    const facts = JSON.parse(known.facts) as Partial<AskedStep>;
    // It was asked, and nobody knows what was answered.
    return { number, recorded: facts.answer === undefined ? null : facts as AskedStep };
  }
}
