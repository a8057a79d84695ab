// Who has written the text among what a run reads for which nobody answers, as far as the data tell: whoever created the record, and whoever wrote it
// last. They must not let through what they may have talked a model into.
import type { Json, RecordValues, Value } from "../../base/value.ts";
import type { Environment } from "../../expression/expression.ts";
import type { Plan } from "../../query/plan.ts";
import type { Field, Table } from "../../schema/catalog.ts";
import { fromWireValue, toWireValue } from "../../schema/wire-value.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { ReadWatch } from "../../resources/reading-work.ts";
import { beside } from "../../resources/run-body.ts";
import { fieldWriters, type WrittenFields } from "../../changes/field-writers.ts";
import { readRun } from "../../storage/decision-rows.ts";
import { memoryOrigins } from "../../storage/memory-rows.ts";
import type { CompiledPlan } from "../../storage/plan-sql.ts";
import { KEY } from "../policy/answer-shape.ts";
import { withKeys } from "../policy/compile-query.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";
import type { Gathered } from "../context/gather.ts";
import { subjectIn } from "../run/admitted-run.ts";
import { mayHoldUntrusted, untrustedIn } from "../context/taint.ts";

type Row = { readonly [name: string]: Json };

export class TextWriters {
  readonly #core: DispatchCore;
  readonly #found = new Set<string>();
  /** Not looked up yet; by record. */
  readonly #pending = new Map<string, WrittenFields>();

  constructor(core: DispatchCore) {
    this.#core = core;
  }

  /** Each once. */
  get subjects(): readonly string[] {
    this.add(fieldWriters(this.#core.storage.reader, this.#pending.values()));
    this.#pending.clear();
    return [...this.#found];
  }

  /** None yet, for what may come to count. */
  apart(): TextWriters {
    return new TextWriters(this.#core);
  }

  add(subjects: Iterable<string>): void {
    for (const one of subjects) this.#found.add(one);
  }

  /** Of the contexts of a decision, and of what it remembers: whoever posted that, or asked for the decision that has left it. */
  addGathered({ contexts }: CompiledDecision, { rows, memory }: Pick<Gathered, "rows" | "memory">): void {
    for (const { declaration: { name }, source } of contexts) if (source.kind === "query") this.addRows(rows[name] ?? [], source.query.plan);
    const { storage: { reader } } = this.#core;
    const untrusted = memory.flatMap(({ items }) => items.filter((item) => item.isUntrusted).map(({ id }) => id));
    for (const { actor, run } of memoryOrigins(reader, untrusted)) {
      const left = run === null ? null : readRun(reader, run);
      this.add([actor, left === null ? null : subjectIn(left.principal)].filter((one) => one !== null));
    }
  }

  /** Of rows with keys, as `withKeys` asks for them. */
  addRows(rows: readonly Row[], plan: Plan): void {
    for (const row of rows) this.#addRow(row, plan);
  }

  /** Of what code of the app reads. */
  watch(): ReadWatch {
    return {
      rows: (compiled, environment) => this.#addPlan(compiled, environment),
      record: (table, values) => this.#addRecord(table, values),
    };
  }

  #addPlan({ plan }: CompiledPlan, environment: Environment): void {
    const { catalog, planner } = this.#core;
    if (!this.#mayTell(plan)) return;
    const keyed = withKeys(plan, catalog);
    this.addRows(JSON.parse(beside(this.#core).rows(planner.compile(keyed), environment).json) as Row[], keyed);
  }

  #mayTell({ table: name, select }: Plan): boolean {
    const { fields } = this.#core.catalog.tables.get(name)!;
    return select.some((item) => (item.kind === "embed" ? this.#mayTell(item.plan) : item.kind === "value" && mayHoldUntrusted(fields.get(item.field)!, this.#core.catalog)));
  }

  #addRecord(name: string, values: RecordValues): void {
    const { catalog } = this.#core;
    const table = catalog.tables.get(name)!;
    const written = [...table.fields.values()].filter((field) => untrustedIn(values, new Map([[field.name, field]]), { catalog })).map((field) => field.name);
    this.#addWriters(table, values[table.primaryKey] ?? null, written);
  }

  #addRow(row: Row, plan: Plan): void {
    const { catalog } = this.#core;
    const table = catalog.tables.get(plan.table)!;
    const written: string[] = [];
    for (const item of plan.select) {
      if (item.kind === "value" && this.#isWritten(row[item.alias] ?? null, table.fields.get(item.field))) written.push(item.field);
      if (item.kind !== "embed") continue;
      const inner = row[item.alias];
      for (const one of Array.isArray(inner) ? inner : [inner]) if (typeof one === "object" && one !== null && !Array.isArray(one)) this.#addRow(one, item.plan);
    }
    const key = row[KEY];
    if (key !== undefined) this.#addWriters(table, fromWireValue(key, table.fields.get(table.primaryKey)!.type, catalog), written);
  }

  /** Such text is there, as the field's value or inside it. */
  #isWritten(value: Json, field: Field | undefined): boolean {
    if (field === undefined || value === null || value === "") return false;
    return field.limits.untrusted || untrustedIn({ value }, new Map([["value", field]]), { catalog: this.#core.catalog });
  }

  /** Of these fields of one record. */
  #addWriters(table: Table, key: Value, fields: readonly string[]): void {
    const { tables, catalog } = this.#core;
    const stored = fields.length === 0 ? null : tables.get(table.name, key);
    if (stored === null) return;
    const id = toWireValue(key, table.fields.get(table.primaryKey)!.type, catalog);
    const creators = [...table.fields.values()].filter(({ fill }) => fill?.kind === "created-by").map(({ name }) => stored.values[name]);
    this.add(creators.filter((one) => typeof one === "string"));
    this.#pending.set(JSON.stringify([table.name, id, fields]), { table: table.name, id, fields, position: stored.written ?? stored.version });
  }
}
