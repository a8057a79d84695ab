// Which table, record, action or endpoint a path means. Reads the Catalog once; knows nothing of permissions.
import { appTable } from "../../schema/account-tables.ts";
import { findNegotiation, type NegotiationTarget } from "./negotiation-ask.ts";
import type { Decision } from "../../schema/decision.ts";
import { didYouMean } from "../../base/diagnostic.ts";
import { isFileId } from "../../schema/file-url.ts";
import type { Callable, Catalog, Channel, Table } from "../../schema/catalog.ts";

export type RestTarget =
  | { readonly kind: "list"; readonly table: Table }
  | { readonly kind: "record"; readonly table: Table; readonly id: string }
  | { readonly kind: "history" | "restore"; readonly table: Table; readonly id: string }
  /** `id` null: on the table. */
  | { readonly kind: "action"; readonly table: Table; readonly id: string | null; readonly action: Callable }
  /** `path`: texts of the arguments in the path. */
  | { readonly kind: "endpoint"; readonly endpoint: Callable; readonly path: Readonly<Record<string, string>>; /** Called as /rpc/NAME. */ readonly alias: boolean }
  /** `key`: as in the path; null: the channel itself. */
  | { readonly kind: "channel"; readonly channel: Channel; readonly key: string | null }
  | { readonly kind: "run"; readonly id: string }
  /** Null: all that wait. */
  | { readonly kind: "approval"; readonly id: string | null }
  | NegotiationTarget
  | { readonly kind: "receipt" | "trace"; readonly run: string }
  | { readonly kind: "proof"; readonly of: "checkpoint" | "key" | "consistency" }
  /** `id` as in the path. */
  | { readonly kind: "file" | "file-link"; readonly id: string }
  /** `field`: as in the path. */
  | { readonly kind: "upload"; readonly table: Table; readonly field: string }
  /** Null: which there are. */
  | { readonly kind: "decide"; readonly decision: Decision | null }
  /** What is known of a record. */
  | { readonly kind: "memory"; readonly table: Table; readonly id: string }
  | { readonly kind: "batch" };

export interface RestRoute {
  readonly target: RestTarget;
  /** For metrics and log: the declared pattern. */
  readonly name: string;
}

export interface RestRouter {
  /** Null: nothing there for this method; `methods` then tells 404 from 405. */
  find(method: string, segments: readonly string[]): RestRoute | null;
  /** Methods that the path answers to, OPTIONS last; empty: unknown. */
  methods(segments: readonly string[]): readonly string[];
  /** The path that was probably meant, where one name in it is misspelt. */
  nearest(segments: readonly string[]): string | null;
  /** A feature of the design that this version does not have. */
  isReserved(segment: string): boolean;
}

/** First segments that belong to the runtime, minus those that http/ answers itself and `rpc`. */
const RESERVED = new Set([
  ".well-known", "admin", "auth", "graphql", "mcp", "studio",
]);
const LIST_METHODS: readonly string[] = ["GET", "HEAD", "POST", "PATCH", "DELETE"];
const RECORD_METHODS: readonly string[] = ["GET", "HEAD", "PUT", "PATCH", "DELETE"];

const BATCH: RestRoute = { target: { kind: "batch" }, name: "/batch" };

interface TableRoutes { readonly table: Table; readonly list: RestRoute; readonly recordName: string }

interface ChannelRoutes { readonly channel: Channel; readonly all: RestRoute; readonly topicName: string }

/** `over` WS: what may be asked for over a WebSocket. Tables with events alone answer to nothing but a GET. */
export function createRestRouter(catalog: Catalog, over: "REST" | "WS" = "REST"): RestRouter {
  const tables = new Map<string, TableRoutes>();
  for (const table of catalog.tables.values()) {
    if (table.exportName === null || !(table.exportOver.includes(over) || (over === "REST" && table.exportOver.includes("SSE")))) continue;
    tables.set(table.exportName, { table, list: { target: { kind: "list", table }, name: `/${table.exportName}` }, recordName: `/${table.exportName}/{id}` });
  }
  const channels = channelRoutes(catalog, over);
  const isReachable = (endpoint: Callable): boolean => endpoint.http !== null && (over === "REST" || endpoint.exportOver?.includes(over) === true);
  const endpoints = [...catalog.endpoints.values()].filter(isReachable);
  // Literal segments before `{argument}`, so that /quote/best is not the quote of "best".
  endpoints.sort((left, right) => holesOf(left) - holesOf(right));

  const find = (method: string, segments: readonly string[]): RestRoute | null => {
    if (segments.length === 1 && segments[0] === "batch") return method === "POST" ? BATCH : null;
    const asked = method === "HEAD" ? "GET" : method;
    if (segments.length === 2 && segments[0] === "runs" && segments[1] !== "") return asked === "GET" || asked === "DELETE" ? { target: { kind: "run", id: segments[1]! }, name: "/runs/{id}" } : null;
    if (segments.length === 3 && segments[0] === "runs" && segments[2] === "cancel") return asked === "POST" ? { target: { kind: "run", id: segments[1]! }, name: "/runs/{id}/cancel" } : null;
    if (segments.length === 3 && segments[0] === "runs" && (segments[2] === "receipt" || segments[2] === "trace") && catalog.decisions.size > 0) return asked === "GET" ? { target: { kind: segments[2], run: segments[1]! }, name: `/runs/{id}/${segments[2]}` } : null;
    if (segments[0] === ".well-known" && segments[1] === "ambit-audit" && catalog.decisions.size > 0) return asked === "GET" ? findProof(segments) : null;
    if (NEGOTIATING.includes(segments[0]!) && catalog.decisions.size > 0) return findNegotiation(asked, segments);
    if (segments[0] === "approvals" && catalog.decisions.size > 0) return findApproval(asked, segments);
    if (segments[0] === "files") return over === "REST" ? findFile(tables, asked, segments) : null;
    if (segments[0] === "memory") return findMemory(catalog, asked, segments);
    if (segments[0] === "decide") return findDecision(catalog, asked, segments, over);
    return findEndpoint(endpoints, asked, segments) ?? findAlias(endpoints, asked, segments) ?? findTable(tables, asked, segments, over) ?? findChannel(channels, asked, segments, over);
  };
  return {
    find,
    methods(segments) {
      const known = ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((method) => find(method, segments) !== null);
      if (known.length === 0) return [];
      return [...known.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"];
    },
    nearest: (segments) => nearestPath(segments, { tables, channels, endpoints }),
    isReserved: (segment) => RESERVED.has(segment),
  };
}

/** Of any table that has a path: what a field may hold is decided in the dispatch. */
function findFile(tables: ReadonlyMap<string, TableRoutes>, method: string, [, first, second, ...more]: readonly string[]): RestRoute | null {
  if (first === undefined || more.length > 0) return null;
  if (second === undefined) return method === "GET" && isFileId(first) ? { target: { kind: "file", id: first }, name: "/files/{id}" } : null;
  if (method !== "POST") return null;
  if (isFileId(first)) return second === "link" ? { target: { kind: "file-link", id: first }, name: "/files/{id}/link" } : null;
  const table = tables.get(first)?.table;
  return table === undefined || second === "" ? null : { target: { kind: "upload", table, field: second }, name: `/files/${table.exportName!}/{field}` };
}

function findDecision({ decisions }: Catalog, method: string, [, name, ...more]: readonly string[], over: "REST" | "WS"): RestRoute | null {
  if (name === undefined) return method === "GET" ? { target: { kind: "decide", decision: null }, name: "/decide" } : null;
  const decision = [...decisions.values()].find(({ exportName, callable }) => exportName === name && callable.exportOver?.includes(over) === true);
  return decision === undefined || method !== "POST" || more.length > 0 ? null : { target: { kind: "decide", decision }, name: `/decide/${name}` };
}

/** By the name of the table on the wires, or its own. */
function findMemory(catalog: Catalog, method: string, [, name, id, ...more]: readonly string[]): RestRoute | null {
  const table = [...catalog.tables.values()].find(({ exportName }) => exportName === name) ?? appTable(catalog, name ?? "");
  if (catalog.facts.size === 0 || table === undefined || id === undefined || id === "" || more.length > 0 || (method !== "GET" && method !== "POST")) return null;
  return { target: { kind: "memory", table, id }, name: "/memory/{table}/{id}" };
}

function findApproval(method: string, [, id, ...more]: readonly string[]): RestRoute | null {
  if (id === undefined) return method === "GET" ? { target: { kind: "approval", id: null }, name: "/approvals" } : null;
  const isAnswered = id !== "" && more.length === 0 && (method === "GET" || method === "POST");
  return isAnswered ? { target: { kind: "approval", id }, name: "/approvals/{id}" } : null;
}

const NEGOTIATING: readonly string[] = ["negotiations", "offers", "commitments"];
const PROOFS = ["checkpoint", "key", "consistency"] as const;

function findProof([, , name, ...more]: readonly string[]): RestRoute | null {
  const of = PROOFS.find((one) => one === name);
  return of === undefined || more.length > 0 ? null : { target: { kind: "proof", of }, name: `/.well-known/ambit-audit/${of}` };
}

function findTable(tables: ReadonlyMap<string, TableRoutes>, method: string, segments: readonly string[], over: string): RestRoute | null {
  const found = tables.get(segments[0]!);
  if (found === undefined || (!found.table.exportOver.includes(over) && (method !== "GET" || segments.length > 2))) return null;
  const { table } = found;
  const second = segments[1];
  if (second === undefined) return LIST_METHODS.includes(method) ? found.list : null;
  if (second === "") return null;
  const third = segments[2];
  if (third === undefined) {
    if (RECORD_METHODS.includes(method)) return { target: { kind: "record", table, id: second }, name: found.recordName };
    const action = method === "POST" ? table.actions.get(second) : undefined;
    return action?.on === "TABLE" ? { target: { kind: "action", table, id: null, action }, name: `${found.list.name}/${action.name}` } : null;
  }
  if (segments.length > 3) return null;
  if (method === "GET" && third === "history" && table.historyMs !== null) return { target: { kind: "history", table, id: second }, name: `${found.recordName}/history` };
  if (method !== "POST") return null;
  if (third === "restore" && table.trashMs !== null) return { target: { kind: "restore", table, id: second }, name: `${found.recordName}/restore` };
  const action = table.actions.get(third);
  return action?.on === "RECORD" ? { target: { kind: "action", table, id: second, action }, name: `${found.recordName}/${action.name}` } : null;
}

function channelRoutes(catalog: Catalog, over: "REST" | "WS"): ReadonlyMap<string, ChannelRoutes> {
  const exported = [...catalog.channels.values()].filter(({ exportOver }) => exportOver.includes(over) || (over === "REST" && exportOver.includes("SSE")));
  return new Map(exported.map((channel) => {
    const name = `/${channel.exportName!}`;
    return [channel.exportName!, { channel, all: { target: { kind: "channel", channel, key: null }, name }, topicName: `${name}/{${channel.key}}` }];
  }));
}

/** POST publishes, GET subscribes. */
function findChannel(channels: ReadonlyMap<string, ChannelRoutes>, method: string, [first, key, ...more]: readonly string[], over: "REST" | "WS"): RestRoute | null {
  const found = channels.get(first!);
  if (found === undefined || key === "" || more.length > 0) return null;
  const { channel, all, topicName } = found;
  const isThere = method === "POST" ? channel.exportOver.includes(over) : method === "GET" && channel.exportOver.includes(over === "WS" ? "WS" : "SSE");
  if (!isThere) return null;
  return key === undefined ? all : { target: { kind: "channel", channel, key }, name: topicName };
}

function findEndpoint(endpoints: readonly Callable[], method: string, segments: readonly string[]): RestRoute | null {
  for (const endpoint of endpoints) {
    const http = endpoint.http!;
    if (http.method !== method || http.path.length !== segments.length) continue;
    const path = matchPath(http.path, segments);
    if (path !== null) return { target: { kind: "endpoint", endpoint, path, alias: false }, name: `/${http.path.join("/")}` };
  }
  return null;
}

interface KnownPaths { readonly tables: ReadonlyMap<string, TableRoutes>; readonly channels: ReadonlyMap<string, ChannelRoutes>; readonly endpoints: readonly Callable[] }

function nearestPath(segments: readonly string[], { tables, channels, endpoints }: KnownPaths): string | null {
  const [first, ...rest] = segments;
  const table = tables.get(first!)?.table;
  const actions = table?.actions;
  if (actions !== undefined) {
    const [id, name] = rest;
    const near = name === undefined ? null : didYouMean(name, [...actions.keys(), ...(table?.historyMs === null ? [] : ["history"]), ...(table?.trashMs === null ? [] : ["restore"])]);
    return near === null ? null : `/${first}/${id}/${near}`;
  }
  if (first === "rpc" && rest[0] !== undefined) {
    const meant = didYouMean(rest[0], endpoints.map((endpoint) => endpoint.name));
    return meant === null ? null : `/rpc/${meant}`;
  }
  const near = didYouMean(first!, [...tables.keys(), ...channels.keys(), ...endpoints.map((endpoint) => endpoint.http!.path[0]!).filter((part) => !part.startsWith("{"))]);
  return near === null ? null : `/${[near, ...rest].join("/")}`;
}

/** Called by GET only what is safe: a link must not change anything. */
function findAlias(endpoints: readonly Callable[], method: string, segments: readonly string[]): RestRoute | null {
  if (segments.length !== 2 || segments[0] !== "rpc") return null;
  const endpoint = endpoints.find(({ name }) => name === segments[1]);
  if (endpoint === undefined || endpoint.http === null || endpoint.webhook !== undefined) return null;
  if (method !== "POST" && !(method === "GET" && endpoint.http.method === "GET")) return null;
  return { target: { kind: "endpoint", endpoint, path: {}, alias: true }, name: `/rpc/${endpoint.name}` };
}

function matchPath(pattern: readonly string[], segments: readonly string[]): Readonly<Record<string, string>> | null {
  const found: Record<string, string> = {};
  for (let index = 0; index < pattern.length; index++) {
    const part = pattern[index]!;
    const segment = segments[index]!;
    if (!part.startsWith("{")) {
      if (part !== segment) return null;
    } else if (segment === "") return null;
    else found[part.slice(1, -1)] = segment;
  }
  return found;
}

function holesOf(endpoint: Callable): number {
  return endpoint.http!.path.filter((part) => part.startsWith("{")).length;
}
