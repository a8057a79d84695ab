// The shape of an open data file: plans and makes its changes on the writing connection, and counts them. The part of Storage that
// concerns the catalog.
import type { Database } from "bun:sqlite";
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Work } from "./batch.ts";
import type { CatalogContext } from "./catalog-context.ts";
import type { Committer } from "./committer.ts";
import type { Connection } from "./connection.ts";
import type { MigrationStep } from "./describe-migration.ts";
import type { MigrationApproval } from "./migration-functions.ts";
import { type FillOptions, MigrationRunner } from "./migration-runner.ts";
import { onlineTables } from "./online-migration.ts";
import { type MigrationProgress, type PendingMigration, pendingMigration, progressOf } from "./pending-migration.ts";
import { type MigrationPlan, planCatalog, prepareCatalog } from "./prepare-catalog.ts";
import type { ReadSnapshot } from "./read-snapshot.ts";
import { loadVectorFunctions, usesVectors } from "./vector-functions.ts";

export interface DataShapeOptions {
  readonly databases: readonly Database[];
  readonly writer: Connection;
  readonly reader: Connection;
  readonly snapshot: ReadSnapshot;
  readonly committer: Committer;
  readonly limits: Limits;
  readonly clock: Clock;
}

export class DataShape {
  /** How often it was looked at or changed. */
  looks = 0;
  /** How often it was changed. */
  version = 0;
  readonly #options: DataShapeOptions;
  readonly #migrations: MigrationRunner;
  #vectors = false;

  constructor(options: DataShapeOptions) {
    const { limits, clock, committer } = options;
    this.#options = options;
    this.#migrations = new MigrationRunner({ limits, clock, commit: (work, afterCommit) => committer.commit(work, afterCommit) });
  }

  prepare(catalog: Catalog, book: ExpressionBook, approval?: MigrationApproval): readonly MigrationStep[] {
    const steps = this.#alone(catalog, (context) => prepareCatalog({ ...context, book }, approval, this.#migrations.filledFor(catalog)));
    if (steps.length > 0) {
      this.version++;
      this.#migrations.end();
    }
    return steps;
  }

  plan(catalog: Catalog, book: ExpressionBook, approval: MigrationApproval): MigrationPlan {
    return this.#alone(catalog, (context) => planCatalog({ ...context, book }, approval));
  }

  onlineTables(catalog: Catalog, book: ExpressionBook, approval: MigrationApproval): readonly string[] {
    return this.#alone(catalog, (context) => onlineTables({ ...context, book }, approval).map(({ table }) => table.name));
  }

  async fill(options: FillOptions): Promise<void> {
    this.#loadVectors(options.catalog);
    await this.#migrations.fill(options);
  }

  pending(): PendingMigration | null {
    return pendingMigration(this.#options.writer);
  }

  progress(): readonly MigrationProgress[] {
    return progressOf(this.#options.writer);
  }

  abandon(): Promise<void> {
    return this.#migrations.abandon();
  }

  /** A live write, with its records brought over where a migration is under way. */
  followed<Result>(work: Work<Result>): Work<Result> {
    return (connection) => {
      const result = work(connection);
      this.#migrations.follow();
      return result;
    };
  }

  #alone<Result>(catalog: Catalog, work: (context: Omit<CatalogContext, "book">) => Result): Result {
    const { writer, reader, snapshot, limits, clock } = this.#options;
    this.#loadVectors(catalog);
    snapshot.end();
    this.looks++;
    try {
      return work({ connection: writer, catalog, limits, nowMs: clock.now() });
    } finally {
      writer.forgetStatements();
      reader.forgetStatements();
    }
  }

  #loadVectors(catalog: Catalog): void {
    if (this.#vectors || !usesVectors(catalog)) return;
    for (const database of this.#options.databases) loadVectorFunctions(database);
    this.#vectors = true;
  }
}
