// The JSON object of one row as SQL, key by key in the order selected. Where a mask hides a field or undeclared fields come in,
// the text is put together piece by piece; else one json_object does it.
import { quoted } from "./column.ts";
import type { PlanScope } from "./plan-scope.ts";
import { jsonReady, type WireForm } from "./plan-value.ts";

export interface Entry {
  readonly kind: "entry";
  readonly key: string;
  readonly sql: string;
  readonly form: WireForm;
  /** Absent from the object where this is not true; null: always there. */
  readonly visible: string | null;
}

/** JSON object text, or null, whose members are merged in. */
export interface Merged { readonly kind: "merged"; readonly sql: string }

export type Part = Entry | Merged;

export interface ObjectSql {
  readonly sql: string;
  /** SQLite knows it as JSON, so that it nests without json(). */
  readonly typed: boolean;
}

/** Names that come from the schema and may stand in a statement's text; whatever a request made up is bound. */
export interface DeclaredNames { has(name: string): boolean }

/** SQLite takes 1,000 arguments. */
const PIECES_MAX = 450;
/** Such a key stands in the text as it is; any other is bound. */
const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

export function objectSql(scope: PlanScope, parts: readonly Part[], declared: DeclaredNames): ObjectSql {
  const kept = repeats(parts) ? lastOfEachKey(parts) : parts;
  const simple = kept.length <= PIECES_MAX && kept.every((part) => part.kind === "entry" && part.visible === null);
  return simple ? jsonObject(scope, kept as readonly Entry[], declared) : assembled(scope, kept, declared);
}

function repeats(parts: readonly Part[]): boolean {
  const keys = new Set<string>();
  for (const part of parts) keys.add(part.kind === "entry" ? part.key : "");
  return keys.size < parts.length;
}

/** As in a JavaScript object: a repeated key keeps its first place and its last value. */
function lastOfEachKey(parts: readonly Part[]): Part[] {
  const byKey = new Map<string, Part>();
  for (const part of parts) byKey.set(part.kind === "entry" ? `=${part.key}` : "merged", part);
  return [...byKey.values()];
}

function jsonObject(scope: PlanScope, entries: readonly Entry[], declared: DeclaredNames): ObjectSql {
  const members = entries.map(({ key, sql, form }) => `${keySql(scope, key, declared)}, ${jsonReady(sql, form)}`);
  return { sql: `json_object(${members.join(", ")})`, typed: true };
}

function assembled(scope: PlanScope, parts: readonly Part[], declared: DeclaredNames): ObjectSql {
  const pieces = parts.map((part) => (part.kind === "entry" ? memberSql(scope, part, declared) : mergedSql(scope, part, parts, declared)));
  // Each member begins with a comma; the first one's goes.
  return { sql: `'{' || ltrim(${concatenated(pieces)}, ',') || '}'`, typed: false };
}

/**
 * Nested, because of SQLite's bound on arguments. The constant (of no piece nothing would be left to join) stands first: SQLite
 * (seen in 3.54.1) keeps constants apart from registers that it uses again only if one is among the first 32 arguments.
 */
function concatenated(pieces: readonly string[]): string {
  if (pieces.length <= PIECES_MAX) return `concat(${["''", ...pieces].join(", ")})`;
  const groups: string[] = [];
  for (let start = 0; start < pieces.length; start += PIECES_MAX) groups.push(concatenated(pieces.slice(start, start + PIECES_MAX)));
  return concatenated(groups);
}

function memberSql(scope: PlanScope, { key, sql, form, visible }: Entry, declared: DeclaredNames): string {
  const member = `${memberKeySql(scope, key, declared)} || json_quote(${jsonReady(sql, form)})`;
  return visible === null ? member : `CASE WHEN ${visible} THEN ${member} ELSE '' END`;
}

/** Members of the merged object, without those that an alias already names. */
function mergedSql(scope: PlanScope, { sql }: Merged, parts: readonly Part[], declared: DeclaredNames): string {
  const aliases = parts.flatMap((part) => (part.kind === "entry" && !declared.has(part.key) ? [part.key] : []));
  if (aliases.length === 0) return inside(sql);
  const removal = Object.fromEntries(aliases.map((key) => [key, null]));
  return inside(`json_patch(${sql}, ${scope.bindings.value(JSON.stringify(removal))})`);
}

function inside(object: string): string {
  return `CASE WHEN length(${object}) > 2 THEN ',' || substr(${object}, 2, length(${object}) - 2) ELSE '' END`;
}

function isPlain(key: string, declared: DeclaredNames): boolean {
  return declared.has(key) && PLAIN_KEY.test(key);
}

function keySql(scope: PlanScope, key: string, declared: DeclaredNames): string {
  return isPlain(key, declared) ? `'${key}'` : scope.bindings.value(key);
}

function memberKeySql(scope: PlanScope, key: string, declared: DeclaredNames): string {
  return isPlain(key, declared) ? `',${quoted(key)}:'` : scope.bindings.value(`,${JSON.stringify(key)}:`);
}
