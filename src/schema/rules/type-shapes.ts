// TYPE_SHAPE: the type of a field or argument is possible where it stands; objects and enums are not empty.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { innermostName, useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { FILE_TYPE } from "../file-type.ts";
import { removeArgumentDefinitions } from "../schema-edits.ts";

/** SQLite takes 2,000 columns; a field has up to two, and the record some of its own. */
const TABLE_FIELDS_MAX = 900;

export function typeShapes(context: CompileContext): Diagnostic[] {
  return [
    ...context.fields.flatMap((field) => checkField(field, context)),
    ...context.types.filter(isEmpty).map((type) => diagnose(context, {
      code: "TYPE_SHAPE", at: type.node.name, message: `${type.name} has no ${type.kind === "enum" ? "values" : "fields"}.`, why: "Nothing could be a value of it.", fix: `Add ${type.kind === "enum" ? "a value" : "a field"}.`,
    })),
    ...context.tables.filter((type) => type.fields.length > TABLE_FIELDS_MAX).map((type) => diagnose(context, {
      code: "TYPE_SHAPE", at: type.node.name, message: `${type.name} has ${type.fields.length} fields.`, why: `A table has at most ${TABLE_FIELDS_MAX}: each is a column.`, fix: "Put what belongs together into nested objects, or into a table of its own.",
    })),
  ];
}

// An empty table lacks its primary key, which is reported there.
function isEmpty(type: DeclaredType): boolean {
  return type.kind === "enum" ? type.values.length === 0 : type.kind !== "table" && type.fields.length === 0;
}

function checkField(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const shape = (message: string, why: string, fix: string): Diagnostic[] => [diagnose(context, { code: "TYPE_SHAPE", at: innermostName(field.node.type), message: `${describeField(field)} ${message}`, why, fix })];
  if (field.trouble === "nested-list") return shape("is a list of lists.", "Lists are one level deep.", "Put the inner list into a nested object, or use JSON.");
  if (field.trouble === "not-a-value") return shape(`has the type ${innermostName(field.node.type).value}, which is no value.`, "Interfaces, channels and types of callables have no stored form.", "Use a scalar, an enum, a nested object or a table.");
  if (field.node.kind === "FieldDefinition" && field.arguments.length > 0 && field.kind === "member") {
    return [diagnose(context, {
      code: "TYPE_SHAPE", at: field.node.name, message: `${describeField(field)} has arguments.`, why: "Only actions of tables and callables take arguments.", fix: "Remove the arguments.",
      edits: [removeArgumentDefinitions(context.source, field.node)],
    })];
  }
  if (field.type === null) return [];
  const { kind, name, list } = field.type;
  if (isInput(field) && (kind === "object" || kind === "table")) return shape(`has the type ${name}, which is no input.`, "What is sent in is declared as an input, apart from what is stored.", "Declare an input type with its fields.");
  if (!isInput(field) && kind === "input") return shape(`has the type ${name}, which is an input.`, "Inputs are only sent in.", "Declare an object type with its fields.");
  if (field.kind === "member" && kind === "table") return shape(`has the type of the table ${name}.`, "A nested object or a message holds no records.", "Keep the record's id in a field of type ID.");
  if (kind === "scalar" && name === FILE_TYPE) {
    const reason = fileProblem(field);
    if (reason !== null) return shape(`is a file, ${reason}`, "Files belong to fields of their own in tables, and come as arguments of actions and endpoints.", field.kind === "stored" ? "Remove @default." : "Move it to a table's own field.");
  }
  if (name === "Vector" && list) return shape("is a list of Vectors.", "A Vector is a list of numbers already.", "Write Vector.");
  return [];
}

/** Null: a file may stand there. */
function fileProblem(field: DeclaredField): string | null {
  const { kind, callable, owner } = field;
  if (kind === "stored") return useOf(field, "default") === undefined ? null : "which has no default.";
  if (kind === "computed") return "which no expression makes.";
  if (kind === "action" || kind === "callable") return "which no callable answers with.";
  if (kind === "member") return owner.kind === "interface" ? null : "which stands in no nested object, input or message.";
  if (callable?.kind !== "action" && callable?.owner.kind !== "endpoints") return "which only actions and endpoints take.";
  if (useOf(callable, "webhook") !== undefined) return "which no webhook brings.";
  return ["GET", "DELETE"].includes(String(useOf(callable, "http")?.values?.["method"])) ? "which comes in a body, and the method has none." : null;
}

function isInput(field: DeclaredField): boolean {
  return field.kind === "argument" || field.owner.kind === "input";
}
