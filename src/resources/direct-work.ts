// Data operations of a body outside of transactions: reads see what is committed, each write commits by itself.
import { AmbitError } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { RecordSource } from "../expression/expression.ts";
import type { Connection } from "../storage/connection.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { CommitOptions, Tables } from "../tables/engine.ts";
import type { StoredRecord, Write, WriteOptions, WriteOutcome } from "../tables/write.ts";
import type { Work } from "./work.ts";

export class DirectWork implements Work {
  readonly transactional = false;
  readonly #tables: Tables;
  readonly #storage: Storage;
  readonly #who: CommitOptions;

  constructor(parts: { readonly tables: Tables; readonly storage: Storage }, who: CommitOptions) {
    this.#tables = parts.tables;
    this.#storage = parts.storage;
    this.#who = who;
  }

  record(table: string, id: Value): StoredRecord | null {
    return this.#tables.get(table, id);
  }

  read<T>(read: (connection: Connection) => T): T {
    return read(this.#storage.reader);
  }

  ask<T>(local: boolean, question: (source: RecordSource | null) => T): T {
    return question(local ? null : this.#tables.source);
  }

  noteRead(): void {}

  preview(write: Write, options: WriteOptions): WriteOutcome | null {
    try {
      return this.#tables.rehearse((session) => session.write(write, options), this.#who);
    } catch (error) {
      if (error instanceof AmbitError) return null;
      throw error;
    }
  }

  async write(write: Write, options: WriteOptions): Promise<WriteOutcome> {
    return (await this.#tables.commit((session) => session.write(write, options), this.#who)).value;
  }
}
