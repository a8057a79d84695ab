// An HTTP server that sends the bytes that a script says, when it says, and ends as it says: what no server library would let a test do.

export interface Reply {
  /** The status line and the headers, without the empty line. Null: none. */
  readonly head: string | null;
  readonly body: Uint8Array;
  /** Sent in pieces of so many bytes, a turn of the loop between them. */
  readonly pieces?: number;
  /** Between pieces. */
  readonly pauseMs?: number;
  readonly end: "close" | "reset" | "hang";
}

export interface Received { readonly path: string; readonly headers: string; readonly body: string }

/** The first part of the path says who asks. `count`: of its requests. */
export type Respond = (received: Received, count: number) => Reply | Promise<Reply>;

export interface WireServer {
  readonly port: number;
  readonly respond: Map<string, Respond>;
  readonly received: Map<string, Received[]>;
  stop(): void;
}

export function reply(body: string | Uint8Array, { status = 200, type = "application/json", headers = "", ...more }: Partial<Omit<Reply, "head" | "body">> & { readonly status?: number; readonly type?: string; readonly headers?: string } = {}): Reply {
  const bytes = typeof body === "string" ? Buffer.from(body) : body;
  return { head: `HTTP/1.1 ${status} X\r\nContent-Type: ${type}\r\nContent-Length: ${bytes.length}\r\nConnection: close${headers === "" ? "" : `\r\n${headers}`}`, body: bytes, end: "close", ...more };
}

export function wireServer(): WireServer {
  const respond = new Map<string, Respond>();
  const received = new Map<string, Received[]>();
  const buffers = new WeakMap<object, Buffer>();
  const server = Bun.listen({
    hostname: "127.0.0.1", port: 0,
    socket: {
      data(socket, chunk) {
        const buffer = Buffer.concat([buffers.get(socket) ?? Buffer.alloc(0), chunk]);
        buffers.set(socket, buffer);
        const request = requestIn(buffer);
        if (request === null) return;
        buffers.delete(socket);
        const who = request.path.split("/")[1]!;
        const all = received.get(who) ?? [];
        received.set(who, all);
        all.push(request);
        void (async () => send(socket, await respond.get(who)!(request, all.length)))();
      },
      drain(socket) { drains.get(socket)?.(); },
      close(socket) { drains.get(socket)?.(); },
      error() {},
    },
  });
  return { port: server.port, respond, received, stop: () => server.stop(true) };
}

type Socket = Bun.Socket<undefined>;
const drains = new WeakMap<object, () => void>();

function requestIn(buffer: Buffer): Received | null {
  const end = buffer.indexOf("\r\n\r\n");
  if (end < 0) return null;
  const headers = buffer.subarray(0, end).toString();
  const length = Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0);
  if (buffer.length < end + 4 + length) return null;
  return { path: headers.split(" ")[1]!, headers, body: buffer.subarray(end + 4).toString() };
}

async function send(socket: Socket, { head, body, pieces, pauseMs = 0, end }: Reply): Promise<void> {
  if (head !== null) await write(socket, Buffer.from(`${head}\r\n\r\n`));
  const size = pieces ?? Math.max(1, body.length);
  for (let at = 0; at < body.length && socket.readyState > 0; at += size) {
    await write(socket, body.subarray(at, at + size));
    if (pieces !== undefined) await Bun.sleep(pauseMs);
  }
  if (end === "close") socket.end();
  else if (end === "reset") socket.terminate();
}

async function write(socket: Socket, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length && socket.readyState > 0;) {
    const count = socket.write(bytes.subarray(sent));
    if (count < 0) return;
    sent += count;
    socket.flush();
    if (sent < bytes.length) await new Promise<void>((resolve) => drains.set(socket, resolve));
  }
}
