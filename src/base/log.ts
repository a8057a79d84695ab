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

export function createLog(options: LogOptions): Log {
  const lowest = LEVELS.indexOf(options.level ?? "info");
  const write = (level: LogLevel, event: string, fields: LogFields): void => {
    if (LEVELS.indexOf(level) < lowest) return;
    const entry: Record<string, unknown> = { time: new Date(options.clock.now()).toISOString(), level, event };
    for (const [name, value] of Object.entries(fields)) if (!Object.hasOwn(entry, name)) entry[name] = shown(name, value, 0);
    options.sink(JSON.stringify(entry));
  };
  return {
    info: (event, fields = {}) => write("info", event, fields),
    warn: (event, fields = {}) => write("warn", event, fields),
    error: (event, fields = {}) => write("error", event, fields),
  };
}

export function silentLog(): Log {
  const ignore = (): void => {};
  return { info: ignore, warn: ignore, error: ignore };
}

/** What a log may say of something thrown: its kind, message and stack. */
export function describeError(thrown: unknown): { error: string; message: string; stack: string } {
  if (!(thrown instanceof Error)) return { error: typeof thrown, message: "", stack: "" };
  return { error: thrown.name, message: thrown.message, stack: thrown.stack ?? "" };
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
