// Decisions in the composition root: compiles what an app declares, connects it with models, and hands the port to the dispatcher.
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, writeSync } from "node:fs";
import { isAbsolute, join, normalize } from "node:path";
import { assert } from "../base/assert.ts";
import { fault } from "../base/error.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Metric } from "../base/metric.ts";
import { membersSchema, typeSchema } from "../codegen/model-schema.ts";
import { readNotes } from "../decisions/audit/checkpoint.ts";
import { principalOf } from "../decisions/run/admitted-run.ts";
import { Checkpoints, type CheckpointParts, type CheckpointSettings } from "../decisions/audit/checkpoints.ts";
import { exportLog, leavesIn } from "../decisions/audit/export-log.ts";
import { recordLook } from "../decisions/audit/record-look.ts";
import { replayRun, type ReplayParts } from "../decisions/audit/replay-run.ts";
import { verifyLog } from "../decisions/audit/verify-log.ts";
import { backtest, type BacktestParts } from "../decisions/backtest/backtest.ts";
import { backtestPage } from "../decisions/backtest/backtest-page.ts";
import { Backtests } from "../decisions/backtest/backtests.ts";
import { changedDecision } from "../decisions/backtest/changed-decision.ts";
import type { BacktestReport } from "../decisions/backtest/report.ts";
import { Decisions } from "../decisions/decide.ts";
import type { ReadyDecision } from "../decisions/ready-decision.ts";
import { modelReasoner } from "../decisions/loop.ts";
import { compileDecision, type DecisionParts } from "../decisions/policy/compile-decision.ts";
import { decisionContract, decisionVersion, type VersionParts } from "../decisions/policy/decision-version.ts";
import { watchChanges } from "../decisions/triggers/watch-changes.ts";
import { taintSummary } from "../decisions/policy/taint-sources.ts";
import { tenantlessRuns } from "../decisions/policy/tenantless-runs.ts";
import { tryFallback } from "../decisions/policy/try-fallback.ts";
import { toolCaller } from "../decisions/reason/call-tool.ts";
import { answerTool, type Schemas } from "../decisions/reason/prompt.ts";
import type { CompiledDecision } from "../decisions/policy/compiled-decision.ts";
import { RunTally, type RunEnd } from "../decisions/run/run-tally.ts";
import { parseStrictJson } from "../interfaces/http/strict-json.ts";
import type { ModelAccess } from "../models/model-access.ts";
import { asksQuestions, misfitOf } from "../models/questions.ts";
import type { Catalog, TypeRef } from "../schema/catalog.ts";
import type { Decision } from "../schema/decision.ts";
import type { BacktestRequest } from "../resources/decision-port.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import packageJson from "../../package.json";
import type { AppConfig, ModelSettings } from "./config.ts";
import { modelsOf } from "./decision-models.ts";
import type { AuditService, BacktestPorts, DecisionsApp, DecisionsModule, DeclaredDecisions } from "./decisions-module.ts";

/** Made here, and given back by whoever asks for the decisions of an app. */
class Audit extends Checkpoints implements AuditService {
  readonly tally = new RunTally();
  readonly backtests: Backtests;

  constructor(parts: CheckpointParts) {
    super(parts);
    this.backtests = new Backtests(parts);
  }

  override async stop(): Promise<void> {
    await this.backtests.stop();
    await super.stop();
  }

  metrics(): readonly Metric[] { return this.tally.metrics(); }
}

export const decisions: DecisionsModule = {
  openAudit: ({ storage, clock, random, log, current, sent }) => new Audit({ storage, clock, random, log, sent, addToFile, settings: () => checkpointSettings(current()) }),
  audit: {
    verify: (connection, { notes, verifiers, leaves }) => verifyLog(connection, { notes: notes === null ? [] : checkpointsIn(notes), verifiers, leaves: leaves === null ? null : leavesIn(leaves) }),
    export: exportLog,
    backtest: (connection, request, { app, ports, ...options }) => begun(request, { app, ports })({ ...options, connection }),
    report: backtestPage,
    replay(connection, run, app) {
      const { compiled } = compileAll(app);
      return replayRun(connection, run, (name) => (compiled.has(name) ? replayParts(compiled.get(name)!, app) : null));
    },
  },
  taintOf(app) {
    const { compiled } = compileAll(app);
    return [...compiled.values()].filter(({ declaration: { kind } }) => kind !== "RULE").map((decision) => taintSummary(decision, compiled));
  },
  checkDecisions: (app) => compileAll(app).diagnostics,
  tryFallbacks: (app) => [...compileAll(app).compiled.values()].flatMap((decision) => tryFallback(decision, { fallbacks: app.code.fallbacks, book: app.book })),
  decisionsOf(app, ports) {
    const { compiled } = compileAll(app);
    if (compiled.size === 0 && app.catalog.facts.size === 0) return null;
    const models = modelsOf(app, ports);
    const { audit } = ports;
    assert(audit instanceof Audit, "the audit service is of this module");
    return (core) => {
      const ready = new Map<string, ReadyDecision>();
      const currencyOf = (name: string): string | null => models.get(compiled.get(name)?.declaration.model ?? "")?.primary.price?.currency ?? null;
      const ended = (end: RunEnd): void => {
        audit.tally.ended(end, currencyOf(end.decision));
        core.embeddings?.remembered();
      };
      const port = new Decisions({
        core, decisions: ready, fallbacks: app.code.fallbacks, checkpoints: audit, notify: app.config.approvals.notify, parse: parserOf(app), currencyOf, ended,
        renew: (identity) => ports.renew(identity),
        async backtest(ask, caller) {
          const answer = audit.backtests.answer(ask, (request) => {
            const begin = begun(request, { app, ports });
            return (options) => begin({ ...options, connection: core.storage.reader });
          });
          // Whoever has outputs of runs shown has looked at them.
          if (ask.do === "backtest") await core.storage.commit((connection) => recordLook(connection, { run: String((answer as { readonly id: string }).id), decision: ask.request.decision, at: "backtest", principal: principalOf(caller), timeMs: core.clock.now() }, core.random));
          return answer;
        },
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

function compileAll(app: DeclaredDecisions): { readonly compiled: ReadonlyMap<string, CompiledDecision>; readonly diagnostics: readonly Diagnostic[] } {
  const { catalog, config, directory } = app;
  const compiled = new Map<string, CompiledDecision>();
  const diagnostics: Diagnostic[] = [];
  for (const [name, declaration] of catalog.decisions) {
    const found = compileDecision(name, declaration, partsFor(app));
    diagnostics.push(...found.diagnostics);
    if (found.decision !== null) compiled.set(name, found.decision);
    diagnostics.push(...unknownModel(name, declaration, config.models), ...unpriced(name, declaration, config.models), ...unasked(name, declaration, app));
    const { policyFile, callable } = declaration;
    if (policyFile !== null && fileText(directory, policyFile) === null) {
      diagnostics.push({ code: "POLICY_SOURCE", severity: "error", position: callable.position, message: `The policy file ${policyFile} of ${name} cannot be read.`, why: "The policy is the body of the decision.", fix: "Name a file in the app's folder.", edits: [] });
    }
  }
  diagnostics.push(...tenantlessRuns(compiled, app));
  return { compiled, diagnostics };
}

function partsFor({ catalog, book, config, directory }: DeclaredDecisions): DecisionParts {
  return { catalog, book, limits: config.limits, textOf: (file) => fileText(directory, file) };
}

/** Where no model is configured every decision answers by its fallback; where some are, one that is not there is a slip. */
function unknownModel(name: string, { model, kind, callable }: Decision, models: DecisionsApp["config"]["models"]): Diagnostic[] {
  const aliases = Object.entries(models).filter(([, { dimensions }]) => dimensions === null).map(([alias]) => alias);
  if (kind === "RULE" || aliases.length === 0 || aliases.includes(model)) return [];
  return [{ code: "CONFIG", severity: "error", position: callable.position, message: `${name} asks the model ${model}, which is no alias of a language model in config.yaml.`, why: "It would answer by its fallback for ever.", fix: `Name one of ${aliases.join(", ")} in @decision(model), or add models.${model}.`, edits: [] }];
}

/** A budget of costs bounds nothing where a model has no price, or one in another currency. */
function unpriced(name: string, { budgets, model, callable }: Decision, models: DecisionsApp["config"]["models"]): Diagnostic[] {
  return budgets.flatMap(({ cost }) => {
    if (cost === null) return [];
    for (const [alias, { price }] of askedOf(model, models)) {
      if (price?.currency === cost.currency) continue;
      return [{ code: "CONFIG" as const, severity: "error" as const, position: callable.position, message: `${name} has a budget in ${cost.currency}, in which the model ${alias} has no price.`, why: "Costs that are not known cannot be bounded.", fix: `Give models.${alias}.price in ${cost.currency}, or bound tokens.`, edits: [] }];
    }
    return [];
  });
}

/** Who may be asked, in their order. */
function askedOf(model: string, models: DecisionsApp["config"]["models"]): [string, ModelSettings][] {
  const found: [string, ModelSettings][] = [];
  for (let alias: string | null = model; alias !== null; alias = models[alias]?.fallback ?? null) {
    const settings = models[alias];
    if (settings !== undefined) found.push([alias, settings]);
  }
  return found;
}

/** An endpoint that answers questions writes nothing, and calls no tools. */
function unasked(name: string, { kind, model, callable, contexts }: Decision, { config: { models }, catalog }: DeclaredDecisions): Diagnostic[] {
  const results = [callable.result, ...contexts.flatMap(({ extract }): TypeRef[] => (extract === null ? [] : [{ ...callable.result, kind: "object", name: extract, list: false }]))];
  for (const [alias, { kind: asks, provider }] of kind === "RULE" ? [] : askedOf(model, models)) {
    if (asks !== "decisions" || !asksQuestions(provider)) continue;
    const misfit = results.map((result) => misfitOf(answerTool(result, schemasOf(catalog)).parameters, provider)).find((one) => one !== null);
    const why = kind !== "JUDGE" ? "it is no kind: JUDGE" : misfit === undefined ? null : `its answer ${misfit}`;
    if (why === null) continue;
    return [{
      code: "QUESTION_SHAPE", severity: "error", position: callable.position, message: `${name} may ask ${alias}, which only answers questions: ${why}.`,
      why: "A decisions endpoint chooses from a list, places on a scale, and says how likely yes is.", fix: "Let the answer have enums, Boolean and Int with a small @range alone, or ask a language model.", edits: [],
    }];
  }
  return [];
}

/** A file of the app. Null: it is not there, or outside of its folder. */
function fileText(directory: string, file: string): string | null {
  const path = normalize(join(directory, file));
  if (!path.startsWith(normalize(`${directory}/`)) || !existsSync(path)) return null;
  return readFileSync(path, "utf8");
}

/** What it takes to go through a past run of it. */
function replayParts(decision: CompiledDecision, app: DecisionsApp): ReplayParts {
  return { ...wordsOf(decision, app), decision, version: versionOf(decision, app), book: app.book, fallbacks: app.code.fallbacks };
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
    schemas: schemasOf(catalog),
  };
}

function schemasOf(catalog: Catalog): Schemas {
  return { ofType: (type) => typeSchema(type, catalog), ofFields: (fields) => membersSchema(fields, catalog) };
}

type Going = Pick<BacktestParts, "connection" | "signal" | "progressed">;

/** Throws what is wrong with the request. Its models are its own: what fails here opens no breaker of the app. */
function begun(request: BacktestRequest, { app, ports }: { readonly app: DecisionsApp; readonly ports: BacktestPorts }): (going: Going) => Promise<BacktestReport> {
  const { limits, models: configured } = app.config;
  const { compiled } = compileAll(app);
  const models = modelsOf(app, ports);
  const made = changedDecision(request, {
    compiled, differencesMax: limits.backtestDifferences,
    compile(name, declaration) {
      const { decision, diagnostics } = compileDecision(name, declaration, partsFor(app));
      return { decision, diagnostics: [...diagnostics, ...unknownModel(name, declaration, configured), ...unpriced(name, declaration, configured), ...unasked(name, declaration, app)] };
    },
    partsOf: (decision) => replayParts(decision, app), accessOf: (alias) => models.get(alias) ?? null,
  });
  return (going) => backtest({ ...made, ...going, limits, clock: ports.clock, pause: () => new Promise<void>((resolve) => { setImmediate(resolve); }) });
}

interface ReadyParts { readonly app: DecisionsApp; readonly core: DispatchCore; readonly access: ModelAccess | null; readonly port: Decisions; ended(end: RunEnd): void }

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
