// One WebSocket that speaks graphql-transport-ws: signs in once, carries out operations, follows queries. What waits for a client that reads slowly
// is bounded: its changes are left out, and it gets a snapshot when it has read the rest.
import type { Identity } from "../../access/identity.ts";
import { watchIdentity } from "../../access/identity-lease.ts";
import { AmbitError, fault } from "../../base/error.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import { whenReady } from "../../base/when-ready.ts";
import type { ChannelFrame, ChannelSink } from "../../resources/channel-frame.ts";
import type { LiveSubscription, ResetReason } from "../../resources/live-frame.ts";
import { problemAnswer } from "../http/problem-answer.ts";
import { readTarget } from "../http/request-target.ts";
import { withinTenant } from "../http/tenant-header.ts";
import { SocketExchange } from "../websocket/socket-exchange.ts";
import { SocketOutbox, type Wire } from "../websocket/socket-outbox.ts";
import { ACKNOWLEDGED, CLOSE_CODES, completeText, errorText, nextText, pongText, readMessage, type ClientMessage } from "./graphql-messages.ts";
import type { GraphqlFollowing, GraphqlServedApp, PortOperating } from "./graphql-port.ts";
import { refusalObject } from "./graphql-errors.ts";

export interface ConnectionParts {
  readonly wire: Wire;
  readonly current: () => GraphqlServedApp;
  readonly clock: Clock;
  readonly log: Log;
  readonly name: string;
  /** Of the client. */
  readonly address: string;
  /** Of the request that it began with. */
  readonly header: (name: string) => string | null;
  /** What it must offer is spoken here. */
  readonly isSpoken: boolean;
}

/** One operation under way. */
interface Running {
  readonly id: string;
  readonly payload: unknown;
  readonly gone: AbortController;
  live: GraphqlFollowing | null;
  subscription: LiveSubscription | null;
  /** Changes were left out. */
  isBehind: boolean;
  isOver: boolean;
}

const PATH = "/graphql";

export class GraphqlConnection {
  readonly #parts: ConnectionParts;
  readonly #outbox: SocketOutbox;
  readonly #running = new Map<string, Running>();
  #identity: Identity | null = null;
  #credential: string | null = null;
  #tenant: string | null = null;
  #isInitialised = false;
  #isClosed = false;
  #isDraining = false;
  #isRenewing = false;
  #calls = 0;
  #operations = 0;
  #cancelInit: () => void;
  #cancelExpiry = (): void => {};
  #idle: (() => void) | null = null;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#outbox = new SocketOutbox(parts.wire, () => this.drained());
    this.#cancelInit = parts.clock.schedule(parts.current().limits.authMs, () => this.close(CLOSE_CODES.initialisationTimeout, "Connection initialisation timeout"));
    if (!parts.isSpoken) this.close(CLOSE_CODES.subprotocolNotAcceptable, "Subprotocol not acceptable");
  }

  get subscriptions(): number {
    return this.#running.size;
  }

  /** What the client has not taken yet. */
  get waitingBytes(): number {
    return this.#outbox.waiting;
  }

  receive(text: string): void {
    if (this.#isClosed || this.#isDraining) return;
    const { limits } = this.#parts.current();
    // Who sends without reading what comes back is not served on.
    if (this.#outbox.waiting > limits.connectionQueueBytes + limits.answerBytes) return this.close(CLOSE_CODES.badRequest, "The client does not read");
    const message = readMessage(text, limits.jsonDepth);
    if (message?.type === "subscribe" && text.length > limits.bodyBytes) return this.#outbox.push(errorText(message.id, this.#told(fault("BODY_TOO_LARGE", `The message is larger than ${limits.bodyBytes} bytes.`))));
    if (message === null) return this.close(CLOSE_CODES.badRequest, "Invalid message received");
    switch (message.type) {
      case "connection_init": return this.#initialise(message.payload);
      case "ping": return this.#outbox.push(pongText(message.payload));
      case "pong": return;
      case "subscribe": return this.#subscribe(message);
      case "complete": return this.#end(this.#running.get(message.id));
    }
  }

  /** The client has taken what waited. */
  drained(): void {
    if (!this.#outbox.isAwaited || this.#isClosed) return;
    for (const running of this.#running.values()) {
      if (!running.isBehind) continue;
      if (this.#outbox.waiting > 0) return;
      running.isBehind = false;
      this.#take(running, { op: "gap" });
      running.subscription?.snapshot();
      this.#outbox.flush();
    }
    this.#outbox.isAwaited = false;
  }

  /** Takes no more messages; resolves when no operation but followed queries is under way. */
  drain(): Promise<void> {
    this.#isDraining = true;
    return this.#calls === 0 ? Promise.resolve() : new Promise((resolve) => { this.#idle = resolve; });
  }

  close(code: number, reason: string): void {
    if (this.#isClosed) return;
    this.#outbox.flush();
    this.closed();
    this.#parts.wire.close(code, reason);
  }

  /** By whichever side. */
  closed(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#outbox.close();
    this.#cancelInit();
    this.#cancelExpiry();
    for (const running of this.#running.values()) this.#end(running);
    this.#idle?.();
  }

  #initialise(payload: Readonly<Record<string, unknown>>): void {
    if (this.#isInitialised) return this.close(CLOSE_CODES.tooManyInitialisations, "Too many initialisation requests");
    this.#isInitialised = true;
    const given = payload["authorization"] ?? payload["Authorization"] ?? this.#parts.header("authorization");
    const tenant = payload["x-ambit-tenant"] ?? this.#parts.header("x-ambit-tenant");
    if ((given !== null && typeof given !== "string") || (tenant !== null && typeof tenant !== "string")) return this.close(CLOSE_CODES.forbidden, "authorization is a text");
    this.#credential = given;
    this.#tenant = tenant;
    this.#signIn(() => {
      this.#cancelInit();
      this.#outbox.push(ACKNOWLEDGED);
    });
  }

  /** Whose token is not known may come again with another one. */
  #signIn(next: () => void): void {
    const known = (identity: Identity): void => {
      if (this.#isClosed) return;
      this.#identity = withinTenant(identity, (name) => (name === "x-ambit-tenant" ? this.#tenant : this.#parts.header(name)));
      this.#expire(this.#identity);
      next();
    };
    const refuse = (error: unknown): void => this.close(CLOSE_CODES.forbidden, error instanceof AmbitError ? `${error.code}: ${error.message}`.slice(0, REASON_LENGTH_MAX) : "Forbidden");
    try {
      const found = this.#parts.current().authenticator.authenticate(this.#credential, this.#parts.address);
      if (found instanceof Promise) found.then(known).catch(refuse);
      else known(found);
    } catch (error) {
      refuse(error);
    }
  }

  #expire(identity: Identity): void {
    this.#cancelExpiry();
    this.#cancelExpiry = watchIdentity(this.#parts.clock, identity, {
      expired: () => this.close(CLOSE_CODES.forbidden, "INVALID_TOKEN: The token has expired."),
      over: () => { if (!this.#isClosed && !this.#isDraining) this.#signIn(() => this.#beginAnew(identity)); },
    });
  }

  /** Whoever is somebody else now is told all that is followed again. */
  #beginAnew(before: Identity): void {
    if (this.#identity?.key === before.key) return;
    for (const each of this.#running.values()) {
      if (each.live === null || each.subscription === null) continue;
      each.subscription.close();
      each.subscription = null;
      each.isBehind = false;
      this.#operate(each, "rights");
    }
  }

  #subscribe({ id, payload }: Extract<ClientMessage, { type: "subscribe" }>): void {
    if (this.#identity === null) return this.close(CLOSE_CODES.unauthorized, "Unauthorized");
    if (this.#running.has(id)) return this.close(CLOSE_CODES.subscriberExists, `Subscriber for ${id} already exists`);
    const running: Running = { id, payload, gone: new AbortController(), live: null, subscription: null, isBehind: false, isOver: false };
    const { limits } = this.#parts.current();
    this.#running.set(id, running);
    if (this.#running.size > limits.socketSubscriptions) return this.#refuse(running, fault("OVERLOADED", `More than ${limits.socketSubscriptions} operations are under way over this connection.`));
    if (this.#calls >= limits.socketCalls) return this.#refuse(running, fault("OVERLOADED", `More than ${limits.socketCalls} calls are under way over this connection.`, { retryAfterS: 1 }));
    this.#operate(running, null);
  }

  /** `reset`: it is told anew. */
  #operate(running: Running, reset: ResetReason | null): void {
    this.#calls++;
    const finished = (): void => {
      this.#calls--;
      if (this.#calls > 0 || !this.#isDraining) return;
      this.#outbox.flush();
      this.#idle?.();
    };
    try {
      const ready = whenReady(this.#parts.current().graphql.operate(this.#exchange(running), running.payload), (operating) => this.#begin(running, operating, reset));
      if (ready instanceof Promise) ready.catch((error: unknown) => this.#refuse(running, error)).finally(finished);
      else finished();
    } catch (error) {
      this.#refuse(running, error);
      finished();
    }
  }

  #begin(running: Running, operating: PortOperating, reset: ResetReason | null): void {
    if (running.isOver) return;
    if (operating.kind === "live") return this.#follow(running, operating.live, reset);
    this.#end(running);
    if (operating.errors !== null) return this.#outbox.push(errorText(running.id, operating.errors));
    this.#outbox.push(nextText(running.id, operating.text));
    this.#outbox.push(completeText(running.id));
  }

  #follow(running: Running, live: GraphqlFollowing, reset: ResetReason | null): void {
    running.live = live;
    const subscription = live.follow(this.#sink(running), reset);
    // It may have ended while it began.
    if (running.isOver) subscription.close();
    else running.subscription = subscription;
  }

  #sink(running: Running): ChannelSink {
    return {
      take: (frame) => this.#take(running, frame),
      fail: (error) => this.#refuse(running, error),
      renew: () => this.#renew(running),
    };
  }

  #take(running: Running, frame: ChannelFrame): void {
    if (running.isBehind || running.isOver || this.#isClosed) return;
    if ((frame.op === "change" || frame.op === "message") && this.#outbox.waiting > this.#parts.current().limits.connectionQueueBytes) {
      running.isBehind = true;
      this.#outbox.isAwaited = true;
      return;
    }
    try {
      this.#outbox.push(nextText(running.id, running.live!.text(frame)));
    } catch (error) {
      this.#refuse(running, error);
    }
  }

  /** Another app serves: with its own keys and another schema, so all of it is asked for again. */
  #renew(running: Running): void {
    if (this.#isClosed || running.isOver) return;
    running.subscription = null;
    running.isBehind = false;
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    queueMicrotask(() => {
      this.#isRenewing = false;
      if (this.#isDraining || this.#isClosed) return;
      this.#signIn(() => {
        for (const each of this.#running.values()) if (each.live !== null && each.subscription === null) this.#operate(each, "reload");
      });
    });
  }

  #end(running: Running | undefined): void {
    if (running === undefined || running.isOver) return;
    running.isOver = true;
    running.subscription?.close();
    running.gone.abort();
    this.#running.delete(running.id);
  }

  /** Ends it with what is wrong. */
  #refuse(running: Running, error: unknown): void {
    if (running.isOver) return;
    this.#end(running);
    this.#outbox.push(errorText(running.id, this.#told(error)));
  }

  /** As the list of errors that a client gets. */
  #told(error: unknown): string {
    const requestId = `${this.#parts.name}-${++this.#operations}`;
    if (!(error instanceof AmbitError)) problemAnswer(error, { requestId, log: this.#parts.log });
    const told = error instanceof AmbitError ? error : fault("INTERNAL", `Unexpected fault. Incident ${requestId}.`, { details: { incident: requestId } });
    return JSON.stringify([refusalObject(told, { requestId })]);
  }

  #exchange({ gone }: Running): SocketExchange {
    const { limits } = this.#parts.current();
    return new SocketExchange({
      method: "POST", target: readTarget(PATH, limits.urlBytes), headers: new Map(), body: new Uint8Array(), identity: this.#identity!, address: this.#parts.address, limits, signal: gone.signal,
      requestId: `${this.#parts.name}-${++this.#operations}`,
    });
  }
}

/** Of a close frame: 123 bytes. */
const REASON_LENGTH_MAX = 100;
