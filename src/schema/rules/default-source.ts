// DEFAULT_SOURCE: @default has exactly one of value and rule.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, useOf } from "../declarations.ts";
import { removeArgument, removeNode } from "../schema-edits.ts";

export function defaultSource(context: CompileContext): Diagnostic[] {
  return context.fields.flatMap((field) => {
    const use = useOf(field, "default");
    if (use === undefined || use.values === null) return [];
    const [value, rule] = [argumentNode(use, "value"), argumentNode(use, "rule")];
    if ((value === undefined) !== (rule === undefined)) return [];
    return [diagnose(context, {
      code: "DEFAULT_SOURCE", at: use.node, message: rule === undefined ? "@default has neither value nor rule." : "@default has both value and rule.", why: "It must be clear what fills the field.", fix: "Give exactly one of them.",
      edits: [rule === undefined ? removeNode(context.source, use.node) : removeArgument(context.source, use.node, rule)],
    })];
  });
}
