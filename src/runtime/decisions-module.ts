// What the runtime wants of decisions, whether they are there or not: `#decisions` is runtime/decisions.ts, or runtime/no-decisions.ts where the
// folder decisions/ was taken out.
import type { Diagnostic } from "../base/diagnostic.ts";
import type { Clock } from "../base/clock.ts";
import type { Random } from "../base/random.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { AppCode } from "../resources/app-code.ts";
import type { DecisionPort } from "../resources/decision-port.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { AppConfig } from "./config.ts";

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

export interface DecisionsPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: (url: string | URL | Request, init?: RequestInit) => Promise<Response>;
}

export interface DecisionsModule {
  /** What is wrong with the decisions of an app. */
  checkDecisions(app: DecisionsApp): readonly Diagnostic[];
  /** Null: the app has none. */
  decisionsOf(app: DecisionsApp, ports: DecisionsPorts): ((core: DispatchCore) => DecisionPort) | null;
}
