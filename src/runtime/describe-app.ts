// Everything that can be said of an app in one bounded answer: for people, coding agents and `ambit describe`.
import { basename } from "node:path";
import { describeRule } from "../access/describe-rule.ts";
import { unavailable } from "../schema/availability.ts";
import type { Callable, Field, Table, TypeRef } from "../schema/catalog.ts";
import type { LoadedApp } from "./load-app.ts";

export interface RunningFacts {
  readonly url: string;
  /** Records by table. */
  readonly counts: Readonly<Record<string, number>>;
  readonly recentErrors: readonly object[];
}

export const SECTIONS = ["app", "tables", "endpoints", "enums", "routes", "roles", "problems", "recentErrors", "notAvailable"] as const;

/** `running` null: the app does not run, so there are no counts and errors. */
export function describeApp(loaded: LoadedApp, running: RunningFacts | null): Record<(typeof SECTIONS)[number], unknown> {
  const { catalog, config, directory } = loaded;
  const tables = [...catalog.tables.values()];
  return {
    app: { name: basename(directory), url: running?.url ?? null, catalog: catalog.hash.slice(0, 12), zone: config.zone, values: Object.keys(config.values), secrets: Object.keys(config.secrets) },
    tables: tables.map((table) => describeTable(table, running?.counts[table.name] ?? null)),
    endpoints: [...catalog.endpoints.values()].map(describeCallable),
    enums: Object.fromEntries([...catalog.enums.values()].map((type) => [type.name, type.values])),
    routes: [...tables.flatMap(tableRoutes), ...[...catalog.endpoints.values()].map((endpoint) => route(endpoint, "")).filter((text) => text !== null)],
    roles: catalog.roles,
    problems: loaded.diagnostics.map(({ code, severity, message, fix, position }) => ({ code, severity, where: `${position.file}:${position.line}:${position.column}`, message, fix })),
    recentErrors: running?.recentErrors ?? [],
    notAvailable: unavailable.map((entry) => entry.name),
  };
}

function describeTable(table: Table, records: number | null): object {
  return {
    name: table.name, path: table.exportName === null ? null : `/${table.exportName}`, records,
    fields: Object.fromEntries([...table.fields.values()].map((field) => [field.name, describeField(field, table)])),
    indexes: table.indexes.map((index) => `${index.unique ? "unique " : ""}${index.kind} (${index.fields.join(", ")})`),
    allow: table.allow.map(describeRule), checks: table.checks.map((check) => check.rule.source),
    actions: [...table.actions.values()].map(describeCallable),
  };
}

function describeField(field: Field, table: Table): string {
  const notes = [
    field.name === table.primaryKey ? "primary key" : null,
    field.relation === null ? null : `${field.relation.kind} ${field.relation.table} by ${field.relation.kind === "many" ? field.relation.to : field.relation.from}`,
    field.fill === null ? null : field.fill.kind, field.readOnly ? "read-only" : null, field.fixed ? "fixed" : null, field.internal ? "internal" : null,
    ...field.allow.map((rule) => `allow ${describeRule(rule)}`),
  ];
  return [typeText(field.type), ...notes.filter((note) => note !== null)].join("; ");
}

export function typeText(type: TypeRef): string {
  const item = type.list ? `[${type.name}${type.itemRequired ? "!" : ""}]` : type.name;
  return type.required ? `${item}!` : item;
}

function describeCallable(callable: Callable): object {
  return {
    name: callable.name, arguments: Object.fromEntries([...callable.arguments.values()].map((argument) => [argument.name, typeText(argument.type)])),
    result: typeText(callable.result), route: route(callable, callable.table ?? ""), allow: callable.allow.map(describeRule),
  };
}

function route(callable: Callable, table: string): string | null {
  if (callable.kind === "action") return `POST /${table}${callable.on === "RECORD" ? "/{id}" : ""}/${callable.name}`;
  return callable.http === null ? null : `${callable.http.method} /${callable.http.path.join("/")}`;
}

function tableRoutes(table: Table): string[] {
  if (table.exportName === null) return [];
  const path = `/${table.exportName}`;
  return [`GET POST PATCH DELETE ${path}`, `GET PUT PATCH DELETE ${path}/{id}`, ...[...table.actions.values()].map((action) => route(action, table.exportName!)!)];
}
