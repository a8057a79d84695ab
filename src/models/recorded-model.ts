// A model whose answers were recorded: asked once, kept by the hash of the request, told again without a network. A request that was never recorded
// is a fault of the test, told with what is needed to find it; it is no failure of a provider that a decision could fall back from.
import { createHash } from "node:crypto";
import { ModelFailure, type FailureReason, type Model, type ModelAnswer, type ModelRequest } from "./model.ts";

/** Lines of JSON. */
export interface Recordings {
  /** Null: never recorded. */
  get(hash: string): string | null;
  /** Null: nothing is recorded, only told again. */
  readonly add: ((hash: string, line: string) => void) | null;
  /** For messages: where they are kept. */
  readonly place: string;
}

/** Nothing is recorded for a request. Ends the run as a fault, and never in a fallback. */
export class RecordingMissing extends Error {
  override readonly name = "RecordingMissing";
}

type Recorded = { readonly request: string; readonly answer: ModelAnswer } | { readonly request: string; readonly fails: FailureReason };

/** Over what is asked of whom, whoever is configured to answer. */
export function recordingHash(alias: string, { messages, tools, maxOutputTokens }: ModelRequest): string {
  return createHash("sha256").update(JSON.stringify([alias, messages, tools, maxOutputTokens])).digest("hex");
}

/** `model`: who is asked while recording. */
export function recordedModel(model: Model, { get, add, place }: Recordings): Model {
  return {
    alias: model.alias, id: model.id, price: model.price,
    async ask(request, signal) {
      const hash = recordingHash(model.alias, request);
      const known = get(hash);
      if (known !== null) return told(JSON.parse(known) as Recorded);
      if (add === null) throw missing(model.alias, hash, request, place);
      const keep = (recorded: Recorded): void => add(hash, JSON.stringify(recorded));
      try {
        const answer = await model.ask(request, signal);
        keep({ request: hash, answer });
        return answer;
      } catch (error) {
        // What may pass is not worth keeping, nor that nobody is configured.
        if (error instanceof ModelFailure && !error.isRetryable && error.reason !== "no_model" && !signal.aborted) keep({ request: hash, fails: error.reason });
        throw error;
      }
    },
  };
}

function told(recorded: Recorded): ModelAnswer {
  if ("fails" in recorded) throw new ModelFailure(recorded.fails, "as recorded");
  return recorded.answer;
}

function missing(alias: string, hash: string, { messages, tools }: ModelRequest, place: string): RecordingMissing {
  const turn = messages.filter(({ role }) => role === "assistant").length + 1;
  return new RecordingMissing(`No answer of the model ${alias} to request ${hash.slice(0, 12)} is recorded in ${place}: its turn ${turn}, with the tools ${tools.map(({ name }) => name).join(", ")}.`);
}
