// The HTTP listener: one request in, one answer out, with the limits, headers, logs and metrics that all of them share.
// Knows no interface by name: what the paths mean is the handler's.
import http from "node:http";
import type { Server, WebSocketHandler } from "bun";
import { fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import { createAnswering, type Answering } from "./answering.ts";
import { createProxyTrust } from "./client-address.ts";
import type { HttpServer, ServeOptions, SocketState } from "./served-app.ts";

/** Bodies are bounded while they are read (read-body.ts), so that a refusal can say why; Bun holds back what nobody reads. */
const BODY_BYTES_OF_BUN = Number.MAX_SAFE_INTEGER;
/** Beside URL and headers: the request line's other words. */
const REQUEST_LINE_SLACK_BYTES = 64;
const IDLE_S_OF_BUN_MAX = 255;
/** Bun looks at silence this often, and counts the first look as a whole step: what is to last at least N seconds needs one more. */
const IDLE_STEP_S = 4;

/** Throws PORT_IN_USE, and what Bun.serve throws. */
export function serveHttp(options: ServeOptions): HttpServer {
  let draining = false;
  const answering = createAnswering({ ...options, draining: () => draining });
  let server = listen(options, answering);
  let shown = options.tls;
  /** Of former certificates: their connections go on. */
  const former: Server<SocketState>[] = [];
  return {
    get port() { return server.port ?? options.port; },
    url: `${options.tls === null ? "http" : "https"}://${options.host.includes(":") ? `[${options.host}]` : options.host}:${server.port ?? options.port}`,
    get pending() { return [server, ...former].reduce((sum, { pendingRequests }) => sum + pendingRequests, 0); },
    renew(tls) {
      const again = { ...options, port: server.port ?? options.port };
      const before = server;
      former.push(before);
      // In one go, so that nobody meets a closed port.
      void before.stop(false).finally(() => { former.splice(former.indexOf(before), 1); });
      try {
        server = listen({ ...again, tls }, answering);
        shown = tls;
      } catch (error) {
        server = listen({ ...again, tls: shown }, answering);
        throw error;
      }
    },
    async stop(drainMs) {
      draining = true;
      let cancel = (): void => {};
      const late = new Promise<void>((resolve) => { cancel = options.clock.schedule(drainMs, resolve); });
      await Promise.all((options.sockets ?? []).map((port) => port.stop(drainMs)));
      const all = [server, ...former];
      await Promise.race([Promise.all(all.map((one) => one.stop(false))), late]);
      cancel();
      await Promise.all(all.map((one) => one.stop(true)));
    },
  };
}

function listen(options: ServeOptions, answering: Answering): Server<SocketState> {
  const { limits } = options.current();
  boundHeads(limits);
  const ports = options.sockets ?? [];
  const proxies = createProxyTrust(options.trustProxy);
  const common = {
    maxRequestBodySize: BODY_BYTES_OF_BUN,
    development: false as const,
    ...(options.tls === null ? {} : { tls: { cert: options.tls.cert, key: options.tls.key } }),
    fetch: (request: Request, server: Server<SocketState>) => {
      // A request that wants to be a socket says so; all others go straight on.
      if (ports.length > 0 && request.headers.has("upgrade")) for (const port of ports) {
        const socket = port.upgrade(request, server, proxies.clientAddress(server.requestIP(request)?.address ?? "", request.headers.get("x-forwarded-for")));
        if (socket !== null) return socket;
      }
      return answering.respond(request, server);
    },
    error: () => new Response(null, { status: 500 }),
    websocket: socketHandlers(limits),
  };
  if (options.unix !== undefined) return Bun.serve<SocketState>({ ...common, unix: options.unix });
  try {
    // Outside of its development mode Bun shares a port with other processes unless it is told not to.
    return Bun.serve<SocketState>({ ...common, hostname: options.host, port: options.port, reusePort: false, idleTimeout: Math.min(limits.idleS + IDLE_STEP_S, IDLE_S_OF_BUN_MAX) });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === "EADDRINUSE") throw fault("PORT_IN_USE", `Another program listens on ${options.host}:${options.port}.`, { cause: error });
    if (code === undefined || !SYSTEM_CODE.test(code)) throw error;
    throw fault("CONFIG", `The app cannot listen on ${options.host}:${options.port} (${code}).`, { fix: "Correct http.host and http.port.", cause: error });
  }
}

/** Bun answers pings and sends its own; a peer that is gone is noticed within this. */
const SILENCE_S = 120;

function socketHandlers(limits: Limits): WebSocketHandler<SocketState> {
  return {
    maxPayloadLength: Math.max(1_024, limits.bodyBytes * 2), backpressureLimit: 2 * (limits.answerBytes + limits.connectionQueueBytes), closeOnBackpressureLimit: false,
    idleTimeout: SILENCE_S, sendPings: true, perMessageDeflate: false,
    open: (socket) => socket.data.opened(socket),
    message: (socket, message) => socket.data.received(message),
    drain: (socket) => socket.data.drained(),
    close: (socket) => socket.data.closed(),
  };
}

/** What the system answers: no such address, not permitted. */
const SYSTEM_CODE = /^E[A-Z]+$/;

/** Bun takes the bound of a whole head from node:http's setting when it begins to listen; it is one for the process. */
function boundHeads(limits: Limits): void {
  Reflect.set(http, "maxHeaderSize", limits.urlBytes + limits.headerBytes + REQUEST_LINE_SLACK_BYTES);
}

export type { HttpServer };
