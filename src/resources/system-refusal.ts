// A write without rules was refused, and the body let it pass: the caller is told the code, and what they may know of the reason.
import { AmbitError } from "../base/error.ts";
import { errorRegistry, type ErrorCode } from "../base/error-registry.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";

/** The error itself, unless it names fields or a table that do not exist for the caller. */
export function tellable(core: DispatchCore, error: unknown, { rights, systemRefusals }: Caller): unknown {
  if (!(error instanceof AmbitError) || rights.administrator) return error;
  const table = core.catalog.tables.get(systemRefusals.get(error) ?? "");
  if (table === undefined) return error;
  const visible = rights.scope.fields(table);
  const { cause: _, ...told } = error.extras;
  const text = JSON.stringify([error.message, told]);
  const namesHidden = [...table.fields.keys()].some((name) => !visible.has(name) && new RegExp(`\\b${name}\\b`).test(text));
  if (rights.scope.readable(table) && !namesHidden) return error;
  const known = Object.hasOwn(errorRegistry, error.code) ? errorRegistry[error.code as ErrorCode] : undefined;
  return new AmbitError(error.status, error.code, known === undefined ? error.code : `${known.title}.`, { cause: error });
}
