// One WebSocket: reads frames in order, carries out calls, follows queries and topics, publishes, and sends what there is once in each turn. What waits for a
// client that reads slowly is bounded: its changes are left out, and it gets a snapshot when it has read the rest.
import type { Identity } from "../../access/identity.ts";
import { watchIdentity } from "../../access/identity-lease.ts";
import { AmbitError, fault, toProblem } from "../../base/error.ts";
import type { Clock } from "../../base/clock.ts";
import type { Log } from "../../base/log.ts";
import type { ChannelFrame, ChannelSink, ChannelSubscription } from "../../resources/channel-frame.ts";
import type { LiveSubscription, ResetReason } from "../../resources/live-frame.ts";
import type { RunSink } from "../../resources/run-watch.ts";
import type { Answer } from "../http/exchange.ts";
import { problemAnswer } from "../http/problem-answer.ts";
import { readTarget } from "../http/request-target.ts";
import { withinTenant } from "../http/tenant-header.ts";
import type { SocketServedApp } from "../http/served-app.ts";
import { SocketExchange } from "./socket-exchange.ts";
import { SocketOutbox, type Wire } from "./socket-outbox.ts";
import { doneText, errorText, frameText, idIn, pongText, readFrame, resultText, runText, type ClientFrame } from "./socket-frames.ts";

export interface ConnectionParts {
  readonly wire: Wire;
  readonly current: () => SocketServedApp;
  readonly clock: Clock;
  readonly log: Log;
  readonly name: string;
  /** Of the client. */
  readonly address: string;
  /** Of the request that it began with. */
  readonly header: (name: string) => string | null;
  /** Null: nobody has signed in yet, and may do so by the first frame. */
  readonly identity: Identity | null;
}

interface Followed {
  readonly id: string;
  /** As JSON. */
  readonly idText: string;
  readonly query: string;
  subscription: LiveSubscription | ChannelSubscription | null;
  /** What was shown of this connection, to be shown again where it is followed anew; undefined: nothing. */
  state: unknown;
  /** Changes were left out. */
  isBehind: boolean;
  over: boolean;
}

/** RFC 6455 and the range for applications. */
export const CLOSE = { goingAway: 1001, tooMuch: 1008, unauthenticated: 4401 } as const;
const TOLD_HEADERS = ["etag", "location", "content-range", "ambit-next-cursor", "idempotency-replayed", "preference-applied", "retry-after"];

export class SocketConnection {
  readonly #parts: ConnectionParts;
  readonly #outbox: SocketOutbox;
  readonly #gone = new AbortController();
  readonly #followed = new Map<string, Followed>();
  #identity: Identity | null;
  #token: string | null = null;
  #calls = 0;
  #frames = 0;
  #isClosed = false;
  #isDraining = false;
  #isRenewing = false;
  #cancelAuth: () => void;
  #cancelExpiry = (): void => {};
  #idle: (() => void) | null = null;
  #signingIn: Promise<void> | null = null;

  constructor(parts: ConnectionParts) {
    this.#parts = parts;
    this.#outbox = new SocketOutbox(parts.wire, () => this.drained());
    this.#identity = parts.identity;
    const { authMs } = parts.current().limits;
    this.#cancelAuth = parts.identity === null ? parts.clock.schedule(authMs, () => this.close(CLOSE.tooMuch, "no frame within limits.authMs")) : () => {};
    if (parts.identity !== null) this.#expire(parts.identity);
  }

  get subscriptions(): number {
    return this.#followed.size;
  }

  /** What the client has not taken yet. */
  get waitingBytes(): number {
    return this.#outbox.waiting;
  }

  /** A message of the client. */
  receive(text: string): void {
    if (this.#isClosed || this.#isDraining) return;
    this.#cancelAuth();
    const { limits } = this.#parts.current();
    // Who sends without reading what comes back is not served on.
    if (this.#outbox.waiting > limits.connectionQueueBytes + limits.answerBytes) return this.close(CLOSE.tooMuch, "the client does not read");
    let frame: ClientFrame;
    try {
      frame = readFrame(text, limits.jsonDepth);
    } catch (error) {
      return this.#refuse(idIn(text), error);
    }
    if (this.#signingIn !== null && this.#calls + 1 > limits.socketCalls) return this.#refuse(idIn(text), fault("OVERLOADED", "Too much at once over this connection.", { retryAfterS: 1 }));
    // What comes after a token is about its holder.
    if (this.#signingIn === null) this.#act(frame);
    else {
      this.#calls++;
      void this.#actAfter(frame);
    }
  }

  /** The client has taken what waited. */
  drained(): void {
    if (!this.#outbox.isAwaited || this.#isClosed) return;
    for (const followed of this.#followed.values()) {
      if (!followed.isBehind) continue;
      if (this.#outbox.waiting > 0) return;
      followed.isBehind = false;
      this.#outbox.push(frameText({ op: "gap" }, followed.idText));
      followed.subscription?.snapshot();
      this.#outbox.flush();
    }
    this.#outbox.isAwaited = false;
  }

  /** Takes no more frames; resolves when no call is under way. */
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
    this.#cancelAuth();
    this.#cancelExpiry();
    this.#gone.abort();
    for (const followed of this.#followed.values()) {
      followed.over = true;
      followed.subscription?.close();
    }
    this.#followed.clear();
    this.#idle?.();
  }

  /** There may be several tokens one after the other. */
  async #actAfter(frame: ClientFrame): Promise<void> {
    while (this.#signingIn !== null) await this.#signingIn;
    this.#calls--;
    this.#act(frame);
    this.#rest();
  }

  #act(frame: ClientFrame): void {
    if (this.#isClosed) return;
    switch (frame.op) {
      case "auth": return this.#signIn(frame);
      case "subscribe": return this.#subscribe(frame);
      case "unsubscribe": return this.#unsubscribe(frame.id);
      case "publish": return this.#publish(frame);
      case "presence": return this.#present(frame);
      case "ping": return this.#outbox.push(pongText(frame.id));
      case "call": return this.#call(frame);
    }
  }

  #signIn({ id, token }: Extract<ClientFrame, { op: "auth" }>): void {
    this.#renewed(token, (identity) => {
      this.#token = token;
      this.#become(identity, "rights");
      this.#outbox.push(resultText(id, { status: 200, headers: {}, body: JSON.stringify({ subject: identity.subject, roles: identity.roles, expiresIn: this.#secondsOf(identity) }) }));
    }, (error) => this.#refuse(id, error));
  }

  #renewed(credential: string | null, then: (identity: Identity) => void, refuse: (error: unknown) => void): void {
    const known = (identity: Identity): void => {
      if (this.#isClosed) return;
      try {
        then(withinTenant(identity, this.#parts.header));
      } catch (error) {
        refuse(error);
      }
    };
    try {
      const found = this.#parts.current().authenticator.authenticate(credential, this.#parts.address);
      if (!(found instanceof Promise)) return known(found);
      const signing = found.then(known, refuse).finally(() => { if (this.#signingIn === signing) this.#signingIn = null; });
      this.#signingIn = signing;
    } catch (error) {
      refuse(error);
    }
  }

  /** Whoever is somebody else now begins anew with each query. */
  #become(identity: Identity, reason: ResetReason): void {
    const before = this.#identity;
    this.#identity = identity;
    this.#expire(identity);
    if (before?.key === identity.key && reason === "rights") return;
    // What somebody showed of themselves is not shown of somebody else.
    if (before?.subject !== identity.subject) for (const followed of this.#followed.values()) followed.state = undefined;
    for (const followed of this.#followed.values()) this.#follow(followed, { since: null, reset: reason });
  }

  #expire(identity: Identity): void {
    this.#cancelExpiry();
    this.#cancelExpiry = watchIdentity(this.#parts.clock, identity, {
      expired: () => {
        this.#refuse(null, fault("INVALID_TOKEN", "The token has expired."));
        this.close(CLOSE.unauthenticated, "the token has expired");
      },
      over: () => { if (!this.#isClosed && !this.#isDraining) this.#askAgain("rights"); },
    });
  }

  #secondsOf({ expiresAtMs }: Identity): number | null {
    return expiresAtMs === null ? null : Math.max(0, Math.floor((expiresAtMs - this.#parts.clock.now()) / 1_000));
  }

  #subscribe({ id, query, since }: Extract<ClientFrame, { op: "subscribe" }>): void {
    if (this.#followed.has(id)) return this.#refuse(id, fault("VALIDATION_FAILED", "There is a subscription with this id.", { where: "id", fix: "Use another id, or unsubscribe first." }));
    const { limits } = this.#parts.current();
    if (this.#followed.size >= limits.socketSubscriptions) return this.#refuse(id, fault("OVERLOADED", `More than ${limits.socketSubscriptions} queries are followed over this connection.`));
    const followed: Followed = { id, idText: JSON.stringify(id), query, subscription: null, state: undefined, isBehind: false, over: false };
    this.#followed.set(id, followed);
    this.#follow(followed, { since, reset: null });
  }

  #unsubscribe(id: string): void {
    const followed = this.#followed.get(id);
    if (followed === undefined) return this.#refuse(id, fault("NOT_FOUND", "There is no subscription with this id."));
    this.#end(followed);
    this.#outbox.push(doneText(id));
  }

  #end(followed: Followed): void {
    followed.over = true;
    followed.subscription?.close();
    this.#followed.delete(followed.id);
  }

  #follow(followed: Followed, { since, reset }: { readonly since: string | null; readonly reset: ResetReason | null }): void {
    followed.subscription?.close();
    followed.subscription = null;
    followed.isBehind = false;
    const app = this.#parts.current();
    try {
      const exchange = this.#exchange({ method: "GET", path: followed.query, headers: new Map(), body: new Uint8Array() });
      const subscription = app.socket.follow(exchange, { since, reset, sink: this.#sink(followed), connection: this });
      // It may have ended while it began.
      if (followed.over) return subscription.close();
      followed.subscription = subscription;
      if (followed.state !== undefined && "setPresence" in subscription) subscription.setPresence(followed.state);
    } catch (error) {
      this.#end(followed);
      this.#refuse(followed.id, error);
    }
  }

  #sink(followed: Followed): ChannelSink & RunSink {
    return {
      take: (frame) => this.#take(followed, frame),
      tell: (frame) => { if (frame.op === "done" ? !this.#isClosed && !followed.over : this.#hasRoom(followed, false)) this.#outbox.push(runText(frame, followed.idText)); },
      end: () => this.#end(followed),
      fail: (error) => {
        if (followed.over) return;
        this.#end(followed);
        this.#refuse(followed.id, error);
      },
      renew: () => this.#renew(followed),
    };
  }

  #take(followed: Followed, frame: ChannelFrame): void {
    if (this.#hasRoom(followed, frame.op === "snapshot" || frame.op === "reset")) this.#outbox.push(frameText(frame, followed.idText));
  }

  /** What must come comes in any case; the rest is left out until the client has read. */
  #hasRoom(followed: Followed, isOwed: boolean): boolean {
    if (followed.isBehind || this.#isClosed || followed.over) return false;
    if (isOwed || this.#outbox.waiting <= this.#parts.current().limits.connectionQueueBytes) return true;
    followed.isBehind = true;
    this.#outbox.isAwaited = true;
    return false;
  }

  /** Another app serves: with its own keys, so the holder of the credential is asked for again. */
  #renew(followed: Followed): void {
    if (this.#isClosed || followed.over) return;
    followed.subscription = null;
    if (this.#isRenewing) return;
    this.#isRenewing = true;
    queueMicrotask(() => {
      this.#isRenewing = false;
      if (!this.#isDraining) this.#askAgain("reload");
    });
  }

  /** Who the holder of the credential is by now. */
  #askAgain(reason: ResetReason): void {
    const credential = this.#token ?? this.#parts.header("authorization");
    this.#renewed(credential, (identity) => this.#become(identity, reason), (error) => {
      this.#refuse(null, error);
      this.close(CLOSE.unauthenticated, "the token is no longer known");
    });
  }

  #publish({ id, topic, message }: Extract<ClientFrame, { op: "publish" }>): void {
    const { limits, socket } = this.#parts.current();
    if (this.#calls >= limits.socketCalls) return this.#refuse(id, tooManyCalls(limits.socketCalls));
    const told = (): void => { if (id !== null) this.#outbox.push(resultText(id, { status: 204, headers: {}, body: null })); };
    try {
      const done = socket.publish({ topic, message, identity: this.#who(), requestId: `${this.#parts.name}-${++this.#frames}`, address: this.#parts.address });
      if (!(done instanceof Promise)) return told();
      this.#calls++;
      void done.then(told, (error: unknown) => this.#refuse(id, error)).finally(() => this.#called());
    } catch (error) {
      this.#refuse(id, error);
    }
  }

  #present({ id, topic, state }: Extract<ClientFrame, { op: "presence" }>): void {
    try {
      for (const followed of this.#followed.values()) {
        const { subscription } = followed;
        if (subscription === null || !("setPresence" in subscription) || subscription.topic !== topic) continue;
        const entry = subscription.setPresence(state);
        followed.state = state;
        if (id !== null) this.#outbox.push(resultText(id, { status: 200, headers: {}, body: entry }));
        return;
      }
      throw fault("NOT_FOUND", "This connection is not subscribed to the topic.", { where: "topic", fix: "Subscribe to it first." });
    } catch (error) {
      this.#refuse(id, error);
    }
  }

  #call(frame: Extract<ClientFrame, { op: "call" }>): void {
    const { limits, socket } = this.#parts.current();
    if (this.#calls >= limits.socketCalls) return this.#refuse(frame.id, tooManyCalls(limits.socketCalls));
    this.#calls++;
    let exchange: SocketExchange;
    try {
      exchange = this.#exchange(frame);
      if (frame.body.length > limits.bodyBytes) throw fault("BODY_TOO_LARGE", `The body is larger than ${limits.bodyBytes} bytes.`);
      const answer = socket.handler.handle(exchange);
      if (!(answer instanceof Promise)) return this.#answer(frame.id, answer);
      answer.then((ready) => this.#answer(frame.id, ready), (error: unknown) => this.#answer(frame.id, this.#problem(error)));
    } catch (error) {
      this.#answer(frame.id, this.#problem(error));
    }
  }

  #answer(id: string, answer: Answer): void {
    const headers = Object.fromEntries(TOLD_HEADERS.flatMap((name) => (answer.headers[name] === undefined ? [] : [[name, answer.headers[name]]])));
    const type = answer.headers["content-type"] ?? "";
    const text = typeof answer.body === "string" ? answer.body : answer.body === null ? null : new TextDecoder().decode(answer.body);
    const body = text === null || text === "" ? null : /[/+]json/.test(type) ? text : JSON.stringify(text);
    if (!this.#isClosed) this.#outbox.push(resultText(id, { status: answer.status, headers, body }));
    this.#called();
  }

  /** It is no longer under way. */
  #called(): void {
    this.#calls--;
    this.#rest();
  }

  #rest(): void {
    if (this.#calls === 0 && this.#isDraining) {
      this.#outbox.flush();
      this.#idle?.();
    }
  }

  #exchange({ method, path, headers, body }: Pick<Extract<ClientFrame, { op: "call" }>, "method" | "path" | "headers" | "body">): SocketExchange {
    const app = this.#parts.current();
    if (!path.startsWith("/")) throw fault("MALFORMED_URL", "A path begins with a slash.", { fix: "Send it as in a request: /Product?price=lt.2000" });
    if (!METHODS.has(method)) throw fault("METHOD_NOT_ALLOWED", "There is no such method.", { fix: `Use one of ${[...METHODS].join(", ")}.` });
    const identity = this.#who();
    return new SocketExchange({
      method, headers, body, identity, address: this.#parts.address, limits: app.limits, signal: this.#gone.signal,
      target: readTarget(path, app.limits.urlBytes), requestId: `${this.#parts.name}-${++this.#frames}`,
    });
  }

  /** Nobody, where nobody has signed in. */
  #who(): Identity {
    return this.#identity ??= this.#parts.current().authenticator.authenticate(null) as Identity;
  }

  #refuse(id: string | null, error: unknown): void {
    const known = error instanceof AmbitError ? error : null;
    const requestId = `${this.#parts.name}-${++this.#frames}`;
    if (known !== null) return this.#outbox.push(errorText(id, toProblem(known, requestId)));
    const answer = problemAnswer(error, { requestId, log: this.#parts.log });
    this.#outbox.push(errorText(id, JSON.parse(answer.body as string) as ReturnType<typeof toProblem>));
  }

  #problem(error: unknown): Answer {
    return problemAnswer(error, { requestId: `${this.#parts.name}-${++this.#frames}`, log: this.#parts.log });
  }
}

function tooManyCalls(limit: number): AmbitError {
  return fault("OVERLOADED", `More than ${limit} calls are under way over this connection.`, { retryAfterS: 1 });
}

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
