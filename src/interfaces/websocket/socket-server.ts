// The WebSockets of a listener: takes requests for `/ws` that become one.
import type { Server } from "bun";
import type { Identity } from "../../access/identity.ts";
import type { Clock } from "../../base/clock.ts";
import { fault } from "../../base/error.ts";
import type { Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import { cookieCredential } from "../http/cookie-credential.ts";
import type { Answer } from "../http/exchange.ts";
import { problemAnswer } from "../http/problem-answer.ts";
import { createRequestIds } from "../http/request-id.ts";
import type { SocketServedApp, SocketPort, SocketState } from "../http/served-app.ts";
import { withinTenant } from "../http/tenant-header.ts";
import { SocketConnection, type ConnectionParts } from "./socket-connection.ts";
import { SocketSet, type SocketStats } from "./socket-set.ts";

export interface SocketParts {
  readonly current: () => SocketServedApp;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface Sockets extends SocketPort {
  stats(): SocketStats;
}

export function createSockets(parts: SocketParts): Sockets {
  return new SocketServer(parts);
}

class SocketServer implements Sockets {
  readonly #parts: SocketParts;
  readonly #open: SocketSet;
  readonly #ids: ReturnType<typeof createRequestIds>;

  constructor(parts: SocketParts) {
    this.#parts = parts;
    this.#open = new SocketSet(parts.clock);
    this.#ids = createRequestIds(parts.random);
  }

  stats(): SocketStats {
    return this.#open.stats();
  }

  upgrade(request: Request, server: Server<SocketState>, address: string): Response | undefined | Promise<Response | undefined> | null {
    // Every request comes by here: its headers are not looked at without need.
    if (!request.url.includes("/ws") || !IS_SOCKET.test(request.url) || request.headers.get("upgrade")?.toLowerCase() !== "websocket") return null;
    const name = this.#ids.of(request.headers.get("x-request-id"));
    const refuse = (error: unknown): Response => asResponse(problemAnswer(error, { requestId: name, log: this.#parts.log }));
    try {
      const app = this.#parts.current();
      if (!this.#open.hasRoom(app.limits.sockets)) throw fault("OVERLOADED", "No more connections are taken.", { retryAfterS: 1 });
      const credential = credentialOf(request, app);
      const identity = credential === null ? null : app.authenticator.authenticate(credential, address);
      const begin = (known: Identity | null): Response | undefined => this.#upgrade(request, server, { name, identity: known, credential, address });
      return identity instanceof Promise ? identity.then(begin).catch(refuse) : begin(identity);
    } catch (error) {
      return refuse(error);
    }
  }

  stop(drainMs: number): Promise<void> {
    return this.#open.stop(drainMs);
  }

  #upgrade(request: Request, server: Server<SocketState>, { name, identity, credential, address }: Pick<ConnectionParts, "name" | "identity" | "address"> & { readonly credential: string | null }): Response | undefined {
    const header = (of: string): string | null => headers[of] ?? null;
    const headers: Record<string, string | undefined> = { authorization: credential ?? undefined, "x-ambit-tenant": request.headers.get("x-ambit-tenant") ?? undefined };
    const within = identity === null ? null : withinTenant(identity, header);
    const { current, clock, log } = this.#parts;
    const data = this.#open.state((wire) => new SocketConnection({ name, identity: within, address, header, wire, current, clock, log }));
    if (server.upgrade(request, { data })) return undefined;
    throw fault("MALFORMED_HEADER", "The request cannot become a WebSocket.", { fix: "Send the headers of RFC 6455." });
  }
}

/** A page's own session, where it sends no header. */
export function credentialOf({ method, headers }: Request, { cookies }: Pick<SocketServedApp, "cookies">): string | null {
  const sent = headers.get("authorization");
  return sent !== null || cookies === undefined ? sent : cookieCredential({ method, header: (name) => headers.get(name) }, cookies, true);
}

const IS_SOCKET = /^(?:\w+:\/\/[^/?#]*)?\/ws(?:\?|$)/;

function asResponse({ status, headers, body }: Answer): Response {
  return new Response(body as string, { status, headers });
}
