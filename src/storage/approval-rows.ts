// Rows of approvals: what waits for people, who has decided it, until when. What is to be approved is a payload of its run. Every function that
// writes runs inside a commit.
import type { SqlValue } from "../base/value.ts";
import type { Connection } from "./connection.ts";

export const approvalDdl: readonly string[] = [
  `CREATE TABLE "$approval" ("number" INTEGER PRIMARY KEY AUTOINCREMENT, "id" TEXT NOT NULL UNIQUE, "run" TEXT NOT NULL, "decision" TEXT NOT NULL, "contract" TEXT NOT NULL, "tenant" TEXT, "by" TEXT NOT NULL,
    "hash" TEXT NOT NULL, "otherwise" TEXT NOT NULL, "state" TEXT NOT NULL, "opened" INTEGER NOT NULL, "due" INTEGER NOT NULL, "closed" INTEGER, "person" TEXT) STRICT`,
  `CREATE INDEX "$approval$index(run)" ON "$approval" ("run")`,
  `CREATE INDEX "$approval$index(due)" ON "$approval" ("due") WHERE "state" = 'WAITING'`,
  `CREATE INDEX "$approval$index(waiting)" ON "$approval" ("number") WHERE "state" = 'WAITING'`,
  `CREATE INDEX "$approval$index(contract)" ON "$approval" ("decision", "contract") WHERE "state" = 'WAITING'`,
];

/** VOID: what it stood for is no more. */
export type ApprovalState = "WAITING" | "APPROVED" | "EDITED" | "REJECTED" | "VOID" | "EXPIRED";

export interface NewApproval {
  readonly id: string;
  readonly run: string;
  readonly decision: string;
  /** Of all that decides but the policy's words. */
  readonly contract: string;
  readonly tenant: string | null;
  /** Roles. */
  readonly by: readonly string[];
  /** Of what is to be approved. */
  readonly hash: string;
  /** What comes when nobody has decided in time. */
  readonly otherwise: "FALLBACK" | "REFUSE";
  readonly openedMs: number;
  readonly dueMs: number;
}

export interface ApprovalRow extends NewApproval {
  readonly number: number;
  readonly state: ApprovalState;
  readonly closedMs: number | null;
  /** Who closed it. */
  readonly person: string | null;
}

const COLUMNS = `"number", "id", "run", "decision", "contract", "tenant", "by", "hash", "otherwise", "state", "opened", "due", "closed", "person"`;

function decode(row: readonly SqlValue[]): ApprovalRow {
  const [number, id, run, decision, contract, tenant, by, hash, otherwise, state, openedMs, dueMs, closedMs, person] = row as [number, string, string, string, string, string | null, string, string, string, string, number, number, number | null, string | null];
  return { number, id, run, decision, contract, tenant, by: JSON.parse(by) as string[], hash, otherwise: otherwise as ApprovalRow["otherwise"], state: state as ApprovalState, openedMs, dueMs, closedMs, person };
}

export function addApproval(connection: Connection, one: NewApproval): void {
  connection.run(
    `INSERT INTO "$approval" ("id", "run", "decision", "contract", "tenant", "by", "hash", "otherwise", "state", "opened", "due") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'WAITING', ?9, ?10)`,
    one.id, one.run, one.decision, one.contract, one.tenant, JSON.stringify(one.by), one.hash, one.otherwise, one.openedMs, one.dueMs);
}

export function findApproval(connection: Connection, id: string): ApprovalRow | null {
  const row = connection.values(`SELECT ${COLUMNS} FROM "$approval" WHERE "id" = ?1`, id)[0];
  return row === undefined ? null : decode(row);
}

/** In the order in which they were opened. */
export function approvalsOf(connection: Connection, run: string): ApprovalRow[] {
  return connection.values(`SELECT ${COLUMNS} FROM "$approval" WHERE "run" = ?1 ORDER BY "number"`, run).map(decode);
}

/** Those that wait, behind `after`, in the order in which they were opened. */
export function waitingApprovals(connection: Connection, after: number, limit: number): ApprovalRow[] {
  return connection.values(`SELECT ${COLUMNS} FROM "$approval" WHERE "state" = 'WAITING' AND "number" > ?1 ORDER BY "number" LIMIT ?2`, after, limit).map(decode);
}

/** Runs of which one is due by then, the longest waiting first. */
export function lateRuns(connection: Connection, nowMs: number, limit: number): string[] {
  return connection.values(`SELECT "run" FROM "$approval" WHERE "state" = 'WAITING' AND "due" <= ?1 ORDER BY "due" LIMIT ?2`, nowMs, limit).map(([run]) => run as string);
}

/** What those that wait were opened under: name and contract of each decision, once. */
export function waitingContracts(connection: Connection): { readonly decision: string; readonly contract: string }[] {
  return connection.values(`SELECT DISTINCT "decision", "contract" FROM "$approval" WHERE "state" = 'WAITING'`).map(([decision, contract]) => ({ decision: decision as string, contract: contract as string }));
}

export function runsUnder(connection: Connection, { decision, contract }: Pick<NewApproval, "decision" | "contract">, limit: number): string[] {
  return connection.values(`SELECT DISTINCT "run" FROM "$approval" WHERE "state" = 'WAITING' AND "decision" = ?1 AND "contract" = ?2 LIMIT ?3`, decision, contract, limit).map(([run]) => run as string);
}

export interface ApprovalClosing { readonly state: Exclude<ApprovalState, "WAITING">; readonly closedMs: number; readonly person: string | null }

/** False: it does not wait any more. */
export function closeApproval(connection: Connection, id: string, { state, closedMs, person }: ApprovalClosing): boolean {
  return connection.run(`UPDATE "$approval" SET "state" = ?1, "closed" = ?2, "person" = ?3 WHERE "id" = ?4 AND "state" = 'WAITING'`, state, closedMs, person, id) > 0;
}

/** All of a run that wait. */
export function closeApprovals(connection: Connection, run: string, { state, closedMs, person }: ApprovalClosing): void {
  connection.run(`UPDATE "$approval" SET "state" = ?1, "closed" = ?2, "person" = ?3 WHERE "run" = ?4 AND "state" = 'WAITING'`, state, closedMs, person, run);
}

/** Who has decided is forgotten. */
export function eraseApprovals(connection: Connection, run: string): void {
  connection.run(`UPDATE "$approval" SET "person" = NULL WHERE "run" = ?1`, run);
}

/** Undefined: of all tenants. */
export function eraseApprover(connection: Connection, person: string, tenant: string | null | undefined): void {
  connection.run(`UPDATE "$approval" SET "person" = NULL WHERE "person" = ?1 AND (?2 = 0 OR "tenant" IS ?3)`, person, tenant === undefined ? 0 : 1, tenant ?? null);
}

export function countWaiting(connection: Connection): number {
  return connection.values(`SELECT count(*) FROM "$approval" WHERE "state" = 'WAITING'`)[0]![0] as number;
}
