// A CSV decision table: columns are expressions over the input and the contexts, cells are tests of their values, `out` columns the answer. The first
// row whose tests all hold answers. Compiled once; whether its rows leave gaps or overlap is table-cover.ts.
import { readCsv, type CsvCell } from "../../base/read-csv.ts";
import { AmbitError } from "../../base/error.ts";
import type { RecordValues, Value } from "../../base/value.ts";
import type { CelPlace } from "../../expression/cel-context.ts";
import { compileAnyCel } from "../../expression/cel-compile.ts";
import type { Expression } from "../../expression/expression.ts";
import { coerceText } from "../../schema/coerce-text.ts";
import type { Catalog, InputField, TypeRef, ValueLimits } from "../../schema/catalog.ts";

/** What a cell asks of a value: any of these; none: whatever it is. */
export type CellTest = readonly CellAtom[] | null;
export type CellAtom =
  | { readonly op: "null" }
  | { readonly op: "eq" | "ne" | "lt" | "le" | "gt" | "ge"; readonly value: Value }
  /** Both ends are within. */
  | { readonly op: "between"; readonly low: Value; readonly high: Value };

export interface TableColumn {
  /** As in the header. */
  readonly source: string;
  readonly expression: Expression;
  /** order: numbers, dates and times, which have a before and an after. choice: text, enums and Boolean. `values`: all that there are. */
  readonly scale: { readonly kind: "order"; readonly isWhole: boolean; /** Outside of which none is; null: anywhere. */ readonly range: ValueRange } | { readonly kind: "choice"; readonly values: readonly Value[] | null };
}

type ValueRange = ValueLimits["range"];

export interface TableRow { /** In the file. */ readonly line: number; readonly tests: readonly CellTest[]; readonly output: Value }
export interface DecisionTable { readonly columns: readonly TableColumn[]; readonly rows: readonly TableRow[] }

export interface TableParts {
  readonly catalog: Catalog;
  readonly place: CelPlace;
  readonly result: TypeRef;
  /** Problems, each a sentence. */
  report(message: string): void;
}

const ROWS_MAX = 1_000;

/** Null where a problem was reported. */
export function compileTable(text: string, parts: TableParts): DecisionTable | null {
  let failed = false;
  const reading: Reading = { ...parts, report: (message) => { failed = true; parts.report(message); } };
  const [header, ...lines] = cellsOf(text, reading);
  if (header === undefined) return reading.report("The table is empty."), null;
  const heads = header.map((cell) => headOf(cell ?? "", reading));
  if (failed || !heads.some((head) => head?.kind === "output")) return failed ? null : (reading.report("The table has no column out."), null);
  const rows = lines.flatMap((cells, index) => rowOf(cells, heads as readonly Head[], index + 2, reading) ?? []);
  if (rows.length === 0 && !failed) reading.report("The table has no rows.");
  return failed ? null : { columns: heads.flatMap((head) => (head?.kind === "column" ? [head.column] : [])), rows };
}

/** The answer of the first row that fits; undefined: none does. `values` by column; undefined: it has none. */
export function tableAnswer({ rows }: DecisionTable, values: readonly (Value | undefined)[]): Value | undefined {
  return rows.find(({ tests }) => tests.every((test, index) => test === null || test.some((atom) => holds(atom, values[index]))))?.output;
}

type Reading = TableParts;
type Head = { readonly kind: "column"; readonly column: TableColumn; readonly type: TypeRef } | { readonly kind: "output"; /** Null: the answer as a whole. */ readonly field: string | null; readonly type: TypeRef };

function cellsOf(text: string, { report }: Reading): readonly (readonly CsvCell[])[] {
  try {
    return readCsv(text.replace(/^\uFEFF/, ""), ROWS_MAX).filter((row) => row.some((cell) => cell !== null));
  } catch (error) {
    if (!(error instanceof AmbitError)) throw error;
    report(error.message);
    return [[]];
  }
}

function headOf(source: string, { catalog, place, result, report }: Reading): Head | null {
  const name = source.trim();
  if (name === "out" && result.kind !== "object") return { kind: "output", field: null, type: result };
  if (/^out\b/.test(name)) {
    const field = catalog.objects.get(result.name)?.fields.get(name.slice("out.".length));
    if (result.kind === "object" && !result.list && field !== undefined) return { kind: "output", field: field.name, type: field.type };
    return report(`The column ${name} is nothing of the answer.`), null;
  }
  const { typed, diagnostics } = compileAnyCel({ source: name, position: { file: "", line: 1, column: 1 } }, place);
  for (const { message, fix } of diagnostics) report(`The column ${name}: ${message} ${fix}`);
  if (typed === null) return null;
  const choice = typed.domain?.kind === "enum" ? catalog.enums.get(typed.domain.name) ?? null : null;
  const type = CELL_TYPES[typed.type.kind];
  if (type === undefined) return report(`The column ${name} is ${typed.type.kind}, which cells cannot test.`), null;
  const isOrder = !["string", "bool"].includes(typed.type.kind);
  const scale: TableColumn["scale"] = isOrder ? { kind: "order", isWhole: typed.type.kind === "int", range: rangeOf(typed.expression, place) } : { kind: "choice", values: typed.type.kind === "bool" ? [true, false] : choice?.values ?? null };
  return { kind: "column", column: { source: name, expression: typed.expression, scale }, type: choice === null ? scalar(type) : { ...scalar(choice.name), kind: "enum" } };
}

/** As declared of the argument or field that the column is; null: it is something else, or may be anything. */
function rangeOf(expression: Expression, { catalog, input, values }: CelPlace): ValueRange {
  if (expression.op !== "variable") return null;
  const { root, path } = expression;
  let fields: ReadonlyMap<string, Pick<InputField, "type" | "limits">> | undefined = root === "input" ? input ?? undefined : catalog.objects.get(values?.get(root)?.type.name ?? "")?.fields;
  let range: ValueRange = null;
  for (const name of path) {
    const field = fields?.get(name);
    range = field === undefined || field.type.list ? null : field.limits.range;
    fields = catalog.objects.get(field?.type.name ?? "")?.fields;
  }
  return range;
}

const CELL_TYPES: Readonly<Record<string, string>> = { string: "String", bool: "Boolean", int: "Long", double: "Float", timestamp: "DateTime", date: "Date" };
const scalar = (name: string): TypeRef => ({ kind: "scalar", name, list: false, required: true, itemRequired: false });

function rowOf(cells: readonly CsvCell[], heads: readonly Head[], line: number, reading: Reading): TableRow | null {
  if (cells.length !== heads.length) return reading.report(`Line ${line} has ${cells.length} cells, the header ${heads.length}.`), null;
  const tests: CellTest[] = [];
  const fields: Record<string, Value> = {};
  let whole: Value = null;
  for (const [index, head] of heads.entries()) {
    const cell = cells[index]!;
    const place = `Line ${line}, ${head.kind === "column" ? head.column.source : `out${head.field === null ? "" : `.${head.field}`}`}`;
    if (head.kind === "column") tests.push(testOf(cell, head, (message) => reading.report(`${place}: ${message}`), reading.catalog));
    else {
      const value = valueOf(cell, head.type, (message) => reading.report(`${place}: ${message}`), reading.catalog);
      if (head.field === null) whole = value;
      else fields[head.field] = value;
    }
  }
  return { line, tests, output: answerOf(fields, whole, line, reading) };
}

/** All declared fields; those without a column are null. */
function answerOf(fields: RecordValues, whole: Value, line: number, { catalog, result, report }: Reading): Value {
  const object = result.kind === "object" ? catalog.objects.get(result.name) : undefined;
  if (object === undefined) return whole;
  for (const { name, type } of object.fields.values()) if (type.required && !Object.hasOwn(fields, name)) report(`Line ${line} gives no ${name}, which is required.`);
  return Object.fromEntries([...object.fields.keys()].map((name) => [name, fields[name] ?? null]));
}

type Fail = (message: string) => void;

function valueOf(cell: CsvCell, type: TypeRef, fail: Fail, catalog: Catalog): Value {
  if (cell === null || (cell.trim() === "" && type.name !== "String")) {
    if (type.required) fail("A value is required.");
    return null;
  }
  try {
    return coerceText(type.kind === "scalar" && type.name === "String" ? cell : cell.trim(), type, catalog);
  } catch (error) {
    if (!(error instanceof AmbitError)) throw error;
    fail(error.message);
    return null;
  }
}

const ATOM = /^(>=|<=|!=|>|<|=)?\s*('(?:[^']*)'|.+)$/;

/** `-` or nothing: any value. `A|B`: one of these. `>= 5`, `5..9`, `!= A`, `null`; text with such signs in single quotes. */
function testOf(cell: CsvCell, { column, type }: Extract<Head, { kind: "column" }>, fail: Fail, catalog: Catalog): CellTest {
  const text = cell?.trim() ?? "";
  if (text === "" || text === "-") return null;
  const read = (part: string): Value => valueOf(/^'.*'$/.test(part) ? part.slice(1, -1) : part, type, fail, catalog);
  return (text.match(/'[^']*'|[^|']+|\|/g) ?? []).join("").split(/\|(?=(?:[^']*'[^']*')*[^']*$)/).map((part): CellAtom => {
    const atom = part.trim();
    if (atom === "null") return { op: "null" };
    const range = column.scale.kind === "order" ? /^(.+?)\s*\.\.\s*(.+)$/.exec(atom) : null;
    if (range !== null) return { op: "between", low: read(range[1]!), high: read(range[2]!) };
    const found = ATOM.exec(atom);
    if (found === null) return fail("An alternative is empty."), { op: "null" };
    const op = OPERATORS[found[1] ?? "="]!;
    if (column.scale.kind === "choice" && op !== "eq" && op !== "ne") fail(`${found[1]} compares what has no order.`);
    return { op, value: read(found[2]!) };
  });
}

const OPERATORS: Readonly<Record<string, "eq" | "ne" | "lt" | "le" | "gt" | "ge">> = { "=": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge" };

function holds(atom: CellAtom, value: Value | undefined): boolean {
  if (value === undefined || value === null) return atom.op === "null";
  switch (atom.op) {
    case "null": return false;
    case "between": return ordered(value, atom.low) >= 0 && ordered(value, atom.high) <= 0;
    case "eq": return ordered(value, atom.value) === 0;
    case "ne": return ordered(value, atom.value) !== 0;
    case "lt": return ordered(value, atom.value) < 0;
    case "le": return ordered(value, atom.value) <= 0;
    case "gt": return ordered(value, atom.value) > 0;
    case "ge": return ordered(value, atom.value) >= 0;
  }
}

/** Numbers of either kind by size; dates and times are canonical texts, whose order is theirs. */
export function ordered(left: Value, right: Value): number {
  const [a, b] = [left as number | bigint | string, right as number | bigint | string];
  return a < b ? -1 : a > b ? 1 : 0;
}
