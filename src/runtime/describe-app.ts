// Everything that can be said of an app in one bounded answer: for people, coding agents and `ambit describe`.
import { basename } from "node:path";
import { describeRule } from "../access/describe-rule.ts";
import { durationOf } from "../base/duration.ts";
import { appTables } from "../schema/account-tables.ts";
import { unavailable } from "../schema/availability.ts";
import type { Callable, Catalog, Channel, Field, Job, Table, TableSource, TypeRef } from "../schema/catalog.ts";
import type { Decision } from "../schema/decision.ts";
import type { LoadedApp } from "./load-app.ts";

export interface RunningFacts {
  readonly url: string;
  /** Records by table. */
  readonly counts: Readonly<Record<string, number>>;
  readonly recentErrors: readonly object[];
}

export const SECTIONS = ["app", "tables", "channels", "endpoints", "jobs", "decisions", "enums", "routes", "roles", "problems", "recentErrors", "notAvailable"] as const;

export type Section = (typeof SECTIONS)[number];
export const isSection = (name: string): name is Section => (SECTIONS as readonly string[]).includes(name);

/** One answer of it. What does not fit is cut off, and `cut` says of which sections how much is shown. */
export const ANSWER_LENGTH_MAX = 131_072;

export type Description = Partial<Record<Section, unknown>> & { readonly cut?: Readonly<Record<string, string>> };

/** `running` null: the app does not run, so there are no counts and errors. `section` null: all of them. */
export function describeApp(loaded: LoadedApp, running: RunningFacts | null, section: Section | null = null): Description {
  const all = describeAll(loaded, running);
  return bounded(section === null ? all : { [section]: all[section] });
}

function bounded(description: Partial<Record<Section, unknown>>): Description {
  const shown = { ...description };
  const cut: { [section: string]: string } = {};
  const lengths = new Map(Object.entries(shown).map(([name, value]) => [name as Section, JSON.stringify(value).length]));
  for (let total = [...lengths.values()].reduce((sum, length) => sum + length, 0); total > ANSWER_LENGTH_MAX;) {
    const [longest, length] = [...lengths].reduce((most, one) => (one[1] > most[1] ? one : most));
    const entries = Object.entries(shown[longest] as object);
    if (entries.length < 2) break;
    const kept = entries.slice(0, Math.ceil(entries.length / 2));
    shown[longest] = Array.isArray(shown[longest]) ? kept.map(([, value]) => value as unknown) : Object.fromEntries(kept);
    cut[longest] = `${kept.length} of ${Object.keys(description[longest] as object).length}`;
    lengths.set(longest, JSON.stringify(shown[longest]).length);
    total += lengths.get(longest)! - length;
  }
  return Object.keys(cut).length === 0 ? shown : { ...shown, cut };
}

function describeAll(loaded: LoadedApp, running: RunningFacts | null): Record<Section, unknown> {
  const { catalog, config, directory } = loaded;
  const tables = appTables(catalog);
  return {
    app: { name: basename(directory), url: running?.url ?? null, catalog: catalog.hash.slice(0, 12), zone: config.zone, values: Object.keys(config.values), secrets: Object.keys(config.secrets) },
    tables: tables.map((table) => describeTable(table, running?.counts[table.name] ?? null)),
    channels: [...catalog.channels.values()].map(describeChannel),
    endpoints: [...catalog.endpoints.values()].map(describeCallable),
    jobs: [...catalog.jobs.values()].map(describeJob),
    decisions: [...catalog.decisions.values()].map(describeDecision),
    enums: Object.fromEntries([...catalog.enums.values()].map((type) => [type.name, type.values])),
    routes: [...tables.flatMap(tableRoutes), ...[...catalog.channels.values()].flatMap(channelRoutes), ...[...catalog.endpoints.values()].map((endpoint) => route(endpoint, "")).filter((text) => text !== null), ...(catalog.jobs.size === 0 ? [] : ["GET DELETE /runs/{id}"]), ...decisionRoutes(catalog), ...graphqlRoutes(catalog), ...socketRoutes(catalog), ...mqttRoutes(catalog)],
    roles: catalog.roles,
    problems: loaded.diagnostics.map(({ code, severity, message, fix, position }) => ({ code, severity, where: `${position.file}:${position.line}:${position.column}`, message, fix })),
    recentErrors: running?.recentErrors ?? [],
    notAvailable: unavailable.map((entry) => entry.name),
  };
}

function describeTable(table: Table, records: number | null): object {
  return {
    name: table.name, path: table.exportName === null ? null : `/${table.exportName}`, records,
    ...(table.tenant === null ? {} : { tenant: table.tenant }),
    fields: Object.fromEntries([...table.fields.values()].map((field) => [field.name, describeField(field, table)])),
    indexes: table.indexes.map((index) => `${index.unique ? "unique " : ""}${index.kind} (${index.fields.join(", ")})`),
    allow: table.allow.map(describeRule), checks: table.checks.map((check) => check.rule.source),
    ...(table.historyMs === null ? {} : { history: durationOf(table.historyMs) }), ...(table.trashMs === null ? {} : { trash: durationOf(table.trashMs) }),
    ...(table.source === undefined ? {} : { source: describeSource(table.source) }),
    actions: [...table.actions.values()].map(describeCallable),
  };
}

function describeSource({ maxAgeMs, staleWhileRevalidateMs, staleIfErrorMs }: TableSource): object {
  return { maxAge: durationOf(maxAgeMs), ...(staleWhileRevalidateMs === 0 ? {} : { staleWhileRevalidate: durationOf(staleWhileRevalidateMs) }), ...(staleIfErrorMs === 0 ? {} : { staleIfError: durationOf(staleIfErrorMs) }) };
}

function describeChannel({ name, exportName, exportOver, key, fields, allow, presence }: Channel): object {
  return {
    name, topic: `${exportName ?? name}/{${key}}`, over: exportOver, presence,
    fields: Object.fromEntries([...fields.values()].map((field) => [field.name, describeField(field, null)])), allow: allow.map(describeRule),
  };
}

/** `table` null: of a message. */
function describeField(field: Field, table: Table | null): string {
  const notes = [
    field.name === table?.primaryKey ? "primary key" : null,
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
    ...(callable.webhook === undefined ? {} : { webhook: callable.webhook.scheme }),
  };
}

function describeJob(job: Job): object {
  const { times, backoff, delayMs } = job.retry;
  return {
    name: job.name, arguments: Object.fromEntries([...job.arguments.values()].map((argument) => [argument.name, typeText(argument.type)])), result: typeText(job.result),
    retry: `${times} times, ${backoff} from ${durationOf(delayMs)}`, schedules: job.schedules.map(({ cron, zone, overlap, catchUp }) => `${cron} ${zone}; overlap ${overlap}${catchUp ? "; catches up" : ""}`),
  };
}

function route(callable: Callable, table: string): string | null {
  if (callable.kind === "action") return `POST /${table}${callable.on === "RECORD" ? "/{id}" : ""}/${callable.name}`;
  return callable.http === null ? null : `${callable.http.method} /${callable.http.path.join("/")}`;
}

function decisionRoutes({ decisions }: Catalog): string[] {
  const asked = [...decisions.values()].map(({ callable }) => route(callable, "")).filter((text) => text !== null);
  return asked.length === 0 ? [] : [...asked, "GET /decide", "GET DELETE /runs/{id}", "GET /runs/{id}/receipt", "GET /runs/{id}/trace", ...standingRoutes([...decisions.values()])];
}

/** Of approvals and negotiations. */
function standingRoutes(declared: readonly Decision[]): string[] {
  return [
    ...(declared.some(({ approvals }) => approvals.length > 0) ? ["GET /approvals", "GET POST /approvals/{id}"] : []),
    ...(declared.some(({ negotiates }) => negotiates !== null) ? ["POST /negotiations", "GET /negotiations/{id}", "POST /negotiations/{id}/counter", "GET /offers/{id}", "POST /offers/{id}/accept", "POST /offers/{id}/decline"] : []),
    ...(declared.some(({ commitment }) => commitment !== null) ? ["GET /commitments", "GET /commitments/{id}", "POST /commitments/{id}/release"] : []),
  ];
}

function describeDecision(decision: Decision): object {
  const { callable, mode, kind, model, contexts, bounds, fallback } = decision;
  return { ...describeCallable(callable), mode, kind, ...(kind === "RULE" ? {} : { model }), contexts: contexts.map(({ name }) => name), bounds: bounds.map(({ name, at, rule }) => `${name} (${at}): ${rule.source}`), fallback: fallback?.kind ?? null };
}

function graphqlRoutes({ tables, endpoints, decisions }: Catalog): string[] {
  const isExported = [...decisions.values()].some(({ callable }) => callable.exportOver?.includes("GRAPHQL") === true) || [...tables.values()].some(({ exportOver }) => exportOver.includes("GRAPHQL")) || [...endpoints.values()].some(({ exportOver }) => exportOver?.includes("GRAPHQL") === true);
  return isExported ? ["GET POST /graphql"] : [];
}

function socketRoutes({ tables, channels, endpoints }: Catalog): string[] {
  const isExported = [...tables.values(), ...channels.values(), ...endpoints.values()].some(({ exportOver }) => exportOver?.includes("WS") === true);
  return isExported ? ["WebSocket /ws"] : [];
}

function mqttRoutes({ tables, channels }: Catalog): string[] {
  return [...tables.values(), ...channels.values()].some(({ exportOver }) => exportOver.includes("MQTT")) ? ["WebSocket /mqtt"] : [];
}

function channelRoutes({ exportName, exportOver, key }: Channel): string[] {
  const methods = [...(exportOver.includes("SSE") ? ["GET"] : []), ...(exportOver.includes("REST") ? ["POST"] : [])].join(" ");
  return exportName === null || methods === "" ? [] : [`${methods} /${exportName}`, `${methods} /${exportName}/{${key}}`];
}

/** A table that is told as events alone answers to GET. */
function tableRoutes(table: Table): string[] {
  if (table.exportName !== null && !table.exportOver.includes("REST") && table.exportOver.includes("SSE")) return [`GET /${table.exportName}`, `GET /${table.exportName}/{id}`];
  if (table.exportName === null || !table.exportOver.includes("REST")) return [];
  const path = `/${table.exportName}`;
  const former = [...(table.historyMs === null ? [] : [`GET ${path}/{id}/history`]), ...(table.trashMs === null ? [] : [`POST ${path}/{id}/restore`])];
  return [`GET POST PATCH DELETE ${path}`, `GET PUT PATCH DELETE ${path}/{id}`, ...former, ...[...table.actions.values()].map((action) => route(action, table.exportName!)!)];
}
