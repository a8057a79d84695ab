// What the runtime wants of decisions, whether they are there or not: `#decisions` is runtime/decisions.ts, or runtime/no-decisions.ts where the
// folder decisions/ was taken out.
import type { Identity } from "../access/identity.ts";
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Metric } from "../base/metric.ts";
import type { Random } from "../base/random.ts";
import type { Tracer } from "../base/tracer.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Model } from "../models/model.ts";
import type { AppCode } from "../resources/app-code.ts";
import type { BacktestRequest, DecisionPort } from "../resources/decision-port.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Connection } from "../storage/connection.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { AppConfig } from "./config.ts";

/** What is declared, without code. */
export type DeclaredDecisions = Pick<DecisionsApp, "catalog" | "book" | "config" | "directory">;

export interface DecisionsApp {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly config: AppConfig;
  readonly code: AppCode;
  /** Of the app's code, for versions. */
  readonly codeHash: string;
  /** Of the app, for policy files. */
  readonly directory: string;
}

/** For tests: who is asked in place of an alias's model. `configured` null: config.yaml has none. Null: there is none. */
export type ModelStandIn = (alias: string, configured: Model | null) => Model | null;

export interface DecisionsPorts {
  readonly clock: Clock;
  readonly random: Random;
  /** For models. */
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
  readonly standIn: ModelStandIn | null;
  /** Null: nobody wants to know. */
  readonly tracer: Tracer | null;
  /** Of the same module. */
  readonly audit: AuditService;
  /** Whoever began a run, with the rights that they have by now. */
  renew(identity: Identity): Identity;
}

/** What goes on beside decisions while the app runs: checkpoints of the audit log, counts. */
export interface AuditService {
  start(): void;
  /** Signs what is not signed yet. */
  stop(): Promise<void>;
  /** Of the runs that have ended since the start. */
  metrics(): readonly Metric[];
}

export interface AuditServiceParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** What serves by then. */
  readonly current: () => { readonly config: AppConfig; readonly directory: string };
  /** Something was added to the outbox. */
  readonly sent: () => void;
}

export interface AuditFile {
  /** Of checkpoints that were kept elsewhere; null: none. */
  readonly notes: string | null;
  readonly verifiers: readonly string[] | null;
  /** Lines of an export; null: none. */
  readonly leaves: Iterable<string> | null;
}

export interface AuditFinding {
  readonly records: number;
  readonly root: string;
  readonly checkpoints: number;
  readonly erased: number;
  readonly problem: { readonly kind: string; readonly from: number; readonly to: number; readonly run: string | null; readonly message: string } | null;
}

export interface AuditReplay {
  readonly run: string;
  readonly outcome: "SAME" | "DIFFERS" | "ERASED" | "OTHER_VERSION" | "OPEN";
  readonly differences: readonly string[];
}

/** What it takes to ask models for a backtest. */
export type BacktestPorts = Omit<DecisionsPorts, "audit" | "renew">;

export interface BacktestOptions {
  readonly app: DecisionsApp;
  readonly ports: BacktestPorts;
  /** Aborted: what is known by then is told. */
  readonly signal: AbortSignal;
  /** Told how many runs were gone through. */
  progressed(runs: number): void;
}

/** What commands do with a data file. */
export interface AuditTools {
  verify(connection: Connection, file: AuditFile): AuditFinding;
  /** Told line by line, from this record on. */
  export(connection: Connection, from: number, line: (text: string) => void): { readonly records: number; readonly checkpoints: number };
  /** Null: there is no such run. Asks no model. */
  replay(connection: Connection, run: string, app: DecisionsApp): AuditReplay | null;
  /** The report. Throws what is wrong with the request. */
  backtest(connection: Connection, request: BacktestRequest, options: BacktestOptions): Promise<object>;
  /** HTML of a report, for people. */
  report(report: object): string;
}

export interface DecisionsModule {
  openAudit(parts: AuditServiceParts): AuditService;
  readonly audit: AuditTools | null;
  /** Whether text that nobody answers for gets into the prompts of each, and on which ways. */
  taintOf(app: DecisionsApp): readonly { readonly decision: string; readonly untrusted: "always" | "sometimes" | "never"; readonly paths: readonly string[]; readonly forbidden: readonly string[] }[];
  /** What is wrong with the decisions of an app. */
  checkDecisions(app: DeclaredDecisions): readonly Diagnostic[];
  /** Warnings: what fallbacks answer to inputs that are made up. Runs them, and nothing else of the app. */
  tryFallbacks(app: DeclaredDecisions & Pick<DecisionsApp, "code">): readonly Diagnostic[];
  /** Null: the app has none. */
  decisionsOf(app: DecisionsApp, ports: DecisionsPorts): ((core: DispatchCore) => DecisionPort) | null;
}
