// What serveHttp needs from the rest of the process: the parts of the app that a reload replaces, and the options that stay.
import type { Server, ServerWebSocket } from "bun";
import type { Identity } from "../../access/identity.ts";
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { LineLog } from "../../base/log.ts";
import type { Metric } from "../../base/metric.ts";
import type { Random } from "../../base/random.ts";
import type { Tracer } from "../../base/tracer.ts";
import type { ChannelSink, ChannelSubscription } from "../../resources/channel-frame.ts";
import type { RunSink } from "../../resources/run-watch.ts";
import type { UsageMeter } from "../../resources/usage-meter.ts";
import type { LiveSubscription, ResetReason } from "../../resources/live-frame.ts";
import type { CookiePolicy } from "./cookie-credential.ts";
import type { Exchange, HttpHandler } from "./exchange.ts";

/** Replaced as a whole by a reload: each request reads it once, so it sees the old app or the new one, never a mixture. */
export interface ServedApp {
  readonly limits: Limits;
  /** Opens `/metrics` without a token and says more in permission errors. */
  readonly development: boolean;
  /** `address`: of the client, where it is counted. */
  readonly authenticator: { authenticate(credential: string | null, address?: string): Identity | Promise<Identity> };
  /** How sessions in cookies are taken. Absent: there are none. */
  readonly cookies?: CookiePolicy;
  /** Counts requests; absent: nobody is counted. */
  readonly usage?: UsageMeter;
  /** Everything but the paths of http/ itself: interfaces/rest/rest-handler.ts. */
  readonly handler: HttpHandler;
  /** The OpenAPI document for this caller, as JSON text: codegen/openapi.ts. */
  openApi(identity: Identity): string;
}

/** Operations and queries of tables and callables that are exported there. */
export interface SocketApp {
  readonly handler: HttpHandler;
  /** Follows what a GET of `exchange` would answer. Throws what that throws. */
  follow(exchange: Exchange, options: { readonly since: string | null; readonly sink: ChannelSink & RunSink; readonly connection: object; readonly reset: ResetReason | null }): LiveSubscription | ChannelSubscription;
  /** `topic` as text. Throws, or rejects with, what publishing there is refused with. */
  publish(request: { readonly topic: string; readonly message: unknown; readonly identity: Identity; readonly requestId: string; readonly address: string }): void | Promise<void>;
}

/** An app that is served over WebSockets, too. */
export interface SocketServedApp extends ServedApp {
  readonly socket: SocketApp;
}

/** One WebSocket as its interface sees it, from the request that it began with. */
export interface SocketState {
  opened(socket: ServerWebSocket<SocketState>): void;
  received(message: string | Buffer): void;
  /** The client has taken what waited. */
  drained(): void;
  closed(): void;
}

/** What one interface does with WebSockets, beside the requests of a listener. */
export interface SocketPort {
  /** `address`: of the client. Null: it is another request. Undefined: it has become a socket. */
  upgrade(request: Request, server: Server<SocketState>, address: string): Response | undefined | Promise<Response | undefined> | null;
  /** Lets calls finish for `drainMs`, then closes all. */
  stop(drainMs: number): Promise<void>;
}

export interface ServeOptions {
  readonly host: string;
  /** 0: any free one; the answer names it. */
  readonly port: number;
  /** Path of a socket file to listen on, instead of host and port. */
  readonly unix?: string;
  readonly current: () => ServedApp;
  /** Each is asked in turn; without any there are no WebSockets. */
  readonly sockets?: readonly SocketPort[];
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
  /** And those with labels. */
  readonly labelled?: () => readonly Metric[];
  /** Measures requests; absent: nobody wants to know. */
  readonly tracer?: Tracer | null;
  /** Ready for reasons nevertheless: it serves, and something is missing. */
  readonly readiness: () => { readonly ready: boolean; readonly reasons: readonly string[] };
  /** The text of docs/errors/CODE.md; null when there is none. */
  readonly errorPage: (code: string) => Promise<string | null>;
}

export interface HttpServer {
  readonly port: number;
  readonly url: string;
  /** Requests under way. */
  readonly pending: number;
  /** New connections are shown this certificate; requests under way, streams and sockets go on, idle connections are closed. Over TLS only. */
  renew(tls: NonNullable<ServeOptions["tls"]>): void;
  /** Takes no new connection, lets what is under way finish for `drainMs`, then closes all. `/ready` answers 503 from now on. */
  stop(drainMs: number): Promise<void>;
}
