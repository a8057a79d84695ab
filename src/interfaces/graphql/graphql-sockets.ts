// All WebSockets that speak GraphQL: takes requests for `/graphql` that would become one, and ends all of them at a stop.
import type { Server } from "bun";
import { fault } from "../../base/error.ts";
import type { Random } from "../../base/random.ts";
import { problemAnswer } from "../http/problem-answer.ts";
import { createRequestIds } from "../http/request-id.ts";
import type { SocketPort, SocketState } from "../http/served-app.ts";
import { CLOSE } from "../websocket/socket-connection.ts";
import { SocketTurn } from "../websocket/socket-outbox.ts";
import { credentialOf, wireOf } from "../websocket/socket-server.ts";
import { GraphqlConnection, type ConnectionParts } from "./graphql-connection.ts";
import { SUBPROTOCOL } from "./graphql-messages.ts";

export interface GraphqlSocketParts extends Pick<ConnectionParts, "current" | "clock" | "log"> {
  readonly random: Random;
}

export interface GraphqlSockets extends SocketPort {
  stats(): { readonly open: number; readonly subscriptions: number; readonly waitingBytes: number };
}

export function createGraphqlSockets(parts: GraphqlSocketParts): GraphqlSockets {
  return new GraphqlSocketServer(parts);
}

const UNSUPPORTED = 1003;
const IS_GRAPHQL = /^(?:\w+:\/\/[^/?#]*)?\/graphql(?:\?|$)/;

class GraphqlSocketServer implements GraphqlSockets {
  readonly #parts: GraphqlSocketParts;
  readonly #connections = new Set<GraphqlConnection>();
  readonly #turn = new SocketTurn();
  readonly #ids: ReturnType<typeof createRequestIds>;
  #isStopping = false;

  constructor(parts: GraphqlSocketParts) {
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

  upgrade(request: Request, server: Server<SocketState>, address: string): Response | undefined | null {
    // Every request comes by here: its headers are not looked at without need.
    if (!request.url.includes("/graphql") || !IS_GRAPHQL.test(request.url) || request.headers.get("upgrade")?.toLowerCase() !== "websocket") return null;
    const name = this.#ids.of(request.headers.get("x-request-id"));
    try {
      const app = this.#parts.current();
      const { limits } = app;
      if (this.#isStopping || this.#connections.size >= limits.sockets) throw fault("OVERLOADED", "No more connections are taken.", { retryAfterS: 1 });
      const headers = new Map([["authorization", credentialOf(request, app)], ["x-ambit-tenant", request.headers.get("x-ambit-tenant")]]);
      const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((one) => one.trim());
      const isSpoken = offered.includes(SUBPROTOCOL);
      const data = this.#state({ name, isSpoken, address, header: (header) => headers.get(header) ?? null });
      if (server.upgrade(request, { data, ...(isSpoken ? { headers: { "sec-websocket-protocol": SUBPROTOCOL } } : {}) })) return undefined;
      throw fault("MALFORMED_HEADER", "The request cannot become a WebSocket.", { fix: "Send the headers of RFC 6455." });
    } catch (error) {
      const { status, headers, body } = problemAnswer(error, { requestId: name, log: this.#parts.log });
      return new Response(body as string, { status, headers });
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

  #state(from: Pick<ConnectionParts, "name" | "isSpoken" | "address" | "header">): SocketState {
    const { current, clock, log } = this.#parts;
    let connection: GraphqlConnection | null = null;
    return {
      opened: (socket) => {
        connection = new GraphqlConnection({ ...from, wire: wireOf(socket, this.#turn), current, clock, log });
        this.#connections.add(connection);
      },
      received: (message) => {
        if (typeof message === "string") connection?.receive(message);
        else connection?.close(UNSUPPORTED, "messages are text");
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
