// Models of an app under test: by script, as they were recorded, or those of config.yaml. Where there is none, decisions answer by their fallbacks.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { ModelFailure, type Model, type ModelAnswer, type ModelRequest } from "../models/model.ts";
import { recordedModel, RecordingMissing, type Recordings } from "../models/recorded-model.ts";
import { scriptedModel } from "../models/scripted-model.ts";
import type { ModelStandIn } from "./decisions-module.ts";
import { modelScript, type ModelScripts } from "./test-script.ts";

export class TestModels {
  #chosen: ModelStandIn = (_, configured) => configured;
  readonly #byAlias = new Map<string, Model | null>();
  /** What the test must fail with: what was asked and never recorded or scripted. */
  readonly faults: unknown[] = [];

  readonly standIn: ModelStandIn = (alias, configured) => ({
    alias, id: configured?.id ?? "scripted", price: configured?.price ?? null,
    ask: (request, signal) => this.#ask(alias, configured, { request, signal }),
  });

  /** Whatever alias is asked. */
  script(script: ModelScripts): void {
    this.#choose((alias) => scriptedModel(alias, modelScript(script, { alias, fault: (error) => this.faults.push(error) })));
  }

  /** `isRecording`: who is configured is asked what is not there yet. */
  recordings(file: string, { isRecording }: { readonly isRecording: boolean }): void {
    const recordings = recordingsIn(file, isRecording);
    this.#choose((alias, configured) => recordedModel({ ...(configured ?? notConfigured), alias }, recordings));
  }

  #choose(chosen: ModelStandIn): void {
    this.#chosen = chosen;
    this.#byAlias.clear();
  }

  async #ask(alias: string, configured: Model | null, { request, signal }: { readonly request: ModelRequest; readonly signal: AbortSignal }): Promise<ModelAnswer> {
    let model = this.#byAlias.get(alias);
    if (model === undefined) this.#byAlias.set(alias, model = this.#chosen(alias, configured));
    if (model === null) throw new ModelFailure("no_model", "the test has no model");
    try {
      return await model.ask(request, signal);
    } catch (error) {
      if (error instanceof RecordingMissing) this.faults.push(error);
      throw error;
    }
  }
}

const notConfigured: Model = { alias: "", id: "", price: null, ask: async () => { throw new ModelFailure("no_model", "config.yaml has no model to record"); } };

function recordingsIn(file: string, isRecording: boolean): Recordings {
  const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n").filter((line) => line !== "") : [];
  const known = new Map(lines.map((line) => [(JSON.parse(line) as { readonly request: string }).request, line]));
  const add = (hash: string, line: string): void => {
    known.set(hash, line);
    appendFileSync(file, `${line}\n`);
  };
  return { place: file, get: (hash) => known.get(hash) ?? null, add: isRecording ? add : null };
}
