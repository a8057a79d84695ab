// All WebSockets of a listener: takes requests for `/ws`, hands messages to their connections, and ends all of them at a stop.
import type { Server, ServerWebSocket } from "bun";
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
import { CLOSE, SocketConnection, type ConnectionParts } from "./socket-connection.ts";
import { SocketTurn, type Wire } from "./socket-outbox.ts";

export interface SocketParts {
  readonly current: () => SocketServedApp;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface Sockets extends SocketPort {
  stats(): { readonly open: number; readonly subscriptions: number; readonly waitingBytes: number };
}

export function createSockets(parts: SocketParts): Sockets {
  return new SocketServer(parts);
}

class SocketServer implements Sockets {
  readonly #parts: SocketParts;
  readonly #connections = new Set<SocketConnection>();
  readonly #turn = new SocketTurn();
  readonly #ids: ReturnType<typeof createRequestIds>;
  #isStopping = false;

  constructor(parts: SocketParts) {
    this.#parts = parts;
    this.#ids = createRequestIds(parts.random);
  }

  stats(): { readonly open: number; readonly subscriptions: number; readonly waitingBytes: number } {
    let [subscriptions, waitingBytes] = [0, 0];
    for (const connection of this.#connections) {
      subscriptions += connection.subscriptions;
      waitingBytes += connection.waitingBytes;
    }
    return { open: this.#connections.size, subscriptions, waitingBytes };
  }

  upgrade(request: Request, server: Server<SocketState>, address: string): Response | undefined | Promise<Response | undefined> | null {
    // Every request comes by here: its headers are not looked at without need.
    if (!request.url.includes("/ws") || !IS_SOCKET.test(request.url) || request.headers.get("upgrade")?.toLowerCase() !== "websocket") return null;
    const name = this.#ids.of(request.headers.get("x-request-id"));
    const refuse = (error: unknown): Response => asResponse(problemAnswer(error, { requestId: name, log: this.#parts.log }));
    try {
      const app = this.#parts.current();
      if (this.#isStopping || this.#connections.size >= app.limits.sockets) throw fault("OVERLOADED", "No more connections are taken.", { retryAfterS: 1 });
      const credential = credentialOf(request, app);
      const identity = credential === null ? null : app.authenticator.authenticate(credential, address);
      const begin = (known: Identity | null): Response | undefined => this.#upgrade(request, server, { name, identity: known, credential, address });
      return identity instanceof Promise ? identity.then(begin).catch(refuse) : begin(identity);
    } catch (error) {
      return refuse(error);
    }
  }

  async stop(drainMs: number): Promise<void> {
    this.#isStopping = true;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => { cancel = this.#parts.clock.schedule(drainMs, resolve); });
    await Promise.race([Promise.all([...this.#connections].map((connection) => connection.drain())), late]);
    cancel();
    for (const connection of this.#connections) connection.close(CLOSE.goingAway, "the server stops");
  }

  #upgrade(request: Request, server: Server<SocketState>, { name, identity, credential, address }: Pick<ConnectionParts, "name" | "identity" | "address"> & { readonly credential: string | null }): Response | undefined {
    const header = (of: string): string | null => headers[of] ?? null;
    const headers: Record<string, string | undefined> = { authorization: credential ?? undefined, "x-ambit-tenant": request.headers.get("x-ambit-tenant") ?? undefined };
    const within = identity === null ? null : withinTenant(identity, header);
    if (server.upgrade(request, { data: this.#state({ name, identity: within, address, header }) })) return undefined;
    throw fault("MALFORMED_HEADER", "The request cannot become a WebSocket.", { fix: "Send the headers of RFC 6455." });
  }

  #state(from: Pick<ConnectionParts, "name" | "identity" | "address" | "header">): SocketState {
    const { current, clock, log } = this.#parts;
    let connection: SocketConnection | null = null;
    return {
      opened: (socket) => {
        connection = new SocketConnection({ ...from, wire: wireOf(socket, this.#turn), current, clock, log });
        this.#connections.add(connection);
      },
      received: (message) => {
        if (typeof message === "string") connection?.receive(message);
        else connection?.close(UNSUPPORTED, "frames are text");
      },
      drained: () => connection?.drained(),
      closed: () => {
        if (connection === null) return;
        connection.closed();
        this.#connections.delete(connection);
      },
    };
  }
}

/** A page's own session, where it sends no header. */
export function credentialOf({ method, headers }: Request, { cookies }: Pick<SocketServedApp, "cookies">): string | null {
  const sent = headers.get("authorization");
  return sent !== null || cookies === undefined ? sent : cookieCredential({ method, header: (name) => headers.get(name) }, cookies, true);
}

const UNSUPPORTED = 1003;
const IS_SOCKET = /^(?:\w+:\/\/[^/?#]*)?\/ws(?:\?|$)/;

/** `turn`: of all connections of a server. */
export function wireOf(socket: ServerWebSocket<SocketState>, turn: SocketTurn): Wire {
  return {
    send: (text) => { socket.send(text); },
    waiting: () => socket.getBufferedAmount(),
    together: (work) => { if (socket.readyState === WebSocket.OPEN) socket.cork(work); },
    soon: (outbox) => turn.add(outbox),
    close: (code, reason) => socket.close(code, reason),
  };
}

function asResponse({ status, headers, body }: Answer): Response {
  return new Response(body as string, { status, headers });
}
