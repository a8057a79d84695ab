// What a plan depends on, whatever its parameters: worked out once for each plan. One shape for each table and way to it.
import { assert } from "../base/assert.ts";
import type { Expression, RowName } from "../expression/expression.ts";
import type { ExpressionBook } from "../expression/expression-book.ts";
import { partsOf } from "../expression/inspect.ts";
import type { Catalog, Relation, Table } from "../schema/catalog.ts";
import { narrowingsOf, type Narrowing } from "./footprint-narrowing.ts";
import { keySources, rowPredicate, type KeySource } from "./footprint-predicate.ts";
import { isReference, parentKeys, refersBy, type AnswerPlace, type ParentKeys } from "./footprint-reference.ts";
import { timedComparison, type TimeSource } from "./footprint-time.ts";
import { windowOf, type Window } from "./footprint-window.ts";
import type { Plan, SearchClause, SelectItem } from "./plan.ts";
import { conjunction } from "./related-exists.ts";

export interface FootprintShape {
  readonly table: string;
  readonly keys: readonly KeySource[];
  /** Where the parents' keys stand in the answer, for an embed whose children must have one of them. */
  readonly parents: ParentKeys | null;
  readonly predicate: Expression | null;
  readonly narrowing: readonly Narrowing[];
  readonly columns: ReadonlySet<string> | null;
  readonly referenced: boolean;
}

export interface PlanShape {
  /** The rows of the plan itself. */
  readonly rows: FootprintShape;
  /** Null: what comes after the last row counts too. */
  readonly window: ShapedWindow | null;
  readonly others: readonly FootprintShape[];
  readonly times: readonly TimeSource[];
}

export interface ShapedWindow {
  readonly window: Window;
  /** The rows' predicate where the window was full, and where it was not. */
  readonly full: Expression;
  readonly short: Expression | null;
}

/** Rows of one table that are looked at; their fields are noted in `columns` while expressions are visited. */
interface Use { readonly table: Table; columns: Set<string> | null }
type Rows = ReadonlyMap<RowName, Use>;

const shapes = new WeakMap<ExpressionBook, WeakMap<Plan, PlanShape>>();

export function planShape(plan: Plan, book: ExpressionBook): PlanShape {
  let known = shapes.get(book);
  if (known === undefined) shapes.set(book, known = new WeakMap());
  let shape = known.get(plan);
  if (shape === undefined) known.set(plan, shape = new ShapeReader(book).plan(plan));
  return shape;
}

type EmbedItem = Extract<SelectItem, { kind: "embed" }>;

class ShapeReader {
  readonly #book: ExpressionBook;
  readonly #catalog: Catalog;
  readonly #found: (() => FootprintShape)[] = [];
  readonly #times: TimeSource[] = [];
  /** Reached by foreign keys; shared by all who reach the same table. */
  readonly #referenced = new Map<string, Use>();

  constructor(book: ExpressionBook) {
    this.#book = book;
    this.#catalog = book.catalog;
  }

  plan(plan: Plan): PlanShape {
    const use = this.#use(plan.table);
    this.#level(plan, use, []);
    const { table } = use;
    const rows: FootprintShape = {
      table: table.name, keys: keySources(plan.filter, { row: "record", table }), narrowing: narrowingsOf(plan.filter, { row: "record", table }), parents: null, columns: use.columns, referenced: false,
      predicate: isByWords(plan) ? null : rowPredicate(plan.filter, { row: "record", table }, this.#book),
    };
    const ranked: FootprintShape = isByWords(plan) ? { ...rows, keys: [], narrowing: [] } : rows;
    return { rows: ranked, window: shapedWindow(rows.predicate, windowOf(plan, table, this.#book)), others: this.#found.map((finish) => finish()), times: this.#times };
  }

  #level(plan: Plan, use: Use, place: AnswerPlace): void {
    const rows: Rows = new Map([["record", use]]);
    if (plan.filter !== null) this.#visit(plan.filter, rows);
    for (const term of plan.order) if (term.item === undefined) this.#visit(term.value, rows);
    for (const item of plan.select) this.#item(item, plan, { use, rows, place });
    if (plan.search !== null) this.#search(plan.search, use, isByWords(plan));
    if (plan.similar !== null) {
      note(use, plan.similar.field);
      if (plan.similar.visibleWhen !== null) this.#visit(plan.similar.visibleWhen, rows);
    }
    for (const field of plan.near?.fields ?? []) note(use, field);
  }

  #item(item: SelectItem, plan: Plan, level: Level): void {
    switch (item.kind) {
      case "open":
        level.use.columns = null;
        return;
      case "aggregate":
        if (item.value !== null) this.#visit(item.value, level.rows);
        return;
      case "value":
        this.#visit(item.value, level.rows);
        if (item.visibleWhen !== null) this.#visit(item.visibleWhen, level.rows);
        return;
      case "embed":
        if (item.visibleWhen !== null) this.#visit(item.visibleWhen, level.rows);
        this.#embed(item, plan, level);
    }
  }

  #embed(item: EmbedItem, plan: Plan, { use, place }: Level): void {
    const { relation } = use.table.fields.get(item.relation) ?? {};
    assert(relation !== undefined && relation !== null, `relation ${item.relation} of a plan is in table ${use.table.name}`);
    note(use, relation.from);
    const child = this.#use(relation.table);
    this.#level(item.plan, child, place === null || item.spread ? null : [...place, item.alias]);
    const parents = item.inner ? null : parentKeys(plan, relation, place);
    const through = relation.through === null ? null : this.#links(relation, item.linkFilter ?? null, parents);
    if (relation.kind === "many") note(child, relation.to);
    const judged = { row: "record", table: child.table };
    const { filter } = item.plan;
    this.#found.push(() => ({
      table: child.table.name, columns: child.columns,
      keys: isByWords(item.plan) ? [] : keySources(filter, judged), narrowing: isByWords(item.plan) ? [] : narrowingsOf(filter, judged), predicate: isByWords(item.plan) ? null : rowPredicate(filter, judged, this.#book),
      parents: through !== null || parents === null ? null : { ...parents, field: relation.to },
      referenced: relation.kind === "one" || through === "referring",
    }));
  }

  /** The rows of a join table. Referring: each leads to a record that is there. */
  #links({ through }: Relation, filter: Expression | null, parents: ParentKeys | null): "referring" | "loose" {
    assert(through !== null, "a relation through a join table");
    const link = this.#use(through.table);
    note(link, through.from);
    note(link, through.to);
    if (filter !== null) this.#visit(filter, new Map([["record", link]]));
    const judged = { row: "record", table: link.table };
    this.#found.push(() => ({
      table: link.table.name, columns: link.columns, referenced: false, keys: keySources(filter, judged), narrowing: narrowingsOf(filter, judged),
      predicate: rowPredicate(filter, judged, this.#book), parents: parents === null ? null : { ...parents, field: through.from },
    }));
    return refersBy(link.table, through.to) === null ? "loose" : "referring";
  }

  /** Notes the fields that an expression reads of each row, and what it reads of other tables. */
  #visit(expression: Expression, rows: Rows): void {
    switch (expression.op) {
      case "field": return this.#field(expression, rows);
      case "text-search": case "near":
        for (const field of expression.fields) note(useOf(rows, expression.row), field);
        return;
      case "exists": return this.#exists(expression, rows);
      case "now":
        this.#times.push({ kind: "unknown" });
        return;
      case "compare": {
        const timed = timedComparison(expression, this.#catalog);
        if (timed === null) break;
        this.#times.push(timed.time);
        this.#visit(timed.field, rows);
        return;
      }
      default:
    }
    for (const part of partsOf(expression)) this.#visit(part, rows);
  }

  #field({ row, path, field }: Extract<Expression, { op: "field" }>, rows: Rows): void {
    let use = useOf(rows, row);
    for (const step of path) {
      const { relation } = use.table.fields.get(step) ?? {};
      assert(relation !== undefined && relation !== null, `a to-one relation: ${use.table.name}.${step}`);
      note(use, relation.from);
      use = this.#reference(relation.table);
    }
    const computed = this.#book.computed(use.table.name, field);
    if (computed === null) note(use, field);
    else this.#visit(computed, new Map([["record", use]]));
  }

  /** Records that foreign keys lead to: any of the table, for what is read of them. */
  #reference(name: string): Use {
    let use = this.#referenced.get(name);
    if (use === undefined) {
      const made = use = this.#use(name);
      this.#referenced.set(name, use);
      this.#found.push(() => ({ table: name, keys: [], narrowing: [], parents: null, predicate: null, columns: made.columns, referenced: true }));
    }
    return use;
  }

  #exists({ table: name, row, where }: Extract<Expression, { op: "exists" }>, rows: Rows): void {
    const use = this.#use(name);
    this.#visit(where, new Map([...rows, [row, use]]));
    const judged = { row, table: use.table };
    const referenced = isReference(where, judged, rows);
    this.#found.push(() => ({
      table: name, columns: use.columns, referenced, parents: null,
      keys: keySources(where, judged), narrowing: narrowingsOf(where, judged), predicate: rowPredicate(where, judged, this.#book),
    }));
  }

  #search(search: SearchClause, start: Use, ranked: boolean): void {
    for (const { path, visibleWhen } of search.paths) {
      let use = start;
      for (const step of path.slice(0, -1)) use = this.#step(use, step);
      const fields = ranked ? textFields(use.table) : [path.at(-1)!];
      for (const field of fields) note(use, field);
      if (visibleWhen !== null) this.#visit(visibleWhen, new Map([["record", use]]));
    }
  }

  /** Any record on the way of a search. */
  #step(use: Use, name: string): Use {
    const { relation } = use.table.fields.get(name) ?? {};
    assert(relation !== undefined && relation !== null, `relation ${name} of a search is in table ${use.table.name}`);
    note(use, relation.from);
    if (relation.through !== null) this.#links(relation, null, null);
    const next = this.#use(relation.table);
    if (relation.kind === "many") note(next, relation.to);
    this.#found.push(() => ({ table: relation.table, keys: [], narrowing: [], parents: null, predicate: null, columns: next.columns, referenced: false }));
    return next;
  }

  #use(name: string): Use {
    const table = this.#catalog.tables.get(name);
    assert(table !== undefined, `table ${name} of a plan is in the catalog`);
    const expires = table.expirationMs !== null || table.expiresAt !== null;
    if (expires && !this.#times.some((time) => time.kind === "expiry" && time.table === name)) this.#times.push({ kind: "expiry", table: name });
    // A write may also move the end of a record's life.
    return { table, columns: new Set(table.expiresAt === null ? [] : [table.expiresAt]) };
  }
}

interface Level { readonly use: Use; readonly rows: Rows; readonly place: AnswerPlace }

function shapedWindow(predicate: Expression | null, window: Window | null): ShapedWindow | null {
  if (window === null) return null;
  const short = conjunction([predicate, window.begun]);
  return { window, short, full: conjunction([short, window.ended])! };
}

/** The weight of words depends on all the texts of a table. */
function isByWords(plan: Plan): boolean {
  return plan.search !== null && plan.order.length === 0 && !plan.grouped;
}

/** All that may be searched. */
function textFields({ fields }: Table): string[] {
  return [...fields.values()].filter(({ kind, type }) => kind === "stored" && (type.name === "String" || type.name === "ID" || type.kind === "enum")).map(({ name }) => name);
}

function note(use: Use, field: string): void {
  use.columns?.add(field);
}

function useOf(rows: Rows, row: RowName): Use {
  const use = rows.get(row);
  assert(use !== undefined, `row ${row} of a plan is known`);
  return use;
}
