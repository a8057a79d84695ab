// What a migration does, step by step, for people: two shapes and what Migrations and the person agreed to. Looks at no data.
import type { CatalogShape, FieldShape, TableShape, TypeShape } from "./catalog-shape.ts";
import { typeProblems } from "./compare-shapes.ts";
import type { TableRename } from "./renames.ts";

export interface MigrationStep {
  readonly kind: "safe" | "rename" | "needs-data" | "destructive";
  /** `Task`, `Task.due`, `Task(title, due)` for an index. */
  readonly name: string;
  readonly what: string;
}

/** `old` is the shape as renamed; `rewritten`: tables for which Migrations has a function. */
export function describeMigration(old: CatalogShape, next: CatalogShape, renames: readonly TableRename[], rewritten: ReadonlySet<string>): MigrationStep[] {
  const before = new Map(old.tables.map((table) => [table.sqlName, table]));
  const after = new Set(next.tables.map((table) => table.sqlName));
  return [
    ...renames.flatMap(renameSteps),
    ...old.tables.filter(({ sqlName }) => !after.has(sqlName)).map(({ name }): MigrationStep => ({ kind: "destructive", name, what: "is dropped" })),
    ...next.tables.flatMap((table) => {
      const known = before.get(table.sqlName);
      if (known === undefined) return [{ kind: "safe" as const, name: table.name, what: "is created" }];
      const begins = known.keeps?.history === true && table.keeps?.history === true && isUnlike(known, table) ? "; asof reaches back to that moment only" : "";
      const function_: MigrationStep[] = rewritten.has(table.name) ? [{ kind: "needs-data", name: table.name, what: `is written anew, each record with what Migrations gives${begins}` }] : [];
      return [...function_, ...tableSteps(known, table, function_.length > 0 ? "needs-data" : "safe")];
    }),
  ];
}

/** Former versions cannot have the form of the records to come: another type, or required and not known to them. */
function isUnlike(old: TableShape, next: TableShape): boolean {
  const before = new Map(old.fields.map((field) => [field.name, field.type]));
  return next.fields.some(({ name, type, computed }) => {
    const was = before.get(name);
    return (was !== undefined && (was.base !== type.base || was.list !== type.list)) || (type.required && computed === null && was?.required !== true);
  });
}

function renameSteps({ from, to, fields }: TableRename): MigrationStep[] {
  const own: MigrationStep[] = from.name === to.name ? [] : [{ kind: "rename", name: to.name, what: `keeps the records of ${from.name}` }];
  return [...own, ...fields.map((field): MigrationStep => ({ kind: "rename", name: `${to.name}.${field.to}`, what: `keeps the values of ${field.from}` }))];
}

/** `held`: what records may not have complied with before. */
function tableSteps(old: TableShape, next: TableShape, held: "needs-data" | "safe"): MigrationStep[] {
  const before = new Map(old.fields.map((field) => [field.name, field]));
  const after = new Set(next.fields.map((field) => field.name));
  const steps: MigrationStep[] = [];
  const add = (kind: MigrationStep["kind"], name: string | null, what: string): void => { steps.push({ kind, name: name === null ? next.name : `${next.name}.${name}`, what }); };
  for (const field of old.fields) if (!after.has(field.name)) add(field.computed === null ? "destructive" : "safe", field.name, "is dropped");
  for (const field of next.fields) {
    const known = before.get(field.name);
    if (known === undefined) add(field.type.required && field.computed === null ? held : "safe", field.name, "is added");
    else fieldSteps(known, field, held).forEach(([kind, what]) => add(kind, field.name, what));
  }
  const indexes = <Index extends { readonly unique: boolean; readonly columns: readonly string[] }>(of: readonly Index[]): Map<string, Index> => new Map(of.map((index) => [`${index.unique} ${index.columns.join(",")}`, index]));
  const [had, has] = [indexes(old.indexes), indexes(next.indexes)];
  for (const [key, index] of has) if (!had.has(key)) steps.push({ kind: index.unique ? held : "safe", name: `${next.name}(${index.fields.join(", ")})`, what: index.unique ? "becomes unique" : "gets an index" });
  for (const [key, index] of had) if (!has.has(key)) steps.push({ kind: "safe", name: `${next.name}(${index.fields.join(", ")})`, what: index.unique ? "is no longer unique" : "loses its index" });
  for (const check of next.checks ?? []) if (old.checks?.includes(check) !== true) add(held, null, `is held to ${check}`);
  if (JSON.stringify(old.search) !== JSON.stringify(next.search)) add("safe", null, "gets its full text and places filled again");
  if (!next.open && old.open) add("destructive", null, "no longer admits undeclared fields");
  keepSteps(old.keeps, next.keeps).forEach(([kind, what]) => add(kind, null, what));
  return steps;
}

/** What was deleted is part of a history, too. */
function keepSteps(old: TableShape["keeps"], next: TableShape["keeps"]): [MigrationStep["kind"], string][] {
  const steps: [MigrationStep["kind"], string][] = [];
  const [history, trash] = [next?.history === true, next?.trash === true];
  if (history !== (old?.history === true)) steps.push(history ? ["safe", "begins to keep its history"] : ["destructive", "no longer keeps its history"]);
  if (trash !== (old?.trash === true)) steps.push(trash ? ["safe", "keeps what is deleted"] : [history ? "safe" : "destructive", "no longer keeps what is deleted"]);
  return steps;
}

function fieldSteps(old: FieldShape, next: FieldShape, held: "needs-data" | "safe"): [MigrationStep["kind"], string][] {
  if (next.computed !== null) return next.computed === old.computed ? [] : [[old.computed === null ? "destructive" : "safe", "is computed"]];
  const steps: [MigrationStep["kind"], string][] = [];
  if (next.type.required && !old.type.required) steps.push([held, "becomes required"]);
  if (!next.type.required && old.type.required) steps.push(["safe", "becomes nullable"]);
  for (const problem of typeProblems(old.type, next.type, "")) steps.push([problem.kind === "destructive" ? "destructive" : "needs-data", `${problem.path === "" ? "" : `${problem.path.slice(1)} `}${problem.what}`]);
  if (steps.length === 0 && text(old.type) !== text(next.type)) steps.push(["safe", "admits more values"]);
  return steps;
}

const text = (type: TypeShape): string => JSON.stringify({ ...type, required: true });

/** Records of the table look different, though nobody wrote them. */
export function changesRepresentation(old: TableShape, next: TableShape): boolean {
  const look = (table: TableShape): string => JSON.stringify([table.open, table.fields.map(({ name, type, computed }) => [name, typeLook(type), computed]).sort()]);
  return look(old) !== look(next);
}

function typeLook({ base, list, fields }: TypeShape): unknown {
  return [base, list, fields === null ? null : Object.entries(fields).map(([name, type]) => [name, typeLook(type)])];
}
