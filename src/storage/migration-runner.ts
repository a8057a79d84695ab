// Fills the shadows of large tables through the queue of commits, a short batch at a time, and keeps live writes followed from the first
// batch to the switch. One migration at a time.
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Work } from "./batch.ts";
import type { AfterCommit } from "./committer.ts";
import { catalogShape } from "./catalog-shape.ts";
import type { MigrationApproval } from "./migration-functions.ts";
import { OnlineMigration } from "./online-migration.ts";
import { abandonMigration } from "./pending-migration.ts";

export interface RunnerOptions {
  readonly limits: Limits;
  readonly clock: Clock;
  commit<Result>(work: Work<Result>, afterCommit?: AfterCommit<Result>): Promise<Result>;
}

export interface FillOptions {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly approval: MigrationApproval;
  /** Between batches; without it they follow each other as fast as the queue lets them. */
  readonly pause?: () => Promise<void>;
}

export class MigrationRunner {
  readonly #options: RunnerOptions;
  #online: OnlineMigration | null = null;
  #isFilling = false;

  constructor(options: RunnerOptions) {
    this.#options = options;
  }

  /** In the transaction of each live write, after it. */
  follow(): void {
    this.#online?.follow();
  }

  /** Resolves once all shadows are filled, at once where none is needed; then prepareCatalog swaps them. Throws CONFLICT while another one is filled. */
  async fill({ catalog, book, approval, pause }: FillOptions): Promise<void> {
    const { commit, limits, clock } = this.#options;
    if (this.#isFilling) throw fault("CONFLICT", "Another migration is under way.");
    this.#isFilling = true;
    try {
      const begun = await commit((connection) => OnlineMigration.begin({ connection, catalog, book, limits, nowMs: clock.now() }, approval), (online) => { this.#online = online; });
      if (begun === null) return;
      while (!begun.isFilled) {
        await commit(() => {
          // A reload with other files has taken it away.
          if (this.#online !== begun) throw fault("CONFLICT", "The migration was given up for another change of the schema.");
          const started = clock.now();
          begun.batch((records) => records >= limits.migrateBatchRows || clock.now() - started >= limits.migrateBatchMs);
        });
        await pause?.();
      }
    } finally {
      this.#isFilling = false;
    }
  }

  /** What was filled for this catalog; null: nothing. */
  filledFor(catalog: Catalog): OnlineMigration | null {
    const online = this.#online;
    return online?.isFilled === true && online.target === JSON.stringify(catalogShape(catalog)) ? online : null;
  }

  /** The shadows have taken their places, or there is no use for them any more. */
  end(): void {
    this.#online = null;
  }

  async abandon(): Promise<void> {
    await this.#options.commit((connection) => abandonMigration(connection), () => this.end());
  }
}
