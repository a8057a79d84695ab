// DUPLICATE_NAME: what @renamed(from) names is gone from the schema, is not what it stands on, and has one heir only.
// Whether the data still have the old name is known at start alone.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, textOf, useOf, type DeclaredField, type DeclaredType, type DirectiveUse } from "../declarations.ts";
import { removeNode } from "../schema-edits.ts";

interface Renamed { readonly name: string; readonly uses: readonly DirectiveUse[]; readonly node: DeclaredField["node"] | DeclaredType["node"] }

export function renamedNames(context: CompileContext): Diagnostic[] {
  return [
    ...among(context, "type ", context.tables, new Set(context.byName.keys())),
    ...context.tables.flatMap((type) => among(context, `field ${type.name}.`, type.fields, new Set(type.fields.map((field) => field.name)))),
  ];
}

/** `what` is a noun, with what stands before the name. */
function among(context: CompileContext, what: string, all: readonly Renamed[], declared: ReadonlySet<string>): Diagnostic[] {
  const heirs = new Map<string, string>();
  return all.flatMap((one) => {
    const use = useOf(one, "renamed");
    const from = textOf(use, "from");
    if (use === undefined || from === undefined) return [];
    const earlier = heirs.get(from);
    heirs.set(from, earlier ?? one.name);
    const message = from === one.name ? `The ${what}${one.name} is renamed from its own name.`
      : declared.has(from) ? `The ${what}${one.name} is renamed from ${from}, which is still there.`
      : earlier !== undefined ? `The ${what}${one.name} is renamed from ${from}, and so is ${earlier}.` : null;
    if (message === null) return [];
    return [diagnose(context, {
      code: "DUPLICATE_NAME", at: argumentNode(use, "from")?.value ?? use.node, message,
      why: "Stored data has one name before and one after.",
      fix: from === one.name ? "Remove @renamed, or name what it was called before." : "Remove @renamed here, or rename or remove the other one.",
      edits: [removeNode(context.source, use.node)],
    })];
  });
}
