// What a run remembers of the records that its @memory names, in the fixed order in which it is read: what is owed, what is going on, what holds, what
// happened lately, what the words of the input bring to mind. Part of what the run has read: journaled, and held against the commit. Writes nothing.
import type { Json, RecordValues, Value } from "../../base/value.ts";
import { someIn } from "../../expression/inspect.ts";
import { appTable } from "../../schema/account-tables.ts";
import type { Catalog, Table } from "../../schema/catalog.ts";
import { noLimits } from "../../schema/coerce-value.ts";
import { fromWireValue } from "../../schema/wire-value.ts";
import type { Caller } from "../../resources/body.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { Connection } from "../../storage/connection.ts";
import { commitmentsAbout } from "../../storage/negotiation-rows.ts";
import { findMemories, readEpisodes, readFacts, readMemories, type MemoryPlace, type MemoryRow } from "../../storage/memory-rows.ts";
import { valueOf } from "../bounds/judge.ts";
import { untrustedIn } from "../context/taint.ts";
import type { CompiledDecision, CompiledMemory } from "../policy/compiled-decision.ts";
import { shownTyped } from "../policy/shown-value.ts";
import { wordsIn } from "./words.ts";

/** One thing that is remembered. Times are canonical. */
export interface MemoryItem {
  readonly id: string;
  readonly kind: "fact" | "episode" | "commitment";
  /** Of a fact. */
  readonly predicate: string | null;
  readonly value: Json;
  readonly since: string;
  readonly until: string | null;
  /** Not null: it is not believed any more since then. */
  readonly ended: string | null;
  readonly isUntrusted: boolean;
}

/** Of one @memory, in the order of reading. `about` null: it names no record. */
export interface Recalled { readonly about: string | null; readonly tenant: string | null; readonly items: readonly MemoryItem[] }

export interface Recalling {
  readonly decision: CompiledDecision;
  readonly input: RecordValues;
  /** Ids of what lies near its words, best first. */
  readonly brought: readonly string[];
  /** Of the records named so. */
  tenantOf(about: string): string | null;
  /** `input`, `auth`, `now` and the contexts. */
  readonly variables: Readonly<Record<string, Value>>;
  readonly connection: Connection;
  readonly core: Pick<DispatchCore, "book" | "limits" | "catalog">;
}

/** The caller's, who sees no other; for who is of none, that of the record. */
export function tenantOfMemory(about: string, caller: Pick<Caller, "identity">, { get, catalog }: { get(table: string, id: Value): { readonly values: RecordValues } | null; readonly catalog: Catalog }): string | null {
  const named = recordNamed(about, catalog);
  const field = named?.table.tenant ?? null;
  if (caller.identity.tenant !== null || named === null || field === null) return caller.identity.tenant;
  const tenant = get(named.table.name, named.id)?.values[field] ?? null;
  return typeof tenant === "string" ? tenant : null;
}

export function recall(recalling: Recalling): readonly Recalled[] {
  return recalling.decision.memories.map((memory) => {
    const about = aboutOf(memory, recalling);
    if (about === null) return { about, tenant: null, items: [] };
    const tenant = recalling.tenantOf(about);
    return { about, tenant, items: itemsAbout({ about, tenant }, memory, recalling) };
  });
}

/** `TABLE:id` of a table that there is; null: it names none. */
export function aboutOf({ about }: CompiledMemory, { variables, core }: Pick<Recalling, "variables" | "core">): string | null {
  const named = valueOf(about, { variables, now: String(variables["now"]), book: core.book });
  return typeof named === "string" && recordNamed(named, core.catalog) !== null ? named : null;
}

export interface NamedRecord { readonly table: Table; /** Of its key's type. */ readonly id: string | number }

/** What `TABLE:id` names, whether it is there or not. */
export function recordNamed(about: string, catalog: Catalog): NamedRecord | null {
  const [, name, key] = /^([A-Za-z_]\w*):(.+)$/s.exec(about) ?? [];
  const table = appTable(catalog, name ?? "");
  if (table === undefined || key === undefined) return null;
  const isNumber = ["Int", "Long"].includes(table.fields.get(table.primaryKey)!.type.name);
  if (isNumber && !/^-?\d{1,15}$/.test(key)) return null;
  return { table, id: isNumber ? Number(key) : key };
}

/** It depends on what the caller sends, who must then be able to read that record. */
export function isAboutInput({ about }: CompiledMemory): boolean {
  return someIn(about, (part) => part.op === "variable" && part.root === "input");
}

function itemsAbout(place: MemoryPlace, { declaration: { reads, maxAgeMs } }: CompiledMemory, { decision, input, brought, variables, connection, core }: Recalling): MemoryItem[] {
  if (reads.length === 0) return [];
  const nowMs = Date.parse(String(variables["now"]));
  const asked = { knownMs: nowMs, sinceMs: maxAgeMs === null ? null : nowMs - maxAgeMs };
  const limit = core.limits.memoryRecalled;
  const facts = readFacts(connection, place, { ...asked, predicates: reads, validMs: nowMs }).sort(inOrder(reads));
  const episodes = readEpisodes(connection, place, { ...asked, limit });
  const known = new Set([...facts, ...episodes].map(({ id }) => id));
  const found = findMemories(connection, place, { ...asked, predicates: reads, words: wordsIn(input, decision), limit: limit + known.size }).filter(({ id }) => !known.has(id)).slice(0, limit);
  const near = readMemories(connection, place, { ...asked, predicates: reads, ids: brought }).filter(({ id }) => !known.has(id));
  return [...owedItems(place, { nowMs, limit, connection, core }), ...[...facts, ...episodes, ...joined(found, near, limit)].map(itemOf)];
}

/** By the places that they have in either list, so that what both have comes first: reciprocal ranks, words before nearness where they are even. */
function joined(found: readonly MemoryRow[], near: readonly MemoryRow[], limit: number): MemoryRow[] {
  if (near.length === 0) return [...found];
  const ranks = new Map<string, { readonly row: MemoryRow; rank: number }>();
  for (const list of [found, near]) for (const [place, row] of list.entries()) ranks.set(row.id, { row, rank: (ranks.get(row.id)?.rank ?? 0) + 1 / (RANK_OFFSET + place) });
  return [...ranks.values()].sort((left, right) => right.rank - left.rank).slice(0, limit).map(({ row }) => row);
}

/** As is usual: how much less the second counts than the first. */
const RANK_OFFSET = 60;

/** What is still owed: it comes before all that is known. Of terms that an UNTRUSTED run offered the text is nobody's. */
function owedItems(place: MemoryPlace, { nowMs, limit, connection, core: { catalog } }: Pick<Recalling, "connection" | "core"> & { readonly nowMs: number; readonly limit: number }): MemoryItem[] {
  return commitmentsAbout(connection, place, { madeBeforeMs: nowMs, limit }).flatMap(({ id, decision, terms: said, state, madeMs, dueMs, isUntrusted }): MemoryItem[] => {
    const callable = catalog.decisions.get(decision)?.callable;
    // What it was about is not there any more.
    if (callable === undefined) return [];
    const { result, position } = callable;
    const terms = shownTyped(JSON.parse(said) as Json, result, catalog);
    const isNobodys = untrustedIn({ terms }, new Map([["terms", { type: result, limits: noLimits, position }]]), { catalog, all: isUntrusted });
    return [{ id, kind: "commitment", predicate: null, value: { state, terms }, since: timeOf(madeMs), until: timeOf(dueMs), ended: null, isUntrusted: isNobodys }];
  });
}

/** What has an end is going on, and comes before what lasts; then as the decision names them, who answers for it first, and the newest first. */
function inOrder(reads: readonly string[]): (left: MemoryRow, right: MemoryRow) => number {
  const rank = ({ validToMs, predicate, isUntrusted, knownFromMs }: MemoryRow): readonly number[] => [validToMs === null ? 1 : 0, reads.indexOf(predicate ?? ""), isUntrusted ? 1 : 0, -knownFromMs];
  return (left, right) => {
    const [one, other] = [rank(left), rank(right)];
    const at = one.findIndex((part, index) => part !== other[index]);
    return at < 0 ? 0 : one[at]! - other[at]!;
  };
}

export function itemOf({ id, kind, predicate, value, validFromMs, validToMs, knownToMs, isUntrusted }: MemoryRow): MemoryItem {
  return { id, kind, predicate, value: JSON.parse(value) as Json, since: timeOf(validFromMs), until: validToMs === null ? null : timeOf(validToMs), ended: knownToMs === null ? null : timeOf(knownToMs), isUntrusted };
}

export function timeOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** The variable `mem`: what somebody answers for, and apart from it, in `unverified`, what nobody does. Null: the decision has no memory. */
export function memValues(decision: CompiledDecision, recalled: readonly Recalled[]): Value {
  if (decision.memories.length === 0) return null;
  const [verified, unverified]: [Record<string, Value>, Record<string, Value>] = [{}, {}];
  decision.memories.forEach(({ declaration: { reads } }, index) => {
    for (const predicate of reads) {
      const current = (recalled[index]?.items ?? []).filter((item) => item.kind === "fact" && item.predicate === predicate && item.ended === null);
      verified[predicate] = factValue(current.find(({ isUntrusted }) => !isUntrusted), decision.catalog);
      unverified[predicate] = factValue(current.find(({ isUntrusted }) => isUntrusted), decision.catalog);
    }
  });
  return { ...verified, unverified };
}

function factValue(item: MemoryItem | undefined, catalog: Catalog): Value {
  const fact = catalog.facts.get(item?.predicate ?? "");
  if (item === undefined || fact === undefined) return null;
  try {
    return fromWireValue(item.value, fact.result, catalog);
  } catch {
    // It was of another type when it was kept.
    return null;
  }
}
