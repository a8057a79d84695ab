// Where rules find other records while they are evaluated in memory: by key, or by an `exists` run as SQL. Without rules of its own.
import type { Value } from "../base/value.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { Environment, Expression, RecordSource, RowName } from "../expression/expression.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { typeOf } from "../expression/field-type.ts";
import { bindRow, partsOf, withParts } from "../expression/inspect.ts";
import { footprintsOf } from "../query/footprint-plan.ts";
import type { Plan } from "../query/plan.ts";
import type { Connection } from "../storage/connection.ts";
import { expressionSql, type BindSlot } from "../storage/expression-sql.ts";
import { toSqlValue } from "../storage/sql-value.ts";
import { noteFields, type ReadNotes } from "./read-notes.ts";

export interface RecordSourceOptions {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  /** Asked for at each question: SQLite must hold all that may be seen. */
  connection(): Connection;
  /** Expired records are null. */
  get(table: string, id: Value): { readonly [field: string]: Value } | null;
  /** Told what was asked. */
  readonly reads?: ReadNotes | null;
}

/** An `exists` as one statement; what it reads of the rows around it comes in as variables. */
interface Question {
  readonly sql: string;
  readonly slots: readonly BindSlot[];
  readonly outer: readonly Expression[];
  /** The same as a plan, for its footprints. */
  readonly plan: Plan;
}

const OUTER = "$outer";
const questions = new WeakMap<ExpressionBook, WeakMap<Expression, Question>>();

export function createRecordSource(options: RecordSourceOptions): RecordSource {
  const { book, reads = null } = options;
  let known = questions.get(book);
  if (known === undefined) questions.set(book, known = new WeakMap());
  return {
    get(table, id, looksAt) {
      if (reads !== null) noteFields(reads, options.catalog.tables.get(table)!, id, looksAt);
      return options.get(table, id);
    },
    exists(table, row, where, environment) {
      let question = known.get(where);
      if (question === undefined) known.set(where, question = compileQuestion(options, table, row, where));
      const closed = closedEnvironment(question, environment, book);
      if (reads !== null) {
        const { footprints } = footprintsOf(question.plan, { environment: { ...closed, rows: {}, source: null }, rows: 1, lastKeys: null }, options);
        for (const footprint of footprints) reads.note(footprint);
      }
      return options.connection().query(question.sql).values(...parametersOf(question, closed, book))[0]?.[0] === 1;
    },
  };
}

function compileQuestion({ catalog, book }: RecordSourceOptions, table: string, row: RowName, where: Expression): Question {
  const outer: Expression[] = [];
  const slots: BindSlot[] = [];
  let aliases = 0;
  const inside = withoutOuterRows(where, new Set([row]), outer);
  const sql = expressionSql({ op: "exists", table, row, where: inside }, {
    catalog, book, rows: {},
    bind: (slot) => `?${slots.push(slot)}`,
    nextAlias: () => `e${aliases++}`,
  });
  return { sql: `SELECT ${sql}`, slots, outer, plan: planOf(table, bindRow(inside, row, "record")) };
}

/** Reads of rows that stand around the `exists` become variables, worked out in memory. */
function withoutOuterRows(expression: Expression, bound: ReadonlySet<RowName>, outer: Expression[]): Expression {
  if ((expression.op === "field" || expression.op === "text-search" || expression.op === "near") && !bound.has(expression.row)) {
    outer.push(expression);
    return { op: "variable", type: typeOf(expression), root: OUTER, path: [String(outer.length - 1)] };
  }
  const inner = expression.op === "exists" ? new Set([...bound, expression.row]) : bound;
  const parts = partsOf(expression);
  if (parts.length === 0) return expression;
  return withParts(expression, parts.map((part) => withoutOuterRows(part, inner, outer)));
}

function planOf(table: string, filter: Expression): Plan {
  return {
    table, filter, select: [{ kind: "aggregate", alias: "count", function: "count", value: null, field: null, cast: null }], grouped: true,
    order: [], limit: null, offset: 0, after: null, count: null, search: null, similar: null, near: null, refuseScan: false,
  };
}

function closedEnvironment(question: Question, environment: Environment, book: ExpressionBook): Environment {
  const outer: { [index: string]: Value } = {};
  question.outer.forEach((expression, index) => { outer[String(index)] = evaluate(expression, environment, book); });
  // Member by member: an environment may be of a class, whose members a spread would lose.
  const { rows, now, source } = environment;
  return { rows, now, source, variables: { ...environment.variables, [OUTER]: outer } };
}

function parametersOf(question: Question, closed: Environment, book: ExpressionBook): ReturnType<typeof toSqlValue>[] {
  return question.slots.map((slot) => (slot.kind === "value" ? slot.value : toSqlValue(evaluate(slot.expression, closed, book), typeOf(slot.expression))));
}
