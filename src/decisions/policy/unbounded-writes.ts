// UNBOUNDED_WRITE: each field that a model supplies for an effect is held by a condition or a bound, or its author has answered for it in writing.
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Expression } from "../../expression/expression.ts";
import { partsOf, someIn } from "../../expression/inspect.ts";
import type { Table } from "../../schema/catalog.ts";
import type { CompiledDecision, CompiledWrite } from "./compiled-decision.ts";

export function unboundedWrites({ name, declaration, writes, bounds, contexts }: CompiledDecision): Diagnostic[] {
  if (declaration.acknowledged.some(({ rule }) => rule === null || rule === "UNBOUNDED_WRITE")) return [];
  const held = bounds.filter(({ declaration: { at, soft } }) => !soft && (at === "EFFECT" || at === "COMMIT")).map(({ rule }) => rule);
  return writes.flatMap((write) => write.declaration.fields.filter((field) => !isHeld(field, write, { rules: held, shown: shownAs(field, write.table, contexts) })).map((field): Diagnostic => ({
    code: "UNBOUNDED_WRITE", severity: "error", position: declaration.callable.position,
    message: `The model supplies ${write.table.name}.${field} in ${name}, and nothing holds it.`,
    why: "Whatever a model says there would be written.", fix: `Name args.${field} in where or in a bound at: EFFECT or COMMIT, or add @acknowledge(rule: "UNBOUNDED_WRITE", reason: "...").`, edits: [],
  })));
}

/** `shown`: what the field is called where it is seen in the commit. */
function isHeld(field: string, { where, table, verb }: CompiledWrite, { rules, shown }: { readonly rules: readonly Expression[]; readonly shown: ReadonlySet<string> }): boolean {
  // Which record it is, is held by what must hold of that record.
  const isHeldBy = (rule: Expression): boolean => names(rule, "args", field) || ((field === "id" || field === table.primaryKey) && verb !== "create" && names(rule, "row", null));
  if (where !== null && isHeldBy(where)) return true;
  // In the commit what was written is seen through `after` and `effects`.
  return rules.some((rule) => isHeldBy(rule) || (verb !== "delete" && namesWritten(rule, shown, new Set(["after", "effects"]))));
}

/** By its name, or as a sum of it. */
function shownAs(field: string, table: Table, contexts: CompiledDecision["contexts"]): ReadonlySet<string> {
  return new Set([field, ...contexts.flatMap(({ source }) => (source.kind === "query" && source.query.table === table ? source.query.plan.select.flatMap((item) => (item.kind === "aggregate" && item.field === field ? [item.alias] : [])) : []))]);
}

/** `field` null: any. */
function names(rule: Expression, root: string, field: string | null): boolean {
  return someIn(rule, (part) => part.op === "variable" && part.root === root && (part.path.length === 0 || field === null || part.path[0] === field));
}

/** `roots`: of what was written, and of the items of a list of it. */
function namesWritten(rule: Expression, shown: ReadonlySet<string>, roots: ReadonlySet<string>): boolean {
  if (rule.op === "variable") return roots.has(rule.root) && rule.path.some((step) => shown.has(step));
  const isWritten = rule.op === "quantify" && rule.list.op === "variable" && roots.has(rule.list.root);
  return partsOf(rule).some((part) => namesWritten(part, shown, isWritten ? new Set([...roots, rule.variable]) : roots));
}
