// The administrator's own paths, `/admin/...`, in front of another handler.
import { fault } from "../base/error.ts";
import type { Answer, Exchange, HttpHandler } from "../interfaces/http/exchange.ts";
import type { Json } from "../base/value.ts";
import { readMigrationRequest, type MigrationRequest } from "./migrate-data.ts";
import { isSection, SECTIONS, type Section } from "./describe-app.ts";

/** Makes the answer of `GET /admin/describe`, or of one section of it, `?section=NAME`. */
export type Describe = (section: Section | null) => Promise<object>;

/** Plans or carries out what `POST /admin/migrate` asks for. */
export type Migrate = (request: MigrationRequest) => Promise<object>;

/** One step of `ambit import`, of `POST /admin/import`. */
export type ImportStep = (body: unknown) => Promise<object>;

export interface AdministrationParts {
  readonly describe: Describe;
  readonly migrate: Migrate;
  readonly importStep: ImportStep;
  /** By the segment behind `/admin`. */
  readonly areas: ReadonlyMap<string, AdministrationArea>;
  /** Told of what the administrator has asked for. */
  readonly noted?: (exchange: Exchange) => void;
}

/** Paths that belong together, of the administrator alone. */
export interface AdministrationArea {
  /** Methods of a path, without OPTIONS; none: nothing is there. */
  methods(segments: readonly string[]): readonly string[];
  /** For metrics and log. */
  route(segments: readonly string[]): string;
  /** Of an answer that is none of an error. Absent: 200. */
  status?(exchange: Exchange): number;
  /** JSON. */
  answer(exchange: Exchange): Promise<object>;
}

export function withAdministration(next: HttpHandler, parts: AdministrationParts): HttpHandler {
  return {
    handle(exchange) {
      if (exchange.segments[0] !== "admin") return next.handle(exchange);
      return administer(exchange, parts).finally(() => { if (exchange.method !== "GET" && exchange.method !== "HEAD") parts.noted?.(exchange); });
    },
    methods: (segments) => (areaOf(segments, parts) !== null ? withOptions(areaOf(segments, parts)!.methods(segments)) : isDescribe(segments) ? ["GET", "HEAD", "OPTIONS"] : isMigrate(segments) || isImport(segments) ? ["POST", "OPTIONS"] : next.methods(segments)),
  };
}

function areaOf(segments: readonly string[], { areas }: AdministrationParts): AdministrationArea | null {
  return segments[0] === "admin" ? areas.get(segments[1] ?? "") ?? null : null;
}

const withOptions = (methods: readonly string[]): readonly string[] => (methods.length === 0 ? [] : [...methods, "OPTIONS"]);

async function answerArea(exchange: Exchange, area: AdministrationArea): Promise<Answer> {
  const methods = area.methods(exchange.segments);
  if (methods.length === 0) throw fault("NOT_FOUND", "Nothing is at this path.");
  if (!methods.includes(exchange.method)) throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: withOptions(methods).join(", ") } });
  exchange.route = area.route(exchange.segments);
  const body = JSON.stringify(await area.answer(exchange));
  return { status: area.status?.(exchange) ?? 200, headers: { "content-type": "application/json", "cache-control": "private, no-store" }, body };
}

const isDescribe = (segments: readonly string[]): boolean => segments.length === 2 && segments[0] === "admin" && segments[1] === "describe";

const isMigrate = (segments: readonly string[]): boolean => segments.length === 2 && segments[0] === "admin" && segments[1] === "migrate";

const isImport = (segments: readonly string[]): boolean => segments.length === 2 && segments[0] === "admin" && segments[1] === "import";

async function administer(exchange: Exchange, parts: AdministrationParts): Promise<Answer> {
  const { describe, migrate, importStep } = parts;
  if (exchange.identity.kind !== "administrator") {
    const message = "This path is the administrator's.";
    throw exchange.identity.kind === "anonymous" ? fault("UNAUTHENTICATED", message) : fault("FORBIDDEN", message);
  }
  if (exchange.identity.tenant !== null) throw fault("FORBIDDEN", "This path is about the whole app, not about one tenant.", { fix: "Leave out X-Ambit-Tenant." });
  const area = areaOf(exchange.segments, parts);
  if (area !== null) return answerArea(exchange, area);
  if (isMigrate(exchange.segments)) return post(exchange, "/admin/migrate", async (body) => migrate(readMigrationRequest(body)));
  if (isImport(exchange.segments)) return post(exchange, "/admin/import", importStep);
  if (!isDescribe(exchange.segments)) throw fault("NOT_FOUND", "Nothing is at this path.");
  if (exchange.method !== "GET" && exchange.method !== "HEAD") throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: "GET, HEAD, OPTIONS" } });
  exchange.route = "/admin/describe";
  return { status: 200, headers: { "content-type": "application/json", "cache-control": "private, no-store" }, body: JSON.stringify(await describe(sectionOf(exchange))) };
}

async function post(exchange: Exchange, route: string, carryOut: (body: Json) => Promise<object>): Promise<Answer> {
  if (exchange.method !== "POST") throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: "POST, OPTIONS" } });
  exchange.route = route;
  exchange.unhurried();
  const answer = await carryOut(parseBody(await exchange.body()));
  return { status: 200, headers: { "content-type": "application/json", "cache-control": "private, no-store" }, body: JSON.stringify(answer) };
}

/** Throws MALFORMED_JSON. */
export function parseBody(bytes: Uint8Array): Json {
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as Json;
  } catch (error) {
    throw fault("MALFORMED_JSON", "The body is not JSON.", { cause: error });
  }
}

function sectionOf({ query }: Exchange): Section | null {
  const name = new URLSearchParams(query).get("section");
  if (name === null || isSection(name)) return name;
  throw fault("MALFORMED_QUERY", "There is no such section.", { where: "section", fix: `Use one of: ${SECTIONS.join(", ")}.` });
}
