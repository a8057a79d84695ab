// Numbers without gaps that are never reused: @sequence and generated integer keys. Kept in "$sequence", saved in the session's own commit.
import type { Connection } from "../storage/connection.ts";

const READ = `SELECT CAST("next" AS TEXT) FROM "$sequence" WHERE "name" = ?1 AND "scope" = ?2`;
const SAVE = `INSERT INTO "$sequence" ("name", "scope", "next") VALUES (?1, ?2, ?3) ON CONFLICT ("name", "scope") DO UPDATE SET "next" = excluded."next"`;

interface Counter {
  readonly name: string;
  readonly scope: string;
  next: bigint;
  saved: bigint;
}

export class Sequences {
  readonly #connection: Connection;
  readonly #counters = new Map<string, Counter>();
  readonly #journal: Counter[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** The next number of the sequence `name` within `scope`, from 1, and at least `least`. `first`: where a scope that has never counted begins. */
  take(name: string, scope: string, least = 1n, first?: () => bigint): bigint {
    const counter = this.#counter(name, scope, first);
    if (counter.next < least) counter.next = least;
    this.#journal.push({ ...counter });
    return counter.next++;
  }

  /** The next number is at least `next`: those before were given out elsewhere. */
  reach(name: string, scope: string, next: bigint, first?: () => bigint): void {
    const counter = this.#counter(name, scope, first);
    if (counter.next >= next) return;
    this.#journal.push({ ...counter });
    counter.next = next;
  }

  mark(): number {
    return this.#journal.length;
  }

  /** Gives back what was taken since `mark`. */
  rollback(mark: number): void {
    while (this.#journal.length > mark) {
      const { name, scope, next } = this.#journal.pop()!;
      this.#counter(name, scope).next = next;
    }
  }

  save(): void {
    for (const counter of this.#counters.values()) {
      if (counter.next === counter.saved) continue;
      this.#connection.run(SAVE, counter.name, counter.scope, counter.next);
      counter.saved = counter.next;
    }
  }

  #counter(name: string, scope: string, first: () => bigint = () => 1n): Counter {
    const key = `${name} ${scope}`;
    let counter = this.#counters.get(key);
    if (counter === undefined) {
      const text = this.#connection.values(READ, name, scope)[0]?.[0];
      const next = text === undefined ? first() : BigInt(text as string);
      this.#counters.set(key, counter = { name, scope, next, saved: text === undefined ? 1n : next });
    }
    return counter;
  }
}
