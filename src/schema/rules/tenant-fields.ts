// TENANT_FIELD: @table(tenant, partition) name required stored text fields.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, textOf, useOf } from "../declarations.ts";
import { insertText, endOf } from "../source-text.ts";

export function tenantFields(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => ["tenant", "partition"].flatMap((argument) => {
    const use = useOf(table, "table");
    const name = textOf(use, argument);
    const field = name === undefined ? undefined : fieldNamed(table, name);
    if (use === undefined || field === undefined || field.type === null) return [];
    const at = argumentNode(use, argument)?.value ?? use.node;
    const why = "Every record lies in exactly one.";
    if (field.kind !== "stored" || field.type.list || field.type.kind === "object") return [diagnose(context, { code: "TENANT_FIELD", at, message: `${describeField(field)} is no single stored value.`, why, fix: "Name a required stored field." })];
    return field.type.required ? [] : [diagnose(context, { code: "TENANT_FIELD", at, message: `${describeField(field)} is nullable.`, why, fix: "Make it required.", edits: [insertText(context.source, endOf(field.node.type), "!")] })];
  }));
}
