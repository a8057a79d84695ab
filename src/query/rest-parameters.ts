// Sorts the pairs of a query string: reserved parameters by name, everything else is a condition on a field. Resolves no names.
import { fault } from "../base/error.ts";
import { isWellFormedText } from "../base/text.ts";
import { readPath } from "./field-syntax.ts";
import { readConditions, readFilterValue } from "./filter-syntax.ts";
import { readOrder } from "./order-syntax.ts";
import type { FieldSyntax, LevelSyntax, Operand } from "./query-syntax.ts";
import { TextScanner } from "./text-scanner.ts";

/** Parameters of the whole request, at most once each. */
const single = ["select", "columns", "on_conflict", "after", "near", "search", "similar", "explain", "asof", "since"] as const;
type Single = (typeof single)[number];

/** Parameters of a level; after an embed's name they are the embed's. */
const perLevel = ["order", "limit", "offset", "and", "or"] as const;

export const reservedParameters: readonly string[] = [...single, ...perLevel];

/** Name and value. With an operand the value ends after the operator. */
export type Parameter = readonly [name: string, value: string, operand?: Operand];

export interface RestParameters {
  /** As text, by name; null: not given. */
  readonly single: Readonly<Record<Single, string | null>>;
  readonly levels: readonly LevelSyntax[];
  /** Of `search`, where they are left open. */
  readonly words: Operand | null;
}

interface Key {
  /** Before the last segment. */
  readonly path: readonly string[];
  readonly field: FieldSyntax;
  /** The last segment, where it stands without quotes and without a path into JSON. */
  readonly word: string | null;
}

export function readParameters(parameters: readonly Parameter[]): RestParameters {
  const values: Record<Single, string | null> = { select: null, columns: null, on_conflict: null, after: null, near: null, search: null, similar: null, explain: null, asof: null, since: null };
  const levels: LevelSyntax[] = [];
  const seen = new Set<string>();
  let words: Operand | null = null;
  for (const [name, value, operand] of parameters) {
    requireWellFormed(name);
    requireWellFormed(value);
    const key = readKey(name);
    const reserved = key.word !== null && reservedParameters.includes(key.word);
    if (reserved && key.word !== "and" && key.word !== "or") refuseRepeat(name, seen);
    if (isSingle(key.word)) {
      if (key.path.length > 0) throw fault("UNKNOWN_PARAMETER", `${key.word} is a parameter of the whole request.`, { where: name, fix: `Write ${key.word}=..., or ${key.path.join(".")}."${key.word}" for a field.` });
      values[key.word] = value;
      if (operand !== undefined) words = operand;
    } else levels.push(reserved ? readLevel(key, name, value) : readFilter(key, name, value, operand));
  }
  return { single: values, levels, words };
}

export function requireWellFormed(text: string): void {
  if (!isWellFormedText(text)) throw fault("MALFORMED_QUERY", "A parameter contains a character that text must not have.");
}

function isSingle(word: string | null): word is Single {
  return single.some((one) => one === word);
}

function refuseRepeat(name: string, seen: Set<string>): void {
  if (seen.has(name)) throw fault("MALFORMED_QUERY", `${name} is given twice.`, { where: name, fix: "Give it once, with commas between its parts." });
  seen.add(name);
}

function readKey(name: string): Key {
  const scanner = new TextScanner(name, name);
  const path: string[] = [];
  for (;;) {
    const isQuoted = scanner.startsWith('"');
    const segment = scanner.name();
    if (scanner.accept(".")) {
      path.push(segment);
      continue;
    }
    const field: FieldSyntax = { name: segment, ...readPath(scanner) };
    if (!scanner.atEnd) throw scanner.problem("Expected a field's name");
    return { path, field, word: isQuoted || field.path.length > 0 ? null : segment };
  }
}

function readFilter({ path, field }: Key, where: string, value: string, operand: Operand | undefined): LevelSyntax {
  const operation = readFilterValue(value, where);
  return { path, where, kind: "condition", condition: { kind: "filter", field, operation: operand === undefined ? operation : { ...operation, operand }, where } };
}

function readLevel({ path, word }: Key, where: string, value: string): LevelSyntax {
  switch (word as (typeof perLevel)[number]) {
    case "order": return { path, where, kind: "order", terms: readOrder(value, where) };
    case "limit": return { path, where, kind: "limit", count: readCount(value, where) };
    case "offset": return { path, where, kind: "offset", count: readCount(value, where) };
    default: {
      const negated = path.at(-1) === "not";
      const operator = word === "and" ? "and" : "or";
      return { path: negated ? path.slice(0, -1) : path, where, kind: "condition", condition: { kind: "logic", operator, negated, operands: readConditions(value, where) } };
    }
  }
}

export function readCount(text: string, where: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw fault("MALFORMED_QUERY", `${where} takes a whole number, not below 0.`, { where });
}

/** `a,"b c"`. */
export function readNames(text: string, where: string): string[] {
  const scanner = new TextScanner(text, where);
  const names: string[] = [];
  do {
    scanner.skipSpaces();
    names.push(scanner.name());
    scanner.skipSpaces();
  } while (scanner.accept(","));
  if (!scanner.atEnd) throw scanner.problem("Expected , or the end");
  return names;
}

export function readFlag(text: string | null, where: string): boolean {
  if (text === null || text === "false") return false;
  if (text === "true") return true;
  throw fault("MALFORMED_QUERY", `${where} is true or false.`, { where });
}
