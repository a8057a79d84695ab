// What /graphql is made of; a reload makes all of it anew.
import type { GraphQLSchema } from "graphql";
import type { Access, Rights } from "../../access/rights.ts";
import type { Sender } from "../../access/sender.ts";
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import type { RowsFollowing } from "../../resources/dispatch.ts";
import type { ChannelHub } from "../../resources/channel-hub.ts";
import type { LiveQueries } from "../../resources/live-queries.ts";
import type { Operation, OperationBody, Result } from "../../resources/operation.ts";
import type { PlanCache } from "../../resources/plan-cache.ts";
import type { Catalog } from "../../schema/catalog.ts";
import type { StreamTally } from "../rest/event-stream.ts";
import type { EditorFiles } from "./editor-page.ts";
import type { GraphqlNames } from "./graphql-names.ts";
import type { CallerSchema } from "./build-schema.ts";
import type { DocumentCache, TextCache } from "./kept-by-length.ts";
import type { SelectionPlan } from "./selection-plan.ts";

export interface GraphqlOptions {
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly access: Access;
  /** At once where it can: reads. */
  readonly dispatcher: { dispatch(operation: Operation): Result | Promise<Result> };
  readonly clock: Clock;
  readonly log: Log;
  /** Without it nothing is followed. */
  readonly live?: LiveQueries;
  readonly channels?: ChannelHub;
  readonly rows?: RowsFollowing;
  /** Where event streams are counted. */
  readonly streams?: StreamTally;
  /** In development: browsers get an editor. */
  readonly editor?: EditorFiles;
}

export interface GraphqlParts extends GraphqlOptions {
  readonly names: GraphqlNames;
  /** By roles. */
  readonly schemas: PlanCache<CallerSchema>;
  /** By roles and text. */
  readonly documents: DocumentCache;
  /** Answers to __schema and __type, by roles and what is selected. */
  readonly introspections: TextCache;
  /** By roles and what is selected, apart from values that a plan can do without. */
  readonly plans: PlanCache<SelectionPlan>;
}

/** Of one request, for all its resolvers: graphql-js calls it the context value. */
export interface Caller {
  readonly parts: GraphqlParts;
  readonly rights: Rights;
  readonly schema: GraphQLSchema;
  /** Who is counted. */
  readonly sender: Sender;
  /** `place`: the response key of the root field, so that several in one document have an idempotency key each. */
  dispatch(body: OperationBody, place: string): Result | Promise<Result>;
  /** As it is carried out inside a transaction. */
  operation(body: OperationBody): Operation;
  /** The answer's bytes so far, and its time; throws TOO_MANY_ROWS and QUERY_TIMEOUT. */
  spend(bytes: number): void;
}
