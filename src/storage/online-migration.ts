// A change of the schema on tables too large to be written at once: shadows are filled in batches beside live writes, each of which also
// brings its own records over; then one commit swaps them. What was done is kept with the data, so that it goes on after a crash.
import type { Table } from "../schema/catalog.ts";
import { BackFill } from "./back-fill.ts";
import { type TableShape, catalogShape } from "./catalog-shape.ts";
import { type Difference, type TableChange, compareTables, nameOf } from "./compare-shapes.ts";
import { quoted } from "./column.ts";
import type { CatalogContext } from "./catalog-context.ts";
import { nextPosition } from "./migration-entry.ts";
import { type MigrationApproval, type MigrationFunction, type MigrationFunctions, isApplied, signature } from "./migration-functions.ts";
import { type TableRename, findRenames, renamedShape } from "./renames.ts";
import { type PendingMigration, type PendingTable, abandonMigration, pendingMigration, writePending } from "./pending-migration.ts";
import { canHaveShadow, createShadow, dropTriggers } from "./shadow-table.ts";
import { LEAST_KEY } from "./stored-rows.ts";
import { storedShape } from "./stored-shape.ts";

export interface OnlineTable { readonly table: Table; readonly live: TableShape; readonly change: TableChange; readonly run: MigrationFunction | null; readonly renamed: TableRename["fields"]; readonly dropsUndeclared: boolean }

export class OnlineMigration {
  readonly target: string;
  readonly #context: CatalogContext;
  readonly #fills: readonly BackFill[];

  private constructor(context: CatalogContext, target: string, fills: readonly BackFill[]) {
    this.target = target;
    this.#context = context;
    this.#fills = fills;
  }

  /** In a transaction. Goes on with one that is under way for the same target, else begins; null: no table needs it. */
  static begin(context: CatalogContext, approval: MigrationApproval): OnlineMigration | null {
    const { connection, catalog } = context;
    const stored = storedShape(connection);
    const tables = onlineTables(context, approval);
    const wanted = { target: JSON.stringify(catalogShape(catalog)), functions: tables.flatMap(({ table, run }) => (run === null ? [] : [signature(table.name, run)])), destroy: [...approval.destroy].sort() };
    const pending = pendingMigration(connection);
    const isSame = pending !== null && isFor(pending, wanted, tables);
    if (!isSame) abandonMigration(connection);
    if (tables.length === 0 || stored === null) return null;
    const state: PendingMigration = isSame ? pending : { ...wanted, tables: newTables(tables, nextPosition(connection)) };
    const renames = findRenames(stored, catalog);
    const fills = tables.map((one, index) => {
      const { cursor, shadow: sqlName } = state.tables[index]!;
      const shadow = { table: one.table, live: one.live, sqlName };
      if (!isSame) createShadow(connection, shadow, catalog, renames);
      return new BackFill({ ...context, table: one.table }, { shadow, change: one.change, run: one.run, renamed: one.renamed, dropsUndeclared: one.dropsUndeclared, from: cursor === null ? null : BigInt(cursor) });
    });
    writePending(connection, state);
    const migration = new OnlineMigration(context, wanted.target, fills);
    migration.follow();
    return migration;
  }

  get isFilled(): boolean {
    return this.#fills.every(({ cursor }) => cursor === null);
  }

  /** What takes the place of live tables, by the SQL name to come. */
  get shadows(): ReadonlyMap<string, string> {
    return new Map(this.#fills.map(({ shadow }) => [shadow.table.sqlName, shadow.sqlName]));
  }

  /** Those that give values, by type. */
  get functions(): MigrationFunctions {
    return new Map(this.#fills.flatMap(({ shadow, run }) => (run === null ? [] : [[shadow.table.name, run] as const])));
  }

  /** In the transaction of the switch: nothing is noted any more. */
  stopTriggers(): void {
    for (const { shadow } of this.#fills) dropTriggers(this.#context.connection, shadow.sqlName);
  }

  /** In a transaction; where that is undone, it counts from what is kept. */
  batch(isEnough: (records: number) => boolean): number {
    const state = this.#load();
    let records = 0;
    for (const fill of this.#fills) {
      if (fill.cursor === null) continue;
      records += fill.fill((more) => isEnough(records + more));
      if (isEnough(records)) break;
    }
    const tables = state.tables.map((table, index) => ({ ...table, cursor: this.#fills[index]!.cursor?.toString() ?? null }));
    writePending(this.#context.connection, { ...state, tables });
    return records;
  }

  /** In the transaction of each live write, after it: its records are brought over. */
  follow(): void {
    const { connection } = this.#context;
    for (let isFirst = true; ; isFirst = false) {
      const stale = connection.values(`SELECT "table", CAST("key" AS TEXT) FROM "$stale" LIMIT 500`);
      if (stale.length === 0) return;
      if (isFirst) this.#load();
      for (const [name, text] of stale) {
        const key = BigInt(text as string);
        connection.run(`DELETE FROM "$stale" WHERE "table" = ?1 AND "key" = ?2`, name!, key);
        this.#fills.find(({ shadow }) => shadow.live.sqlName === name)?.followRow(key);
      }
    }
  }

  /** In a transaction: records that the catalog to come would refuse, after they were tried once more. */
  blocked(): Difference[] {
    this.#load();
    return this.#fills.flatMap((fill) => fill.blocked());
  }

  #load(): PendingMigration {
    const state = pendingMigration(this.#context.connection)!;
    this.#fills.forEach((fill, index) => {
      const { cursor } = state.tables[index]!;
      fill.cursor = cursor === null ? null : BigInt(cursor);
    });
    return state;
  }
}

function isFor(pending: PendingMigration, wanted: Omit<PendingMigration, "tables">, tables: readonly OnlineTable[]): boolean {
  return pending.target === wanted.target && JSON.stringify([pending.functions, pending.destroy]) === JSON.stringify([wanted.functions, wanted.destroy])
    && JSON.stringify(pending.tables.map(({ name }) => name)) === JSON.stringify(tables.map(({ table }) => table.name));
}

function newTables(tables: readonly OnlineTable[], position: number): PendingTable[] {
  return tables.map(({ table, live }) => ({ name: table.name, live: live.sqlName, shadow: `${table.sqlName}$next${position}`, cursor: String(LEAST_KEY) }));
}

/** Those whose rows all have to be read or written, and are more than can be at once. */
export function onlineTables(context: CatalogContext, approval: MigrationApproval): OnlineTable[] {
  const { connection, catalog, limits } = context;
  const stored = storedShape(connection);
  if (stored === null) return [];
  const renames = findRenames(stored, catalog);
  const old = renamedShape(stored, renames);
  return catalogShape(catalog).tables.flatMap((shape) => {
    const table = [...catalog.tables.values()].find(({ sqlName }) => sqlName === shape.sqlName)!;
    const index = old.tables.findIndex(({ sqlName }) => sqlName === shape.sqlName);
    if (index < 0) return [];
    const live = stored.tables[index]!;
    const change = compareTables(old.tables[index]!, shape, table);
    const isLarge = connection.values(`SELECT count(*) FROM (SELECT 1 FROM ${quoted(live.sqlName)} LIMIT ?1)`, limits.migrateInPlaceRows + 1)[0]![0] as number > limits.migrateInPlaceRows;
    const candidate = approval.functions.get(table.name);
    const run = candidate !== undefined && !isApplied(connection, table.name, candidate) && JSON.stringify(live) !== JSON.stringify(shape) ? candidate : null;
    if (!isLarge || !(run !== null || isHeavy(change)) || !canHaveShadow(connection, table, catalog, renames)) return [];
    return [{ table, live, change, run, dropsUndeclared: approval.destroy.has(table.name), renamed: renames.find(({ to }) => to.sqlName === shape.sqlName)?.fields ?? [] }];
  });
}

/** What is known not to succeed before anything is filled. */
export function hopeless(tables: readonly OnlineTable[], { destroy }: MigrationApproval): Difference[] {
  return tables.flatMap(({ change, run }) => change.refused.filter((one) => !(one.kind === "destructive" && destroy.has(nameOf(one))) && !(one.kind === "needs-data" && run !== null)));
}

function asksForValues({ refused, tightened, old, next }: TableChange): boolean {
  return refused.length > 0 || tightened.length > 0 || adds(old.foreignKeys, next.foreignKeys) || adds(old.checks ?? [], next.checks ?? [])
    || adds(uniqueOf(old), uniqueOf(next)) || JSON.stringify(old.vectors) !== JSON.stringify(next.vectors);
}

/** Takes time for each row. */
function isHeavy(change: TableChange): boolean {
  const { old, next, rebuild, refilled, addedFields } = change;
  return rebuild || refilled.length > 0 || asksForValues(change) || adds(old.indexes.map(columnsOf), next.indexes.map(columnsOf)) || JSON.stringify(old.search) !== JSON.stringify(next.search)
    || JSON.stringify(old.expiry) !== JSON.stringify(next.expiry) || addedFields.some(({ computed }) => computed !== null);
}

const columnsOf = (index: TableShape["indexes"][number]): string => `${index.unique} ${index.columns.join(",")}`;
const uniqueOf = ({ indexes }: TableShape): string[] => indexes.filter(({ unique }) => unique).map(columnsOf);
const adds = (old: readonly string[], next: readonly string[]): boolean => next.some((one) => !old.includes(one));
