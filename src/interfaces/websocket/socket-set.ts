// The open WebSockets of one kind: hands messages to their connections, adds up what they hold, and ends all of them at a stop.
import type { ServerWebSocket } from "bun";
import type { Clock } from "../../base/clock.ts";
import type { SocketState } from "../http/served-app.ts";
import { CLOSE } from "./socket-connection.ts";
import { SocketTurn, type Wire } from "./socket-outbox.ts";

export interface OpenConnection {
  readonly subscriptions: number;
  readonly waitingBytes: number;
  receive(text: string): void;
  /** The client has taken what waited. */
  drained(): void;
  /** Resolves when no call is under way. */
  drain(): Promise<void>;
  close(code: number, reason: string): void;
  /** By whichever side. */
  closed(): void;
}

export interface SocketStats { readonly open: number; readonly subscriptions: number; readonly waitingBytes: number }

const UNSUPPORTED = 1003;

export class SocketSet {
  readonly #connections = new Set<OpenConnection>();
  readonly #turn = new SocketTurn();
  readonly #clock: Clock;
  #isStopping = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Another one is taken. */
  hasRoom(max: number): boolean {
    return !this.#isStopping && this.#connections.size < max;
  }

  stats(): SocketStats {
    let [subscriptions, waitingBytes] = [0, 0];
    for (const connection of this.#connections) {
      subscriptions += connection.subscriptions;
      waitingBytes += connection.waitingBytes;
    }
    return { open: this.#connections.size, subscriptions, waitingBytes };
  }

  async stop(drainMs: number): Promise<void> {
    this.#isStopping = true;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => { cancel = this.#clock.schedule(drainMs, resolve); });
    await Promise.race([Promise.all([...this.#connections].map((connection) => connection.drain())), late]);
    cancel();
    for (const connection of this.#connections) connection.close(CLOSE.goingAway, "the server stops");
  }

  /** Of a socket that `connect` makes a connection of, once it is open. */
  state(connect: (wire: Wire) => OpenConnection): SocketState {
    let connection: OpenConnection | null = null;
    return {
      opened: (socket) => {
        connection = connect(wireOf(socket, this.#turn));
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

/** `turn`: of all connections of a server. */
function wireOf(socket: ServerWebSocket<SocketState>, turn: SocketTurn): Wire {
  return {
    send: (text) => { socket.send(text); },
    waiting: () => socket.getBufferedAmount(),
    together: (work) => { if (socket.readyState === WebSocket.OPEN) socket.cork(work); },
    soon: (outbox) => turn.add(outbox),
    close: (code, reason) => socket.close(code, reason),
  };
}
