// Rows that no query has and that are followed all the same: what waits for people, negotiations. Whoever moves one says so once it is committed; those
// who may see it are told at once, in the frames of a followed query. Knows nothing of what the rows are, nor of who may see them.
import { createHash } from "node:crypto";
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { uuidv7, type Random } from "../base/random.ts";
import type { LiveChange, LiveSink, LiveSubscription, ResetReason } from "./live-frame.ts";

export interface FollowedRow { readonly key: string; /** JSON. */ readonly text: string }

/** Rows as some audience sees them. */
export interface RowsSource {
  /** Equal ones are the same rows, shown in the same way. */
  readonly name: string;
  /** By which it is said that they have moved. */
  readonly topic: string;
  /** Of more, the first are shown; what comes to be comes last. */
  readonly rowsMax: number;
  /** In order. */
  page(): readonly FollowedRow[];
  /** As JSON; null: it is not among them. */
  row(key: string): string | null;
}

export interface FollowedRowsParts { readonly clock: Clock; readonly random: Random; readonly limits: Pick<Limits, "rowFollowers"> }

interface Group {
  readonly source: RowsSource;
  /** What was told, by key: digests of the rows. */
  readonly told: Map<string, string>;
  readonly followers: Set<Follower>;
}

interface Follower { readonly sink: LiveSink; isOver: boolean }

export class FollowedRows {
  readonly #limits: FollowedRowsParts["limits"];
  readonly #mark: string;
  /** By topic, then by name. */
  readonly #topics = new Map<string, Map<string, Group>>();
  #count = 0;
  #position = 0;
  #isClosed = false;
  #next: (() => FollowedRows) | null = null;

  constructor({ clock, random, limits }: FollowedRowsParts) {
    this.#limits = limits;
    this.#mark = uuidv7(clock, random);
  }

  /** All rows are told before this returns. Throws what the source throws, OVERLOADED. */
  follow(source: RowsSource, sink: LiveSink, reset: ResetReason | null): LiveSubscription {
    if (this.#isClosed) throw fault("UNAVAILABLE", "The app is being replaced.", { retryAfterS: 1 });
    if (this.#count >= this.#limits.rowFollowers) throw fault("OVERLOADED", "Too many approvals and negotiations are followed.", { retryAfterS: 1 });
    const { topic, name } = source;
    const groups = this.#topics.get(topic) ?? new Map<string, Group>();
    const group = groups.get(name) ?? { source, told: new Map<string, string>(), followers: new Set() };
    const follower: Follower = { sink, isOver: false };
    const rows = this.#read(group);
    this.#topics.set(topic, groups.set(name, group));
    group.followers.add(follower);
    this.#count++;
    if (reset !== null) sink.take({ op: "reset", reason: reset });
    sink.take({ op: "snapshot", ...this.#place(), rows });
    return {
      snapshot: () => this.#snapshot(group, follower),
      close: () => this.#leave(group, follower),
    };
  }

  /** Of this topic these have moved; `keys` is asked only where somebody follows it. */
  changed(topic: string, keys: () => readonly string[]): void {
    if (this.#next !== null) return this.#next().changed(topic, keys);
    const groups = this.#topics.get(topic);
    if (groups === undefined) return;
    const moved = keys();
    for (const group of groups.values()) this.#look(group, moved);
  }

  /** Whoever follows comes again, to what serves by then: `next`, which is also told what moves here from now on. */
  handOver(next: () => FollowedRows): void {
    this.close();
    this.#next = next;
  }

  close(): void {
    this.#isClosed = true;
    for (const groups of this.#topics.values()) for (const group of groups.values()) this.#renew(group);
  }

  #look(group: Group, keys: readonly string[]): void {
    const { told, source } = group;
    try {
      const isFull = (): boolean => told.size >= source.rowsMax;
      // Where one of many goes, another that was not shown may take its place.
      if (isFull() && keys.some((key) => told.has(key))) this.#tell(group, this.#compare(group, source.page()));
      else this.#tell(group, keys.flatMap((key) => (isFull() && !told.has(key) ? [] : this.#one(group, key, source.row(key)))));
    } catch {
      // Whoever asks anew is told what is wrong.
      this.#renew(group);
    }
  }

  #tell({ followers }: Group, changes: readonly LiveChange[]): void {
    if (changes.length === 0 || followers.size === 0) return;
    const frame = { op: "change", ...this.#place(), changes } as const;
    for (const { sink } of followers) sink.take(frame);
  }

  #compare(group: Group, rows: readonly FollowedRow[]): LiveChange[] {
    const there = new Set(rows.map(({ key }) => key));
    const gone = [...group.told.keys()].filter((key) => !there.has(key)).flatMap((key) => this.#one(group, key, null));
    return [...gone, ...rows.flatMap(({ key, text }) => this.#one(group, key, text))];
  }

  #one({ told }: Group, key: string, text: string | null): LiveChange[] {
    const before = told.get(key);
    if (text === null) return told.delete(key) ? [{ type: "leave", key: JSON.stringify(key) }] : [];
    const digest = digestOf(text);
    if (before === digest) return [];
    told.set(key, digest);
    return [{ type: before === undefined ? "enter" : "update", key: JSON.stringify(key), record: text }];
  }

  /** All of them, as a JSON list. What others in the group have not been told yet they are told first, so that nobody is told it twice. */
  #read(group: Group): string {
    const rows = group.source.page();
    this.#tell(group, this.#compare(group, rows));
    return `[${rows.map(({ text }) => text).join(",")}]`;
  }

  #snapshot(group: Group, follower: Follower): void {
    if (follower.isOver) return;
    try {
      follower.sink.take({ op: "snapshot", ...this.#place(), rows: this.#read(group) });
    } catch {
      this.#renew(group);
    }
  }

  #renew(group: Group): void {
    for (const follower of group.followers) {
      this.#leave(group, follower);
      follower.sink.renew();
    }
  }

  #leave({ source: { topic, name }, followers }: Group, follower: Follower): void {
    if (follower.isOver) return;
    follower.isOver = true;
    followers.delete(follower);
    this.#count--;
    const groups = this.#topics.get(topic);
    if (followers.size > 0 || groups === undefined) return;
    groups.delete(name);
    if (groups.size === 0) this.#topics.delete(topic);
  }

  /** Of this process alone: whoever comes with one begins with all rows. */
  #place(): { readonly at: number; readonly position: string } {
    const at = ++this.#position;
    return { at, position: `${this.#mark}.${at}` };
  }
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
