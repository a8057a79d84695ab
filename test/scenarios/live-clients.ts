// Clients of streams for tests: server-sent events and WebSockets, and the state that a subscriber rebuilds from them.
import { connect, type Socket } from "node:net";
import { within } from "../processes/app-process.ts";
import { WAIT_MS } from "../processes/waits.ts";

export interface Told { readonly event: string; readonly id: string | null; readonly data: Frame }

export interface Frame {
  readonly op: string;
  readonly id?: string | null;
  readonly position?: string;
  readonly rows?: readonly Row[];
  readonly changes?: readonly { readonly type: string; readonly key: unknown; readonly record?: Row }[];
  readonly reason?: string;
  readonly messages?: readonly Row[];
  readonly problem?: { readonly code: string; readonly status: number };
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

export type Row = Readonly<Record<string, unknown>>;

/** A list that grows, and whoever waits for its next items. */
class Arrivals<Item> {
  readonly items: Item[] = [];
  #taken = 0;
  #wake: (() => void)[] = [];
  #isOver = false;

  add(item: Item): void {
    this.items.push(item);
    this.#signal();
  }

  end(): void {
    this.#isOver = true;
    this.#signal();
  }

  get isOver(): boolean { return this.#isOver; }

  async next(waitMs = WAIT_MS): Promise<Item> {
    while (this.#taken >= this.items.length) {
      if (this.#isOver) throw new Error("the stream has ended");
      await within(waitMs, "the next frame", new Promise<void>((resolve) => { this.#wake.push(resolve); }));
    }
    return this.items[this.#taken++]!;
  }

  async ended(): Promise<void> {
    while (!this.#isOver) await within(WAIT_MS, "the end", new Promise<void>((resolve) => { this.#wake.push(resolve); }));
  }

  #signal(): void {
    const waiting = this.#wake;
    this.#wake = [];
    for (const wake of waiting) wake();
  }
}

/** GET with Accept: text/event-stream. */
export class EventClient {
  readonly response: Response;
  readonly text: string[] = [];
  readonly #arrivals = new Arrivals<Told>();
  readonly #abort: AbortController;
  /** As a browser's EventSource keeps it. */
  lastId: string | null = null;

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    if (response.body !== null && response.status === 200) void this.#read(response.body);
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<EventClient> {
    const abort = new AbortController();
    const response = await fetch(url, { headers: { accept: "text/event-stream", ...headers }, signal: abort.signal });
    return new EventClient(response, abort);
  }

  next(waitMs?: number): Promise<Told> { return this.#arrivals.next(waitMs); }
  ended(): Promise<void> { return this.#arrivals.ended(); }
  close(): void { this.#abort.abort(); }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    try {
      for await (const chunk of body) {
        rest += decoder.decode(chunk, { stream: true });
        const blocks = rest.split("\n\n");
        rest = blocks.pop()!;
        for (const block of blocks) this.#block(block);
      }
    } catch {
      // Closed by this side.
    }
    this.#arrivals.end();
  }

  #block(block: string): void {
    this.text.push(block);
    const field = (name: string): string[] => block.split("\n").filter((line) => line.startsWith(`${name}: `)).map((line) => line.slice(name.length + 2));
    const id = field("id").at(-1) ?? null;
    if (id !== null) this.lastId = id;
    const data = field("data");
    if (data.length > 0) this.#arrivals.add({ event: field("event")[0] ?? "message", id, data: JSON.parse(data.join("\n")) as Frame });
  }
}

export class SocketClient {
  readonly frames = new Arrivals<Frame>();
  readonly socket: WebSocket;
  closed: { readonly code: number } | null = null;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => this.frames.add(JSON.parse(data as string) as Frame));
    socket.addEventListener("close", ({ code }) => {
      this.closed = { code };
      this.frames.end();
    });
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<SocketClient> {
    const socket = new WebSocket(`${url.replace(/^http/, "ws")}/ws`, { headers } as never);
    const client = new SocketClient(socket);
    await within(WAIT_MS, "open", new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("the socket did not open")));
    }));
    return client;
  }

  send(frame: object): void { this.socket.send(JSON.stringify(frame)); }
  next(): Promise<Frame> { return this.frames.next(); }

  async ask(frame: object): Promise<Frame> {
    this.send(frame);
    return this.next();
  }

  close(): void { this.socket.close(); }
}

/** What a subscriber knows. Throws where a frame does not fit what it knows. */
export class Rebuilt {
  rows = new Map<string, Row>();
  position: string | null = null;
  snapshots = 0;

  apply(frame: Frame, key = "id"): void {
    if (frame.op === "snapshot") {
      this.snapshots++;
      this.rows = new Map(frame.rows!.map((row) => [JSON.stringify(row[key]), row]));
    }
    if (frame.op === "change") {
      for (const change of frame.changes!) {
        const name = JSON.stringify(change.key);
        if (this.rows.has(name) === (change.type === "enter")) throw new Error(`${change.type} of ${name}, which ${this.rows.has(name) ? "was" : "was not"} there`);
        if (change.type === "leave") this.rows.delete(name);
        else this.rows.set(name, change.record!);
      }
    }
    if (frame.position !== undefined) this.position = frame.position;
  }
}

/** A WebSocket by hand, which can stop reading: what the server sends then waits there. */
export class RawSocket {
  onFrame: (frame: Frame) => void = () => {};
  onEnd: () => void = () => {};
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("close", () => this.onEnd());
    socket.on("error", () => {});
  }

  /** `protocol`: the subprotocol; null: none. */
  static async open(port: number, token: string, { path, protocol }: { readonly path: string; readonly protocol: string | null } = { path: "/ws", protocol: null }): Promise<RawSocket> {
    const socket = connect({ port, host: "127.0.0.1" });
    await new Promise<void>((resolve, reject) => {
      socket.once("connect", () => resolve());
      socket.once("error", reject);
    });
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nAuthorization: Bearer ${token}\r\n${protocol === null ? "" : `Sec-WebSocket-Protocol: ${protocol}\r\n`}\r\n`);
    const head = await within(WAIT_MS, "the upgrade", new Promise<Buffer>((resolve, reject) => {
      socket.once("data", resolve);
      socket.once("close", () => reject(new Error("closed")));
    }));
    if (!head.toString().startsWith("HTTP/1.1 101")) throw new Error(head.toString());
    return new RawSocket(socket);
  }

  send(frame: object): void {
    const body = Buffer.from(JSON.stringify(frame));
    const length = body.length < 126 ? Buffer.from([0x80 | body.length]) : Buffer.from([0x80 | 126, body.length >> 8, body.length & 255]);
    this.#socket.write(Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(4), body]));
  }

  pause(): void { this.#socket.pause(); }
  resume(): void { this.#socket.resume(); }
  close(): void { this.#socket.destroy(); }

  #read(chunk: Buffer): void {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    for (;;) {
      if (this.#bytes.length < 2) return;
      const short = this.#bytes[1]! & 0x7f;
      const head = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (this.#bytes.length < head) return;
      const length = short < 126 ? short : short === 126 ? this.#bytes.readUInt16BE(2) : Number(this.#bytes.readBigUInt64BE(2));
      if (this.#bytes.length < head + length) return;
      const isText = (this.#bytes[0]! & 0x0f) === 1;
      const payload = this.#bytes.subarray(head, head + length).toString();
      this.#bytes = this.#bytes.subarray(head + length);
      if (isText) this.onFrame(JSON.parse(payload) as Frame);
    }
  }
}
