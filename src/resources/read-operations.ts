// GET: one record by its key, or the rows of a query, under READ rules. A hot record comes ready from memory, without SQL.
import type { Rights } from "../access/rights.ts";
import { dateTimeOf } from "../base/date-time.ts";
import type { Clock } from "../base/clock.ts";
import type { Json, RecordValues } from "../base/value.ts";
import { isTrue } from "../expression/evaluate.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import { isOfRowAlone } from "../expression/inspect.ts";
import type { Plan } from "../query/plan.ts";
import type { Scope } from "../query/scope.ts";
import { explainPlan } from "../storage/explain-plan.ts";
import { readRows } from "../storage/read-plan.ts";
import { notFound } from "../tables/denial.ts";
import { recordShape, type RecordShape } from "../tables/record-text.ts";
import { asOfEnvironment } from "./as-of.ts";
import { AnswerCache } from "./answer-cache.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { JsonText, type OperationBody, type Result } from "./operation.ts";
import { cursorAfter } from "./page-cursor.ts";
import { openEnvironment, planEnvironment } from "./planner.ts";

type GetBody = Extract<OperationBody, { kind: "get" }>;
type QueryBody = Extract<OperationBody, { kind: "query" }>;

interface HotShape {
  /** Null: the text is not the same for all who may read the record, so the plan is asked. */
  readonly shape: RecordShape | null;
  /** The READ rule where it looks at the caller, the time or other records; any other is part of the shape. */
  readonly rule: Expression | null;
  readonly public: boolean;
}

export class ReadOperations {
  readonly #core: DispatchCore;
  readonly #answers: AnswerCache;
  /** By scope, which is one object for each set of roles, and table. */
  readonly #shapes = new WeakMap<Scope, Map<string, HotShape>>();

  constructor(core: DispatchCore) {
    this.#core = core;
    this.#answers = new AnswerCache(core);
  }

  stats(): ReturnType<AnswerCache["stats"]> {
    return this.#answers.stats();
  }

  get(body: GetBody, rights: Rights): Result {
    rights.require(body.table, "READ");
    return (body.plain ? this.#hot(body, rights) : null) ?? this.#planned(body, rights);
  }

  query({ plan, explain, values }: QueryBody, rights: Rights): Result {
    const { planner, storage, catalog, clock, development } = this.#core;
    rights.require(plan.table, "READ");
    const prepared = planner.prepare(plan, rights, "wire");
    const now = dateTimeOf(clock.now());
    const environment = this.#at(plan, values === undefined ? planEnvironment(rights, now) : openEnvironment(rights, now, values));
    if (explain) {
      if (!rights.administrator && !development) throw rights.refusal("explain queries");
      const { sql, steps, scanned, deadline } = explainPlan(storage.reader, prepared.compiled, environment);
      return { ...nothing, body: { sql, steps: [...steps], scanned, deadline } };
    }
    return this.#answers.answer(prepared.compiled, environment, () => {
      const rows = readRows(storage.reader, prepared.compiled, environment);
      return {
        rows,
        result: {
          ...nothing, body: new JsonText(rows.json), range: { offset: plan.offset, rows: rows.rows, total: rows.total },
          nextCursor: cursorAfter(plan, rows.lastKeys, catalog), scanned: rows.scanned, public: prepared.public,
        },
      };
    });
  }

  /** With the moment that the plan is about. */
  #at(plan: Plan, environment: Environment): Environment {
    const { catalog, clock, storage } = this.#core;
    return plan.asof === undefined ? environment : asOfEnvironment({ catalog, clock, reader: storage.reader }, plan, plan.asof, environment);
  }

  /** Null: not this way. */
  #hot({ table, id }: GetBody, rights: Rights): Result | null {
    const { tables, book } = this.#core;
    const { shape, rule, public: isPublic } = this.#shapeOf(table, rights);
    if (shape === null) return null;
    const found = tables.text(table, id, shape);
    if (found === null || found.text === null) throw notFound(table);
    if (rule !== null) {
      const stored = tables.get(table, id);
      if (stored === null || !isTrue(rule, new HotEnvironment(stored.values, rights, this.#core), book)) throw notFound(table);
    }
    return {
      status: 200, body: new JsonText(found.text), version: found.version, range: null, affected: 0, createdId: null, nextCursor: null,
      scanned: false, replayed: false, public: isPublic,
    };
  }

  #shapeOf(name: string, rights: Rights): HotShape {
    let shapes = this.#shapes.get(rights.scope);
    if (shapes === undefined) this.#shapes.set(rights.scope, shapes = new Map());
    let hot = shapes.get(name);
    if (hot === undefined) shapes.set(name, hot = this.#createShape(name, rights));
    return hot;
  }

  #createShape(name: string, rights: Rights): HotShape {
    const { catalog, book, views } = this.#core;
    const { read, fields: viewed, unconditional } = views.of(name, rights, "wire");
    const table = catalog.tables.get(name)!;
    const fields = viewed.map(({ field }) => field.name);
    const rule = typeof read === "boolean" ? null : read;
    const fixedRule = rule !== null && isOfRowAlone(rule, book) ? rule : null;
    return {
      shape: unconditional ? recordShape({ table, fields, open: true, rule: fixedRule, catalog, book }) : null,
      rule: fixedRule === null ? rule : null,
      public: rights.publicFields(name, fields),
    };
  }

  #planned({ plan, table, id }: GetBody, rights: Rights): Result {
    const { planner, storage, clock } = this.#core;
    const prepared = planner.prepare(planner.byKey(plan), rights, "wire");
    const environment = this.#at(plan, planEnvironment(rights, dateTimeOf(clock.now()), id));
    const { json, rows, scanned } = readRows(storage.reader, prepared.compiled, environment);
    if (rows === 0) throw notFound(table);
    return { ...nothing, body: new JsonText(json.slice(1, -1)), scanned, public: prepared.public };
  }
}

/** Few rules look at the time, so it is written out only for them. */
class HotEnvironment implements Environment {
  readonly rows: Environment["rows"];
  readonly variables: Environment["variables"];
  readonly source: Environment["source"];
  readonly #clock: Clock;

  constructor(values: RecordValues, rights: Rights, { tables, clock }: DispatchCore) {
    this.rows = { record: values };
    this.variables = { auth: rights.auth };
    this.source = tables.source;
    this.#clock = clock;
  }

  get now(): string {
    return dateTimeOf(this.#clock.now());
  }
}

/** A result in which nothing is said yet. */
export const nothing: Omit<Result, "body"> & { readonly body: Json | undefined } = {
  status: 200, body: undefined, version: null, range: null, affected: 0, createdId: null, nextCursor: null, scanned: false, replayed: false, public: false,
};

