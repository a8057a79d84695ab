// A model whose answers a test writes: for each request the calls that it makes, or why it gives none. Asks nobody.
import { ModelFailure, type FailureReason, type Model, type ModelAnswer, type ModelRequest } from "./model.ts";

/** Arguments that are a text stand as they are, well-formed or not. */
export interface ScriptedCall { readonly name: string; readonly arguments: unknown }

/** What it answers. A list: calls. An object: an answer with these parts, or a failure. */
export type ScriptedAnswer = readonly ScriptedCall[] | (Partial<Omit<ModelAnswer, "calls">> & { readonly calls?: readonly ScriptedCall[] }) | { readonly fails: FailureReason };

/** `count`: 1 for the first request that it gets. */
export type ModelScript = (request: ModelRequest, count: number) => ScriptedAnswer | Promise<ScriptedAnswer>;

export function scriptedModel(alias: string, script: ModelScript): Model {
  let count = 0;
  return {
    alias, id: "scripted", price: null,
    async ask(request, signal) {
      const ended = new Promise<never>((_, reject) => {
        const end = (): void => reject(new ModelFailure("provider_timeout", "the model was given up"));
        if (signal.aborted) end();
        else signal.addEventListener("abort", end, { once: true });
      });
      return answerOf(await Promise.race([script(request, ++count), ended]));
    },
  };
}

function answerOf(scripted: ScriptedAnswer): ModelAnswer {
  if ("fails" in scripted) throw new ModelFailure(scripted.fails, "as the script says");
  const { text = "", calls = [], finish = "complete", usage = { input: 1, output: 1 } } = isCalls(scripted) ? { calls: scripted } : scripted;
  return { text, finish, usage, calls: calls.map(({ name, arguments: given }, index) => ({ id: `call_${index}`, name, arguments: typeof given === "string" ? given : JSON.stringify(given) })) };
}

function isCalls(scripted: ScriptedAnswer): scripted is readonly ScriptedCall[] {
  return Array.isArray(scripted);
}
