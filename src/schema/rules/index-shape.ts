// INDEX_SHAPE: what an index covers fits its kind.
import type { Diagnostic, TextEdit } from "../../base/diagnostic.ts";
import { declaredIndexes, type DeclaredIndex } from "../build-indexes.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, isSet, numberOf, textsOf, useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { indexableScalars, textScalars } from "../scalar-names.ts";
import { removeArgument, removeNode } from "../schema-edits.ts";

const DIMENSIONS_MAX = 8192;

interface Checked {
  readonly table: DeclaredType;
  readonly index: DeclaredIndex;
  /** Those that exist. */
  readonly fields: readonly DeclaredField[];
}

interface Problem {
  readonly message: string;
  readonly why: string;
  readonly fix: string;
  readonly edits?: readonly TextEdit[];
}

export function indexShape(context: CompileContext): Diagnostic[] {
  return context.tables.flatMap((table) => {
    const seen = new Set<string>();
    return declaredIndexes(table).filter(({ use }) => use.values !== null).flatMap((index) => {
      const fields = index.fields.map((name) => fieldNamed(table, name)).filter((field) => field !== undefined);
      const checked = { table, index, fields };
      const identity = identityOf(index);
      const problems = [...checkPlace(checked, context), ...checkOptions(checked, context), ...checkKind(checked, context), ...(seen.has(identity) ? [repeated(checked, context)] : [])];
      seen.add(identity);
      return problems.map((problem) => diagnose(context, { code: "INDEX_SHAPE", at: index.use.node, ...problem }));
    });
  });
}

function kindOf(index: DeclaredIndex): string {
  return String(index.use.values?.["type"]);
}

/** Two of one identity would be one index in SQLite. R-Trees are known by their first field, vectors by their only one. */
function identityOf(index: DeclaredIndex): string {
  const kind = kindOf(index);
  return kind === "GEO" || kind === "VECTOR" ? `${kind} ${index.fields[0]}` : `${kind} ${index.fields.join(" ")} ${isSet(index.use, "unique")} ${isSet(index.use, "fold")}`;
}

function repeated({ index }: Checked, context: CompileContext): Problem {
  return { message: `${index.fields.join(", ")} has this index already.`, why: "A second one would only cost.", fix: "Remove it.", edits: [removeNode(context.source, index.use.node)] };
}

function checkPlace({ index, table }: Checked, context: CompileContext): Problem[] {
  const { use, compound } = index;
  const given = argumentNode(use, "fields");
  if (!compound && given !== undefined) return [{ message: "@indexed on a field has `fields`.", why: "On a field it is about that field.", fix: "Remove fields, or move the directive to the type.", edits: [removeArgument(context.source, use.node, given)] }];
  if (!compound) return [];
  const fields = textsOf(use, "fields") ?? [];
  if (fields.length === 0) return [{ message: `@indexed on the type ${table.name} has no \`fields\`.`, why: "A compound index needs its fields, in order.", fix: 'Add fields: ["...", "..."].' }];
  const twice = fields.find((name, position) => fields.indexOf(name) !== position);
  return twice === undefined ? [] : [{ message: `The index names ${twice} twice.`, why: "An index holds a field once.", fix: "Remove one of them." }];
}

function checkOptions({ index, fields }: Checked, context: CompileContext): Problem[] {
  const { use } = index;
  const kind = kindOf(index);
  const problems: Problem[] = [];
  const misplaced = (argument: string, only: string): void => {
    const node = argumentNode(use, argument);
    if (node !== undefined) problems.push({ message: `${argument} does not apply to an index of type ${kind}.`, why: `It is about ${only}.`, fix: `Remove ${argument}.`, edits: [removeArgument(context.source, use.node, node)] });
  };
  if (isSet(use, "unique") && kind !== "BTREE") misplaced("unique", "BTREE indexes");
  if (isSet(use, "fold") && (kind !== "BTREE" || fields.some((field) => field.type !== null && !isText(field)))) misplaced("fold", "BTREE indexes of text");
  if (kind !== "VECTOR") {
    misplaced("dimensions", "VECTOR indexes");
    misplaced("metric", "VECTOR indexes");
  }
  return problems;
}

function checkKind(checked: Checked, context: CompileContext): Problem[] {
  const typed = checked.fields.filter((field) => field.type !== null);
  if (typed.length !== checked.index.fields.length) return [];
  switch (kindOf(checked.index)) {
    case "TEXT": return typed.filter((field) => !isText(field) || field.type?.name !== "String").map((field) => unfit(field, "a TEXT index", "It searches words of text.", "Use it on fields of type String."));
    case "VECTOR": return checkVector(checked);
    case "GEO": return checkGeo(checked, context);
    default: return typed.filter((field) => !isIndexable(field)).map((field) => unfit(field, "an index", "Only single values with an order can be looked up.", "Index scalar or enum fields that are stored."));
  }
}

function unfit(field: DeclaredField, what: string, why: string, fix: string): Problem {
  const written = field.kind === "stored" || field.kind === "computed" ? `${field.type?.list === true ? "a list of " : ""}${field.type?.name}` : field.kind;
  return { message: `${field.owner.name}.${field.name} is ${written}, which ${what} cannot hold.`, why, fix };
}

function isText(field: DeclaredField): boolean {
  return hasColumn(field) && field.type !== null && !field.type.list && textScalars.has(field.type.name);
}

// A computed field that is not stored is reported as COMPUTED_SHAPE.
function hasColumn(field: DeclaredField): boolean {
  return field.kind === "stored" || field.kind === "computed";
}

function isIndexable(field: DeclaredField): boolean {
  const { type } = field;
  return hasColumn(field) && type !== null && !type.list && (type.kind === "enum" || (type.kind === "scalar" && indexableScalars.has(type.name)));
}

function checkVector({ index, fields }: Checked): Problem[] {
  const [field] = fields;
  if (fields.length !== 1 || field === undefined || field.type?.name !== "Vector" || !hasColumn(field)) return [{ message: "A VECTOR index covers one field of type Vector.", why: "It finds the nearest vectors.", fix: "Put it on a Vector field." }];
  const dimensions = numberOf(index.use, "dimensions");
  if (dimensions === undefined) return useOf(field, "embed") !== undefined ? [] : [{ message: `The VECTOR index of ${field.name} has no dimensions.`, why: "All vectors of an index have the same number of them.", fix: "Add dimensions." }];
  return dimensions >= 1 && dimensions <= DIMENSIONS_MAX ? [] : [{ message: `dimensions is ${dimensions}.`, why: "All vectors of an index have that many numbers.", fix: `Use 1 to ${DIMENSIONS_MAX}.` }];
}

function checkGeo({ index, fields, table }: Checked, context: CompileContext): Problem[] {
  const why = "A place is a latitude and a longitude.";
  if (fields.length === 2 && index.compound) {
    return fields.filter((field) => field.type?.name !== "Float" || field.type.list || !hasColumn(field)).map((field) => ({ message: `${table.name}.${field.name} is no Float.`, why, fix: "Name two Float fields, latitude first." }));
  }
  const [field] = fields;
  const needs = { message: "A GEO index covers an object field with lat and lon, or two Floats in fields.", why, fix: 'Put it on a field of an object type with lat: Float! and lon: Float!, or on the type with fields: ["latitude", "longitude"].' };
  if (fields.length !== 1 || field === undefined || field.type === null || field.type.kind !== "object" || field.type.list) return [needs];
  return isPoint(context.byName.get(field.type.name)) ? [] : [needs];
}

function isPoint(type: DeclaredType | undefined): boolean {
  return type !== undefined && ["lat", "lon"].every((part) => {
    const field = fieldNamed(type, part);
    return field?.type?.name === "Float" && !field.type.list;
  });
}
