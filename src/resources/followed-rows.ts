// Rows that no query has and that are followed all the same: what waits for people, negotiations. Whoever moves one says so once it is committed; those
// who may see it are told at once, in the frames of a followed query. Knows nothing of what the rows are, nor of who may see them.
import { createHash } from "node:crypto";
import type { Identity } from "../access/identity.ts";
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { FollowerTally } from "./follower-tally.ts";
import type { LiveChange, LiveSink, LiveSubscription, ResetReason } from "./live-frame.ts";

export interface FollowedRow { readonly key: string; /** JSON. */ readonly text: string }

/** Rows as some audience sees them. */
export interface RowsSource {
  /** Equal ones are the same rows, shown in the same way. */
  readonly name: string;
  /** By which it is said that they have moved. */
  readonly topic: string;
  /** Of more, the first are shown. */
  readonly rowsMax: number;
  /** Where what comes to be stands. */
  readonly newest: "first" | "last";
  /** In order. */
  page(): readonly FollowedRow[];
  /** As JSON; null: it is not among them. */
  row(key: string): string | null;
}

/** One row. `text` null: it is not there. */
export function oneRow(key: string, { topic, name, text }: Pick<RowsSource, "topic" | "name"> & { text(): string | null }): RowsSource {
  return {
    topic, name, rowsMax: 2, newest: "last",
    page() {
      const found = text();
      return found === null ? [] : [{ key, text: found }];
    },
    row: (asked) => (asked === key ? text() : null),
  };
}

export interface FollowedRowsParts { readonly limits: Pick<Limits, "rowFollowers" | "rowFollowersOfSubject"> }

export interface RowsFollower {
  readonly identity: Identity;
  readonly sink: LiveSink;
  /** A position that was told before; null: from now on. */
  readonly since: string | null;
  /** Why the follower must begin anew; null: it need not. */
  readonly reset: ResetReason | null;
}

interface Group {
  readonly source: RowsSource;
  /** What was told, by key: digests of the rows. */
  readonly told: Map<string, string>;
  readonly followers: Set<Follower>;
}

interface Follower { readonly sink: LiveSink; left(): void; isOver: boolean }

export class FollowedRows {
  readonly #tally: FollowerTally;
  /** By topic, then by name. */
  readonly #topics = new Map<string, Map<string, Group>>();
  #frames = 0;
  #isClosed = false;
  #next: (() => FollowedRows) | null = null;

  constructor({ limits: { rowFollowers: most, rowFollowersOfSubject: mostOfSubject } }: FollowedRowsParts) {
    this.#tally = new FollowerTally({ what: "approvals, negotiations and commitments", most, mostOfSubject });
  }

  /** How the rows stand now is told before this returns. Throws what the source throws, OVERLOADED. */
  follow(source: RowsSource, { identity, sink, since, reset }: RowsFollower): LiveSubscription {
    if (this.#isClosed) throw fault("UNAVAILABLE", "The app is being replaced.", { retryAfterS: 1 });
    this.#tally.requireRoom(identity);
    const { topic, name } = source;
    const groups = this.#topics.get(topic) ?? new Map<string, Group>();
    const group = groups.get(name) ?? { source, told: new Map<string, string>(), followers: new Set() };
    const rows = this.#read(group);
    const follower: Follower = { sink, left: this.#tally.enter(identity), isOver: false };
    this.#topics.set(topic, groups.set(name, group));
    group.followers.add(follower);
    const place = this.#place(group);
    if (reset === null && since === place.position) sink.take({ op: "change", ...place, changes: [] });
    else {
      const reason = reset ?? (since === null ? null : since.startsWith(markOf(source)) ? "changed" : "query");
      if (reason !== null) sink.take({ op: "reset", reason });
      sink.take({ op: "snapshot", ...place, rows });
    }
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

  /** Any of them may have moved, or be for others now. */
  allChanged(): void {
    if (this.#next !== null) return this.#next().allChanged();
    for (const groups of this.#topics.values()) {
      for (const group of groups.values()) {
        try {
          this.#tell(group, this.#compare(group, group.source.page()));
        } catch {
          this.#renew(group);
        }
      }
    }
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
      const unknown = keys.filter((key) => !told.has(key)).length;
      // Where one of many goes, another that was not shown may take its place; where the newest stand first, one that comes takes that of another.
      const isShifted = (isFull() && unknown < keys.length) || (source.newest === "first" && told.size + unknown > source.rowsMax);
      if (isShifted) this.#tell(group, this.#compare(group, source.page()));
      else this.#tell(group, keys.flatMap((key) => (isFull() && !told.has(key) ? [] : this.#one(group, key, source.row(key)))));
    } catch {
      // Whoever asks anew is told what is wrong.
      this.#renew(group);
    }
  }

  #tell(group: Group, changes: readonly LiveChange[]): void {
    if (changes.length === 0 || group.followers.size === 0) return;
    const frame = { op: "change", ...this.#place(group), changes } as const;
    for (const { sink } of group.followers) sink.take(frame);
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
      const rows = this.#read(group);
      follower.sink.take({ op: "snapshot", ...this.#place(group), rows });
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
    follower.left();
    const groups = this.#topics.get(topic);
    if (followers.size > 0 || groups === undefined) return;
    groups.delete(name);
    if (groups.size === 0) this.#topics.delete(topic);
  }

  /** What was told, not when: whoever comes with the position of the rows as they are has them, also after a restart. */
  #place({ source, told }: Group): { readonly at: number; readonly position: string } {
    const rows = [...told].sort(([left], [right]) => (left < right ? -1 : 1)).flat().join(" ");
    return { at: ++this.#frames, position: markOf(source) + shortDigest(rows) };
  }
}

/** Begins the positions of equal sources. */
function markOf({ topic, name }: RowsSource): string {
  return `${shortDigest(`${topic} ${name}`)}.`;
}

function shortDigest(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}

function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
