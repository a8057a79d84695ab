// Who is there on one topic: an entry for each connection that subscribes. What changes within a turn of the event loop is told at its
// end in one frame; who has just come gets all entries instead.
import type { Json } from "../base/value.ts";
import type { LiveChange, LiveFrame } from "./live-frame.ts";

/** Somebody who is told. */
export interface Watcher {
  readonly sink: { take(frame: LiveFrame): void };
  /** Gets all entries next. */
  isNew: boolean;
}

export interface PresenceEntry {
  /** Names the connection, to others. */
  readonly id: string;
  readonly subject: string | null;
  /** JSON text. */
  state: string;
  /** As it is told. */
  text: string;
  /** Subscriptions of the connection on this topic. */
  references: number;
}

export class PresenceRoom {
  readonly #entries = new Map<object, PresenceEntry>();
  /** What was told last of those that changed since; null: nothing. */
  readonly #before = new Map<string, string | null>();
  readonly #watchers = new Set<Watcher>();

  get size(): number {
    return this.#entries.size;
  }

  /** Nobody is left, and nothing to tell. */
  get isEmpty(): boolean {
    return this.#watchers.size === 0 && this.#entries.size === 0;
  }

  watch(watcher: Watcher): void {
    this.#watchers.add(watcher);
  }

  leave(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  has(connection: object): boolean {
    return this.#entries.has(connection);
  }

  /** Once for each subscription of the connection. */
  enter(connection: object, who: { readonly id: string; readonly subject: string | null }): void {
    let entry = this.#entries.get(connection);
    if (entry === undefined) {
      entry = { ...who, state: "null", text: "", references: 0 };
      entry.text = textOf(entry);
      this.#entries.set(connection, entry);
      this.#note(entry.id, null);
    }
    entry.references++;
  }

  exit(connection: object): void {
    const entry = this.#entries.get(connection);
    if (entry === undefined || --entry.references > 0) return;
    this.#entries.delete(connection);
    this.#note(entry.id, entry.text);
  }

  /** Its entry as JSON text. */
  update(connection: object, state: Json): string {
    const entry = this.#entries.get(connection)!;
    const before = entry.text;
    entry.state = JSON.stringify(state);
    entry.text = textOf(entry);
    if (entry.text !== before) this.#note(entry.id, before);
    return entry.text;
  }

  /** At the end of a turn. */
  tell(place: (frame: { readonly op: "snapshot"; readonly rows: string } | { readonly op: "change"; readonly changes: readonly LiveChange[] }) => LiveFrame): void {
    const changes = this.#changes();
    this.#before.clear();
    const change = changes.length === 0 ? null : place({ op: "change", changes });
    let snapshot: LiveFrame | null = null;
    for (const watcher of this.#watchers) {
      if (watcher.isNew) {
        watcher.isNew = false;
        watcher.sink.take(snapshot ??= place({ op: "snapshot", rows: `[${[...this.#entries.values()].map(({ text }) => text).join(",")}]` }));
      } else if (change !== null) watcher.sink.take(change);
    }
  }

  #note(id: string, before: string | null): void {
    if (!this.#before.has(id)) this.#before.set(id, before);
  }

  #changes(): LiveChange[] {
    if (this.#before.size === 0) return [];
    const now = new Map([...this.#entries.values()].map(({ id, text }) => [id, text]));
    return [...this.#before].flatMap(([id, before]): LiveChange[] => {
      const record = now.get(id);
      const key = JSON.stringify(id);
      if (record === undefined) return before === null ? [] : [{ type: "leave", key }];
      return record === before ? [] : [{ type: before === null ? "enter" : "update", key, record }];
    });
  }
}

function textOf({ id, subject, state }: PresenceEntry): string {
  return `{"connection":${JSON.stringify(id)},"subject":${JSON.stringify(subject)},"state":${state}}`;
}
