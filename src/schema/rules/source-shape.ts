// TYPE_KIND: what a table whose records come from elsewhere cannot be as well.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, useOf, type DeclaredType } from "../declarations.ts";
import { removeArgument, removeNode } from "../schema-edits.ts";

export function sourceShape(context: CompileContext): Diagnostic[] {
  return context.tables.filter((table) => useOf(table, "source") !== undefined).flatMap((table) => [...checkTrash(table, context), ...checkRights(table, context)]);
}

function checkTrash(type: DeclaredType, context: CompileContext): Diagnostic[] {
  const use = useOf(type, "table");
  const trash = use === undefined ? undefined : argumentNode(use, "trash");
  if (use === undefined || trash === undefined) return [];
  return [diagnose(context, {
    code: "TYPE_KIND", at: trash, message: `${type.name} has a source and a trash.`, why: "What its source says is gone cannot be restored here.",
    fix: "Remove trash.", edits: [removeArgument(context.source, use.node, trash)],
  })];
}

/** Who may what must be known before anything is fetched. */
function checkRights(type: DeclaredType, context: CompileContext): Diagnostic[] {
  return ["grants", "account"].flatMap((name) => {
    const use = useOf(type, name);
    if (use === undefined) return [];
    return [diagnose(context, {
      code: "TYPE_KIND", at: use.node, message: `${type.name} has a source and @${name}.`, why: "Rights are decided by records that are here, not by what is kept of another service.",
      fix: `Remove @${name}, and write such records into a table of their own.`, edits: [removeNode(context.source, use.node)],
    })];
  });
}
