// `ctx.sources.TABLE`: what code that hears from a source tells of its records. Without rules: it is for the app's own webhooks and jobs.
import { fault } from "../base/error.ts";
import type { Value } from "../base/value.ts";
import { coerceValue, noLimits, type Issue } from "../schema/coerce-value.ts";
import type { Table } from "../schema/catalog.ts";
import type { Dialect } from "../schema/coerce-scalar.ts";
import { invalid } from "../tables/input-issue.ts";
import type { Body, Caller } from "./body.ts";
import { rawInput } from "./code-input.ts";
import { commitAs } from "./commit-as.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import { nothing } from "./read-operations.ts";
import type { Result } from "./operation.ts";
import { sourcesOf } from "./source-port.ts";

/** By table; one without @source is not there. */
export function createSourceAccess(body: Body): object {
  return new Proxy(Object.freeze({}), {
    get(_, name) {
      const table = typeof name === "string" ? body.core.catalog.tables.get(name) : undefined;
      return table?.source === undefined ? undefined : new SourceAccess(body, table);
    },
  });
}

class SourceAccess {
  readonly #body: Body;
  readonly #table: Table;

  constructor(body: Body, table: Table) {
    this.#body = body;
    this.#table = table;
  }

  /** Happens if and only if the transaction commits. Without an id: all records of the table. */
  invalidate(id?: unknown): Promise<void> {
    const { core, calls } = this.#body;
    return calls.start(`ctx.sources.${this.#table.name}.invalidate`, async () => {
      const key = id === undefined ? null : keyOf(core, this.#table, id, "code");
      await this.#body.work.effect(sourcesOf(core).invalidate(this.#table, key));
    });
  }

  /** As if it had been fetched just now. */
  keep(record: unknown, { etag = null }: { readonly etag?: string | null } = {}): Promise<void> {
    const what = `ctx.sources.${this.#table.name}.keep`;
    return this.#body.calls.start(what, async () => {
      const input = rawInput(record, what);
      const id = keyOf(this.#body.core, this.#table, input[this.#table.primaryKey], "code");
      await this.#body.transact((inner) => sourcesOf(inner.core).keep(inner, { table: this.#table, id, input, tag: etag }));
    });
  }
}

/** The administrator's. Throws VALIDATION_FAILED. */
export async function invalidateOperation(core: DispatchCore, { table: name, id }: { readonly table: string; readonly id: unknown }, caller: Caller): Promise<Result> {
  if (!caller.rights.administrator) throw caller.rights.refusal("invalidate records of sources");
  const table = core.catalog.tables.get(name);
  if (table?.source === undefined) throw fault("NOT_FOUND", `There is no table ${name} with a source.`);
  const effect = sourcesOf(core).invalidate(table, id === null ? null : keyOf(core, table, id, "wire"));
  await core.tables.commit((session) => effect.store?.(session), commitAs(caller));
  effect.tell?.();
  return { ...nothing, body: { invalidated: name } };
}

function keyOf({ catalog, limits }: DispatchCore, table: Table, id: unknown, dialect: Dialect): Value {
  const { name, type } = table.fields.get(table.primaryKey)!;
  const issues: Issue[] = [];
  const key = coerceValue(id, { type: { ...type, required: true }, limits: noLimits }, { catalog, dialect, path: name, limits }, issues);
  if (key === undefined) throw invalid(issues);
  return key;
}
