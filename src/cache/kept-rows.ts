// Keeps at most limits.sourceRows records of each table with a source: those that were fetched first go, unless others refer to them.
import { AmbitError } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { DispatchCore } from "../resources/dispatch-parts.ts";
import { coerceText } from "../schema/coerce-text.ts";
import type { Table } from "../schema/catalog.ts";
import { countFetches, isReferredTo, oldestFetches, removeFetch } from "../storage/source-rows.ts";
import type { CommitOptions } from "../tables/engine.ts";

const SYSTEM: CommitOptions = { actor: null, requestId: "source-rows" };
/** Counted anew after so many, so that it may be a little more. */
const SLACK = 1 / 64;
const BATCH = 100;

export class KeptRows {
  /** How many may yet be added before it is counted. */
  readonly #room = new Map<string, number>();
  readonly #removing = new Set<string>();

  /** One more, perhaps. */
  async added(core: DispatchCore, table: Table): Promise<void> {
    const room = (this.#room.get(table.name) ?? 0) - 1;
    this.#room.set(table.name, room);
    if (room > 0 || this.#removing.has(table.name)) return;
    this.#removing.add(table.name);
    try {
      await this.#remove(core, table);
    } finally {
      this.#removing.delete(table.name);
    }
  }

  async #remove(core: DispatchCore, table: Table): Promise<void> {
    const { storage, limits: { sourceRows } } = core;
    let rows = countFetches(storage.reader, table.name);
    for (; rows > sourceRows; rows = countFetches(storage.reader, table.name)) {
      const keys = oldestFetches(storage.reader, table.name, Math.min(BATCH, rows - sourceRows));
      await Promise.all(keys.map((key) => removeOne(core, table, key)));
    }
    this.#room.set(table.name, sourceRows - rows + Math.ceil(sourceRows * SLACK));
  }
}

async function removeOne(core: DispatchCore, table: Table, key: string): Promise<void> {
  const id: Value = coerceText(key, table.fields.get(table.primaryKey)!.type, core.catalog);
  try {
    await core.tables.commit((session) => {
      // To make room nothing else is deleted or changed, whatever its onDelete says.
      if (isReferredTo(session.connection, core.catalog, table, id)) return removeFetch(session.connection, table.name, key);
      if (session.get(table.name, id) !== null) session.write({ kind: "remove", table: table.name, id, precondition: null }, { dialect: "code", authority: null, sent: null });
      removeFetch(session.connection, table.name, key);
    }, SYSTEM);
  } catch (error) {
    if (!(error instanceof AmbitError) || error.code !== "REFERENCE_VIOLATION") throw error;
    // It stays, and is fetched when it is asked for.
    await core.tables.commit((session) => removeFetch(session.connection, table.name, key), SYSTEM);
  }
}
