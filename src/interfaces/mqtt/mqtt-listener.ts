// Where clients come from: TCP and TLS ports of their own, and WebSockets at `/mqtt` of the HTTP listener. Bytes in and out, nothing else.
import type { Server, ServerWebSocket, Socket, TCPSocketListener } from "bun";
import { fault } from "../../base/error.ts";
import type { SocketPort, SocketState } from "../http/served-app.ts";
import type { Broker } from "./broker.ts";
import type { Connection } from "./connection.ts";
import type { SocketWire } from "./outbox.ts";

export interface MqttListenOptions {
  readonly host: string;
  /** Null: none. 0: any free one. */
  readonly port: number | null;
  readonly tlsPort: number | null;
  /** PEM text. */
  readonly tls: { readonly cert: string; readonly key: string } | null;
}

export interface MqttListeners {
  readonly port: number | null;
  readonly tlsPort: number | null;
  /** New connections over TLS are shown this certificate; the others go on. */
  renew(tls: NonNullable<MqttListenOptions["tls"]>): void;
  /** No more are taken. `closes`: those that are there end. */
  stop(closes: boolean): void;
}

interface SocketData { wire: TcpWire | null; connection: Connection | null }

/** Throws PORT_IN_USE or CONFIG. */
export function listenMqtt(broker: Broker, { host, port, tlsPort, tls }: MqttListenOptions): MqttListeners {
  const listeners: TCPSocketListener<SocketData>[] = [];
  let secured: TCPSocketListener<SocketData> | null = null;
  const open = (at: number, pair: MqttListenOptions["tls"]): TCPSocketListener<SocketData> => {
    const listener = Bun.listen<SocketData>({ hostname: host, port: at, ...(pair === null ? {} : { tls: { cert: pair.cert, key: pair.key } }), socket: handlersFor(broker), data: { wire: null, connection: null } });
    listeners.push(listener);
    if (pair !== null) secured = listener;
    return listener;
  };
  const listen = (at: number, secure: boolean): number => {
    try {
      return open(at, secure ? tls : null).port;
    } catch (error) {
      for (const listener of listeners) listener.stop(true);
      if ((error as { code?: string }).code === "EADDRINUSE") throw fault("PORT_IN_USE", `Another program listens on ${host}:${at}, for MQTT here.`, { fix: `Stop it, or set another mqtt.${secure ? "tlsPort" : "port"} in config.yaml; 0 takes a free one.`, cause: error });
      throw fault("CONFIG", `The app cannot listen for MQTT on ${host}:${at}.`, { fix: "Correct http.host and the ports of mqtt.", cause: error });
    }
  };
  return {
    port: port === null ? null : listen(port, false),
    tlsPort: tlsPort === null ? null : listen(tlsPort, true),
    renew(pair) {
      if (secured === null) return;
      const { port: at } = secured;
      secured.stop(false);
      open(at, pair);
    },
    stop: (closes) => { for (const listener of listeners) listener.stop(closes); },
  };
}

function handlersFor(broker: Broker): Parameters<typeof Bun.listen<SocketData>>[0]["socket"] {
  return {
    open(socket) {
      const wire = new TcpWire(socket);
      const connection = broker.connect(wire);
      socket.data = { wire, connection };
      if (connection === null) socket.end();
      else socket.setNoDelay(true);
    },
    data: (socket, chunk) => socket.data.connection?.receive(Buffer.from(chunk)),
    drain(socket) {
      if (socket.data.wire?.drain() === true) socket.data.connection?.drained();
    },
    close: (socket) => socket.data.connection?.closed(),
    end: (socket) => { socket.end(); },
    error: (socket) => socket.data.connection?.closed(),
  };
}

const NOTHING = new Uint8Array(0);

/** What the kernel does not take waits here. */
class TcpWire implements SocketWire {
  readonly #socket: Socket<SocketData>;
  #waiting: Uint8Array[] = [];
  #bytes = 0;
  #isEnding = false;

  readonly address: string;

  constructor(socket: Socket<SocketData>) {
    this.#socket = socket;
    this.address = socket.remoteAddress;
  }

  send(bytes: Uint8Array): void {
    const taken = this.#waiting.length > 0 ? 0 : Math.max(0, this.#socket.write(bytes));
    if (taken >= bytes.length) return;
    const rest = taken === 0 ? bytes : bytes.subarray(taken);
    this.#waiting.push(rest);
    this.#bytes += rest.length;
  }

  waiting(): number {
    return this.#bytes;
  }

  /** True: nothing waits any more. */
  drain(): boolean {
    while (this.#waiting.length > 0) {
      const bytes = this.#waiting[0] ?? NOTHING;
      const taken = Math.max(0, this.#socket.write(bytes));
      this.#bytes -= taken;
      if (taken < bytes.length) {
        this.#waiting[0] = bytes.subarray(taken);
        return false;
      }
      this.#waiting.shift();
    }
    if (this.#isEnding) this.#socket.end();
    return true;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#isEnding = true;
    // What a client does not read must not keep its socket open.
    if (this.#bytes > 0) this.#socket.terminate();
    else this.#socket.end();
  }
}

const IS_MQTT = /^(?:\w+:\/\/[^/?#]*)?\/mqtt(?:\?|$)/;

/** Binary frames with any part of the stream, as the standard has it. */
export function mqttSockets(broker: Broker): SocketPort {
  return {
    upgrade(request: Request, server: Server<SocketState>, address: string): Response | undefined | null {
      if (!request.url.includes("/mqtt") || !IS_MQTT.test(request.url) || request.headers.get("upgrade")?.toLowerCase() !== "websocket") return null;
      const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim());
      if (!offered.includes("mqtt")) return new Response("the subprotocol is mqtt\n", { status: 400 });
      return server.upgrade(request, { data: socketState(broker, address), headers: { "sec-websocket-protocol": "mqtt" } }) ? undefined : new Response(null, { status: 400 });
    },
    stop: (drainMs) => broker.stop(drainMs),
  };
}

function socketState(broker: Broker, address: string): SocketState {
  let connection: Connection | null = null;
  return {
    opened(socket) {
      connection = broker.connect(webSocketWire(socket, address));
      if (connection === null) socket.close(TRY_AGAIN, "no more connections are taken");
    },
    received(message) {
      if (typeof message === "string") connection?.disconnect(0x81, "frames are binary");
      else connection?.receive(Buffer.from(message));
    },
    drained: () => connection?.drained(),
    closed: () => connection?.closed(),
  };
}

const TRY_AGAIN = 1013;

/** It cannot stop reading: what comes meanwhile waits in the connection, which bounds it. */
function webSocketWire(socket: ServerWebSocket<SocketState>, address: string): SocketWire {
  return {
    address,
    send: (bytes) => { socket.sendBinary(bytes); },
    waiting: () => socket.getBufferedAmount(),
    pause: () => {},
    resume: () => {},
    close: () => socket.close(),
  };
}
