// The WebSockets that speak GraphQL: takes requests for `/graphql` that would become one.
import type { Server } from "bun";
import { fault } from "../../base/error.ts";
import type { Random } from "../../base/random.ts";
import { problemAnswer } from "../http/problem-answer.ts";
import { createRequestIds } from "../http/request-id.ts";
import type { SocketPort, SocketState } from "../http/served-app.ts";
import { credentialOf } from "../websocket/socket-server.ts";
import { SocketSet, type SocketStats } from "../websocket/socket-set.ts";
import { GraphqlConnection, type ConnectionParts } from "./graphql-connection.ts";
import { SUBPROTOCOL } from "./graphql-messages.ts";

export interface GraphqlSocketParts extends Pick<ConnectionParts, "current" | "clock" | "log"> {
  readonly random: Random;
}

export interface GraphqlSockets extends SocketPort {
  stats(): SocketStats;
}

export function createGraphqlSockets(parts: GraphqlSocketParts): GraphqlSockets {
  return new GraphqlSocketServer(parts);
}

const IS_GRAPHQL = /^(?:\w+:\/\/[^/?#]*)?\/graphql(?:\?|$)/;

class GraphqlSocketServer implements GraphqlSockets {
  readonly #parts: GraphqlSocketParts;
  readonly #open: SocketSet;
  readonly #ids: ReturnType<typeof createRequestIds>;

  constructor(parts: GraphqlSocketParts) {
    this.#parts = parts;
    this.#open = new SocketSet(parts.clock);
    this.#ids = createRequestIds(parts.random);
  }

  stats(): SocketStats {
    return this.#open.stats();
  }

  upgrade(request: Request, server: Server<SocketState>, address: string): Response | undefined | null {
    // Every request comes by here: its headers are not looked at without need.
    if (!request.url.includes("/graphql") || !IS_GRAPHQL.test(request.url) || request.headers.get("upgrade")?.toLowerCase() !== "websocket") return null;
    const name = this.#ids.of(request.headers.get("x-request-id"));
    try {
      const app = this.#parts.current();
      if (!this.#open.hasRoom(app.limits.sockets)) throw fault("OVERLOADED", "No more connections are taken.", { retryAfterS: 1 });
      const headers = new Map([["authorization", credentialOf(request, app)], ["x-ambit-tenant", request.headers.get("x-ambit-tenant")]]);
      const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((one) => one.trim());
      const isSpoken = offered.includes(SUBPROTOCOL);
      const { current, clock, log } = this.#parts;
      const data = this.#open.state((wire) => new GraphqlConnection({ name, isSpoken, address, header: (header) => headers.get(header) ?? null, wire, current, clock, log }));
      if (server.upgrade(request, { data, ...(isSpoken ? { headers: { "sec-websocket-protocol": SUBPROTOCOL } } : {}) })) return undefined;
      throw fault("MALFORMED_HEADER", "The request cannot become a WebSocket.", { fix: "Send the headers of RFC 6455." });
    } catch (error) {
      const { status, headers, body } = problemAnswer(error, { requestId: name, log: this.#parts.log });
      return new Response(body as string, { status, headers });
    }
  }

  stop(drainMs: number): Promise<void> {
    return this.#open.stop(drainMs);
  }
}
