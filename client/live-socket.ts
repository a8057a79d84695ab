// The one WebSocket of a client: opens with the first stream, comes back after each loss, tells every stream to go on from where it was,
// renews the token. Knows frames by their `op` and `id` only: what is in them is the streams' own.
import { AmbitError, closed, disconnected, isProblem, type Problem } from "./ambit-error.ts";
import { backOffMs } from "./back-off.ts";
import type { Credentials, Token } from "./credentials.ts";
import type { Environment, SocketLike } from "./environment.ts";
import { tell } from "./tell.ts";

export interface ServerFrame { readonly op: string; readonly id?: string | null; readonly [member: string]: unknown }

/** What goes on over connections that come and go. */
export interface LiveStream {
  readonly id: string;
  /** What it says on each new connection, without its id. */
  begin(): object;
  take(frame: ServerFrame): void;
  /** It is over: the server refused it, or the client was closed. */
  fail(error: AmbitError): void;
}

export type ConnectionStatus = "idle" | "connecting" | "connected" | "waiting";

export interface SocketParts {
  readonly url: string;
  readonly credentials: Credentials;
  readonly environment: Environment;
  /** A connection on which nothing came for so long is asked for a sign of life, and given up after as long again. */
  readonly silenceMs: number;
  onStatus(status: ConnectionStatus): void;
}

interface Asked { resolve(body: unknown): void; reject(error: AmbitError): void }

const UNAUTHENTICATED = 4401;
const AUTH = "auth";
const PING = "ping";
/** A token is renewed when so much of its time is over. */
const RENEW_AFTER = 0.8;
/** Not in a circle, whatever tokens there are. */
const RENEW_MS_MIN = 1_000;
const TIMER_MS_MAX = 2_000_000_000;
const CONNECT_MS = 15_000;
/** As if so many tries had failed. */
const LATER_TRIES = 4;

export class LiveSocket {
  readonly #parts: SocketParts;
  readonly #streams = new Map<string, LiveStream>();
  readonly #asked = new Map<string, Asked>();
  #socket: SocketLike | null = null;
  /** Streams have begun on this socket. */
  #isReady = false;
  #status: ConnectionStatus = "idle";
  #tries = 0;
  #ids = 0;
  #token: Token = null;
  /** The last token that the server did not take, while it has taken no other. */
  #refusedToken: Token | undefined;
  #cancelWait = (): void => {};
  #cancelSilence = (): void => {};
  #cancelRenewal = (): void => {};
  #isClosed = false;

  constructor(parts: SocketParts) {
    this.#parts = parts;
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  nextId(): string {
    return `s${++this.#ids}`;
  }

  /** Follows until `remove`, over as many connections as it takes. */
  add(stream: LiveStream): void {
    if (this.#isClosed) return stream.fail(closed());
    this.#streams.set(stream.id, stream);
    if (this.#isReady) this.#send({ ...stream.begin(), id: stream.id });
    else if (this.#status === "idle") void this.#connect();
  }

  remove(stream: LiveStream): void {
    if (this.#streams.get(stream.id) !== stream) return;
    this.#streams.delete(stream.id);
    if (this.#isReady) this.#send({ op: "unsubscribe", id: stream.id });
    if (this.#streams.size === 0) this.#disconnect();
  }

  /** One frame and its answer. Rejects with DISCONNECTED where the connection ends before it comes. */
  ask(frame: object): Promise<unknown> {
    if (!this.#isReady) return Promise.reject(disconnected());
    const id = this.nextId();
    return new Promise((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#send({ ...frame, id });
    });
  }

  /** There may be a connection again. */
  wake(): void {
    if (this.#status !== "waiting") return;
    this.#cancelWait();
    void this.#connect();
  }

  close(): void {
    this.#isClosed = true;
    this.#disconnect();
    for (const stream of this.#takeStreams()) stream.fail(closed());
  }

  async #connect(): Promise<void> {
    this.#become("connecting");
    const { credentials, environment, url } = this.#parts;
    const refused = this.#refusedToken;
    let token: Token | undefined;
    try {
      token = refused === undefined ? await credentials.current() : await credentials.renewed(refused);
    } catch {
      // Who gives tokens is not there just now.
    }
    // Nobody follows any more, or another try was faster.
    if (this.#status !== "connecting" || this.#socket !== null) return;
    if (token === undefined) return this.#wait();
    if (token === refused) return this.#endAll(unauthenticated());
    this.#token = token;
    let socket: SocketLike;
    try {
      socket = environment.openSocket(url);
    } catch (error) {
      return this.#endAll(new AmbitError({ status: 0, code: "DISCONNECTED", message: "No WebSocket can be opened.", fix: "Where the platform has none, as Node before 22, hand one in: connect({ WebSocket }), of the package ws. Else see the cause." }, { cause: error }));
    }
    this.#socket = socket;
    this.#cancelSilence = environment.schedule(CONNECT_MS, () => this.#lost(socket));
    socket.addEventListener("open", () => this.#opened(socket));
    socket.addEventListener("message", ({ data }) => this.#received(socket, data));
    socket.addEventListener("close", ({ code }) => this.#lost(socket, code));
    socket.addEventListener("error", () => this.#lost(socket));
  }

  #opened(socket: SocketLike): void {
    if (socket !== this.#socket) return;
    this.#listen();
    // What comes before the token was taken would be asked by nobody.
    if (this.#token === null) this.#begin();
    else this.#send({ op: "auth", id: AUTH, token: this.#token });
  }

  #begin(): void {
    this.#isReady = true;
    this.#become("connected");
    for (const stream of this.#streams.values()) this.#send({ ...stream.begin(), id: stream.id });
  }

  #received(socket: SocketLike, data: unknown): void {
    if (socket !== this.#socket || typeof data !== "string") return;
    this.#listen();
    const frame = readFrame(data);
    if (frame === null) return this.#lost(socket);
    if (frame.id === AUTH) return this.#signedIn(socket, frame);
    if (frame.id === PING || frame.id === undefined || frame.id === null) return;
    const asked = this.#asked.get(frame.id);
    if (asked !== undefined) return this.#answered(frame.id, asked, frame);
    const stream = this.#streams.get(frame.id);
    if (stream === undefined || frame.op === "done") return;
    this.#tries = 0;
    if (frame.op !== "error") return stream.take(frame);
    this.#refused(stream, frame["problem"]);
  }

  #signedIn(socket: SocketLike, frame: ServerFrame): void {
    if (frame.op === "error") {
      const isFirst = this.#refusedToken === undefined;
      this.#refusedToken = this.#token;
      // On a connection that goes on, the old one still counts.
      if (!this.#isReady) void this.#signInAgain(socket, isFirst);
      return;
    }
    this.#refusedToken = undefined;
    this.#renewLater((frame["body"] as { expiresIn?: number | null } | null)?.expiresIn ?? null);
    if (!this.#isReady) this.#begin();
  }

  /** A token that ended while there was no connection: the next one goes over this one. Where that is refused, too, it takes its time. */
  async #signInAgain(socket: SocketLike, isFirst: boolean): Promise<void> {
    const { credentials } = this.#parts;
    if (!isFirst || !credentials.isRenewable) return this.#lost(socket);
    const refused = this.#token;
    try {
      const token = await credentials.renewed(refused);
      if (socket !== this.#socket) return;
      if (token === null || token === refused) return this.#lost(socket);
      this.#token = token;
      this.#send({ op: "auth", id: AUTH, token });
    } catch {
      this.#lost(socket);
    }
  }

  #renewLater(expiresInS: number | null): void {
    this.#cancelRenewal();
    const { credentials, environment } = this.#parts;
    if (expiresInS === null || !credentials.isRenewable) return;
    const renew = async (): Promise<void> => {
      const socket = this.#socket;
      const token = await credentials.renewed(this.#token);
      if (socket === null || socket !== this.#socket || token === null || token === this.#token) return;
      this.#token = token;
      this.#send({ op: "auth", id: AUTH, token });
    };
    // Where that fails, the server ends the connection in time, and the next one begins with another token.
    this.#cancelRenewal = environment.schedule(Math.min(TIMER_MS_MAX, Math.max(RENEW_MS_MIN, expiresInS * 1_000 * RENEW_AFTER)), () => { renew().catch(() => {}); });
  }

  #answered(id: string, { resolve, reject }: Asked, frame: ServerFrame): void {
    this.#asked.delete(id);
    const problem = frame.op === "error" ? frame["problem"] : frame["body"];
    if (frame.op === "error" || Number(frame["status"]) >= 400) reject(problemOf(problem));
    else resolve(frame["body"] ?? null);
  }

  /** What may go later is begun again later; all else is over. */
  #refused(stream: LiveStream, problem: unknown): void {
    const error = problemOf(problem);
    if (error.retry) {
      const { environment } = this.#parts;
      const socket = this.#socket;
      environment.schedule(backOffMs(LATER_TRIES, () => environment.random()), () => {
        // Another connection has begun it already.
        if (socket === this.#socket && this.#streams.get(stream.id) === stream) this.#send({ ...stream.begin(), id: stream.id });
      });
      return;
    }
    this.#streams.delete(stream.id);
    stream.fail(error);
    if (this.#streams.size === 0) this.#disconnect();
  }

  #lost(socket: SocketLike, code?: number): void {
    if (socket !== this.#socket) return;
    if (code === UNAUTHENTICATED) this.#refusedToken = this.#token;
    this.#drop(socket);
    if (this.#streams.size > 0 && !this.#isClosed) this.#wait();
  }

  #wait(): void {
    this.#become("waiting");
    this.#cancelWait();
    this.#tries++;
    const { environment } = this.#parts;
    this.#cancelWait = environment.schedule(backOffMs(this.#tries, () => environment.random()), () => { void this.#connect(); });
  }

  /** Anything that comes is a sign of life. */
  #listen(): void {
    const { environment, silenceMs } = this.#parts;
    this.#cancelSilence();
    const socket = this.#socket!;
    this.#cancelSilence = environment.schedule(silenceMs, () => {
      this.#send({ op: "ping", id: PING });
      this.#cancelSilence = environment.schedule(silenceMs, () => this.#lost(socket));
    });
  }

  #send(frame: object): void {
    try {
      this.#socket?.send(JSON.stringify(frame));
    } catch {
      // It is closing: what follows from that, the close says.
    }
  }

  #drop(socket: SocketLike): void {
    this.#socket = null;
    this.#isReady = false;
    this.#cancelSilence();
    this.#cancelRenewal();
    try {
      socket.close();
    } catch {
      // It has not opened yet.
    }
    const asked = [...this.#asked.values()];
    this.#asked.clear();
    for (const { reject } of asked) reject(disconnected());
  }

  #disconnect(): void {
    this.#cancelWait();
    if (this.#socket !== null) this.#drop(this.#socket);
    this.#become("idle");
  }

  #endAll(error: AmbitError): void {
    this.#disconnect();
    this.#refusedToken = undefined;
    for (const stream of this.#takeStreams()) stream.fail(error);
  }

  #takeStreams(): LiveStream[] {
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    return streams;
  }

  #become(status: ConnectionStatus): void {
    if (status === this.#status) return;
    this.#status = status;
    tell(() => this.#parts.onStatus(status));
  }
}

function readFrame(text: string): ServerFrame | null {
  try {
    return JSON.parse(text) as ServerFrame;
  } catch {
    return null;
  }
}

function problemOf(problem: unknown): AmbitError {
  const told: Problem = isProblem(problem) ? problem : { status: 0, code: "NOT_AMBIT", message: "The server refused without a problem object." };
  return new AmbitError(told);
}

function unauthenticated(): AmbitError {
  return new AmbitError({ status: 401, code: "INVALID_TOKEN", message: "The server does not take the token.", fix: "Sign in again, and make a client with the new token." });
}
