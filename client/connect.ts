// The client of an app: connects its parts. One for each account; nothing is sent before it is asked for something.
import { closed } from "./ambit-error.ts";
import { noFacts, type AnyApp, type AppFacts, type AppTypes } from "./app-types.ts";
import { ApprovalsClient } from "./approvals-client.ts";
import { Batch } from "./batch.ts";
import { ChannelClient } from "./channel-client.ts";
import { Credentials, type TokenSource } from "./credentials.ts";
import { platform, type Environment, type Fetch, type SocketConstructor } from "./environment.ts";
import { HttpSender, type WireAnswer, type WireRequest } from "./http-sender.ts";
import { LiveSocket, type ConnectionStatus } from "./live-socket.ts";
import { MutationQueue, type OfflineOptions } from "./mutation-queue.ts";
import { NegotiationsClient } from "./negotiations-client.ts";
import { bodyText } from "./request-body.ts";
import { TableClient, type ActionArguments, type MutationOptions } from "./table-client.ts";

export interface ConnectOptions<App extends AppTypes = AnyApp> {
  /** Of the app, as `https://shop.example`. */
  readonly url: string;
  /** What `ambit types --client` wrote. Without it nothing is typed, relations cannot be filtered by, and keys are called `id`. */
  readonly app?: AppFacts<App>;
  /** A token, or what gets one: asked again when the server takes the old one no longer. */
  readonly token?: TokenSource;
  /** Mutations wait for a connection. Without it they fail with DISCONNECTED. */
  readonly offline?: OfflineOptions;
  readonly onStatus?: (status: ConnectionStatus) => void;
  /** Sent with each request over HTTP. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A request without an answer is given up after this. 30 s. */
  readonly timeoutMs?: number;
  /** A connection on which nothing came for so long is asked for a sign of life. 25 s. */
  readonly silenceMs?: number;
  readonly fetch?: Fetch;
  /** Where the platform has none: Node before 22. */
  readonly WebSocket?: SocketConstructor;
}

const TIMEOUT_MS = 30_000;
const SILENCE_MS = 25_000;

/** Does no input or output yet. */
export function connect<App extends AppTypes = AnyApp>(options: ConnectOptions<App>): Client<App> {
  return new Client<App>(options, platform({ fetch: options.fetch, WebSocket: options.WebSocket }));
}

export class Client<App extends AppTypes = AnyApp> {
  readonly #facts: AppFacts;
  readonly #sender: HttpSender;
  readonly #socket: LiveSocket;
  readonly #queue: MutationQueue | null;
  readonly #environment: Environment;
  readonly #stopListening: () => void;
  #isClosed = false;

  constructor(options: ConnectOptions<App>, environment: Environment) {
    const url = options.url.replace(/\/+$/, "");
    const credentials = new Credentials(options.token);
    this.#facts = options.app ?? noFacts;
    this.#environment = environment;
    this.#sender = new HttpSender({ url, credentials, environment, timeoutMs: options.timeoutMs ?? TIMEOUT_MS, headers: options.headers ?? {} });
    this.#queue = options.offline === undefined ? null : new MutationQueue(this.#sender, environment, options.offline);
    this.#socket = new LiveSocket({
      url: `${url.replace(/^http/, "ws")}/ws`, credentials, environment, silenceMs: options.silenceMs ?? SILENCE_MS,
      onStatus: (status) => {
        if (status === "connected") this.#queue?.wake();
        options.onStatus?.(status);
      },
    });
    this.#stopListening = environment.onOnline(() => {
      this.#socket.wake();
      this.#queue?.wake();
    });
  }

  /** Of the connection that followed queries and channels share; `idle` while there are none. */
  get status(): ConnectionStatus {
    return this.#socket.status;
  }

  /** Mutations that wait for their answer. */
  get pending(): number {
    return this.#queue?.pending ?? 0;
  }

  /** A table, by its name on the wire. */
  from<Name extends keyof App["tables"] & string>(table: Name): TableClient<App["tables"][Name]> {
    return new TableClient({ name: table, facts: this.#facts, sender: this.#sender, mutations: this, socket: this.#socket });
  }

  /** A topic of a channel. */
  channel<Name extends keyof App["channels"] & string>(channel: Name, key: App["channels"][Name]["key"]): ChannelClient<App["channels"][Name]> {
    return new ChannelClient(this.#socket, this.#sender, { channel, key: String(key) });
  }

  /** What waits for the caller's word. */
  get approvals(): ApprovalsClient {
    return new ApprovalsClient({ sender: this.#sender, mutations: this, socket: this.#socket });
  }

  get negotiations(): NegotiationsClient {
    return new NegotiationsClient({ sender: this.#sender, mutations: this, socket: this.#socket });
  }

  /** An endpoint. One with GET is a read: it never waits. */
  async call<Name extends keyof App["endpoints"] & string>(endpoint: Name, ...[given, options]: ActionArguments<App["endpoints"][Name]["arguments"]>): Promise<App["endpoints"][Name]["result"]> {
    const { endpoints = {} } = this.#facts;
    const facts = Object.hasOwn(endpoints, endpoint) ? endpoints[endpoint] : undefined;
    const request: WireRequest = { method: "POST", path: `/rpc/${encodeURIComponent(endpoint)}`, headers: {}, body: bodyText(given ?? {}) };
    const answer = facts?.safe === true ? await this.#read(request, options?.signal) : await this.mutate(request, options);
    return (facts?.page === true ? { rows: answer.body, next: answer.header("ambit-next-cursor") } : answer.body) as App["endpoints"][Name]["result"];
  }

  /** Several operations, all or none. */
  batch(): Batch<App> {
    return new Batch<App>((request, options) => this.mutate(request, options));
  }

  /** Any request that changes something, under a key of its own. */
  async mutate(request: WireRequest, options: MutationOptions = {}): Promise<WireAnswer> {
    const { idempotencyKey, signal } = options;
    if (this.#isClosed) throw closed();
    if (this.#queue !== null) return this.#queue.send(request, { key: idempotencyKey, signal });
    return this.#sender.send({ ...request, headers: { ...request.headers, "idempotency-key": idempotencyKey ?? this.#environment.key() } }, signal);
  }

  /** For EventSource, which can send no headers: the address of a GET with a ticket that lasts 30 s and counts once. */
  async eventSourceUrl(path: string): Promise<string> {
    const { body } = await this.#read({ method: "POST", path: "/auth/ticket", headers: {}, body: null });
    return `${this.#sender.url}${path}${path.includes("?") ? "&" : "?"}ticket=${encodeURIComponent((body as { ticket: string }).ticket)}`;
  }

  /** Ends what is followed and what waits; what is kept in `offline.storage` stays there. */
  close(): void {
    this.#isClosed = true;
    this.#stopListening();
    this.#socket.close();
    this.#queue?.close();
  }

  async #read(request: WireRequest, signal?: AbortSignal): Promise<WireAnswer> {
    if (this.#isClosed) throw closed();
    return this.#sender.send(request, signal);
  }
}


