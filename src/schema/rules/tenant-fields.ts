// TENANT_FIELD: @table(tenant, partition) name required stored fields; that of the tenant is text, which nothing else fills.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { tenantOf } from "../build-table.ts";
import { describeField, diagnose, type CompileContext, type Finding } from "../compile-context.ts";
import { argumentNode, fieldNamed, innermostName, textOf, useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { primaryKeyOf } from "../resolve-relation.ts";
import { removeNode, replaceNode } from "../schema-edits.ts";
import { insertText, endOf } from "../source-text.ts";

const WHY = "Every record lies in exactly one.";
const OTHER_FILLS: readonly string[] = ["default", "computed", "createdBy", "createdTime", "updatedTime", "sequence", "embed"];

export function tenantFields(context: CompileContext): Diagnostic[] {
  return [...context.tables.flatMap((table) => countedKey(table, context)), ...namedFields(context)];
}

/** A warning: numbers that the tenants share tell each of them how many records the others make. */
function countedKey(table: DeclaredType, context: CompileContext): Diagnostic[] {
  const key = primaryKeyOf(table);
  if (tenantOf(table) === null || key === null || key.type === null || (key.type.name !== "Int" && key.type.name !== "Long")) return [];
  return [diagnose(context, {
    code: "TENANT_FIELD", severity: "warning", at: innermostName(key.node.type), message: `The key ${describeField(key)} is counted over all tenants.`,
    why: "From its own numbers each tenant can tell how many records the others make.", fix: "Use ID for the key, and @sequence for numbers that count within the tenant.",
  })];
}

function namedFields(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => ["tenant", "partition"].flatMap((argument) => {
    const use = useOf(table, "table");
    const name = textOf(use, argument);
    const field = name === undefined ? undefined : fieldNamed(table, name);
    if (use === undefined || field === undefined || field.type === null) return [];
    const at = argumentNode(use, argument)?.value ?? use.node;
    const report = (finding: Omit<Finding, "code">): Diagnostic => diagnose(context, { code: "TENANT_FIELD", ...finding });
    if (field.kind !== "stored" || field.type.list || field.type.kind === "object") return [report({ at, message: `${describeField(field)} is no single stored value.`, why: WHY, fix: "Name a required stored field." })];
    return [
      ...(field.type.required || useOf(field, "primaryKey") !== undefined ? [] : [report({ at, message: `${describeField(field)} is nullable.`, why: WHY, fix: "Make it required.", edits: [insertText(context.source, endOf(field.node.type), "!")] })]),
      ...(argument === "tenant" ? tenantProblems(field, context).map(report) : []),
    ];
  }));
}

function tenantProblems(field: DeclaredField, context: CompileContext): Omit<Finding, "code">[] {
  const { type } = field;
  const problems: Omit<Finding, "code">[] = [];
  if (type !== null && !(type.kind === "scalar" && (type.name === "ID" || type.name === "String"))) {
    problems.push({
      at: innermostName(field.node.type), message: `${describeField(field)} holds the tenant, but is ${type.name}.`, why: "A tenant is named by text, as in tokens and keys.", fix: "Use ID or String.",
      edits: [replaceNode(context.source, innermostName(field.node.type), "ID")],
    });
  }
  for (const use of field.uses.filter(({ name }) => OTHER_FILLS.includes(name))) {
    problems.push({
      at: use.node, message: `${describeField(field)} holds the tenant and has @${use.name}.`, why: "The runtime fills it with the caller's tenant.", fix: `Remove @${use.name}.`,
      edits: [removeNode(context.source, use.node)],
    });
  }
  return problems;
}
