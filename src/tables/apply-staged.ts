// Puts what a session staged into SQLite: deletions, changes, insertions, whatever order that takes, so that constraints hold at the
// end of the request and are never deferred. Knows no rules.
import type { SqlValue } from "../base/value.ts";
import { columnType, quoted } from "../storage/column.ts";
import type { Connection } from "../storage/connection.ts";
import { parentsFirst } from "./apply-order.ts";
import { brokenKey, missingReference, sqlConstraint, uniqueViolation, type SqlConstraint } from "./constraint-error.ts";
import { equalValues } from "../base/equal-values.ts";
import { letGo } from "./let-go.ts";
import type { Overlay, Slot } from "./overlay.ts";
import type { TableModel, UniqueKey } from "./table-model.ts";

interface Failure {
  readonly slot: Slot;
  readonly constraint: SqlConstraint;
}

/** Throws the problem of the first constraint that cannot be kept. */
export function applyStaged(overlay: Overlay, connection: Connection): void {
  for (const slot of overlay.waiting) overlay.dirty.add(slot);
  overlay.waiting.clear();
  let pending = takePending(overlay);
  const parked = new Set<Slot>();
  for (;;) {
    const failures = applyInOrder(overlay, connection, pending, parked);
    if (failures.length === 0) return;
    // Values that others wait for are given up first; what then still fails, fails.
    const blocking = failures.filter(({ slot }) => slot.stored !== null && !parked.has(slot));
    for (const { slot } of blocking) {
      park(connection, slot, parked.size);
      parked.add(slot);
    }
    if (blocking.length === 0 && failures.length === pending.length && !breakCircles(connection, failures)) throw problemOf(failures[0]!);
    pending = failures.map(({ slot }) => slot);
  }
}

/** False: no row can let go of others. */
function breakCircles(connection: Connection, failures: readonly Failure[]): boolean {
  let broken = false;
  for (const { slot, constraint } of failures) {
    if (constraint.kind === "reference") tolerated(connection, () => { broken = letGo(connection, slot) || broken; });
  }
  return broken;
}

/** As much as can be applied one by one, so that queries see it; the rest waits for `applyStaged`. */
export function applyPossible(overlay: Overlay, connection: Connection): void {
  for (const { slot } of applyInOrder(overlay, connection, takePending(overlay), new Set())) overlay.waiting.add(slot);
}

function takePending(overlay: Overlay): Slot[] {
  const pending = [...overlay.dirty].filter((slot) => slot.current !== slot.stored);
  overlay.dirty.clear();
  if (pending.length > 0) overlay.isApplied = true;
  return pending;
}

function applyInOrder(overlay: Overlay, connection: Connection, pending: readonly Slot[], parked: ReadonlySet<Slot>): Failure[] {
  const failures: Failure[] = [];
  for (const slot of pending.length < 2 ? pending : ordered(pending)) {
    const constraint = attempt(connection, slot, parked.has(slot));
    if (constraint !== null) failures.push({ slot, constraint });
    else overlay.applied.add(slot);
  }
  return failures;
}

function ordered(pending: readonly Slot[]): Slot[] {
  const deletions = parentsFirst(pending.filter((slot) => slot.current === null), (slot) => slot.stored!.values).reverse();
  const changes = pending.filter((slot) => slot.current !== null && slot.stored !== null);
  const insertions = parentsFirst(pending.filter((slot) => slot.stored === null), (slot) => slot.current!.values);
  return [...deletions, ...changes, ...insertions];
}

/** A failed statement undoes itself; the transaction goes on. */
function attempt(connection: Connection, slot: Slot, wasParked: boolean): SqlConstraint | null {
  try {
    execute(connection, slot, wasParked);
    slot.stored = slot.current;
    return null;
  } catch (error) {
    const constraint = sqlConstraint(error);
    if (constraint === null || constraint.kind === "other" || !connection.inTransaction) throw error;
    return constraint;
  }
}

function execute(connection: Connection, { model, id, stored, current }: Slot, wasParked: boolean): void {
  const { codec } = model;
  if (current === null) {
    connection.query(codec.deleteSql).run(codec.key(id));
  } else if (stored === null) {
    connection.query(codec.insertSql).run(...codec.encode(current.values, current.version, current.expires));
  } else if (wasParked) {
    connection.query(codec.updateSql).run(...codec.encode(current.values, current.version, current.expires), codec.key(id));
  } else {
    const changed = model.stored.filter((field) => !equalValues(stored.values[field.name], current.values[field.name])).map((field) => field.name);
    const update = codec.update(changed);
    connection.query(update.sql).run(...update.encode(current.values, current.version, current.expires));
  }
}

/** Puts the row's unique values out of the way until its turn comes again. */
function park(connection: Connection, slot: Slot, number: number): void {
  const { model, id } = slot;
  const places = model.uniqueKeys.map((key) => parkingPlace(model, key, number));
  const columns = new Map(places.filter((place) => place !== null).map(({ column, value }) => [column, value]));
  const key = model.codec.key(id);
  // A key of required references alone has no such place: its row leaves and comes back, if nothing refers to it.
  const leaves = slot.current !== null && places.includes(null);
  if (leaves && tolerated(connection, () => connection.query(model.codec.deleteSql).run(key))) {
    slot.stored = null;
    return;
  }
  if (columns.size === 0) return;
  const sql = `UPDATE ${quoted(model.table.sqlName)} SET ${[...columns.keys()].map((column) => `${quoted(column)} = ?`).join(", ")} WHERE ${quoted(model.table.primaryKey)} = ?`;
  tolerated(connection, () => connection.query(sql).run(...columns.values(), key));
}

/** False: a constraint refused it. */
function tolerated(connection: Connection, statement: () => void): boolean {
  try {
    statement();
    return true;
  } catch (error) {
    if (sqlConstraint(error) === null || !connection.inTransaction) throw error;
    return false;
  }
}

/** A column of the key that may be null, as companions may, else one that is no reference; nulls are distinct, and so are these numbers. */
function parkingPlace(model: TableModel, key: UniqueKey, number: number): { readonly column: string; readonly value: SqlValue } | null {
  const free = key.fields.findIndex((field, index) => !field.type.required || key.columns[index] !== field.name);
  if (free >= 0) return { column: key.columns[free]!, value: null };
  const references = new Set(model.foreignKeys.map((reference) => reference.field));
  const index = key.fields.findIndex((field) => !references.has(field.name) && field.name !== model.table.primaryKey);
  if (index < 0) return null;
  const column = key.columns[index]!;
  switch (columnType(key.fields[index]!.type)) {
    case "INTEGER": return { column, value: -9_223_372_036_854_775_808n + BigInt(number) };
    case "REAL": return { column, value: -1.7e308 + number * 1e293 };
    default: return { column, value: `\u0001parked ${number}` };
  }
}

function problemOf({ slot, constraint }: Failure): unknown {
  const { model, writer } = slot;
  if (constraint.kind === "unique") return uniqueViolation(model, brokenKey(model, constraint.message), writer);
  // References were looked at before: what is left is a circle of required ones over several tables.
  const key = slot.current === null ? undefined : model.foreignKeys[0];
  return key === undefined ? constraint.error : missingReference(model, key.field, key.target, writer);
}
