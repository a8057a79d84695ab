// The models of an app, by alias: how each is reached, what it falls back to, and one breaker for all of a provider at one address.
import { assert } from "../base/assert.ts";
import { parseStrictJson } from "../interfaces/http/strict-json.ts";
import { loadProvider, loadQuestionProvider } from "../models/load-provider.ts";
import { CircuitBreaker, modelAccess, type ModelAccess } from "../models/model-access.ts";
import type { Model } from "../models/model.ts";
import { providerModel, type ProviderModelParts } from "../models/provider-model.ts";
import { asksQuestions } from "../models/questions.ts";
import { questionWireOf, wireOf } from "../models/wire.ts";
import type { AppConfig, ModelSettings } from "./config.ts";
import type { DecisionsApp, DecisionsPorts } from "./decisions-module.ts";
import { tracedModel } from "./traced-calls.ts";

/** By alias; those that are not configured are not there. */
export function modelsOf({ config, catalog }: DecisionsApp, { clock, random, fetch, standIn, tracer }: Omit<DecisionsPorts, "audit" | "renew">): ReadonlyMap<string, ModelAccess> {
  const { limits } = config;
  const languageModels = Object.entries(config.models).flatMap(([alias, { dimensions }]) => (dimensions === null ? [alias] : []));
  const aliases = new Set([...languageModels, ...[...catalog.decisions.values()].map(({ model }) => model)]);
  const models = new Map<string, Model>();
  for (const alias of aliases) {
    const settings = config.models[alias];
    const configured = settings === undefined || settings.key === "" ? null : modelOf(alias, settings, { fetch, tracer, limits });
    const model = standIn === null ? configured : standIn(alias, configured);
    if (model !== null) models.set(alias, model);
  }
  // One for all models of a provider at one address.
  const byProvider = new Map<string, CircuitBreaker>();
  const breakers = new Map([...models].map(([alias, model]) => {
    const settings = config.models[alias];
    const place = settings === undefined ? alias : `${settings.provider} ${settings.url ?? ""}`;
    const breaker = byProvider.get(place) ?? new CircuitBreaker(clock, { failuresMax: limits.modelFailures, openMs: limits.modelPauseMs });
    byProvider.set(place, breaker);
    return [model, breaker] as const;
  }));
  return new Map([...models.keys()].map((alias) => [alias, modelAccess({ clock, random, models: chain(alias, config.models, models), breakers, attempts: limits.modelAttempts })]));
}

function chain(alias: string, settings: Readonly<Record<string, ModelSettings>>, models: ReadonlyMap<string, Model>): Model[] {
  const found: Model[] = [];
  for (let next: string | null = alias; next !== null; next = settings[next]?.fallback ?? null) {
    const model = models.get(next);
    if (model !== undefined) found.push(model);
  }
  return found;
}

function modelOf(alias: string, settings: ModelSettings, { fetch, tracer, limits }: Pick<DecisionsPorts, "fetch" | "tracer"> & { readonly limits: AppConfig["limits"] }): Model {
  const { provider, model, price, stream } = settings;
  const asked = providerModel({
    alias, id: model, price, fetch, isStream: stream, answerBytes: limits.decisionAnswerBytes, ...spokenTo(settings),
    parse: (text) => parseStrictJson(text, limits.jsonDepth),
  });
  return tracer === null ? asked : tracedModel(asked, provider, tracer);
}

function spokenTo({ provider, kind, model, url, key }: ModelSettings): Pick<ProviderModelParts, "wire" | "load"> {
  if (kind === "language") return { wire: wireOf(provider), load: (fetch) => loadProvider({ provider, model, url, key, fetch }) };
  assert(asksQuestions(provider), "config.yaml has been checked");
  return { wire: questionWireOf(provider), load: (fetch) => loadQuestionProvider({ provider, model, url, key, fetch }) };
}
