// What a command is, and how its words are read. Strict: an unknown flag or a word too many is a usage error (exit 2).
import { parseArgs } from "node:util";
import { didYouMean } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import type { Output } from "./output.ts";

export interface Flag {
  /** Shown in help in place of the value; null for a switch. */
  readonly value: string | null;
  readonly help: string;
  readonly repeatable?: boolean;
}

export interface Command {
  readonly name: string;
  /** After the name, for example `[DIR] --port N`. */
  readonly usage: string;
  readonly summary: string;
  /** Fewest and most positional words. */
  readonly words: { readonly min: number; readonly max: number };
  readonly flags: Readonly<Record<string, Flag>>;
  /** Resolves to the exit code: 0 did it, 1 the app has problems. A thrown USAGE is 2. */
  run(call: Call): Promise<number>;
}

export interface Call {
  readonly words: readonly string[];
  readonly output: Output;
  readonly environment: Readonly<Record<string, string | undefined>>;
  flag(name: string): string | null;
  flags(name: string): readonly string[];
  isSet(name: string): boolean;
}

type Parsed = Omit<Call, "output" | "environment">;

/** Throws USAGE. */
export function readWords(command: Command, argv: readonly string[]): Parsed {
  const options: Record<string, { type: "string" | "boolean"; multiple: boolean }> = { json: { type: "boolean", multiple: false }, help: { type: "boolean", multiple: false } };
  for (const [name, flag] of Object.entries(command.flags)) options[name] = { type: flag.value === null ? "boolean" : "string", multiple: flag.repeatable === true };
  let parsed: ReturnType<typeof parseArgs>;
  try {
    parsed = parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usage(command, unknownFlag(argv, Object.keys(options)) ?? (error instanceof Error ? error.message : String(error)));
  }
  const { positionals: words, values } = parsed;
  if (words.length < command.words.min) throw usage(command, "A word is missing.");
  if (words.length > command.words.max) throw usage(command, `One word too many: ${words[command.words.max]}.`);
  const list = (name: string): readonly string[] => {
    const value = values[name];
    return (Array.isArray(value) ? value : [value]).filter((item): item is string => typeof item === "string");
  };
  return { words, flags: list, flag: (name) => list(name)[0] ?? null, isSet: (name) => values[name] === true };
}

function unknownFlag(argv: readonly string[], known: readonly string[]): string | null {
  for (const word of argv) {
    if (word === "--") return null;
    const name = /^--([^=]+)/.exec(word)?.[1];
    if (name === undefined || known.includes(name)) continue;
    const meant = didYouMean(name, known);
    return `Unknown flag --${name}.${meant === null ? "" : ` Did you mean --${meant}?`}`;
  }
  return null;
}

function usage(command: Command, message: string): Error {
  return fault("USAGE", message, { fix: `ambit ${command.name} ${command.usage}`.trim() });
}

/** A whole number from `min` to `max`, or USAGE. */
export function wholeNumber(command: Command, name: string, text: string, [min, max]: readonly [number, number]): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw usage(command, `--${name} takes a whole number from ${min} to ${max}.`);
  return value;
}
