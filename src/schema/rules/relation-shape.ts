// RELATION_SHAPE, UNKNOWN_NAME: each @relationship says which keys join which tables, and they fit.
import { print } from "graphql/language/printer";
import type { Diagnostic, TextEdit } from "../../base/diagnostic.ts";
import { describeField, diagnose, unknownName, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, innermostName, useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { foreignKeyOf, resolveRelation, type RelationProblem } from "../resolve-relation.ts";
import { removeArgument, replaceNode } from "../schema-edits.ts";

export function relationShape(context: CompileContext): Diagnostic[] {
  const relations = context.tables.flatMap((table) => table.fields).filter((field) => field.kind === "relation");
  return [
    ...relations.flatMap((field) => resolveRelation(field, context.byName).problems.map((problem) => toDiagnostic(problem, field, context))),
    ...context.tables.flatMap((table) => contradictions(table, context)),
    ...relations.flatMap((field) => requiredOverNullable(field, context)),
  ];
}

function toDiagnostic(problem: RelationProblem, field: DeclaredField, context: CompileContext): Diagnostic {
  if (problem.kind === "unknown") return unknownName(context, { ...problem, place: `@relationship of ${describeField(field)}` });
  return diagnose(context, { code: "RELATION_SHAPE", at: problem.at, message: problem.message, why: problem.why, fix: problem.fix, edits: repairOf(problem.repair, field, context) });
}

function repairOf(repair: Extract<RelationProblem, { kind: "shape" }>["repair"], field: DeclaredField, context: CompileContext): TextEdit[] {
  if (repair === null) return [];
  switch (repair.kind) {
    case "remove-argument": {
      const use = useOf(field, "relationship");
      const node = use === undefined ? undefined : argumentNode(use, repair.argument);
      return use === undefined || node === undefined ? [] : [removeArgument(context.source, use.node, node)];
    }
    case "key-type": return [replaceNode(context.source, innermostName(repair.field.node.type), repair.type)];
    case "list": {
      const name = field.type?.name ?? "";
      return [replaceNode(context.source, field.node.type, repair.list ? `[${name}!]!` : field.type?.required === true ? `${name}!` : name)];
    }
  }
}

/** Two relations over one key must lead to one table and lose it in one way. */
function contradictions(table: DeclaredType, context: CompileContext): Diagnostic[] {
  const first = new Map<string, DeclaredField>();
  return table.fields.flatMap((field) => {
    const key = foreignKeyOf(field);
    const use = useOf(field, "relationship");
    if (key === null || use === undefined || field.type === null) return [];
    const other = first.get(key);
    if (other === undefined) { first.set(key, field); return []; }
    const [mine, theirs] = [use.values?.["onDelete"], useOf(other, "relationship")?.values?.["onDelete"]];
    const message = other.type?.name !== field.type.name ? `${key} leads to ${other.type?.name} by ${other.name} and to ${field.type.name} by ${field.name}.`
      : mine !== theirs ? `${other.name} and ${field.name} say different things about onDelete for ${key}.` : null;
    return message === null ? [] : [diagnose(context, { code: "RELATION_SHAPE", at: use.node, message, why: "One key points to one record.", fix: "Use a key of its own, or say the same on both." })];
  });
}

function requiredOverNullable(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const key = fieldNamed(field.owner, foreignKeyOf(field) ?? "");
  if (field.type?.required !== true || key === undefined || key.type === null || key.type.required) return [];
  const written = print(field.node.type);
  return [diagnose(context, {
    code: "RELATION_SHAPE", severity: "warning", at: field.node.type, message: `${describeField(field)} is required, but its key ${key.name} is nullable.`, why: "Where the key is null there is no record.",
    fix: `Write ${written.replace(/!$/, "")}, or make ${key.name} required.`, edits: [replaceNode(context.source, field.node.type, written.replace(/!$/, ""))],
  })];
}
