// Writes what is to be remembered, in the commit that it belongs to: an episode, and its facts. A fact takes the place of what was believed before it
// of the same record and predicate, if its label is at least as trusted; otherwise both stay. Nothing that was believed is changed: it is closed.
import type { Json } from "../../base/value.ts";
import type { Connection } from "../../storage/connection.ts";
import { addMemory, closeMemory, readFacts, trimMemory, type MemoryPlace, type MemoryRow } from "../../storage/memory-rows.ts";
import { textIn, type StagedFact } from "./remember.ts";

/** Where facts come from, for life. */
export interface Origin {
  /** Null: no run. */
  readonly run: string | null;
  /** Who posted it; null: a run. */
  readonly actor: string | null;
  readonly isUntrusted: boolean;
  readonly nowMs: number;
  /** What happened, in the words of the app. */
  readonly episode: Json;
  /** Rows of one record; the oldest that nobody believes any more make place. */
  readonly rowsMax: number;
  newId(): string;
}

/** An episode of each of these records, with the facts about it. */
export function keepMemory(connection: Connection, places: readonly MemoryPlace[], facts: readonly StagedFact[], origin: Origin): void {
  for (const place of new Map(places.map((one) => [one.about, one])).values()) {
    const episode = keepEpisode(connection, place, origin);
    for (const fact of facts) if (fact.about === place.about) keepFact(connection, place, { fact, episode, origin });
    trimMemory(connection, place, { max: origin.rowsMax, nowMs: origin.nowMs });
  }
}

function keepEpisode(connection: Connection, place: MemoryPlace, { episode, nowMs, isUntrusted, run, actor, newId }: Origin): string {
  const id = newId();
  addMemory(connection, place, { id, kind: "episode", predicate: null, value: JSON.stringify(episode), validFromMs: nowMs, validToMs: null, knownFromMs: nowMs, episode: null, isUntrusted, run, actor, text: textIn(episode) });
  return id;
}

interface Keeping { readonly fact: StagedFact; readonly episode: string; readonly origin: Origin }

function keepFact(connection: Connection, place: MemoryPlace, { fact, episode, origin }: Keeping): void {
  const { nowMs, run, actor, newId } = origin;
  const isUntrusted = origin.isUntrusted || fact.isUntrusted;
  const validFromMs = fact.validFromMs ?? nowMs;
  const value = JSON.stringify(fact.value);
  const believed = readFacts(connection, place, { predicates: [fact.predicate], knownMs: nowMs, validMs: null, sinceMs: null });
  // Said again by somebody who is trusted no more than whoever said it first, it is nothing new; it still contradicts what was said otherwise.
  const known = believed.find((old) => old.value === value && old.validToMs === fact.validToMs && old.validFromMs <= validFromMs && (isUntrusted || !old.isUntrusted));
  for (const old of believed) if (old !== known && (old.isUntrusted || !isUntrusted)) close(connection, place, { old, validFromMs, validToMs: fact.validToMs, nowMs, newId });
  // Null: it is known no more.
  if (known !== undefined || fact.value === null) return;
  addMemory(connection, place, { id: newId(), kind: "fact", predicate: fact.predicate, value, validFromMs, validToMs: fact.validToMs, knownFromMs: nowMs, episode, isUntrusted, run, actor, text: fact.text ?? null });
}

interface Closing { readonly old: MemoryRow; readonly validFromMs: number; readonly validToMs: number | null; readonly nowMs: number; newId(): string }

/** It is not believed any more as it was; that it held before the new one, and will after it has ended, still is. */
function close(connection: Connection, place: MemoryPlace, { old, validFromMs, validToMs, nowMs, newId }: Closing): void {
  const isOver = old.validToMs !== null && old.validToMs <= validFromMs;
  const isLater = validToMs !== null && old.validFromMs >= validToMs;
  if (isOver || isLater) return;
  closeMemory(connection, old.id, nowMs);
  const again = { ...old, knownFromMs: nowMs, text: null };
  if (old.validFromMs < validFromMs) addMemory(connection, place, { ...again, id: newId(), validToMs: validFromMs });
  if (validToMs !== null && (old.validToMs === null || old.validToMs > validToMs)) addMemory(connection, place, { ...again, id: newId(), validFromMs: validToMs });
}
