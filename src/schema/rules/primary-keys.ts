// PRIMARY_KEY: each table has one, and it is a required ID, String, Int or Long that clients can see.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { innermostName } from "../declarations.ts";
import { keyScalars } from "../scalar-names.ts";
import { insertField, insertFieldDirective, removeNode, replaceNode } from "../schema-edits.ts";

const why = "Records are addressed, versioned and related by it.";

export function primaryKeys(context: CompileContext): Diagnostic[] {
  return context.types.filter((type) => type.kind === "table").flatMap((table) => {
    const [key, ...others] = table.fields.filter((field) => useOf(field, "primaryKey") !== undefined);
    if (key === undefined) return [missingKey(table, context)];
    return [...checkKey(key, context), ...others.flatMap((field) => secondKey(field, key, context))];
  });
}

function missingKey(table: DeclaredType, context: CompileContext): Diagnostic {
  const candidate = table.fields.find((field) => field.name === "id" && field.type !== null && keyScalars.has(field.type.name));
  const first = table.fields[0]?.node;
  const edits = candidate !== undefined ? [insertFieldDirective(context.source, candidate.node, "@primaryKey")]
    : first !== undefined && !table.fields.some((field) => field.name.toLowerCase() === "id") ? [insertField(context.source, first, "id: ID! @primaryKey")] : [];
  return diagnose(context, { code: "PRIMARY_KEY", at: table.node.name, message: `${table.name} has no primary key.`, why, fix: candidate === undefined ? "Add id: ID! @primaryKey." : "Mark id with @primaryKey.", edits });
}

function secondKey(field: DeclaredField, first: DeclaredField, context: CompileContext): Diagnostic[] {
  const use = useOf(field, "primaryKey");
  if (use === undefined) return [];
  return [diagnose(context, { code: "PRIMARY_KEY", at: use.node, message: `${field.owner.name} has a primary key already: ${first.name}.`, why, fix: "Keep one; make the other @indexed(unique: true).", edits: [replaceNode(context.source, use.node, "@indexed(unique: true)")] })];
}

function checkKey(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const found: Diagnostic[] = [];
  const { type } = field;
  const place = `${field.owner.name}.${field.name}`;
  if (type !== null && (type.list || type.kind !== "scalar" || !keyScalars.has(type.name))) {
    found.push(diagnose(context, { code: "PRIMARY_KEY", at: innermostName(field.node.type), message: `The primary key ${place} is ${type.list ? "a list" : type.name}.`, why, fix: "Use ID, String, Int or Long.", edits: [replaceNode(context.source, field.node.type, "ID!")] }));
  } else if (type !== null && !type.required) {
    found.push(diagnose(context, { code: "PRIMARY_KEY", severity: "warning", at: field.node.type, message: `The primary key ${place} is written as nullable, but is never null.`, why, fix: `Write ${type.name}!.`, edits: [replaceNode(context.source, field.node.type, `${type.name}!`)] }));
  }
  for (const name of ["computed", "internal", "redact"]) {
    const use = useOf(field, name);
    if (use !== undefined) found.push(diagnose(context, { code: "PRIMARY_KEY", at: use.node, message: `The primary key ${place} has @${name}.`, why, fix: `Remove @${name}.`, edits: [removeNode(context.source, use.node)] }));
  }
  return found;
}
