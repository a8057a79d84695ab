// A served app as a real process, with a free port: started, asked whether it is ready, stopped or killed.
import { connect } from "node:net";
import { type CommandOptions, spawnAmbit } from "./ambit-command.ts";

export interface AppOptions extends CommandOptions {
  /** The data directory. */
  readonly data: string;
  readonly seed?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Default: start. */
  readonly command?: "start" | "dev";
  /** For starts that first have much to do. */
  readonly startedWithinMs?: number;
}

export interface AppProcess {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** What `--json` printed on standard output so far. */
  readonly events: readonly Readonly<Record<string, unknown>>[];
  /** Standard error so far. */
  log(): string;
  /** Resolves when `isWanted` holds for an event from number `from` on. */
  event(isWanted: (event: Readonly<Record<string, unknown>>) => boolean, from?: number): Promise<Readonly<Record<string, unknown>>>;
  /** SIGTERM; resolves to the exit code. */
  stop(): Promise<number>;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
  readonly exited: Promise<number>;
  readonly isRunning: boolean;
  [Symbol.asyncDispose](): Promise<void>;
}

const STARTED_WITHIN_MS = 60_000;

/** Throws with what it printed when it ends before it serves. */
export async function startApp(directory: string, options: AppOptions): Promise<AppProcess> {
  const app = spawnApp(directory, options);
  await app.started;
  const ready = await fetch(`${app.process.url}/ready`);
  if (ready.status !== 200) throw new Error(`/ready answered ${ready.status}`);
  return app.process;
}

/** The process right after its start; `process.url` is known when `started` has resolved. */
export function spawnApp(directory: string, options: AppOptions): { readonly process: AppProcess; readonly started: Promise<void> } {
  const words = [options.command ?? "start", directory, "--port", String(options.port ?? 0), "--data", options.data, "--json", ...(options.seed === undefined ? [] : ["--seed", options.seed])];
  const child = spawnAmbit(words, options);
  const output = collect(child.stdout);
  const errors = collect(child.stderr);
  const events: Readonly<Record<string, unknown>>[] = [];
  let wake: (() => void)[] = [];
  const signal = (): void => {
    const waiting = wake;
    wake = [];
    for (const one of waiting) one();
  };
  output.onLine((line) => {
    events.push(JSON.parse(line) as Record<string, unknown>);
    signal();
  });
  let ended = false;
  const end = async (): Promise<void> => {
    await Promise.all([child.exited, output.done, errors.done]);
    ended = true;
    signal();
  };
  void end();
  const event = async (isWanted: (event: Readonly<Record<string, unknown>>) => boolean, from = 0): Promise<Readonly<Record<string, unknown>>> => {
    for (;;) {
      const found = events.slice(from).find(isWanted);
      if (found !== undefined) return found;
      if (ended) throw new Error(`ambit ended with ${child.exitCode ?? child.signalCode}:\n${JSON.stringify(events)}\n${errors.text()}`);
      await new Promise<void>((resolve) => { wake.push(resolve); });
    }
  };
  const process = {
    url: "", port: 0, pid: child.pid, events, event, exited: child.exited, log: errors.text,
    get isRunning() { return child.exitCode === null && child.signalCode === null; },
    stop() { child.kill("SIGTERM"); return child.exited; },
    async kill() { child.kill("SIGKILL"); await child.exited; },
    async [Symbol.asyncDispose]() { child.kill("SIGKILL"); await child.exited; },
  };
  const start = async (): Promise<void> => {
    const first = await within(options.startedWithinMs ?? STARTED_WITHIN_MS, "start", event((one) => one["event"] === "started"));
    process.url = String(first["url"]);
    process.port = Number(first["port"]);
  };
  const started = start();
  // Whoever kills it before it has started does not ask.
  started.catch(() => {});
  return { process, started };
}

interface Collected { text(): string; readonly done: Promise<void>; onLine(listener: (line: string) => void): void }

function collect(stream: ReadableStream<Uint8Array>): Collected {
  let text = "";
  let rest = 0;
  let listener: (line: string) => void = () => {};
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf("\n", rest); end >= 0; end = text.indexOf("\n", rest)) {
        listener(text.slice(rest, end));
        rest = end + 1;
      }
    }
  };
  return { text: () => text, done: read(), onLine(given) { listener = given; } };
}

/** Until nothing listens there any more. */
export async function untilClosed(port: number): Promise<void> {
  for (;;) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, "127.0.0.1", () => { socket.destroy(); resolve(true); });
      socket.on("error", () => resolve(false));
    });
    if (!isOpen) return;
    await Bun.sleep(20);
  }
}

/** Fails, instead of waiting for ever, with the name of what was waited for. */
export async function within<T>(milliseconds: number, what: string, work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`${what}: nothing within ${milliseconds} ms`)), milliseconds); });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
