// Brings the data file to the shape of a catalog, in one transaction: creates what is missing, renames, applies what the records allow
// and what a person agreed to, refuses the rest with one error that lists all of it. The shape that the data has is kept beside it.
import { assert } from "../base/assert.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { CatalogContext } from "./catalog-context.ts";
import { type CatalogShape, catalogShape } from "./catalog-shape.ts";
import { quoted } from "./column.ts";
import { type Difference, difference, nameOf } from "./compare-shapes.ts";
import type { Connection } from "./connection.ts";
import { type MigrationStep, changesRepresentation, describeMigration } from "./describe-migration.ts";
import { evolveTables } from "./evolve-tables.ts";
import { releaseAllFiles } from "./file-rows.ts";
import { appendMigrationEntry, nextPosition } from "./migration-entry.ts";
import { type MigrationApproval, isApplied, noApproval, rememberApplied } from "./migration-functions.ts";
import { type OnlineMigration, type OnlineTable, hopeless, onlineTables } from "./online-migration.ts";
import { abandonMigration, endMigration } from "./pending-migration.ts";
import { type TableRename, carryOutRenames, findRenames, renamedShape, takenRecords } from "./renames.ts";
import { knowRepresentedSince, readRepresentedSince, writeRepresentedSince } from "./represented-since.ts";
import { answerFor } from "./sqlite-failure.ts";
import { hasShape, storedShape, writeShape } from "./stored-shape.ts";

export interface MigrationPlan {
  readonly steps: readonly MigrationStep[];
  /** Why it cannot be applied; empty: it can. */
  readonly differences: readonly Difference[];
  /** Types whose tables are filled beside live writes. */
  readonly online: readonly string[];
}

/**
 * Outside of transactions. Throws MIGRATION_NEEDED and changes nothing where stored records do not allow a difference.
 * `online`: one that is filled, whose shadows take the place of their tables.
 */
export function prepareCatalog(context: CatalogContext, approval: MigrationApproval = noApproval, online: OnlineMigration | null = null): readonly MigrationStep[] {
  const { connection, catalog } = context;
  const steps = hasShape(connection, catalogShape(catalog)) ? [] : migrate(context, approval, { end: "COMMIT", online, later: [] });
  knowRepresentedSince(catalog, readRepresentedSince(connection));
  return steps;
}

/** What a migration would do or say, by doing it and undoing it, but for tables that take longer than one commit. Outside of transactions. */
export function planCatalog(context: CatalogContext, approval: MigrationApproval): MigrationPlan {
  if (hasShape(context.connection, catalogShape(context.catalog))) return { steps: [], differences: [], online: [] };
  const later = onlineTables(context, approval);
  const [known, online] = [hopeless(later, approval), later.map(({ table }) => table.name)];
  try {
    return { steps: migrate(context, approval, { end: "ROLLBACK", online: null, later }), differences: known, online };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return { steps: error.steps, differences: [...known, ...error.differences], online };
  }
}

interface Course {
  readonly end: "COMMIT" | "ROLLBACK";
  readonly online: OnlineMigration | null;
  /** Tables that are left out. */
  readonly later: readonly OnlineTable[];
}

class Refusal extends Error {
  readonly steps: readonly MigrationStep[];
  readonly differences: readonly Difference[];
  constructor(steps: readonly MigrationStep[], differences: readonly Difference[]) {
    super("the stored data does not allow it");
    this.steps = steps;
    this.differences = differences;
  }
}

function migrate(context: CatalogContext, approval: MigrationApproval, course: Course): readonly MigrationStep[] {
  const { connection } = context;
  assert(!connection.inTransaction, "the catalog changes outside of transactions");
  const given = changedTables(context, approval, course);
  if (!approval.calls && given.length > 0) throw refusal(context, approval, { steps: [], differences: given.map(uncalled) }, course.end);
  const rewritten = new Set(given);
  const blocked = course.online === null ? [] : blockedRecords(connection, course.online);
  if (blocked.length > 0) throw refusal(context, approval, { steps: [], differences: blocked }, course.end);
  // A table is copied by dropping it; references to it are checked once at the end instead. Has no effect inside a transaction.
  connection.execute("PRAGMA foreign_keys = OFF");
  try {
    connection.execute("BEGIN IMMEDIATE");
    const { steps, differences } = attempt(context, approval, rewritten, course);
    if (differences.length === 0) {
      connection.execute(course.end);
      return steps;
    }
    connection.execute("ROLLBACK");
    throw refusal(context, approval, { steps, differences }, course.end);
  } catch (error) {
    if (connection.inTransaction) connection.execute("ROLLBACK");
    throw error instanceof Refusal ? error : answerFor(error);
  } finally {
    connection.execute("PRAGMA foreign_keys = ON");
  }
}

/** Types with records that change in any way, and have a function that was not called before. */
function changedTables({ connection, catalog }: CatalogContext, { functions }: MigrationApproval, { online, later }: Course): string[] {
  const stored = storedShape(connection);
  if (stored === null) return [];
  const renames = findRenames(stored, catalog);
  const old = renamedShape(stored, renames);
  return catalogShape(catalog).tables.flatMap((shape) => {
    const run = functions.get(shape.name);
    const index = old.tables.findIndex(({ sqlName }) => sqlName === shape.sqlName);
    const isElsewhere = online?.shadows.has(shape.sqlName) === true || later.some(({ table }) => table.sqlName === shape.sqlName);
    if (run === undefined || index < 0 || isElsewhere || JSON.stringify(stored.tables[index]) === JSON.stringify(shape) || isApplied(connection, shape.name, run)) return [];
    return connection.get(`SELECT 1 FROM ${quoted(stored.tables[index]!.sqlName)} LIMIT 1`) === null ? [] : [shape.name];
  });
}

function uncalled(name: string): Difference {
  return difference({ name }, null, "changes, and its function in Migrations was not called yet", "Run ambit migrate apply, which calls it; or remove it.");
}

function refusal(context: CatalogContext, { functions }: MigrationApproval, { steps, differences }: Attempt, end: "COMMIT" | "ROLLBACK"): Error {
  const told = differences.map((one) => {
    const run = functions.get(one.table);
    const isOld = one.kind === "needs-data" && run !== undefined && isApplied(context.connection, one.table, run);
    return isOld ? { ...one, fix: `Migrations.${one.table} has done its work before: write it for this change. ${one.fix}` } : one;
  });
  return end === "ROLLBACK" ? new Refusal(steps, told) : migrationNeeded(told);
}

interface Attempt { readonly steps: readonly MigrationStep[]; readonly differences: readonly Difference[] }

/** In a transaction. Steps are those that it would take, also where differences prevent it. */
function attempt(context: CatalogContext, approval: MigrationApproval, needing: ReadonlySet<string>, { online, later }: Course): Attempt {
  const { connection, catalog } = context;
  const next = catalogShape(catalog);
  const stored: CatalogShape = storedShape(connection) ?? { tables: [] };
  const rewritten = new Set([...needing, ...online?.functions.keys() ?? [], ...later.filter(({ run }) => run !== null).map(({ table }) => table.name)]);
  online?.stopTriggers();
  const taken = takenRecords(stored, catalog);
  if (taken.length > 0) return { steps: [], differences: taken };
  const position = nextPosition(connection);
  const renames = findRenames(stored, catalog);
  const old = renamedShape(stored, renames);
  const isApproved = (one: Difference): boolean => one.kind === "destructive" && approval.destroy.has(nameOf(one));
  const functions = new Map([...approval.functions].filter(([table]) => needing.has(table)));
  // What was filled for another target is of no use.
  if (online === null && later.length === 0) abandonMigration(connection);
  carryOutRenames(connection, stored, renames, position - 1);
  const filled = new Set(old.tables.filter(({ sqlName }) => connection.get(`SELECT 1 FROM "${sqlName.replaceAll('"', '""')}" LIMIT 1`) !== null).map(({ sqlName }) => sqlName));
  const shadows = online?.shadows ?? new Map(later.map(({ table }) => [table.sqlName, null]));
  const { differences, ended } = evolveTables(context, { stored, old, next, renames, shadows, rewritten, functions, isApproved });
  const steps = describeMigration(old, next, renames, rewritten);
  if (differences.length > 0) return { steps, differences };
  if (online !== null) endMigration(connection);
  writeShape(connection, next);
  if (stored.tables.length > 0) releaseAllFiles(connection, dateTimeOf(context.nowMs + context.limits.fileGraceMs));
  rememberApplied(connection, new Map([...functions, ...online?.functions ?? []]));
  noteMigration(context, { stored, next, renames, changed: new Set([...rewritten, ...ended]), filled, position });
  return { steps, differences };
}

/** The last live writes are brought over, while references are held; what the catalog to come refuses stands in the way. */
function blockedRecords(connection: Connection, online: OnlineMigration): Difference[] {
  connection.execute("BEGIN IMMEDIATE");
  try {
    online.follow();
    const blocked = online.blocked();
    connection.execute("COMMIT");
    return blocked;
  } catch (error) {
    if (connection.inTransaction) connection.execute("ROLLBACK");
    throw answerFor(error);
  }
}

interface Outcome {
  readonly stored: CatalogShape;
  readonly next: CatalogShape;
  readonly renames: readonly TableRename[];
  /** Types whose records have other values. */
  readonly changed: ReadonlySet<string>;
  /** SQL names of tables that hold records. */
  readonly filled: ReadonlySet<string>;
  readonly position: number;
}

/** One entry, if any record looks different or is called differently from here on. */
function noteMigration({ connection, catalog, nowMs }: CatalogContext, { stored, next, renames, changed: written, filled, position }: Outcome): void {
  const oldNames = new Map(renames.map(({ from, to }) => [to.sqlName, from.sqlName]));
  const changed = next.tables.filter((table) => {
    const before = stored.tables.find(({ sqlName }) => sqlName === (oldNames.get(table.sqlName) ?? table.sqlName));
    return before !== undefined && filled.has(table.sqlName) && (written.has(table.name) || changesRepresentation(before, table));
  });
  if (changed.length === 0 && !renames.some(({ to }) => filled.has(to.sqlName))) return;
  appendMigrationEntry(connection, position, dateTimeOf(nowMs), { catalog: catalog.hash, tables: changed.map((table) => table.name) });
  const since = new Map([...readRepresentedSince(connection)].map(([sqlName, at]) => [renames.find(({ from }) => from.sqlName === sqlName)?.to.sqlName ?? sqlName, at]));
  for (const table of changed) since.set(table.sqlName, position);
  writeRepresentedSince(connection, since);
}

/** What refuses a migration, as an error that lists all of it. */
export function migrationNeeded(differences: readonly Difference[]): Error {
  const named = differences.slice(0, 3);
  const first = named.map((one) => one.message).join(" ");
  const more = differences.length > 3 ? ` And ${differences.length - 3} more.` : "";
  return fault("MIGRATION_NEEDED", `The stored data does not allow what the schema changed. ${first}${more}`, {
    details: JSON.parse(JSON.stringify(differences)) as Json,
    hint: "ambit migrate plan lists everything that changed, ambit migrate apply carries it out.",
    fix: differences.length === 1 ? differences[0]!.fix : named.map((one) => `${nameOf(one)}: ${one.fix}`).join(" "),
  });
}
