// Structured log: one JSON object per line, to a sink that is handed in. Never gets credentials or values of records.
import type { Clock } from "./clock.ts";

export type LogLevel = "info" | "warn" | "error";

export interface LogFields { readonly [name: string]: unknown }

/** `event` is noun-action in kebab-case (`request-finished`); fields are flat facts about it. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** A log with a way for lines that are written with every request. */
export interface LineLog extends Log {
  /** As `info`. `fields`: JSON text of members, as `"status":200,"route":"/a"`; the caller vouches for it and for what it says. */
  infoText(event: string, fields: string): void;
}

export interface LogOptions {
  readonly clock: Clock;
  /** Gets each finished line, without its end of line. */
  readonly sink: (line: string) => void;
  /** The lowest level that is written. */
  readonly level?: LogLevel;
}

const LEVELS: readonly LogLevel[] = ["info", "warn", "error"];
/** A field so named holds something that no log may keep, whoever logged it. */
const HIDDEN_NAME = /authorization|password|passwd|secret|token|cookie|credential|api-?key/i;
const TEXT_LENGTH_MAX = 4_000;
const DEPTH_MAX = 4;
const ITEMS_MAX = 50;
const KEYS_MAX = 1_000;
const HIDDEN = '"[hidden]"';

export function createLog(options: LogOptions): LineLog {
  const lowest = LEVELS.indexOf(options.level ?? "info");
  // A line for every request: the names of fields, and the beginnings of one millisecond, are written once, not each time.
  const keys = new Map<string, string>();
  const heads: Readonly<Record<LogLevel, Map<string, string>>> = { info: new Map(), warn: new Map(), error: new Map() };
  let timeMs = Number.NaN;
  const keyOf = (name: string): string => {
    let key = keys.get(name);
    if (key === undefined) {
      key = `,${JSON.stringify(name)}:${HIDDEN_NAME.test(name) ? HIDDEN : ""}`;
      if (keys.size < KEYS_MAX) keys.set(name, key);
    }
    return key;
  };
  const headOf = (level: LogLevel, event: string): string => {
    const now = options.clock.now();
    if (now !== timeMs) {
      timeMs = now;
      for (const known of LEVELS) heads[known].clear();
    }
    let head = heads[level].get(event);
    if (head === undefined) heads[level].set(event, head = `{"time":"${new Date(now).toISOString()}","level":"${level}","event":${JSON.stringify(event)}`);
    return head;
  };
  const write = (level: LogLevel, event: string, fields: LogFields): void => {
    if (LEVELS.indexOf(level) < lowest) return;
    let line = headOf(level, event);
    for (const name of Object.keys(fields)) {
      if (name === "time" || name === "level" || name === "event") continue;
      const key = keyOf(name);
      line += key.endsWith(HIDDEN) ? key : key + textOf(name, fields[name]);
    }
    options.sink(`${line}}`);
  };
  return {
    info: (event, fields = {}) => write("info", event, fields),
    warn: (event, fields = {}) => write("warn", event, fields),
    error: (event, fields = {}) => write("error", event, fields),
    infoText(event, fields) { if (lowest === 0) options.sink(`${headOf("info", event)},${fields}}`); },
  };
}

export function silentLog(): LineLog {
  const ignore = (): void => {};
  return { info: ignore, warn: ignore, error: ignore, infoText: ignore };
}

/** What a log may say of something thrown: its kind, message and stack. */
export function describeError(thrown: unknown): { error: string; message: string; stack: string } {
  if (!(thrown instanceof Error)) return { error: typeof thrown, message: "", stack: "" };
  return { error: thrown.name, message: thrown.message, stack: thrown.stack ?? "" };
}

/** As JSON. */
function textOf(name: string, value: unknown): string {
  if (typeof value === "number") return Number.isFinite(value) ? String(value) : "null";
  if (typeof value === "string" && value.length <= TEXT_LENGTH_MAX) return JSON.stringify(value);
  return JSON.stringify(shown(name, value, 0));
}

function shown(name: string, value: unknown, depth: number): unknown {
  if (HIDDEN_NAME.test(name)) return "[hidden]";
  if (typeof value === "string") return value.length > TEXT_LENGTH_MAX ? `${value.slice(0, TEXT_LENGTH_MAX)}...` : value;
  if (typeof value === "bigint") return String(value);
  if (value === undefined || typeof value === "function" || typeof value === "symbol") return null;
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Error) return describeError(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString();
  if (depth >= DEPTH_MAX) return "[deep]";
  if (Array.isArray(value)) return value.slice(0, ITEMS_MAX).map((item) => shown("", item, depth + 1));
  return Object.fromEntries(Object.entries(value).slice(0, ITEMS_MAX).map(([key, item]) => [key, shown(key, item, depth + 1)]));
}
