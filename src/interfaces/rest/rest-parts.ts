// The parts of an app that REST speaks to; a reload makes them anew.
import type { Access } from "../../access/rights.ts";
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { KeyQuery } from "../../query/key-plan.ts";
import type { ChannelHub } from "../../resources/channel-hub.ts";
import type { LiveQueries } from "../../resources/live-queries.ts";
import type { Operation, Result } from "../../resources/operation.ts";
import type { PlanCache } from "../../resources/plan-cache.ts";
import type { RowsFollowing, RunFollowing } from "../../resources/dispatch.ts";
import type { Catalog } from "../../schema/catalog.ts";
import type { StreamTally } from "./event-stream.ts";
import type { AskedList, OpenQuery, PreparedQuery } from "./query-plans.ts";

export interface RestOptions {
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly access: Access;
  /** At once where it can: reads from memory. */
  readonly dispatcher: { dispatch(operation: Operation): Result | Promise<Result> };
  readonly clock: Clock;
  /** Without it nothing is followed. */
  readonly live?: LiveQueries;
  /** Without it no topic is followed. */
  readonly channels?: ChannelHub;
  /** Without it no run is followed. */
  readonly runs?: RunFollowing;
  /** Without it no approvals and no negotiations are. */
  readonly rows?: RowsFollowing;
  /** Where event streams are counted. */
  readonly streams?: StreamTally;
  /** Which of the catalog's exports are there; REST without it. */
  readonly over?: "REST" | "WS";
  /** Paths that are not there are answered with the nearest that is. */
  readonly development?: boolean;
}

export interface RestParts extends RestOptions {
  /** Queries as parsed, by roles and text. */
  readonly queries: PlanCache<PreparedQuery>;
  /** Lists that are read, by the whole text. */
  readonly lists: PlanCache<AskedList>;
  /** Their plans, by the shape of the query. */
  readonly openQueries: PlanCache<OpenQuery>;
  /** The same for queries of one record, whichever it is. */
  readonly keyQueries: PlanCache<KeyQuery>;
}
