// Memory as a model is shown it: in the order of reading, whole items, as many as its tokens hold. What nobody answers for is said to be so, and its
// text is quoted. A pure function of what was recalled, so that the same run shows the same.
import type { Json } from "../../base/value.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import { shownTyped } from "../policy/shown-value.ts";
import type { MemoryItem, Recalled } from "./recall.ts";

export interface ShownMemory {
  /** Null: the decision has none. */
  readonly json: Json;
  /** Something is shown that nobody answers for. */
  readonly isUntrusted: boolean;
}

/** Providers count otherwise; this is always the same. */
const BYTES_PER_TOKEN = 4;

export function shownMemory(decision: CompiledDecision, recalled: readonly Recalled[]): ShownMemory {
  if (decision.memories.length === 0) return { json: null, isUntrusted: false };
  let isUntrusted = false;
  const json = decision.memories.map(({ declaration: { maxTokens } }, index): Json => {
    const { about, items } = recalled[index] ?? { about: null, items: [] };
    const known: Json[] = [];
    let bytes = 0;
    let left = 0;
    for (const item of items) {
      const shown = shownItem({ ...item, value: openValue(item, decision) });
      const size = Buffer.byteLength(JSON.stringify(shown)) + 1;
      if (Math.ceil((bytes + size) / BYTES_PER_TOKEN) > maxTokens) {
        left++;
        continue;
      }
      bytes += size;
      known.push(shown);
      isUntrusted ||= item.isUntrusted;
    }
    return { about, known: left === 0 ? known : [...known, { "...": `${left} more are not shown` }] };
  });
  return { json, isUntrusted };
}

/** A fact may have members that are secret. */
function openValue({ kind, predicate, value }: MemoryItem, { catalog }: CompiledDecision): Json {
  const type = kind === "fact" ? catalog.facts.get(predicate ?? "")?.result : undefined;
  return type === undefined ? value : shownTyped(value, type, catalog);
}

function shownItem({ kind, predicate, value, since, until, ended, isUntrusted }: MemoryItem): { [name: string]: Json } {
  const said = isUntrusted ? { quoted: quoted(value), taint: "UNTRUSTED" } : { value };
  if (kind === "episode") return { episode: said, at: since };
  if (kind === "commitment") return { commitment: said, since, due: until };
  return { predicate, ...said, since, ...(until === null ? {} : { until }), ...(ended === null ? {} : { ended }) };
}

/** Text inside quotation marks of its own: it is about somebody's words, not of ours. */
function quoted(value: Json): Json {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object" || value === null) return value;
  return Array.isArray(value) ? value.map(quoted) : Object.fromEntries(Object.entries(value).map(([name, item]) => [name, quoted(item)]));
}
