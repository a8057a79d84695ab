// The stored side of a running matrix: what stands there, without rules, and the seeded state restored after a write.
import { EPOCH_MS } from "./canary-values.ts";
import type { Matrix } from "./matrix-server.ts";
import type { Row, TableModel } from "./model.ts";
import { seedOrder, type SeededWorld } from "./rows.ts";
import { tableNamed, tables } from "./tables.ts";

const asCode = { dialect: "wire", authority: null, sent: null } as const;
const system = { actor: "seed", requestId: "seed" } as const;

/** Keys in memory form. */
export function memoryKey(table: TableModel, key: unknown): string | number | bigint {
  return table.key.type === "Long" ? BigInt(key as string) : key as string | number;
}

/** In wire form, without what is worked out at each read; null: nothing there. */
export function storedRow(matrix: Matrix, table: TableModel, key: unknown): Row | null {
  const stored = matrix.app.tables.get(table.name, memoryKey(table, key));
  return stored === null ? null : wire(stored.values);
}

function wire(values: object): Row {
  return JSON.parse(JSON.stringify(values, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value))) as Row;
}

export function withoutComputed(table: TableModel, row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => table.fields.find((field) => field.name === name)?.compute === undefined));
}

export function isAsSeeded(matrix: Matrix, table: TableModel, row: Row): boolean {
  return Bun.deepEquals(storedRow(matrix, table, row[table.key.name]), withoutComputed(table, row), true);
}

/** Puts one record back that stands where it stood. */
export async function restoreRow(matrix: Matrix, table: TableModel, row: Row): Promise<void> {
  const write = { kind: "replace", table: table.name, id: memoryKey(table, row[table.key.name]), input: withoutComputed(table, row), precondition: null } as const;
  matrix.setTime(EPOCH_MS - 7_200_000);
  await matrix.app.tables.commit((session) => session.write(write, asCode), system);
  matrix.setTime(EPOCH_MS);
}

type Versions = ReadonlyMap<string, ReadonlyMap<string, number>>;

/** Of records that stand as they do in that world: those need not be looked at. */
const restored = new WeakMap<SeededWorld, { readonly matrix: Matrix; readonly versions: Versions }>();

/** By table and key. */
function versionsIn(connection: Matrix["app"]["storage"]["reader"]): Versions {
  return new Map(tables.map(({ name, key }) => [name, new Map(connection.query(`SELECT CAST("${key.name}" AS TEXT), "$version" FROM "${name}"`).values() as [string, number][])]));
}

/** Puts all records back as they were seeded. */
export async function restore(matrix: Matrix): Promise<void> {
  matrix.setTime(EPOCH_MS - 7_200_000);
  const order = seedOrder(matrix.world);
  const known = restored.get(matrix.world);
  await matrix.app.tables.commit((session) => {
    const now = versionsIn(session.connection);
    for (const [name, rows] of [...order].reverse()) {
      const table = tableNamed(name);
      const seeded = new Set(rows.map((row) => memoryKey(table, row[table.key.name])));
      for (const key of now.get(name)!.keys()) {
        const id = table.key.type === "Long" ? BigInt(key) : table.key.type === "Int" ? Number(key) : key;
        if (!seeded.has(id) && session.get(name, id) !== null) session.write({ kind: "remove", table: name, id, precondition: null }, asCode);
      }
    }
    for (const [name, rows] of order) {
      const table = tableNamed(name);
      for (const row of rows) {
        const id = memoryKey(table, row[table.key.name]);
        const version = now.get(name)!.get(String(id));
        if (version !== undefined && known?.matrix === matrix && known.versions.get(name)!.get(String(id)) === version) continue;
        const input = withoutComputed(table, row);
        const stored = session.get(name, id);
        if (stored !== null && Bun.deepEquals(wire(stored.values), input, true)) continue;
        if (stored === null) session.write({ kind: "create", table: name, input, onConflict: null }, asCode);
        else session.write({ kind: "replace", table: name, id, input, precondition: null }, asCode);
      }
    }
  }, system);
  matrix.setTime(EPOCH_MS);
  restored.set(matrix.world, { matrix, versions: versionsIn(matrix.app.storage.reader) });
}

/** Whatever differs from the seed, described; none: []. */
export function differences(matrix: Matrix): string[] {
  return [...matrix.world.all].flatMap(([name, rows]) => {
    const table = tableNamed(name);
    const ghosts = matrix.world.ghosts.get(name)!;
    const wrong = rows.filter((row) => !ghosts.includes(row) && !isAsSeeded(matrix, table, row)).map((row) => `${name} ${String(row[table.key.name])}`);
    const [[count]] = matrix.app.storage.reader.query(`SELECT count(*) FROM "${name}"`).values() as [[number]];
    return count === rows.length ? wrong : [...wrong, `${name} has ${count} records, not ${rows.length}`];
  });
}
