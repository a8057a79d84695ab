// What serveHttp needs from the rest of the process: the parts of the app that a reload replaces, and the options that stay.
import type { Identity } from "../../access/identity.ts";
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { LineLog } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { HttpHandler } from "./exchange.ts";

/** Replaced as a whole by a reload: each request reads it once, so it sees the old app or the new one, never a mixture. */
export interface ServedApp {
  readonly limits: Limits;
  /** Opens `/metrics` without a token and says more in permission errors. */
  readonly development: boolean;
  readonly authenticator: { authenticate(credential: string | null): Identity | Promise<Identity> };
  /** Everything but the paths of http/ itself: interfaces/rest/rest-handler.ts. */
  readonly handler: HttpHandler;
  /** The OpenAPI document for this caller, as JSON text: codegen/openapi.ts. */
  openApi(identity: Identity): string;
}

export interface ServeOptions {
  readonly host: string;
  /** 0: any free one; the answer names it. */
  readonly port: number;
  /** Path of a socket file to listen on, instead of host and port. */
  readonly unix?: string;
  readonly current: () => ServedApp;
  /** Origins that browsers may call from; empty: none. `*`: every one. */
  readonly cors: { readonly origins: readonly string[] };
  /** Addresses and networks (CIDR) of proxies whose X-Forwarded-For is believed. */
  readonly trustProxy: readonly string[];
  /** PEM text. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly log: LineLog;
  readonly clock: Clock;
  readonly random: Random;
  /** More numbers for `/metrics`, as `commits_total: 12`: names that end in `_total` are counters, the rest gauges. */
  readonly stats: () => Readonly<Record<string, number>>;
  readonly readiness: () => { readonly ready: boolean; readonly reasons: readonly string[] };
  /** The text of docs/errors/CODE.md; null when there is none. */
  readonly errorPage: (code: string) => Promise<string | null>;
}

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  /** Requests under way. */
  readonly pending: number;
  /** Takes no new connection, lets what is under way finish for `drainMs`, then closes all. `/ready` answers 503 from now on. */
  stop(drainMs: number): Promise<void>;
}
