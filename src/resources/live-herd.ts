// Many who begin to follow at one moment, after a restart for one: what was read for the first is kept for a moment for those who ask the same. Bounded,
// forgotten soon, and never older than the last commit. Decides nothing about who may see what: equal queries are one.
import { readEntries, type LogEntry } from "../changes/log.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { ChangeFrame, PlacedFrame, ResetReason } from "./live-frame.ts";
import type { LiveQuery } from "./live-query.ts";

interface Resumed { readonly since: string; readonly head: number; readonly told: readonly ChangeFrame[] | ResetReason }

const KEPT_MS = 1_000;
/** Characters of all snapshots together. */
const SNAPSHOTS_MAX = 16_000_000;
/** Of the entries together; where there are more, each reads them for itself. */
const CHANGES_MAX = 20_000;
/** Of what is told to those who go on, together. */
const FRAMES_MAX = 20_000;
const ENTRIES_AT_ONCE = 500;

export class LiveHerd {
  readonly #core: DispatchCore;
  readonly #snapshots = new Map<LiveQuery, PlacedFrame>();
  readonly #resumed = new Map<LiveQuery, Resumed>();
  #snapshotsLength = 0;
  #frames = 0;
  /** All between `from` and `upTo`. */
  #entries: LogEntry[] = [];
  #from = Infinity;
  #upTo = -1;
  #changes = 0;
  #cancel: (() => void) | null = null;

  constructor(core: DispatchCore) {
    this.#core = core;
  }

  /** What `query.snapshot` answers. */
  snapshot(query: LiveQuery, head: number): PlacedFrame {
    const known = this.#snapshots.get(query);
    if (known?.at === head) return known;
    const frame = query.snapshot(head);
    const length = frame.op === "snapshot" ? frame.rows.length : 0;
    if (!this.#isTimeless(query) || this.#snapshotsLength + length > SNAPSHOTS_MAX) return frame;
    this.#snapshotsLength += length;
    this.#snapshots.set(query, frame);
    this.#keep();
    return frame;
  }

  /** What `read` answers. */
  resumed(query: LiveQuery, { since, head }: { readonly since: string; readonly head: number }, read: () => Resumed["told"]): Resumed["told"] {
    const known = this.#resumed.get(query);
    if (known?.since === since && known.head === head) return known.told;
    const told = read();
    if (!query.isLocal || typeof told === "string" || this.#frames + told.length > FRAMES_MAX) return told;
    this.#frames += told.length;
    this.#resumed.set(query, { since, head, told });
    this.#keep();
    return told;
  }

  /** After `since`, up to the last one. */
  entriesSince(since: number, head: number): Iterable<LogEntry> {
    if (since < this.#from) {
      this.#entries = [];
      this.#changes = 0;
      this.#from = this.#upTo = since;
    }
    for (const entry of this.#upTo < head && this.#changes <= CHANGES_MAX ? this.#read(this.#upTo) : []) {
      this.#changes += entry.changes.length;
      if (this.#changes > CHANGES_MAX) break;
      this.#entries.push(entry);
      this.#upTo = entry.position;
    }
    this.#keep();
    if (this.#changes > CHANGES_MAX) {
      this.#entries = [];
      return this.#read(since);
    }
    this.#upTo = head;
    return this.#entries.slice(firstAfter(this.#entries, since));
  }

  forget(query: LiveQuery): void {
    const frame = this.#snapshots.get(query);
    if (frame?.op === "snapshot") this.#snapshotsLength -= frame.rows.length;
    this.#snapshots.delete(query);
    this.#resumed.delete(query);
  }

  /** All of it. */
  clear(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#snapshots.clear();
    this.#resumed.clear();
    this.#snapshotsLength = 0;
    this.#frames = 0;
    this.#entries = [];
    this.#from = Infinity;
    this.#upTo = -1;
    this.#changes = 0;
  }

  #keep(): void {
    this.#cancel ??= this.#core.clock.schedule(KEPT_MS, () => this.clear());
  }

  /** Without a commit its rows stay the same: nothing in it expires. */
  #isTimeless({ isLocal, compiled: { plan, catalog } }: LiveQuery): boolean {
    const { expirationMs, expiresAt } = catalog.tables.get(plan.table)!;
    return isLocal && expirationMs === null && expiresAt === null;
  }

  *#read(since: number): Iterable<LogEntry> {
    const { storage, catalog } = this.#core;
    for (let from = since;;) {
      const entries = readEntries(storage.reader, from, ENTRIES_AT_ONCE, catalog);
      yield* entries;
      if (entries.length < ENTRIES_AT_ONCE) return;
      from = entries.at(-1)!.position;
    }
  }
}

/** Where those after the position begin. */
function firstAfter(entries: readonly LogEntry[], position: number): number {
  let [low, high] = [0, entries.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (entries[middle]!.position <= position) low = middle + 1;
    else high = middle;
  }
  return low;
}
