// Rows of rollouts: what the runs of champion and candidate came to, and whether it was ended. Each pair of versions has its own, so another
// deploy begins anew. Functions that write run inside a commit.
import type { Connection } from "./connection.ts";

export const rolloutDdl: readonly string[] = [
  `CREATE TABLE "$rollout" ("name" TEXT NOT NULL, "versions" TEXT NOT NULL, "arm" TEXT NOT NULL, "runs" INTEGER NOT NULL DEFAULT 0, "fallbacks" INTEGER NOT NULL DEFAULT 0,
    "refused" INTEGER NOT NULL DEFAULT 0, "failed" INTEGER NOT NULL DEFAULT 0, "violations" INTEGER NOT NULL DEFAULT 0, "compared" INTEGER NOT NULL DEFAULT 0, "agreed" INTEGER NOT NULL DEFAULT 0,
    "duration" INTEGER NOT NULL DEFAULT 0, "cost" INTEGER NOT NULL DEFAULT 0, PRIMARY KEY ("name", "versions", "arm")) STRICT, WITHOUT ROWID`,
  `CREATE TABLE "$rollout_end" ("name" TEXT NOT NULL, "versions" TEXT NOT NULL, "time" INTEGER NOT NULL, PRIMARY KEY ("name", "versions")) STRICT, WITHOUT ROWID`,
];

export interface ArmCounts {
  readonly runs: number;
  readonly fallbacks: number;
  readonly refused: number;
  readonly failed: number;
  /** Runs in which a bound did not hold, repaired or not. */
  readonly violations: number;
  /** Beside the champion, and those of them that said the same. */
  readonly compared: number;
  readonly agreed: number;
  readonly durationMs: number;
  readonly costMicros: number;
}

/** `versions`: of both decisions. */
export interface RolloutPlace { readonly name: string; readonly versions: string }
export type Arm = "candidate" | "champion";

const NONE: ArmCounts = { runs: 0, fallbacks: 0, refused: 0, failed: 0, violations: 0, compared: 0, agreed: 0, durationMs: 0, costMicros: 0 };

export function countArm(connection: Connection, { name, versions, arm }: RolloutPlace & { readonly arm: Arm }, more: ArmCounts): void {
  connection.run(
    `INSERT INTO "$rollout" VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12) ON CONFLICT DO UPDATE SET "runs" = "runs" + ?4, "fallbacks" = "fallbacks" + ?5, "refused" = "refused" + ?6,
      "failed" = "failed" + ?7, "violations" = "violations" + ?8, "compared" = "compared" + ?9, "agreed" = "agreed" + ?10, "duration" = "duration" + ?11, "cost" = "cost" + ?12`,
    name, versions, arm, more.runs, more.fallbacks, more.refused, more.failed, more.violations, more.compared, more.agreed, Math.round(more.durationMs), more.costMicros);
}

export function countsOfArm(connection: Connection, { name, versions, arm }: RolloutPlace & { readonly arm: Arm }): ArmCounts {
  const row = connection.values(`SELECT "runs", "fallbacks", "refused", "failed", "violations", "compared", "agreed", "duration", "cost" FROM "$rollout" WHERE "name" = ?1 AND "versions" = ?2 AND "arm" = ?3`, name, versions, arm)[0];
  if (row === undefined) return NONE;
  const [runs, fallbacks, refused, failed, violations, compared, agreed, durationMs, costMicros] = row as number[] as [number, number, number, number, number, number, number, number, number];
  return { runs, fallbacks, refused, failed, violations, compared, agreed, durationMs, costMicros };
}

/** Milliseconds since the epoch; null: it goes on. */
export function rolloutEndMs(connection: Connection, { name, versions }: RolloutPlace): number | null {
  return connection.values(`SELECT "time" FROM "$rollout_end" WHERE "name" = ?1 AND "versions" = ?2`, name, versions)[0]?.[0] as number | undefined ?? null;
}

/** False: it was ended before. */
export function endRollout(connection: Connection, { name, versions }: RolloutPlace, timeMs: number): boolean {
  return connection.run(`INSERT INTO "$rollout_end" VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING`, name, versions, timeMs) > 0;
}
