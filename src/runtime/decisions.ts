// Decisions in the composition root: compiles what an app declares, connects it with models, and hands the port to the dispatcher.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Metric } from "../base/metric.ts";
import { membersSchema, typeSchema } from "../codegen/model-schema.ts";
import { readNotes } from "../decisions/audit/checkpoint.ts";
import { Checkpoints, type CheckpointSettings } from "../decisions/audit/checkpoints.ts";
import { exportLog, leavesIn } from "../decisions/audit/export-log.ts";
import { replayRun, type ReplayParts } from "../decisions/audit/replay-run.ts";
import { verifyLog } from "../decisions/audit/verify-log.ts";
import { Decisions } from "../decisions/decide.ts";
import type { ReadyDecision } from "../decisions/ready-decision.ts";
import { modelReasoner } from "../decisions/loop.ts";
import { compileDecision } from "../decisions/policy/compile-decision.ts";
import { decisionContract, decisionVersion, type VersionParts } from "../decisions/policy/decision-version.ts";
import { watchChanges } from "../decisions/triggers/watch-changes.ts";
import { taintSummary } from "../decisions/policy/taint-sources.ts";
import { toolCaller } from "../decisions/reason/call-tool.ts";
import type { CompiledDecision } from "../decisions/policy/compiled-decision.ts";
import { RunTally, type RunEnd } from "../decisions/run/run-tally.ts";
import { parseStrictJson } from "../interfaces/http/strict-json.ts";
import { CircuitBreaker, modelAccess, type ModelAccess } from "../models/model-access.ts";
import { loadProvider } from "../models/load-provider.ts";
import type { Model } from "../models/model.ts";
import { providerModel } from "../models/provider-model.ts";
import { wireOf } from "../models/wire.ts";
import type { Decision } from "../schema/decision.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import packageJson from "../../package.json";
import type { AppConfig, ModelSettings } from "./config.ts";
import { tracedModel } from "./traced-calls.ts";
import type { AuditService, DecisionsApp, DecisionsModule, DeclaredDecisions, DecisionsPorts } from "./decisions-module.ts";

/** Made here, and given back by whoever asks for the decisions of an app. */
class Audit extends Checkpoints implements AuditService {
  readonly tally = new RunTally();

  metrics(): readonly Metric[] { return this.tally.metrics(); }
}

export const decisions: DecisionsModule = {
  openAudit: ({ storage, clock, random, log, current, sent }) => new Audit({ storage, clock, random, log, sent, addToFile, settings: () => checkpointSettings(current()) }),
  audit: {
    verify: (connection, { notes, verifiers, leaves }) => verifyLog(connection, { notes: notes === null ? [] : checkpointsIn(notes), verifiers, leaves: leaves === null ? null : leavesIn(leaves) }),
    export: exportLog,
    replay: (connection, run, app, clock) => replayRun(connection, run, replayParts(app, clock)),
  },
  taintOf(app) {
    const { compiled } = compileAll(app);
    return [...compiled.values()].filter(({ declaration: { kind } }) => kind !== "RULE").map((decision) => taintSummary(decision, compiled));
  },
  checkDecisions: (app) => compileAll(app).diagnostics,
  decisionsOf(app, ports) {
    const { compiled } = compileAll(app);
    if (compiled.size === 0 && app.catalog.facts.size === 0) return null;
    const models = modelsOf(app, ports);
    const { audit } = ports;
    assert(audit instanceof Audit, "the audit service is of this module");
    return (core) => {
      const ready = new Map<string, ReadyDecision>();
      const currencyOf = (name: string): string | null => models.get(compiled.get(name)?.declaration.model ?? "")?.primary.price?.currency ?? null;
      const ended = (end: RunEnd): void => audit.tally.ended(end, currencyOf(end.decision));
      const port = new Decisions({
        core, decisions: ready, fallbacks: app.code.fallbacks, checkpoints: audit, notify: app.config.approvals.notify, parse: parserOf(app), currencyOf, ended,
        renew: (identity) => ports.renew(identity),
      });
      watchChanges(compiled.values(), core);
      for (const [name, decision] of compiled) ready.set(name, readyDecision(decision, { app, core, access: models.get(decision.declaration.model) ?? null, port, ended }));
      return port;
    };
  },
};

function checkpointsIn(text: string): string[] {
  const notes = readNotes(text);
  if (notes.length === 0) throw fault("USAGE", "The file holds no checkpoint.", { fix: "Name a file that audit.export has written." });
  return notes;
}

function checkpointSettings({ config: { audit, limits }, directory }: { readonly config: AppConfig; readonly directory: string }): CheckpointSettings {
  const isAddress = (target: string): boolean => /^https?:/.test(target);
  return {
    ...audit, limits, urls: audit.export.filter(isAddress),
    files: audit.export.filter((target) => !isAddress(target)).map((file) => (isAbsolute(file) ? file : join(directory, file))),
  };
}

function addToFile(path: string, text: string): void {
  const file = openSync(path, "a", 0o600);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

function compileAll({ catalog, book, config, directory }: DeclaredDecisions): { readonly compiled: ReadonlyMap<string, CompiledDecision>; readonly diagnostics: readonly Diagnostic[] } {
  const compiled = new Map<string, CompiledDecision>();
  const diagnostics: Diagnostic[] = [];
  for (const [name, declaration] of catalog.decisions) {
    const found = compileDecision(name, declaration, { catalog, book, limits: config.limits, textOf: (file) => fileText(directory, file) });
    diagnostics.push(...found.diagnostics);
    if (found.decision !== null) compiled.set(name, found.decision);
    diagnostics.push(...unpriced(name, declaration, config.models));
    const { policyFile, callable } = declaration;
    if (policyFile !== null && fileText(directory, policyFile) === null) {
      diagnostics.push({ code: "POLICY_SOURCE", severity: "error", position: callable.position, message: `The policy file ${policyFile} of ${name} cannot be read.`, why: "The policy is the body of the decision.", fix: "Name a file in the app's folder.", edits: [] });
    }
  }
  return { compiled, diagnostics };
}

/** A budget of costs bounds nothing where a model has no price, or one in another currency. */
function unpriced(name: string, { budgets, model, callable }: Decision, models: DecisionsApp["config"]["models"]): Diagnostic[] {
  return budgets.flatMap(({ cost }) => {
    if (cost === null) return [];
    for (let alias: string | null = model; alias !== null; alias = models[alias]?.fallback ?? null) {
      const settings = models[alias];
      if (settings === undefined || settings.price?.currency === cost.currency) continue;
      return [{ code: "CONFIG" as const, severity: "error" as const, position: callable.position, message: `${name} has a budget in ${cost.currency}, in which the model ${alias} has no price.`, why: "Costs that are not known cannot be bounded.", fix: `Give models.${alias}.price in ${cost.currency}, or bound tokens.`, edits: [] }];
    }
    return [];
  });
}

/** A file of the app. Null: it is not there, or outside of its folder. */
function fileText(directory: string, file: string): string | null {
  const path = normalize(join(directory, file));
  if (!path.startsWith(normalize(`${directory}/`)) || !existsSync(path)) return null;
  return readFileSync(path, "utf8");
}

interface ReadyParts { readonly app: DecisionsApp; readonly core: DispatchCore; readonly access: ModelAccess | null; readonly port: Decisions; ended(end: RunEnd): void }

function replayParts(app: DecisionsApp, clock: Clock): (name: string) => ReplayParts | null {
  const { compiled } = compileAll(app);
  return (name) => {
    const decision = compiled.get(name);
    return decision === undefined ? null : { ...wordsOf(decision, app), decision, version: versionOf(decision, app), book: app.book, fallbacks: app.code.fallbacks, clock };
  };
}

function versionOf(decision: CompiledDecision, app: DecisionsApp): string {
  return decisionVersion(decision.declaration, versionParts(decision, app));
}

function versionParts({ declaration: { model, policyFile, fallback } }: CompiledDecision, { config: { models }, catalog, codeHash, directory }: DecisionsApp): VersionParts {
  const alias = models[model];
  const textOf = (file: string | null): string | null => (file === null ? null : fileText(directory, file));
  return { catalog, codeHash, model: alias === undefined ? null : { ...alias, key: null }, runtime: packageJson.version, policyText: textOf(policyFile), tableText: textOf(fallback?.kind === "table" ? fallback.file : null) };
}

function parserOf({ config: { limits } }: DecisionsApp): ReplayParts["parse"] {
  return (text) => parseStrictJson(text, limits.jsonDepth);
}

/** How a model is spoken to. */
function wordsOf({ declaration: { policy, policyFile } }: CompiledDecision, app: DecisionsApp): Pick<ReplayParts, "policy" | "schemas" | "parse"> {
  const { catalog, directory } = app;
  return {
    policy: policy ?? fileText(directory, policyFile ?? "") ?? "", parse: parserOf(app),
    schemas: { ofType: (type) => typeSchema(type, catalog), ofFields: (fields) => membersSchema(fields, catalog) },
  };
}

function readyDecision(decision: CompiledDecision, { app, core, access, port, ended }: ReadyParts): ReadyDecision {
  const { declaration } = decision;
  const { limits } = app.config;
  const [version, contract] = [versionOf(decision, app), decisionContract(declaration, versionParts(decision, app))];
  if (access === null || declaration.kind === "RULE") return { decision, version, contract, reasoner: null };
  const reasoner = modelReasoner({
    core, access, ...wordsOf(decision, app), ended,
    limits: { steps: limits.decisionSteps, calls: limits.decisionCalls, outputTokens: limits.decisionOutputTokens },
    callTool: toolCaller(core, app.code.tools),
    ask: (name, args, parent) => port.advise(name, args, parent),
  });
  return { decision, version, contract, reasoner };
}

/** By alias; those that are not configured are not there. */
function modelsOf({ config, catalog }: DecisionsApp, { clock, random, fetch, standIn, tracer }: DecisionsPorts): ReadonlyMap<string, ModelAccess> {
  const { limits } = config;
  const aliases = new Set([...Object.keys(config.models), ...[...catalog.decisions.values()].map(({ model }) => model)]);
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

function modelOf(alias: string, { provider, model, url, key, price, stream }: ModelSettings, { fetch, tracer, limits }: Pick<DecisionsPorts, "fetch" | "tracer"> & { readonly limits: AppConfig["limits"] }): Model {
  const asked = providerModel({
    alias, id: model, price, fetch, isStream: stream, answerBytes: limits.decisionAnswerBytes, wire: wireOf(provider),
    parse: (text) => parseStrictJson(text, limits.jsonDepth),
    load: (exchange) => loadProvider({ provider, model, url, key, fetch: exchange }),
  });
  return tracer === null ? asked : tracedModel(asked, provider, tracer);
}
