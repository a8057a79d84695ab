// `ctx.db.TABLE` and `ctx.system.TABLE`: reads and writes of one table for app code, under the caller's rules or without them.
import type { RecordValues, Value } from "../base/value.ts";
import { coerceValue, noLimits, type Issue } from "../schema/coerce-value.ts";
import type { Plan } from "../query/plan.ts";
import type { Table } from "../schema/catalog.ts";
import { invalid } from "../tables/input-issue.ts";
import type { Write } from "../tables/write.ts";
import type { Body, Mode } from "./body.ts";
import { claimRecord } from "./claim-record.ts";
import { rawInput } from "./code-input.ts";
import { codePlan, countRows, isLimited, readAll, readPage } from "./code-read.ts";
import { readySourced } from "./read-source.ts";
import { isByText, withVectorIn } from "./similar-text.ts";
import { plainRecord } from "./table-instance.ts";
import { writeRecord } from "./record-write.ts";
import { createOf, type Written } from "./record-override.ts";
import { ownWrite, removeOf, shownAfter, updateOf } from "./straight-write.ts";

export class TableAccess {
  readonly #body: Body;
  readonly #table: Table;
  readonly #mode: Mode;

  constructor(body: Body, table: Table, mode: Mode) {
    this.#body = body;
    this.#table = table;
    this.#mode = mode;
  }

  get(id: unknown): Promise<RecordValues | null> {
    return this.#start("get", async () => {
      this.#rights().require(this.#table.name, "READ");
      const key = this.#key(id);
      await readySourced(this.#body, this.#table, key);
      const turn = this.#body.work.turn(this.#table.name, key);
      if (turn !== null) await turn;
      return this.#body.seen(this.#table.name, key, this.#mode);
    });
  }

  /** All that match, or as many as the query's limit. */
  find(query?: unknown): Promise<RecordValues[]> {
    return this.#start("find", async () => {
      const plan = await this.#plan(query);
      return isLimited(query) ? readPage(this.#body, plan, this.#mode).rows : readAll(this.#body, plan, this.#mode);
    });
  }

  first(query?: unknown): Promise<RecordValues | null> {
    return this.#start("first", async () => {
      const plan = await this.#plan(query);
      return readPage(this.#body, { ...plan, limit: 1 }, this.#mode).rows[0] ?? null;
    });
  }

  /** A page and where the next one begins. */
  query(query?: unknown): Promise<{ rows: RecordValues[]; next: string | null }> {
    return this.#start("query", async () => readPage(this.#body, await this.#plan(query), this.#mode));
  }

  count(query?: unknown): Promise<number> {
    return this.#start("count", async () => countRows(this.#body, await this.#plan(query), this.#mode));
  }

  create(input: unknown): Promise<unknown> {
    return this.#start("create", () => this.#write(createOf(this.#table.name, this.#raw(input, "create"))));
  }

  update(id: unknown, patch: unknown): Promise<unknown> {
    return this.#start("update", async () => this.#write(updateOf(this.#table.name, this.#key(id), this.#raw(patch, "update"))));
  }

  upsert(input: unknown): Promise<unknown> {
    return this.#start("upsert", () => this.#write({ kind: "create", table: this.#table.name, input: this.#raw(input, "upsert"), onConflict: { fields: null, resolution: "merge" } }));
  }

  remove(id: unknown): Promise<void> {
    return this.#start("remove", async () => { await this.#write(removeOf(this.#table.name, this.#key(id))); });
  }

  increment(id: unknown, field: string, by: number | bigint | string): Promise<unknown> {
    return this.#start("increment", async () => this.#write({ kind: "increment", table: this.#table.name, id: this.#key(id), field: String(field), by }));
  }

  /** Takes the next record that matches, exactly once among all who ask; null when there is none. */
  claim(query: unknown, patch: unknown): Promise<unknown> {
    return this.#start("claim", async () => {
      this.#rights().require(this.#table.name, "READ");
      this.#rights().require(this.#table.name, "UPDATE");
      const plan = await this.#plan(query);
      const written = await claimRecord(this.#body, { plan, patch: this.#raw(patch, "claim"), mode: this.#mode });
      return written === null ? null : this.#answer(written);
    });
  }

  async #write(write: Write): Promise<unknown> {
    const verb = write.kind === "create" ? "CREATE" : write.kind === "remove" ? "DELETE" : "UPDATE";
    this.#rights().require(this.#table.name, verb);
    return this.#answer(await writeRecord(this.#body, ownWrite(this.#body, write, this.#mode)));
  }

  /** What an override answers is its own business; without one, the record. */
  #answer({ outcome, answer }: Written): unknown {
    if (answer !== undefined) return plainRecord(answer, this.#table);
    return outcome === null ? null : shownAfter(this.#body, outcome, this.#mode);
  }

  #key(id: unknown): Value {
    const { catalog, limits } = this.#body.core;
    const { name, type } = this.#table.fields.get(this.#table.primaryKey)!;
    const issues: Issue[] = [];
    const key = coerceValue(id, { type: { ...type, required: true }, limits: noLimits }, { catalog, dialect: "code", path: name, limits }, issues);
    if (key === undefined) throw invalid(issues);
    return key;
  }

  #raw(given: unknown, what: string): { readonly [field: string]: unknown } {
    return rawInput(given, `${this.#table.name}.${what}`);
  }

  /** At once, but for one that a model is asked for. */
  #plan(query: unknown): Plan | Promise<Plan> {
    const plan = codePlan(this.#body, this.#table, query, this.#mode);
    return isByText(plan) ? withVectorIn(this.#body, plan) : plan;
  }

  #rights(): ReturnType<Body["rights"]> {
    return this.#body.rights(this.#mode);
  }

  #start<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#body.calls.start(`ctx.${this.#mode === "caller" ? "db" : "system"}.${this.#table.name}.${name}`, work);
  }
}

