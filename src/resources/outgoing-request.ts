// What ctx.send is given, read and bounded: an HTTP request that others get once the transaction has committed. Reads only; throws
// TypeError for a mistake of the app's code, OUTBOUND_REFUSED for an address, BODY_TOO_LARGE for a body.
import { secretsOf, standardKey } from "../access/webhook-signature.ts";
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Json } from "../base/value.ts";
import type { Catalog } from "../schema/catalog.ts";
import type { OutboundGuard } from "./outbound-guard.ts";

/** As it is kept, without its body. Null `url`: where mail goes by then. */
export interface OutgoingRequest {
  readonly url: string | null;
  readonly method: string;
  readonly headers: { readonly [name: string]: string };
  /** Names of secrets. */
  readonly sign: string | null;
  readonly bearer: string | null;
  /** Null: as many as limits say. */
  readonly attempts: number | null;
  /** Statuses that say that repeating is of no use. */
  readonly giveUpOn: readonly number[];
  /** The endpoint that is told the answer. */
  readonly then: { readonly call: string; readonly input: { readonly [name: string]: Json } } | null;
}

export interface ReadRequest {
  readonly request: OutgoingRequest;
  readonly body: Uint8Array | null;
  readonly host: string;
  readonly key: string | null;
  readonly orderKey: string | null;
  /** Of a mail, for who reads the log of development. */
  readonly mail: { readonly to: string; readonly subject: string } | null;
}

export interface RequestContext {
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly secrets: Readonly<Record<string, string>>;
  readonly guard: Pick<OutboundGuard, "check">;
}

type Given = { readonly [name: string]: unknown };

const MEMBERS = new Set(["url", "method", "headers", "body", "key", "orderKey", "sign", "bearer", "attempts", "giveUpOn", "then", "mail"]);
const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);
/** The connection's own, and those that say what makes a repetition the same. */
const OWN_HEADERS = /^(host|content-length|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|accept-encoding|proxy-.*|idempotency-key|webhook-.*)$/;
/** 410: the receiver says that it wants nothing more. */
const GONE = 410;
const MAIL_HOST = "mail";

export function readOutgoing(given: unknown, context: RequestContext): ReadRequest {
  const options = objectOf(given, "ctx.send");
  for (const name of Object.keys(options)) if (!MEMBERS.has(name) && options[name] !== undefined) throw mistake(`knows no ${name}; it takes ${[...MEMBERS].join(", ")}`);
  const mail = options["mail"] === undefined ? null : readMail(options["mail"]);
  const url = mail === null ? readUrl(options["url"], context) : null;
  if (mail !== null && ["url", "method", "headers", "body", "sign", "bearer"].some((name) => options[name] !== undefined)) throw mistake("takes mail in place of url, method, headers, body, sign and bearer");
  const headers = readHeaders(options["headers"], context.limits);
  const body = mail === null ? readBody(options["body"], headers) : jsonBody(mail, headers);
  if (body !== null && body.length > context.limits.outboxBodyBytes) throw fault("BODY_TOO_LARGE", `The body of ctx.send is larger than ${context.limits.outboxBodyBytes} bytes.`, { fix: "Send less, or raise limits.outboxBodyBytes." });
  const method = readMethod(options["method"]);
  if (body !== null && method === "GET") throw mistake("has a body, which GET cannot carry");
  return {
    request: {
      url: url?.href ?? null, method, headers,
      sign: readSigning(options["sign"], context), bearer: readSecret(options["bearer"], "bearer", context),
      attempts: readAttempts(options["attempts"], context.limits), giveUpOn: readStatuses(options["giveUpOn"]), then: readThen(options["then"], context.catalog),
    },
    body, host: url?.host ?? MAIL_HOST, key: readKey(options["key"], "key"), orderKey: readKey(options["orderKey"], "orderKey"), mail,
  };
}

function readUrl(given: unknown, { guard, limits }: RequestContext): URL {
  const text = given instanceof URL ? given.href : given;
  if (typeof text !== "string") throw mistake("needs a url");
  // It may be a customer's: an answer, not an incident.
  if (!URL.canParse(text) || Buffer.byteLength(text) > limits.urlBytes) throw fault("OUTBOUND_REFUSED", "The call is not made: its URL cannot be read.", { fix: "Give a whole URL, such as https://example.com/hooks." });
  const url = new URL(text);
  guard.check(url);
  url.hash = "";
  return url;
}

function readMethod(given: unknown = "POST"): string {
  if (typeof given !== "string" || !METHODS.has(given)) throw mistake(`takes the methods ${[...METHODS].join(", ")}`);
  return given;
}

function readHeaders(given: unknown = {}, { headerBytes }: Limits): { [name: string]: string } {
  const headers: { [name: string]: string } = {};
  let bytes = 0;
  for (const [name, value] of Object.entries(objectOf(given, "headers"))) {
    const lower = name.toLowerCase();
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(lower) || typeof value !== "string" || !/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) throw mistake(`cannot send the header ${JSON.stringify(name)}`);
    if (OWN_HEADERS.test(lower)) throw mistake(`sets the header ${lower} itself`);
    bytes += lower.length + value.length;
    headers[lower] = value;
  }
  if (bytes > headerBytes) throw mistake(`sends headers of at most ${headerBytes} bytes`);
  return headers;
}

/** Text and bytes as they are, everything else as JSON. */
function readBody(given: unknown, headers: { [name: string]: string }): Uint8Array | null {
  if (given === undefined) return null;
  if (typeof given === "string") {
    headers["content-type"] ??= "text/plain; charset=utf-8";
    return Buffer.from(given, "utf8");
  }
  if (given instanceof Uint8Array) {
    headers["content-type"] ??= "application/octet-stream";
    return given.slice();
  }
  return jsonBody(given, headers);
}

/** A Long is a decimal string, as on every wire. */
function jsonBody(given: unknown, headers: { [name: string]: string }): Uint8Array {
  const text = JSON.stringify(given, (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)) as string | undefined;
  if (text === undefined) throw mistake("has a body that is no JSON");
  headers["content-type"] ??= "application/json";
  return Buffer.from(text, "utf8");
}

function readMail(given: unknown): { readonly to: string; readonly subject: string } {
  const mail = objectOf(given, "mail");
  for (const name of ["to", "subject", "text"]) if (typeof mail[name] !== "string" || mail[name] === "") throw mistake(`needs mail.${name}, a text`);
  return JSON.parse(JSON.stringify(mail)) as { to: string; subject: string };
}

function readSecret(given: unknown, member: string, { secrets }: RequestContext): string | null {
  if (given === undefined) return null;
  if (typeof given !== "string" || !Object.hasOwn(secrets, given)) throw mistake(`needs for ${member} a name under secrets of config.yaml`);
  if (secrets[given] === "") throw mistake(`has for ${member} the secret ${given}, which is empty`);
  return given;
}

function readSigning(given: unknown, context: RequestContext): string | null {
  const name = readSecret(given, "sign", context);
  if (name !== null && !secretsOf(context.secrets[name]!).every((secret) => standardKey(secret) !== null)) throw mistake(`has for sign the secret ${name}, which is not base64 behind whsec_`);
  return name;
}

/** Without a full stop: signatures put one behind it. */
function readKey(given: unknown, member: string): string | null {
  if (given === undefined || given === null) return null;
  if (typeof given !== "string" || !/^[\x21-\x2d\x2f-\x7e]{1,255}$/.test(given)) throw mistake(`takes as ${member} 1 to 255 visible characters of ASCII without a full stop`);
  return given;
}

function readAttempts(given: unknown, { outboxAttempts }: Limits): number | null {
  if (given === undefined) return null;
  if (!Number.isInteger(given) || (given as number) < 1 || (given as number) > outboxAttempts) throw mistake(`takes attempts from 1 to ${outboxAttempts}`);
  return given as number;
}

function readStatuses(given: unknown = [GONE]): readonly number[] {
  if (!Array.isArray(given) || !given.every((status) => Number.isInteger(status) && status >= 300 && status <= 599)) throw mistake("takes as giveUpOn a list of statuses from 300 to 599");
  return given as number[];
}

function readThen(given: unknown, catalog: Catalog): OutgoingRequest["then"] {
  if (given === undefined) return null;
  const { call, input = {} } = objectOf(given, "then");
  const endpoint = typeof call === "string" ? catalog.endpoints.get(call) : undefined;
  if (endpoint === undefined) throw mistake("needs as then.call the name of an endpoint");
  if (endpoint.transaction !== "SERIALIZABLE" || endpoint.http !== null || endpoint.exportOver !== undefined || endpoint.arguments.get("answer")?.type.name !== "JSON") {
    throw mistake(`needs as then.call an endpoint without @http and @export that has an argument answer: JSON!, which ${endpoint.name} is not`);
  }
  return { call: endpoint.name, input: JSON.parse(Buffer.from(jsonBody(objectOf(input, "then.input"), {})).toString("utf8")) as { [name: string]: Json } };
}

function objectOf(given: unknown, what: string): Given {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw new TypeError(`${what} takes an object.`);
  return given as Given;
}

function mistake(what: string): TypeError {
  return new TypeError(`ctx.send ${what}.`);
}
