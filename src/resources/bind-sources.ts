// Binds `Sources` of resources.ts to the tables with @source: each has a `get`, and may have a `put` and a `remove`.
import { didYouMean } from "../base/diagnostic.ts";
import type { Catalog, Table } from "../schema/catalog.ts";
import type { AppFunction, TableCode } from "./app-code.ts";

/** Where the records of a table come from. */
export interface SourceCode {
  /** (ctx, id, previous) */
  readonly get: AppFunction;
  /** (ctx, id, record, previous). Null: its records cannot be created or changed from here. */
  readonly put: AppFunction | null;
  /** (ctx, id, previous). Null: its records cannot be deleted from here. */
  readonly remove: AppFunction | null;
}

export interface BoundSources {
  readonly sources: ReadonlyMap<string, SourceCode>;
  /** Tables with @source that have none. */
  readonly missing: readonly Table[];
}

type Report = (name: string | null, message: string, fix: string) => void;

const ARITY: Readonly<Record<string, number>> = { get: 3, put: 4, remove: 3 };

export function bindSources(exported: unknown, { catalog, tables }: { readonly catalog: Catalog; readonly tables: ReadonlyMap<string, TableCode> }, report: Report): BoundSources {
  const declared = [...catalog.tables.values()].filter(({ source }) => source !== undefined);
  const sources = new Map<string, SourceCode>();
  const named = new Set<string | null>();
  if (exported !== undefined && (typeof exported !== "object" || exported === null)) report(null, "Sources is not an object.", "Write export const Sources = sources({ ... }).");
  for (const [name, given] of Object.entries(exported ?? {}) as [string, unknown][]) {
    named.add(name);
    if (!declared.some((table) => table.name === name)) {
      const near = didYouMean(name, declared.map((table) => table.name));
      named.add(near);
      report(name, catalog.tables.has(name) ? `${name} has a source but no @source.` : `There is no table ${name}.`, near === null ? `Add @source(maxAge: "PT1M") to ${name}, or remove the source.` : `Did you mean ${near}?`);
    } else {
      const code = bindSource(name, given, report);
      if (code !== null) sources.set(name, code);
      refuseOverrides(name, tables.get(name), report);
    }
  }
  return { sources, missing: declared.filter(({ name }) => !named.has(name)) };
}

function bindSource(table: string, given: unknown, report: Report): SourceCode | null {
  if (typeof given !== "object" || given === null) {
    report(table, `Sources.${table} is not an object.`, `Write ${table}: { async get(ctx, id, previous) { ... } }.`);
    return null;
  }
  for (const [name, body] of Object.entries(given) as [string, unknown][]) {
    const arity = Object.hasOwn(ARITY, name) ? ARITY[name]! : null;
    if (arity === null) report(table, `A source has no ${name}.`, "Give it get, put and remove; other functions stand outside.");
    else if (typeof body !== "function") report(table, `Sources.${table}.${name} is not a function.`, `Write it as async ${name}(ctx, id, ...) { ... }.`);
    else if (body.length > arity) report(table, `Sources.${table}.${name} takes ${body.length} parameters.`, `Take at most ${arity}.`);
  }
  const { get, put = null, remove = null } = given as { readonly [name: string]: AppFunction | null };
  if (typeof get !== "function") {
    report(table, `Sources.${table} has no get.`, "Add async get(ctx, id, previous) { ... }.");
    return null;
  }
  return { get, put, remove };
}

/** What an override does is a transaction, in which nothing can be written elsewhere. */
function refuseOverrides(table: string, code: TableCode | undefined, report: Report): void {
  const overridden = (["create", "update", "remove"] as const).filter((name) => (code?.[name] ?? null) !== null);
  if (overridden.length > 0) report(table, `${table} has a source, and its class overrides ${overridden.join(", ")}.`, "Do it in put and remove of the source.");
}
