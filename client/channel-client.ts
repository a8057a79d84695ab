// One topic of a channel: messages as they come, publishing, and who is there. Messages are not stored: what is said while the connection
// is gone, or faster than this side reads, is not heard, and `onGap` says so.
import type { AmbitError } from "./ambit-error.ts";
import type { ChannelTypes } from "./app-types.ts";
import { Arrivals } from "./arrivals.ts";
import { LiveRows, type Row, type WireChange } from "./live-rows.ts";
import type { LiveSocket, LiveStream, ServerFrame } from "./live-socket.ts";
import type { HttpSender } from "./http-sender.ts";
import { bodyText, wireJson } from "./request-body.ts";
import { tell } from "./tell.ts";

/** A connection that listens to the topic. */
export interface Present<State = unknown> {
  /** Names the connection to others. */
  readonly connection: string;
  /** Null: nobody is signed in there. */
  readonly subject: string | null;
  readonly state: State;
}

export interface ChannelHandlers<Message> {
  onMessage?(message: Message): void;
  /** Messages may have been missed: the connection was gone, or this side read too slowly. */
  onGap?(): void;
  /** Everybody who is there, after each change. */
  onPresence?(present: readonly Present[]): void;
  /** It has ended: the server refused it. */
  onError?(error: AmbitError): void;
}

/** Messages that an iterator keeps for a slow loop; the oldest are left out beyond it. */
const KEPT_MESSAGES = 1_000;

export interface Topic { readonly channel: string; readonly key: string }

function topicText({ channel, key }: Topic): string {
  return `${channel}/${key}`;
}

function topicPath({ channel, key }: Topic): string {
  return `/${encodeURIComponent(channel)}/${encodeURIComponent(key)}`;
}

export class ChannelClient<Types extends ChannelTypes> {
  readonly #socket: LiveSocket;
  readonly #sender: HttpSender;
  readonly #topic: Topic;

  constructor(socket: LiveSocket, sender: HttpSender, topic: Topic) {
    this.#socket = socket;
    this.#sender = sender;
    this.#topic = topic;
  }

  /** Resolves when the server has taken it. Never waits for a connection, and is never said twice: DISCONNECTED where nobody knows. */
  async publish(message: Omit<Types["input"], Types["keyField"]>): Promise<void> {
    if (this.#socket.status === "connected") await this.#socket.ask({ op: "publish", topic: topicText(this.#topic), message: wireJson(message) });
    else await this.#sender.send({ method: "POST", path: topicPath(this.#topic), headers: {}, body: bodyText(message) });
  }

  listen(handlers: ChannelHandlers<Types["message"]> = {}): ChannelSubscription<Types["message"]> {
    return new FollowedTopic(this.#socket, this.#topic, handlers as ChannelHandlers<unknown>) as unknown as ChannelSubscription<Types["message"]>;
  }
}

/** Iterating tells the messages. */
export interface ChannelSubscription<Message> extends AsyncIterable<Message> {
  /** Resolves when the server tells messages; rejects if it refuses to. */
  readonly ready: Promise<void>;
  /** Who is there, as it is known; empty for channels without presence. */
  readonly present: readonly Present[];
  /** What others see of this connection; also on each connection to come. */
  setPresence(state: unknown): Promise<void>;
  close(): void;
}

export class FollowedTopic implements LiveStream, ChannelSubscription<unknown> {
  readonly id: string;
  readonly ready: Promise<void>;
  readonly #socket: LiveSocket;
  readonly #topic: Topic;
  readonly #handlers: ChannelHandlers<unknown>;
  readonly #entries = new LiveRows("connection", null);
  readonly #arrivals = new Set<Arrivals<unknown>>();
  #state: { readonly value: unknown } | null = null;
  #hasBegun = false;
  #end: { readonly error: AmbitError | null } | null = null;
  #begun: { resolve(): void; reject(error: AmbitError): void } | null = null;

  constructor(socket: LiveSocket, topic: Topic, handlers: ChannelHandlers<unknown>) {
    this.id = socket.nextId();
    this.#socket = socket;
    this.#topic = topic;
    this.#handlers = handlers;
    this.ready = new Promise((resolve, reject) => { this.#begun = { resolve, reject }; });
    // Whoever does not ask hears of it by `onError`.
    this.ready.catch(() => {});
    socket.add(this);
  }

  get present(): readonly Present[] {
    return this.#entries.rows as unknown as readonly Present[];
  }

  async setPresence(state: unknown): Promise<void> {
    await this.ready;
    this.#state = { value: state };
    if (this.#socket.status === "connected") await this.#tellPresence();
  }

  close(): void {
    if (this.#end !== null) return;
    this.#socket.remove(this);
    this.#finish(null);
  }

  [Symbol.asyncIterator](): AsyncGenerator<unknown, void, undefined> {
    const arrivals = new Arrivals<unknown>(KEPT_MESSAGES);
    if (this.#end !== null) arrivals.end(this.#end.error);
    else this.#arrivals.add(arrivals);
    return arrivals.iterate(() => { this.#arrivals.delete(arrivals); });
  }

  begin(): object {
    return { op: "subscribe", query: topicPath(this.#topic) };
  }

  take(frame: ServerFrame): void {
    switch (frame.op) {
      case "message":
        for (const message of frame["messages"] as readonly unknown[]) {
          for (const arrivals of this.#arrivals) arrivals.add(message);
          tell(() => this.#handlers.onMessage?.(message));
        }
        return;
      case "snapshot": return this.#snapshot(frame["rows"] as readonly Row[]);
      case "change":
        this.#entries.apply(frame["changes"] as readonly WireChange[]);
        return this.#tellPresent();
      // The snapshot that follows says it.
      default:
    }
  }

  fail(error: AmbitError): void {
    if (this.#end !== null) return;
    this.#finish(error);
    if (error.code !== "CLOSED") tell(() => this.#handlers.onError?.(error));
  }

  /** The first one says that messages are told from now on; each other one, that some may have been missed. */
  #snapshot(rows: readonly Row[]): void {
    const wasEmpty = this.#entries.rows.length === 0;
    this.#entries.replace(rows);
    const isFirst = !this.#hasBegun;
    this.#hasBegun = true;
    this.#begun?.resolve();
    this.#begun = null;
    if (!isFirst) {
      tell(() => this.#handlers.onGap?.());
      // Another connection knows nothing of it yet.
      this.#tellPresence().catch(() => {});
    }
    if (!(wasEmpty && rows.length === 0)) this.#tellPresent();
  }

  #tellPresent(): void {
    tell(() => this.#handlers.onPresence?.(this.present));
  }

  async #tellPresence(): Promise<void> {
    if (this.#state !== null) await this.#socket.ask({ op: "presence", topic: topicText(this.#topic), state: wireJson(this.#state.value) });
  }

  #finish(error: AmbitError | null): void {
    this.#end = { error };
    if (error !== null) this.#begun?.reject(error);
    for (const arrivals of this.#arrivals) arrivals.end(error?.code === "CLOSED" ? null : error);
    this.#arrivals.clear();
  }
}
