// Binds what resources.ts exports to what the schema declares: every declared callable has a body of its kind, no body is
// undeclared. Loads nothing and runs nothing of the app.
import { didYouMean, type Diagnostic, type SourcePosition } from "../base/diagnostic.ts";
import { appTable, appTables } from "../schema/account-tables.ts";
import type { Callable, Catalog, Table } from "../schema/catalog.ts";
import { TABLE_NAME, type TableBase } from "./app-api.ts";
import type { MigrationFunctions } from "../storage/migration-functions.ts";
import { bindMigrations } from "./bind-migrations.ts";
import { bindSources, type SourceCode } from "./bind-sources.ts";
import { bodyPlace } from "./body-place.ts";

/** A body as it stands in the app: whatever it does, throws or answers. */
export type AppFunction = (this: unknown, ...parameters: unknown[]) => unknown;

export interface TableCode {
  readonly construct: () => TableBase;
  /** The class: `this` of static bodies. */
  readonly receiver: object;
  /** Overrides; null where the class leaves the runtime's own. */
  readonly create: AppFunction | null;
  readonly update: AppFunction | null;
  readonly remove: AppFunction | null;
  readonly actions: ReadonlyMap<string, AppFunction>;
}

export interface AppCode {
  readonly tables: ReadonlyMap<string, TableCode>;
  readonly endpoints: ReadonlyMap<string, AppFunction>;
  readonly jobs: ReadonlyMap<string, AppFunction>;
  /** What models may call. */
  readonly tools: ReadonlyMap<string, AppFunction>;
  /** Answers of decisions where no model gives one. */
  readonly fallbacks: ReadonlyMap<string, AppFunction>;
  /** By table. */
  readonly sources: ReadonlyMap<string, SourceCode>;
  /** From old records to new ones, by table. */
  readonly migrations: MigrationFunctions;
}

export interface BindOptions {
  /** As the user names it. */
  readonly file: string;
  /** Its text, for the places of problems. */
  readonly source?: string | null;
  /** False: the module exists but did not load, which was reported; missing bodies are then not. */
  readonly loaded: boolean;
}

export const noAppCode: AppCode = { tables: new Map(), endpoints: new Map(), jobs: new Map(), tools: new Map(), fallbacks: new Map(), sources: new Map(), migrations: new Map() };

/** A body takes at most the context and the arguments. */
const STATIC_ARITY_MAX = 2;
const METHOD_ARITY_MAX = 1;

/** `module`: the named exports, null without a resources.ts. */
export function bindAppCode(catalog: Catalog, module: Readonly<Record<string, unknown>> | null, options: BindOptions): { code: AppCode; diagnostics: Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const binder: Binder = { catalog, file: options.file, source: options.source ?? null, diagnostics, meant: new Set() };
  const tables = new Map<string, TableCode>();
  for (const [name, exported] of Object.entries(module ?? {})) {
    if (isTableClass(exported)) bindClass(name, exported, tables, binder);
  }
  const endpoints = bindBodies("Endpoints", module?.["Endpoints"], catalog.endpoints, binder);
  const jobs = bindBodies("Jobs", module?.["Jobs"], catalog.jobs, binder);
  const tools = bindBodies("Tools", module?.["Tools"], catalog.tools, binder);
  const fallbacks = bindBodies("Fallbacks", module?.["Fallbacks"], namedFallbacks(catalog), binder);
  if (options.loaded) diagnostics.push(...missingBodies(catalog, { tables, endpoints, jobs, tools, fallbacks }, binder.meant));
  const migrations = bindMigrations(module?.["Migrations"], catalog, (name, message, fix) => report(binder, { owner: "Migrations", name }, message, fix));
  const { sources, missing } = bindSources(module?.["Sources"], { catalog, tables }, (name, message, fix) => report(binder, { owner: "Sources", name }, message, fix));
  if (options.loaded) diagnostics.push(...missing.map((table) => problem(table.position, `${table.name} has no source.`, `Add ${table.name}: { async get(ctx, id, previous) { ... } } to Sources in resources.ts, or remove @source.`)));
  return { code: { tables, endpoints, jobs, tools, fallbacks, sources, migrations }, diagnostics };
}

interface Binder {
  readonly catalog: Catalog;
  readonly file: string;
  readonly source: string | null;
  readonly diagnostics: Diagnostic[];
  /** What a misspelt name was taken for: a table, `Order.cancel`, `Endpoints.quote`, `Jobs.tidy`. It is then not missing as well. */
  readonly meant: Set<string>;
}

/** What a problem is about: an exported class or object, or a body in it. */
interface Exported { readonly owner: string; readonly name: string | null }

type TableClass = (new () => TableBase) & { readonly [TABLE_NAME]: string; readonly prototype: object };

function isTableClass(exported: unknown): exported is TableClass {
  return typeof exported === "function" && typeof (exported as Partial<TableClass>)[TABLE_NAME] === "string";
}

function bindClass(exportName: string, exported: TableClass, tables: Map<string, TableCode>, binder: Binder): void {
  const name = exported[TABLE_NAME];
  const table = appTable(binder.catalog, name);
  if (table === undefined) {
    const near = didYouMean(name, appTables(binder.catalog).map((one) => one.name));
    if (near !== null) binder.meant.add(near);
    report(binder, { owner: exportName, name: null }, `class ${exportName} extends Table("${name}"), but the schema has no table ${name}.`, near === null ? "Name a table of the schema." : `Did you mean ${near}?`);
  } else if (tables.has(name)) {
    report(binder, { owner: exportName, name: null }, `There are two classes for ${name}.`, "Put their bodies into one class.");
  } else {
    tables.set(name, bindTable(table, exportName, exported, binder));
  }
}

function bindTable(table: Table, owner: string, exported: TableClass, binder: Binder): TableCode {
  const classes = classesOf(exported);
  const methods = functionsOf(classes.map((one) => one.prototype));
  const statics = functionsOf(classes);
  if (classes.some((one) => one.length > 0)) report(binder, { owner, name: "constructor" }, `The constructor of ${table.name} takes parameters.`, "Remove the constructor: the runtime fills the record in.");
  const actions = new Map<string, AppFunction>();
  const [create, update, remove] = [takeOut(statics, "create"), takeOut(methods, "update"), takeOut(methods, "remove")];
  for (const [found, on, max] of [[methods, "RECORD", METHOD_ARITY_MAX], [statics, "TABLE", STATIC_ARITY_MAX]] as const) {
    for (const [name, body] of found) {
      const declared = table.actions.get(name);
      if (declared === undefined) undeclared(table.name, { owner, name }, table.actions.keys(), binder);
      else if (declared.on !== on) report(binder, { owner, name }, `${table.name}.${name} is declared on the ${declared.on === "RECORD" ? "record" : "table"}.`, declared.on === "RECORD" ? "Remove static: the record is this." : "Make it a static method (ctx, args).");
      else if (hasArity(body, table.name, { owner, name, max }, binder)) actions.set(name, body);
    }
  }
  for (const [body, name, max] of [[create, "create", STATIC_ARITY_MAX], [update, "update", METHOD_ARITY_MAX], [remove, "remove", 0]] as const) {
    if (body !== null) hasArity(body, table.name, { owner, name, max }, binder);
  }
  return { construct: () => new exported(), receiver: exported, create, update, remove, actions };
}

function takeOut(functions: Map<string, AppFunction>, name: string): AppFunction | null {
  const found = functions.get(name) ?? null;
  functions.delete(name);
  return found;
}

/** The class and those that it extends, up to the one that Table made. */
function classesOf(exported: TableClass): TableClass[] {
  const classes: TableClass[] = [];
  for (let current = exported; !Object.hasOwn(current, TABLE_NAME); current = Object.getPrototypeOf(current) as TableClass) classes.push(current);
  return classes;
}

/** The nearest of each name counts; accessors and `#private` ones are the app's own business. */
function functionsOf(holders: readonly object[]): Map<string, AppFunction> {
  const found = new Map<string, AppFunction>();
  for (const holder of holders) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(holder))) {
      if (name !== "constructor" && typeof value === "function" && !found.has(name)) found.set(name, value as AppFunction);
    }
  }
  return found;
}

/** By their names, the decisions that fall back to them. */
function namedFallbacks({ decisions }: Catalog): ReadonlyMap<string, Callable> {
  return new Map([...decisions.values()].flatMap(({ fallback, callable }) => (fallback?.kind === "call" ? [[fallback.name, callable] as const] : [])));
}

/** `owner`: the export whose functions they are, as the schema's type of that name declares them. */
function bindBodies(owner: "Endpoints" | "Jobs" | "Tools" | "Fallbacks", exported: unknown, declared: ReadonlyMap<string, Callable>, binder: Binder): Map<string, AppFunction> {
  const bodies = new Map<string, AppFunction>();
  if (exported === undefined) return bodies;
  if (typeof exported !== "object" || exported === null) {
    report(binder, { owner, name: null }, `${owner} is not an object of functions.`, `Write export const ${owner} = ${owner.toLowerCase()}({ ... }).`);
    return bodies;
  }
  for (const [name, body] of Object.entries(exported)) {
    if (!declared.has(name)) undeclared(owner, { owner, name }, declared.keys(), binder);
    else if (typeof body !== "function") report(binder, { owner, name }, `${owner}.${name} is not a function.`, owner === "Fallbacks" ? "Write it as NAME(input, context) { ... }." : "Write it as async NAME(ctx, args) { ... }.");
    else if (hasArity(body as AppFunction, owner, { owner, name, max: STATIC_ARITY_MAX }, binder)) bodies.set(name, body as AppFunction);
  }
  return bodies;
}

function hasArity(body: AppFunction, of: string, { owner, name, max }: Exported & { readonly max: number }, binder: Binder): boolean {
  if (body.length <= max) return true;
  const parameters = max === STATIC_ARITY_MAX ? "the context and the arguments" : max === METHOD_ARITY_MAX ? "the arguments; the context is this.ctx" : "nothing";
  report(binder, { owner, name }, `${of}.${name} takes ${body.length} parameters.`, `Take ${parameters}.`);
  return false;
}

function missingBodies(catalog: Catalog, { tables, endpoints, jobs, tools, fallbacks }: Omit<AppCode, "migrations" | "sources">, meant: ReadonlySet<string>): Diagnostic[] {
  const missing: Diagnostic[] = [];
  const check = (callable: Callable, name: string, has: boolean, where: string): void => {
    const owner = callable.table ?? OWNERS[callable.kind] ?? "Endpoints";
    if (!has && !meant.has(callable.table ?? "") && !meant.has(`${owner}.${callable.name}`)) missing.push(problem(callable.position, `${name} has no body.`, `Add ${callable.name} to ${where} in resources.ts, or remove the declaration.`));
  };
  for (const table of catalog.tables.values()) {
    for (const action of table.actions.values()) check(action, `${table.name}.${action.name}`, tables.get(table.name)?.actions.has(action.name) === true, `class ${table.name}`);
  }
  for (const endpoint of catalog.endpoints.values()) check(endpoint, endpoint.name, endpoints.has(endpoint.name), "Endpoints");
  for (const job of catalog.jobs.values()) check(job, job.name, jobs.has(job.name), "Jobs");
  for (const tool of catalog.tools.values()) check(tool, tool.name, tools.has(tool.name), "Tools");
  for (const [name, decision] of namedFallbacks(catalog)) check({ ...decision, name }, name, fallbacks.has(name), "Fallbacks");
  return missing;
}

const OWNERS: Readonly<Partial<Record<Callable["kind"], string>>> = { job: "Jobs", tool: "Tools", decision: "Fallbacks" };

function undeclared(of: string, exported: Exported & { readonly name: string }, declared: Iterable<string>, binder: Binder): void {
  const near = didYouMean(exported.name, declared);
  if (near !== null) binder.meant.add(`${of}.${near}`);
  report(binder, exported, `${of}.${exported.name} has a body but no declaration.`, near === null ? "Declare it in schema.graphql, or make it a function outside." : `Did you mean ${near}?`);
}

function report(binder: Binder, { owner, name }: Exported, message: string, fix: string): void {
  binder.diagnostics.push(problem(bodyPlace(binder.file, binder.source, owner, name), message, fix));
}

function problem(position: SourcePosition, message: string, fix: string): Diagnostic {
  return { code: "BODY_MISSING", severity: "error", position, message, why: "The schema shows the whole surface, so each callable is declared there and has its body in resources.ts.", fix, edits: [] };
}
