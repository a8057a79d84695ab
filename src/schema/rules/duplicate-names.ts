// DUPLICATE_NAME: the same name twice where one is looked up: types, fields, arguments, enum values, tables in SQLite and on the wires.
// SQLite does not tell upper from lower case, so names that differ only in that are the same there.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { exportNameOf, sqlNameOf } from "../build-table.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, useOf, type DeclaredType } from "../declarations.ts";
import { removeNode } from "../schema-edits.ts";
import type { Located } from "../source-text.ts";

interface Named {
  readonly name: string;
  /** Where the name stands. */
  readonly at: Located;
  /** What to remove when it is an exact repetition; null: a person must choose. */
  readonly removable: Located | null;
}

export function duplicateNames(context: CompileContext): Diagnostic[] {
  return [
    ...repeated(context, "type ", context.types.map((type) => ({ name: type.name, at: type.node.name, removable: null })), false),
    ...context.types.flatMap((type) => insideType(type, context)),
    ...repeated(context, "name in SQLite ", context.tables.map((table) => ({ name: sqlNameOf(table), at: argumentAt(table, "table"), removable: null })), true),
    ...repeated(context, "exported name ", context.types.filter((type) => (type.kind === "table" || type.kind === "channel") && exportNameOf(type) !== null).map((table) => ({ name: exportNameOf(table) ?? "", at: argumentAt(table, "export"), removable: null })), false),
  ];
}

function insideType(type: DeclaredType, context: CompileContext): Diagnostic[] {
  const fields = type.fields.map((field) => ({ name: field.name, at: field.node.name, removable: field.node }));
  const values = type.values.map((value) => ({ name: value.name.value, at: value.name, removable: value }));
  return [
    ...repeated(context, `field ${type.name}.`, fields, type.kind === "table"),
    ...repeated(context, `enum value ${type.name}.`, values, false),
    ...type.fields.flatMap((field) => repeated(context, `argument ${type.name}.${field.name} `, field.arguments.map((argument) => ({ name: argument.name, at: argument.node.name, removable: null })), false)),
  ];
}

/** Where the name on the wires or in SQLite is written: the directive's argument, or the type's name. */
function argumentAt(table: DeclaredType, directive: "table" | "export"): Located {
  const use = useOf(table, directive);
  return (use === undefined ? undefined : argumentNode(use, "name")?.value) ?? table.node.name;
}

/** `what` is a noun, with what stands before the name. */
function repeated(context: CompileContext, what: string, all: readonly Named[], ignoreCase: boolean): Diagnostic[] {
  const seen = new Map<string, string>();
  const found: Diagnostic[] = [];
  for (const { name, at, removable } of all) {
    const key = ignoreCase ? name.toLowerCase() : name;
    const earlier = seen.get(key);
    if (earlier === undefined) { seen.set(key, name); continue; }
    const isExact = earlier === name;
    found.push(diagnose(context, {
      code: "DUPLICATE_NAME",
      at,
      message: isExact ? `The ${what}${name} is there already.` : `The ${what}${name} differs from ${earlier} only in letter case.`,
      why: isExact ? "Only one of them could be meant." : "SQLite does not tell upper from lower case in names.",
      fix: "Rename or remove one of them.",
      edits: isExact && removable !== null ? [removeNode(context.source, removable)] : [],
    }));
  }
  return found;
}
