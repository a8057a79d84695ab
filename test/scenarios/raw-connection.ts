// A bare TCP connection for tests of bad clients: sends exactly these bytes, with pauses, and tells what came back.
import { connect, type Socket } from "node:net";
import { WAIT_MS } from "../processes/waits.ts";

export interface RawExchange {
  /** Everything received, as Latin-1. */
  readonly text: string;
  /** The server closed the connection. */
  readonly closed: boolean;
}

export interface RawOptions {
  /** Stop waiting when this stood in an answer that announces no close, or the connection was closed. */
  readonly until?: RegExp;
  readonly waitMs?: number;
}

/** Numbers are pauses in milliseconds. */
export async function rawExchange(port: number, parts: readonly (string | Uint8Array | number)[], options: RawOptions = {}): Promise<RawExchange> {
  const socket = await connected(port);
  const seen = { text: "", closed: false };
  let wake = (): void => {};
  const end = (): void => { seen.closed = true; wake(); };
  socket.on("data", (bytes) => { seen.text += bytes.toString("latin1"); wake(); });
  socket.on("close", end);
  socket.on("error", end);
  for (const part of parts) {
    if (seen.closed) break;
    if (typeof part === "number") await Bun.sleep(part);
    else socket.write(part);
  }
  const until = options.until ?? /\r\n\r\n/;
  const deadline = performance.now() + (options.waitMs ?? WAIT_MS);
  // A close that was announced follows the last byte, sooner or later.
  const isOver = (): boolean => seen.closed || (until.test(seen.text) && !/\r\nconnection: close\r\n/i.test(seen.text));
  while (!isOver() && performance.now() < deadline) {
    await Promise.race([new Promise<void>((resolve) => { wake = resolve; }), Bun.sleep(50)]);
  }
  socket.destroy();
  return seen;
}

/** A connection that never came about, on a busy machine, says nothing of the server: then another one. */
async function connected(port: number): Promise<Socket> {
  for (let attempt = 1; ; attempt++) {
    const socket = connect(port, "127.0.0.1");
    const failure = await new Promise<Error | null>((resolve) => { socket.once("connect", () => resolve(null)).once("error", resolve); });
    if (failure === null) return socket;
    if (attempt === 3) throw failure;
  }
}

export function statusOf(exchange: RawExchange): number | null {
  const match = /^HTTP\/1\.1 ([0-9]{3})/.exec(exchange.text);
  return match === null ? null : Number(match[1]);
}

/** One chunk of a chunked body. */
export function chunk(text: string): string {
  return `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;
}
