// Reads of single records of tables with @source: fetched first where what is kept is too old.
import { fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import type { Table } from "../schema/catalog.ts";
import type { Rights } from "../access/rights.ts";
import type { Body, Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { OperationBody, Result } from "./operation.ts";
import type { ReadOperations } from "./read-operations.ts";
import { sourcesOf, type Served } from "./source-port.ts";

type GetBody = Extract<OperationBody, { kind: "get" }>;

export interface SourcedGet { readonly body: GetBody; readonly rights: Rights; caller(): Caller }

/** At once where nothing must be fetched. */
export function getSourced(core: DispatchCore, reads: ReadOperations, { body, rights, caller }: SourcedGet): Result | Promise<Result> {
  const table = core.catalog.tables.get(body.table)!;
  // Only what is here has a past. A plain one has no asof, and its plan is not made in vain.
  if (!body.plain && body.plan.asof !== undefined) return reads.get(body, rights);
  rights.require(body.table, "READ");
  const answer = (served: Served | null): Result => {
    const result = reads.get(body, rights);
    return served === null ? result : { ...result, served };
  };
  const served = sourcesOf(core).ready(core, { table, id: body.id, confinement: rights.confinement }, caller);
  return served instanceof Promise ? served.then(answer) : answer(served);
}

/** Before code reads it: within a transaction nothing is fetched. */
export async function readySourced(body: Body, table: Table, id: Value): Promise<void> {
  if (table.source === undefined) return;
  const { core, caller, work } = body;
  const wanted = { table, id, confinement: caller.rights.confinement };
  if (!work.transactional) {
    await sourcesOf(core).ready(core, wanted, () => caller);
    return;
  }
  if (sourcesOf(core).isReady(core, wanted)) return;
  throw fault("EXTERNAL_IN_TRANSACTION", `${table.name} would have been fetched from its source inside the transaction of ${caller.label}.`, {
    fix: "Get it before the transaction: declare the callable with transaction: NONE, and write within ctx.transaction.",
  });
}

/** In a batch, which is one transaction. */
export function requireReady(core: DispatchCore, { table: name, id }: GetBody, rights: Rights): void {
  const table = core.catalog.tables.get(name)!;
  if (table.source === undefined || sourcesOf(core).isReady(core, { table, id, confinement: rights.confinement })) return;
  throw fault("NOT_IN_BATCH", `This ${name} must be fetched from its source.`, { fix: "Get it beside the batch." });
}
