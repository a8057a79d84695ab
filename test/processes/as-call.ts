// A request of a test sent as a call over a WebSocket, and its answer as if it had come over HTTP: whatever holds for requests holds there.
import { within } from "./app-process.ts";
import type { SentRequest } from "./as-batch.ts";
import { WAIT_MS } from "./waits.ts";

const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
/** What is not a text of JSON in a frame. */
const OTHER_BODIES = /csv|ndjson|form/;

/** Connections of one server, one for each credential. */
export class Callers {
  readonly #url: string;
  readonly #open = new Map<string, Promise<Caller>>();

  constructor(url: string) { this.#url = `${url.replace(/^http/, "ws")}/ws`; }

  /** Null: its body or method is none of a frame's. */
  async fetch({ method, path, headers, body }: SentRequest): Promise<Response | null> {
    if (!METHODS.has(method) || OTHER_BODIES.test(headers["content-type"] ?? "")) return null;
    const { authorization = "", ...rest } = headers;
    let caller = this.#open.get(authorization);
    if (caller === undefined) this.#open.set(authorization, caller = Caller.open(this.#url, authorization, this.#open.size % 2 === 0));
    return (await caller).call({ method, path, headers: rest, ...(body === undefined ? {} : { body }) });
  }

  async close(): Promise<void> {
    for (const caller of this.#open.values()) (await caller).socket.close();
    this.#open.clear();
  }
}

class Caller {
  readonly socket: WebSocket;
  readonly #asked = new Map<string, (text: string) => void>();
  #calls = 0;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const text = data as string;
      const id = (JSON.parse(text) as { id: string | null }).id ?? "";
      this.#asked.get(id)?.(text);
      this.#asked.delete(id);
    });
  }

  /** `isByFrame`: signs in by the first frame, not by a header. */
  static async open(url: string, authorization: string, isByFrame: boolean): Promise<Caller> {
    const socket = new WebSocket(url, { headers: authorization === "" || isByFrame ? {} : { authorization } } as never);
    await within(WAIT_MS, "open", new Promise<void>((resolve, reject) => {
      socket.addEventListener("open", () => resolve());
      socket.addEventListener("error", () => reject(new Error("the socket did not open")));
    }));
    const caller = new Caller(socket);
    if (isByFrame && authorization !== "") {
      const signed = JSON.parse(await caller.#ask("auth", `{"op":"auth","id":"auth","token":${JSON.stringify(authorization.replace("Bearer ", ""))}}`)) as { status?: number };
      if (signed.status !== 200) throw new Error(`not signed in: ${JSON.stringify(signed)}`);
    }
    return caller;
  }

  async call({ method, path, headers, body }: SentRequest): Promise<Response> {
    const id = `c${++this.#calls}`;
    // The body as it is: nothing of it goes through JSON.parse.
    const text = await this.#ask(id, `${JSON.stringify({ op: "call", id, method, path, headers }).slice(0, -1)}${body === undefined ? "" : `,"body":${body}`}}`);
    const frame = JSON.parse(text) as { op: string; status: number; headers?: Record<string, string>; body?: unknown };
    if (frame.op !== "result") throw new Error(`${method} ${path}: ${text}`);
    const start = text.indexOf(',"body":');
    const isText = typeof frame.body === "string" && OTHER_BODIES.test(headers["accept"] ?? "");
    const answered = start < 0 || method === "HEAD" ? null : isText ? frame.body as string : text.slice(start + 8, -1);
    return new Response(answered, { status: frame.status, headers: { ...frame.headers, "content-type": isText ? "text/plain" : frame.status >= 400 ? "application/problem+json" : "application/json" } });
  }

  #ask(id: string, text: string): Promise<string> {
    const answered = new Promise<string>((resolve) => { this.#asked.set(id, resolve); });
    this.socket.send(text);
    return within(WAIT_MS, `an answer to ${text.slice(0, 200)}`, answered);
  }
}
