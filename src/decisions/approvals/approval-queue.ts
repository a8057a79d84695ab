// What waits for somebody: who may decide it, in pages and as it is followed. Decides nothing itself.
import type { Identity } from "../../access/identity.ts";
import { oneRow, type RowsSource } from "../../resources/followed-rows.ts";
import { findApproval, waitingApprovals, type ApprovalRow } from "../../storage/approval-rows.ts";
import type { Connection } from "../../storage/connection.ts";

export const APPROVALS = "approvals";
const READ_ROWS = 200;

/** Within its tenant. A key that is good for some things only approves of decisions that it names. */
export function mayDecide({ tenant, by, decision }: Pick<ApprovalRow, "tenant" | "by" | "decision">, identity: Identity): boolean {
  if (identity.only?.includes(decision) === false) return false;
  if (identity.kind === "administrator") return identity.tenant === null || identity.tenant === tenant;
  return identity.kind === "subject" && identity.isDecision !== true && identity.tenant === tenant && identity.roles.some((role) => by.includes(role));
}

/** Those that wait, behind number `after`, in the order in which they were opened. */
export function waitingFor(connection: Connection, identity: Identity, { after, limit }: { readonly after: number; readonly limit: number }): readonly ApprovalRow[] {
  const found: ApprovalRow[] = [];
  let number = after;
  for (let rows = waitingApprovals(connection, number, READ_ROWS); rows.length > 0 && found.length < limit; rows = waitingApprovals(connection, number, READ_ROWS)) {
    for (const row of rows) if (found.length < limit && mayDecide(row, identity)) found.push(row);
    number = rows.at(-1)!.number;
    if (rows.length < READ_ROWS) break;
  }
  return found;
}

/** As it is shown to whoever may decide it. */
type TextOf = (row: ApprovalRow) => string;

export function queueSource(reader: Connection, identity: Identity, { limit, textOf }: { readonly limit: number; readonly textOf: TextOf }): RowsSource {
  return {
    topic: APPROVALS, name: audienceOf(identity, limit), rowsMax: limit, newest: "last",
    page: () => waitingFor(reader, identity, { after: 0, limit }).map((row) => ({ key: row.id, text: textOf(row) })),
    row: (id) => waitingText(reader, identity, { id, textOf }),
  };
}

/** One of the queue. */
export function waitingSource(reader: Connection, identity: Identity, { id, textOf }: { readonly id: string; readonly textOf: TextOf }): RowsSource {
  return oneRow(id, { topic: APPROVALS, name: audienceOf(identity, id), text: () => waitingText(reader, identity, { id, textOf }) });
}

function waitingText(reader: Connection, identity: Identity, { id, textOf }: { readonly id: string; readonly textOf: TextOf }): string | null {
  const row = findApproval(reader, id);
  return row === null || row.state !== "WAITING" || !mayDecide(row, identity) ? null : textOf(row);
}

/** Who decides the same is shown the same. */
function audienceOf({ kind, tenant, roles, only }: Identity, what: number | string): string {
  return JSON.stringify([what, kind, tenant, [...roles].sort(), only ?? null]);
}
