// A query of a decision, `Order/{input.orderId}?select=*,lines(*)`, to a plan whose holes are values of the run. Once, at the start of the app.
import { AmbitError } from "../../base/error.ts";
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Limits } from "../../base/limits.ts";
import { celDiagnostic, type CelPlace } from "../../expression/cel-context.ts";
import { compileCel } from "../../expression/cel-compile.ts";
import type { Expression } from "../../expression/expression.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { typeOfField } from "../../expression/field-type.ts";
import { OpenOperands, type OpenValue } from "../../query/open-operand.ts";
import type { Plan, SelectItem } from "../../query/plan.ts";
import { parseRestQuery } from "../../query/rest-query.ts";
import { reservedParameters, type Parameter } from "../../query/rest-parameters.ts";
import type { Scope } from "../../query/scope.ts";
import { keyField } from "../../resources/planner.ts";
import { urlPair } from "../../query/url-pairs.ts";
import { appTable, appTables } from "../../schema/account-tables.ts";
import type { Catalog, Table, TypeRef } from "../../schema/catalog.ts";
import { coerceText } from "../../schema/coerce-text.ts";
import { isScalarName } from "../../schema/scalar-names.ts";
import type { QueryTemplate, TemplatePiece } from "../../schema/query-template.ts";
import { mayHoldUntrusted } from "../context/taint.ts";
import { HIDDEN, KEY } from "./answer-shape.ts";

/** A hole: a value of the run, or an argument that the model gives. */
export type Hole = (
  | { readonly kind: "value"; readonly type: TypeRef; readonly expression: Expression }
  | { readonly kind: "argument"; readonly type: TypeRef; readonly name: string }
) & { /** It is what is searched for. */ readonly isWords?: true };

export interface CompiledQuery {
  readonly table: Table;
  /** Of the rows; the key of one record is left out. */
  readonly plan: Plan;
  /** Null: a list. */
  readonly id: Hole | null;
  /** In order of the plan's open values. */
  readonly holes: readonly Hole[];
  /** No list in the answer may be longer. */
  readonly maxRows: number;
}

export interface QueryPlace {
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly book: ExpressionBook;
  /** What the holes may look at. */
  readonly cel: CelPlace;
  /** The model may give arguments. */
  readonly takesArguments: boolean;
  /** Secret fields do not exist in it. */
  readonly hidesSecrets: boolean;
  readonly maxRows: number;
}

type Piece = Exclude<TemplatePiece, { kind: "text" }>;

/** Stands for hole N in the text while it is read: no query has these characters. */
const MARK = /\uE000(\d+)\uE001/;
const MARKED = /\uE000\d+\uE001/;
const COMPARED = /^([A-Za-z_][\w.]*)=((?:not\.)?(?:eq|neq|gt|gte|lt|lte)\.)?\uE000(\d+)\uE001$/;

/** Types whose values a model writes alike. */
const SAME_TO_MODELS: readonly (readonly string[])[] = [["ID", "String"], ["Int", "Money"]];
/** Stands for what is searched for while the query is read. */
const ANY_WORDS = "words";
const SEARCHED = /^(search)=()\uE000(\d+)\uE001$/;

/** Null with diagnostics. */
export function compileQuery(template: QueryTemplate, place: QueryPlace): { readonly query: CompiledQuery | null; readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const fail = (message: string, fix: string): null => {
    diagnostics.push(celDiagnostic(template.text, { start: 0, end: template.text.source.length }, { code: "DECISION_QUERY", message, fix, why: "A query that does not compile would leave the decision without what it must know." }));
    return null;
  };
  const { pieces } = template;
  if (pieces === null) return { query: fail("A hole of the query is open or empty.", "Write {input.NAME}, or {?name: Type} for an argument of the model."), diagnostics };
  const holes = pieces.filter((piece): piece is Piece => piece.kind !== "text");
  let mark = 0;
  const text = pieces.map((piece) => (piece.kind === "text" ? piece.text : `\uE000${mark++}\uE001`)).join("");
  const reading = { text, holes, place, fail, diagnostics };
  return { query: read(reading), diagnostics };
}

interface Reading {
  readonly text: string;
  readonly holes: readonly Piece[];
  readonly place: QueryPlace;
  readonly diagnostics: Diagnostic[];
  fail(message: string, fix: string): null;
}

function read(reading: Reading): CompiledQuery | null {
  const { text, place, fail } = reading;
  const [path, query] = cut(text.trim().replace(/^\//, ""), "?");
  const [name, key, ...more] = path.split("/");
  const table = tableNamed(name ?? "", place.catalog);
  if (table === undefined) return fail(`There is no table ${name}.`, `Begin with a table, such as ${appTables(place.catalog)[0]?.name ?? "Order"}?status=eq.OPEN.`);
  if (more.length > 0) return fail("A query names a table and at most the id of a record.", "Embed what belongs to it: select=*,lines(*).");
  const id = key === undefined ? null : idHole(key, table, reading);
  if (key !== undefined && id === null) return null;
  const operands = new OpenOperands(place.catalog);
  const indexes: number[] = [];
  const parameters: Parameter[] = [];
  for (const part of query.split("&").filter((one) => one !== "")) {
    if (!MARKED.test(part)) {
      parameters.push(urlPair(part));
      continue;
    }
    const words = SEARCHED.exec(part);
    const found = words ?? COMPARED.exec(part);
    if (found === null || (words === null && reservedParameters.includes(found[1]!.split(".").at(-1)!))) return fail(`A hole stands where no value is compared: ${part.replaceAll(/\uE000\d+\uE001/g, "{...}")}.`, "Write FIELD=eq.{...}, another comparison, or search={...}; holes are values, never text.");
    parameters.push([found[1]!, words === null ? found[2] ?? "eq." : ANY_WORDS, operands.operand("", found[1]!)]);
    indexes.push(Number(found[3]));
  }
  const plan = planOf(parameters, table, reading);
  if (plan === null) return null;
  const values = operands.values();
  if (values === null) return fail("A hole is compared with a field whose values cannot be left open.", "Compare with ID, String, an enum, Int, Long, Money, Boolean, DateTime or Date.");
  const holes = values.map((value, index) => openHole(value, indexes[index]!, reading));
  if (holes.includes(null)) return null;
  return { table, plan: bounded(withKeys(withHidden(plan, place.catalog, place.book), place.catalog), id !== null, place.maxRows), id, holes: holes as Hole[], maxRows: place.maxRows };
}

function cut(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ""] : [text.slice(0, index), text.slice(index + 1)];
}

function tableNamed(name: string, catalog: Catalog): Table | undefined {
  return appTable(catalog, name) ?? appTables(catalog).find(({ exportName }) => exportName === name);
}

function idHole(key: string, table: Table, reading: Reading): Hole | null {
  const mark = MARK.exec(key);
  const { type } = table.fields.get(table.primaryKey)!;
  if (mark === null) return givenId(key, type, reading);
  if (mark[0] !== key) return reading.fail("The id of a record is a hole as a whole.", `Write ${table.name}/{input.id}.`);
  return openHole({ type, where: "id" }, Number(mark[1]), reading);
}

/** The same record for every run, `Setting/main`. */
function givenId(key: string, type: TypeRef, { place: { catalog }, fail }: Reading): Hole | null {
  try {
    const required = { ...type, required: true };
    return { kind: "value", type: required, expression: { op: "literal", type: typeOfField(required, catalog), value: coerceText(decodeURIComponent(key), type, catalog) } };
  } catch (error) {
    if (!(error instanceof AmbitError) && !(error instanceof URIError)) throw error;
    return fail(`No record has the id ${key}.`, error instanceof AmbitError ? error.message : "Write it as in the path of a URL.");
  }
}

function openHole({ type, isWords }: OpenValue, index: number, reading: Reading): Hole | null {
  const hole = holeOf(type, index, reading);
  return hole === null || isWords === undefined ? hole : { ...hole, isWords };
}

function holeOf(type: TypeRef, index: number, { holes, place, fail, diagnostics }: Reading): Hole | null {
  const piece = holes[index]!;
  const required = { ...type, required: true };
  if (piece.kind === "argument") {
    if (!place.takesArguments) return fail(`{?${piece.name}} is an argument of a model, which gives none here.`, "Use it in @mayRead.");
    if (!isScalarName(piece.type) && !place.catalog.enums.has(piece.type)) return fail(`The type ${piece.type} of {?${piece.name}} does not exist.`, `Write {?${piece.name}: ${type.name}}.`);
    if (piece.type !== type.name && !SAME_TO_MODELS.some((names) => names.includes(piece.type) && names.includes(type.name))) return fail(`{?${piece.name}: ${piece.type}} is compared with ${type.name}.`, `Write {?${piece.name}: ${type.name}}.`);
    return { kind: "argument", type: required, name: piece.name };
  }
  const domain = type.kind === "enum" ? { kind: "enum", name: type.name } as const : null;
  const compiled = compileCel(piece.cel, place.cel, { type: typeOfField(required, place.cel.catalog), domain, what: "What stands in the hole" });
  diagnostics.push(...compiled.diagnostics);
  return compiled.expression === null ? null : { kind: "value", type: required, expression: compiled.expression };
}

/** Everything that there is: the author of the schema reads. `open`: but nothing secret. */
function authorScope(catalog: Catalog, open: boolean): Scope {
  const known = new Map<Table, Table["fields"]>();
  return {
    catalog, readable: () => true,
    fields(table) {
      if (!open) return table.fields;
      let fields = known.get(table);
      if (fields === undefined) known.set(table, fields = new Map([...table.fields].filter(([, { limits }]) => !limits.secret)));
      return fields;
    },
  };
}

function planOf(parameters: readonly Parameter[], table: Table, { place, fail }: Reading): Plan | null {
  const { catalog, limits } = place;
  try {
    const { plan, limit, explain } = parseRestQuery(parameters, { table, scope: authorScope(catalog, place.hidesSecrets), limits, now: "1970-01-01T00:00:00.000Z" });
    if (explain || plan.asof !== undefined || plan.after !== null || plan.count !== null) return fail("A decision reads rows as they are: without explain, asof, after and counts.", "Remove the parameter.");
    if (plan.similar?.words !== undefined) return fail("A decision reads what is similar to a vector, not to a text: its reads are repeated in the commit, where no model is asked.", "Let a tool find it, or use search.");
    return { ...plan, limit };
  } catch (error) {
    if (!(error instanceof AmbitError)) throw error;
    return fail(error.message, error.extras.fix ?? "Correct the query.");
  }
}

/** One row more than may be: so it is seen that there are too many. */
function bounded(plan: Plan, one: boolean, maxRows: number): Plan {
  const select = plan.select.map((item): SelectItem => (item.kind === "embed" ? { ...item, plan: item.plan.limit === null ? bounded(item.plan, true, maxRows) : bounded(item.plan, false, maxRows) } : item));
  return { ...plan, select, limit: one ? plan.limit : Math.min(plan.limit ?? maxRows + 1, maxRows + 1) };
}

/** With a member that no expression sees: whether each row is one that no model may see. */
function withHidden(plan: Plan, catalog: Catalog, book: ExpressionBook): Plan {
  const { secretWhere = null, primaryKey } = catalog.tables.get(plan.table)!;
  return withMember(plan, (inner) => withHidden(inner, catalog, book), secretWhere === null ? null : { alias: HIDDEN, value: book.of(secretWhere), field: primaryKey });
}

/** With the key of each row for whose text somebody may have to answer. */
export function withKeys(plan: Plan, catalog: Catalog, spread = false): Plan {
  const table = catalog.tables.get(plan.table)!;
  const isKeyed = !spread && [...table.fields.values()].some((field) => mayHoldUntrusted(field, catalog));
  return withMember(plan, (inner, isSpread) => withKeys(inner, catalog, isSpread), isKeyed ? { alias: KEY, value: keyField(table, catalog), field: table.primaryKey } : null);
}

/** In each of its rows, and as `inner` says in rows inside them. */
function withMember(plan: Plan, inner: (plan: Plan, isSpread: boolean) => Plan, member: Pick<ValueItem, "alias" | "value" | "field"> | null): Plan {
  const select = plan.select.map((item): SelectItem => (item.kind === "embed" ? { ...item, plan: inner(item.plan, item.spread) } : item));
  const isLeftOut = member === null || plan.grouped || select.length === 0;
  return { ...plan, select: isLeftOut ? select : [...select, { kind: "value", ...member, cast: null, visibleWhen: null }] };
}

type ValueItem = Extract<SelectItem, { kind: "value" }>;
