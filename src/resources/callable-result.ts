// What a callable answered, on its way out: of the declared shape, or an incident; records in it only as far as the caller may read them.
import type { RecordValues, Value } from "../base/value.ts";
import type { Callable, Field, Table, TypeRef } from "../schema/catalog.ts";
import { coerceValue, noLimits, type Issue } from "../schema/coerce-value.ts";
import { toWireValue } from "../schema/wire-value.ts";
import { isWithin } from "../tables/confinement.ts";
import { isFilled } from "../tables/table-model.ts";
import { CONTINUATION, TABLE_NAME } from "./app-api.ts";
import { incident } from "./app-fault.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { Result } from "./operation.ts";
import { plainRecord } from "./table-instance.ts";
import type { State } from "./work.ts";

export interface Answered { readonly callable: Callable; readonly value: unknown; readonly caller: Caller; readonly at: State }

/** Throws INVALID_RESULT. */
export function callableResult(core: DispatchCore, { callable, value, caller, at }: Answered): Result {
  const { catalog, limits } = core;
  const page = callable.page && isPage(value) ? value : null;
  const plain = withoutInstances(page === null ? value : page.rows, callable.result, core);
  const issues: Issue[] = [];
  const coerced = coerceValue(plain, { type: callable.result, limits: noLimits }, { catalog, dialect: "code", path: "", limits }, issues);
  if (coerced === undefined) {
    const details = issues.slice(0, 20).map(({ path, code }) => ({ path, code }));
    throw incident("INVALID_RESULT", "The callable answered with a value of another shape.", { requestId: caller.requestId, body: caller.label, thrown: null, details }, core);
  }
  const body = toWireValue(shown(coerced, callable.result, { core, caller, at }), callable.result, catalog);
  return {
    status: 200, body, version: null, range: null, affected: 0, createdId: null,
    nextCursor: page?.next ?? null, scanned: false, replayed: false, public: false,
  };
}

function isPage(value: unknown): value is { readonly rows: unknown; readonly next: string | null } {
  return typeof value === "object" && value !== null && "rows" in value && "next" in value && (value.next === null || typeof value.next === "string");
}

/** Where code answers with `this`, its record. */
function withoutInstances(value: unknown, type: TypeRef, core: DispatchCore): unknown {
  if (type.kind === "scalar" || type.kind === "enum" || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return (value as unknown[]).map((item) => withoutInstances(item, type, core));
  if (CONTINUATION in value) return plainRecord(value, core.catalog.tables.get(nameOf(value)) ?? core.catalog.tables.get(type.name)!);
  if (type.kind === "table") return value;
  const fields = core.catalog.objects.get(type.name)?.fields;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => {
    const field = fields?.get(name);
    return [name, field === undefined ? item : withoutInstances(item, field.type, core)];
  }));
}

function nameOf(instance: object): string {
  return (instance.constructor as { readonly [TABLE_NAME]?: string })[TABLE_NAME] ?? "";
}

interface Showing { readonly core: DispatchCore; readonly caller: Caller; readonly at: State }

/** Records that the caller may not read are null, and left out of lists. */
function shown(value: Value, type: TypeRef, showing: Showing): Value {
  if (value === null || type.kind === "scalar" || type.kind === "enum") return value;
  if (Array.isArray(value)) {
    const items = value.map((item: Value) => shown(item, { ...type, list: false }, showing));
    return type.kind === "table" ? items.filter((item) => item !== null) : items;
  }
  const values = value as RecordValues;
  if (type.kind === "table") return shownRecord(values, showing.core.catalog.tables.get(type.name)!, showing);
  const fields = showing.core.catalog.objects.get(type.name)!.fields;
  return Object.fromEntries(Object.entries(values).map(([name, item]) => [name, shown(item, fields.get(name)!.type, showing)]));
}

/** Decided by the stored record, where there is one: code may have answered with a part of it only. */
function shownRecord(values: RecordValues, table: Table, showing: Showing): RecordValues | null {
  const { core, caller, at } = showing;
  const key = values[table.primaryKey] ?? null;
  const found = key === null ? null : at.get(table.name, key);
  // To the caller another tenant's record is not there, so what code made up is judged as it is.
  const stored = found !== null && isWithin(caller.rights.confinement, table, found.values) ? found : null;
  const view = core.views.of(table.name, caller.rights, "wire");
  const visible = view.show({ rights: caller.rights, values: stored?.values ?? values, now: at.now, source: at.source });
  if (visible === null) return null;
  const scope = caller.rights.scope.fields(table);
  const record = Object.create(null) as { [name: string]: Value };
  for (const name of Object.keys(values)) {
    const field = table.fields.get(name);
    const given = values[name] ?? null;
    if (field?.kind === "relation") {
      if (scope.has(name) && isFollowed(field, table, visible)) record[name] = shown(given, field.type, showing);
    } else if (Object.hasOwn(visible, name)) {
      // The runtime fills these in the commit; what code saw of them before is only nearly right.
      record[name] = stored !== null && field !== undefined && (field.kind === "computed" || isFilled(field.fill)) ? visible[name]! : given;
    }
  }
  return record;
}

/** A relation tells the value of its key. */
function isFollowed({ relation }: Field, table: Table, visible: RecordValues): boolean {
  if (relation === null) return false;
  return relation.kind !== "one" || !table.fields.has(relation.from) || Object.hasOwn(visible, relation.from);
}
