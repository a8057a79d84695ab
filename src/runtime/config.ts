// config.yaml: parsed, its environment references filled in, validated strictly, merged over defaults. Reads no file itself.
import { LineCounter, isPair, isScalar, parseDocument, visit, type Document } from "yaml";
import configSchema from "../../config.schema.json";
import { isZone } from "../base/calendar-day.ts";
import { didYouMean, type Diagnostic, type SourcePosition } from "../base/diagnostic.ts";
import { durationMs, parseDuration } from "../base/duration.ts";
import type { OidcProvider } from "../access/accounts/oidc-provider.ts";
import { defaultLimits, type Limits } from "../base/limits.ts";
import type { S3Settings } from "../storage/s3-files.ts";
import { meaningProblems } from "./config-meaning.ts";
import { substituteEnvironment, type EnvironmentVariables } from "./environment-references.ts";
import type { TelemetrySettings } from "./telemetry.ts";
import { schemaProblems, type JsonSchema, type SchemaProblem } from "./json-schema-check.ts";

export interface StaticKey { readonly token: string; readonly subject: string; readonly roles: readonly string[]; readonly tenant: string | null }

export interface JwtIssuer {
  readonly issuer: string;
  readonly jwks: string | null;
  readonly secret: string | null;
  readonly audience: string | null;
  readonly algorithms: readonly string[];
  readonly roles: { readonly claim: string; readonly map: Readonly<Record<string, string>> | null };
  readonly tenant: { readonly claim: string } | null;
}

export interface SignInSettings {
  readonly password: boolean;
  readonly oidc: readonly OidcProvider[];
  readonly totp: boolean;
  readonly passkeys: boolean;
  readonly organizations: boolean;
  /** Null: where the app listens. */
  readonly url: string | null;
}

export interface ModelSettings {
  readonly provider: "anthropic" | "openai" | "google" | "openai-compatible";
  readonly model: string;
  /** decisions: an endpoint that answers questions, and writes nothing. */
  readonly kind: "language" | "decisions";
  readonly url: string | null;
  /** Null: none is needed. Empty: it is not set, so the alias counts as not configured. */
  readonly key: string | null;
  /** In millionths of the currency's unit for a million tokens. */
  readonly price: { readonly input: number; readonly output: number; readonly currency: string } | null;
  /** The alias that is asked where this one fails. */
  readonly fallback: string | null;
  /** Its answers come in pieces. */
  readonly stream: boolean;
  /** Of its vectors; null: it is a language model. */
  readonly dimensions: number | null;
}

export interface AppConfig {
  readonly http: {
    readonly host: string; readonly port: number; readonly corsOrigins: readonly string[];
    readonly tls: { readonly cert: string; readonly key: string } | null; readonly trustProxy: readonly string[];
  };
  /** Null: no such port. TLS uses the certificate of `http.tls`. */
  readonly mqtt: { readonly port: number | null; readonly tlsPort: number | null };
  readonly zone: string;
  readonly values: Readonly<Record<string, string | number | boolean>>;
  readonly secrets: Readonly<Record<string, string>>;
  readonly auth: { readonly keys: readonly StaticKey[]; readonly jwt: readonly JwtIssuer[]; readonly signIn: SignInSettings };
  readonly limits: Limits;
  readonly files: { /** Null: on the disk. */ readonly s3: S3Settings | null; readonly types: readonly string[] };
  readonly logRetentionMs: number;
  /** By alias. */
  readonly models: Readonly<Record<string, ModelSettings>>;
  /** Of the audit log. Keys: 32 bytes. Null: made once and kept with the data. `export`: files and addresses. */
  readonly audit: { readonly name: string | null; readonly key: Uint8Array | null; readonly formerKey: Uint8Array | null; readonly export: readonly string[] };
  /** Addresses that are told of what waits for people. */
  readonly approvals: { readonly notify: readonly string[] };
  /** Null: the section is not there, and ctx.fetch calls whom it likes. */
  readonly outbound: { readonly allowPrivate: readonly string[] } | null;
  /** The name of the secret that signs callbacks of runs; null: nobody is called back. */
  readonly callbackSecret: string | null;
  /** Null: mails are not sent. */
  readonly mailUrl: string | null;
  /** Null: no spans are sent. */
  readonly telemetry: TelemetrySettings | null;
}

/** Sections and settings of the language whose meaning comes with a later release. */
const NOT_YET: Readonly<Record<string, string>> = {
  cluster: "the cluster",
};

const ALIASES_MAX = 100;
const WEEK_MS = 7 * 86_400_000;

/** `text` null: no config.yaml, the defaults. On errors `config` holds what could be read, for further checks. */
export function loadConfig(
  file: string, text: string | null, environment: EnvironmentVariables,
): { config: AppConfig; diagnostics: Diagnostic[] } {
  if (text === null) return { config: assemble({}), diagnostics: [] };
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  const at = (offset: number): SourcePosition => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  // What is a warning to the parser, a tag that nobody knows, would be ignored.
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) return { config: assemble({}), diagnostics: syntaxProblems(broken.map((error) => syntaxProblem(error.message, at(error.pos[0]))), text) };
  const diagnostics: Diagnostic[] = [];
  visit(document, {
    Scalar(key, node, path) {
      if (key === "key" || typeof node.value !== "string") return;
      const result = substituteEnvironment(node.value, environment);
      const keys = path.filter(isPair).map((pair) => (isScalar(pair.key) ? pair.key.value : null));
      // Without its key a model is not configured, which is how an app runs where there is none.
      const isModelKey = keys[0] === "models" && keys.length === 3 && keys[2] === "key";
      for (const name of isModelKey ? [] : result.missing) diagnostics.push(missingVariable(name, at(node.range?.[0] ?? 0)));
      if (result.malformed) diagnostics.push(malformedReference(at(node.range?.[0] ?? 0)));
      const section = path.find(isPair)?.key;
      const typed = isScalar(section) && (section.value === "http" || section.value === "mqtt" || section.value === "limits" || section.value === "telemetry");
      node.value = isModelKey && result.missing.length > 0 ? "" : typed ? result.typed : result.text;
    },
  });
  const raw = plainData(document);
  if (raw instanceof ReferenceError) return { config: assemble({}), diagnostics: [syntaxProblem(`${raw.message}.`, at(0))] };
  // What is missing would be of the wrong form, too.
  const isMissing = ({ position }: Diagnostic): boolean => missing.some((one) => one.position.line === position.line && one.position.column === position.column);
  const missing = [...diagnostics];
  diagnostics.push(...schemaProblems(raw, configSchema as JsonSchema).map((problem) => schemaProblem(problem, document, at)).filter((problem) => !isMissing(problem)));
  const config = diagnostics.length === 0 ? assemble(raw as RawConfig) : assemble({});
  if (!isZone(config.zone)) diagnostics.push(zoneProblem(at(offsetOf(document, ["zone"]))));
  diagnostics.push(...invalidDurations(raw as RawConfig, document, at));
  if (diagnostics.length === 0) {
    diagnostics.push(...sharedTokens(raw as RawConfig, document, at));
    for (const { path, ...problem } of meaningProblems(raw as RawConfig, quantity)) diagnostics.push({ code: "CONFIG", severity: "error", position: at(offsetOf(document, path)), ...problem, edits: [] });
  }
  return { config, diagnostics };
}

/** The library refuses aliases that would grow without end by throwing. */
function plainData(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: ALIASES_MAX }) ?? {};
  } catch (error) {
    if (error instanceof ReferenceError) return error;
    throw error;
  }
}

interface RawConfig {
  http?: { host?: string; port?: number; cors?: { origins?: string[] }; tls?: { cert: string; key: string }; trustProxy?: string[] };
  mqtt?: { port?: number; tlsPort?: number };
  zone?: string;
  values?: Record<string, string | number | boolean>;
  secrets?: Record<string, string>;
  auth?: { keys?: { token: string; subject: string; roles?: string[]; tenant?: string }[]; jwt?: RawIssuer[] } & RawSignIn;
  limits?: Record<string, number | string>;
  log?: { retention?: string };
  outbound?: { allowPrivate?: string[] };
  callbacks?: { sign?: string };
  mail?: { url?: string };
  files?: { driver?: "disk" | "s3"; types?: string[]; bucket?: string; endpoint?: string; region?: string; accessKey?: string; secretKey?: string; prefix?: string };
  models?: Record<string, RawModel>;
  approvals?: { notify?: string[] };
  audit?: { name?: string; key?: string; formerKey?: string; export?: string[] };
  telemetry?: { url: string; headers?: Record<string, string>; sample?: number };
}
interface RawModel { provider: ModelSettings["provider"]; model: string; kind?: ModelSettings["kind"]; url?: string; key?: string; price?: { input: string; output?: string }; fallback?: string; stream?: boolean; dimensions?: number }
interface RawSignIn {
  password?: boolean; totp?: boolean; passkeys?: boolean; organizations?: boolean; url?: string;
  oidc?: { name: string; issuer: string; clientId: string; clientSecret?: string; scopes?: string[]; roles?: { claim: string; map?: Record<string, string> }; tenant?: { claim: string } }[];
}
interface RawIssuer {
  issuer: string; jwks?: string; secret?: string; audience?: string; algorithms?: string[];
  roles?: { claim: string; map?: Record<string, string> }; tenant?: { claim: string };
}

function assemble(raw: RawConfig): AppConfig {
  const limits: Record<string, number> = { ...defaultLimits };
  for (const [name, value] of Object.entries(raw.limits ?? {})) limits[name] = quantity(value);
  return {
    http: {
      host: raw.http?.host ?? "127.0.0.1", port: raw.http?.port ?? 9926, corsOrigins: raw.http?.cors?.origins ?? [],
      tls: raw.http?.tls ?? null, trustProxy: raw.http?.trustProxy ?? [],
    },
    mqtt: { port: raw.mqtt?.port ?? null, tlsPort: raw.mqtt?.tlsPort ?? null },
    zone: raw.zone ?? "UTC",
    values: Object.freeze({ ...raw.values }),
    secrets: Object.freeze({ ...raw.secrets }),
    auth: {
      // An empty token (an unset variable with an empty default) is no key.
      keys: (raw.auth?.keys ?? []).filter((key) => key.token !== "").map((key) => ({ token: key.token, subject: key.subject, roles: key.roles ?? [], tenant: key.tenant ?? null })),
      jwt: (raw.auth?.jwt ?? []).map(issuerOf),
      signIn: signInOf(raw.auth ?? {}),
    },
    limits: limits as unknown as Limits,
    files: { s3: raw.files?.driver === "s3" ? bucketOf(raw.files) : null, types: raw.files?.types ?? [] },
    logRetentionMs: raw.log?.retention === undefined ? WEEK_MS : durationMs(parseDuration(raw.log.retention) ?? "P7D"),
    outbound: raw.outbound === undefined ? null : { allowPrivate: raw.outbound.allowPrivate ?? [] },
    models: Object.fromEntries(Object.entries(raw.models ?? {}).map(([alias, model]) => [alias, modelOf(model)])),
    approvals: { notify: raw.approvals?.notify ?? [] },
    audit: { name: raw.audit?.name ?? null, key: seedOf(raw.audit?.key), formerKey: seedOf(raw.audit?.formerKey), export: raw.audit?.export ?? [] },
    callbackSecret: (raw.secrets?.[raw.callbacks?.sign ?? ""] ?? "") === "" ? null : raw.callbacks!.sign!,
    // An unset variable with an empty default is no collector.
    telemetry: (raw.telemetry?.url ?? "") === "" ? null : { url: raw.telemetry!.url, headers: raw.telemetry!.headers ?? {}, sample: raw.telemetry!.sample ?? 1 },
    mailUrl: raw.mail?.url === undefined || raw.mail.url === "" ? null : raw.mail.url,
  };
}

function signInOf({ password = false, oidc = [], totp = false, passkeys = false, organizations = false, url }: RawSignIn): SignInSettings {
  return {
    password, totp, passkeys, organizations, url: url === undefined || url === "" ? null : url.replace(/\/$/, ""),
    oidc: oidc.map(({ name, issuer, clientId, clientSecret, scopes = ["openid", "email", "profile"], roles, tenant }) => ({
      name, issuer, clientId, scopes, clientSecret: clientSecret === undefined || clientSecret === "" ? null : clientSecret, roles: roles ?? null, tenant: tenant ?? null,
    })),
  };
}

function bucketOf({ bucket = "", endpoint, region, accessKey = "", secretKey = "", prefix = "" }: NonNullable<RawConfig["files"]>): S3Settings {
  return { bucket, endpoint: endpoint ?? null, region: region ?? null, accessKey, secretKey, prefix };
}

/** An unset variable with an empty default is no key. */
function seedOf(text: string | undefined): Uint8Array | null {
  return text === undefined || text === "" ? null : Buffer.from(text, "base64");
}

function modelOf({ provider, model, kind, url, key, price, fallback, stream, dimensions }: RawModel): ModelSettings {
  return { provider, model, kind: kind ?? "language", url: url ?? null, key: key ?? null, fallback: fallback ?? null, stream: stream ?? false, dimensions: dimensions ?? null, price: price === undefined ? null : priceOf(price) };
}

/** `"1.00 USD"` for a million tokens. */
function priceOf({ input, output }: NonNullable<RawModel["price"]>): ModelSettings["price"] {
  const microsOf = (text: string): number => Math.round(Number(text.split(" ")[0]) * 1_000_000);
  return { input: microsOf(input), output: output === undefined ? 0 : microsOf(output), currency: input.split(" ")[1] ?? "USD" };
}

function issuerOf(raw: RawIssuer): JwtIssuer {
  return {
    issuer: raw.issuer, jwks: raw.jwks ?? null, secret: raw.secret ?? null, audience: raw.audience ?? null,
    algorithms: raw.algorithms ?? (raw.secret === undefined ? ["EdDSA", "ES256", "RS256"] : ["HS256"]),
    roles: { claim: raw.roles?.claim ?? "roles", map: raw.roles?.map ?? null },
    tenant: raw.tenant ?? null,
  };
}

const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, KB: 1_000, MB: 1_000_000, GB: 1_000_000_000 };

function quantity(value: number | string): number {
  if (typeof value === "number") return value;
  const size = /^([0-9]+)(B|KB|MB|GB)$/.exec(value);
  if (size !== null) return Number(size[1]) * UNIT_BYTES[size[2]!]!;
  return durationMs(parseDuration(value) ?? "PT0S");
}

function invalidDurations(raw: RawConfig, document: Document, at: (offset: number) => SourcePosition): Diagnostic[] {
  const found: Diagnostic[] = [];
  const check = (value: unknown, path: string[]): void => {
    if (typeof value !== "string" || !value.startsWith("P") || parseDuration(value) !== null) return;
    found.push({
      code: "CONFIG", severity: "error", position: at(offsetOf(document, path)), message: `${path.join(".")} is not a duration: ${value}.`,
      why: "Durations are exact, so they are written in days, hours, minutes and seconds.", fix: "Write for example P7D, PT15M or PT0.5S.", edits: [],
    });
  };
  if (typeof raw !== "object" || raw === null) return [];
  check(raw.log?.retention, ["log", "retention"]);
  for (const [name, value] of Object.entries(raw.limits ?? {})) check(value, ["limits", name]);
  return found;
}

/** The tokens themselves are not told. */
function sharedTokens(raw: RawConfig, document: Document, at: (offset: number) => SourcePosition): Diagnostic[] {
  const first = new Map<string, number>();
  return (raw.auth?.keys ?? []).flatMap(({ token }, index): Diagnostic[] => {
    const other = first.get(token);
    if (other === undefined) first.set(token, index);
    if (other === undefined || token === "") return [];
    return [{
      code: "CONFIG", severity: "error", position: at(offsetOf(document, ["auth", "keys", String(index), "token"])), message: `auth.keys.${index} has the same token as auth.keys.${other}.`,
      why: "A token says who asks, so it can be of one subject only.", fix: "Give each key a token of its own.", edits: [],
    }];
  });
}

function offsetOf(document: Document, path: readonly string[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isScalar(node) || (typeof node === "object" && node !== null && "range" in node)) return (node as { range?: [number, number, number] | null }).range?.[0] ?? 0;
  }
  return 0;
}

function schemaProblem({ path, message, unknown }: SchemaProblem, document: Document, at: (offset: number) => SourcePosition): Diagnostic {
  if (unknown !== null) return unknownSetting(unknown, path, document, at);
  return {
    code: "CONFIG", severity: "error", position: at(offsetOf(document, path)), message: `${path.join(".") || "config.yaml"} ${message}.`,
    why: "Settings are validated strictly, so that a mistake cannot change what the app does.", fix: "See config.schema.json for what the setting takes.", edits: [],
  };
}

function unknownSetting({ name, known }: NonNullable<SchemaProblem["unknown"]>, path: readonly string[], document: Document, at: (offset: number) => SourcePosition): Diagnostic {
  const full = [...path, name].join(".");
  const position = at(keyOffset(document, path, name));
  const later = Object.hasOwn(NOT_YET, full) ? NOT_YET[full] : undefined;
  if (later !== undefined) {
    return {
      code: "NOT_AVAILABLE", severity: "error", position, message: `The setting ${full} is not available in this version.`,
      why: `It belongs to ${later}, which this version does not have; ignoring it would change what the app means.`, fix: "Remove it.", edits: [],
    };
  }
  const meant = didYouMean(name, known);
  const end = { line: position.line, column: position.column + name.length };
  return {
    code: "CONFIG", severity: "error", position, message: `Unknown setting ${full}.`, why: "Nothing unknown is ignored.",
    fix: meant === null ? `Use one of: ${known.join(", ")}.` : `Did you mean ${meant}?`,
    edits: meant === null ? [] : [{ file: position.file, start: { line: position.line, column: position.column }, end, text: meant }],
  };
}

function keyOffset(document: Document, path: readonly string[], name: string): number {
  const node: unknown = path.length === 0 ? document.contents : document.getIn(path, true);
  const items = (node as { items?: { key?: { value?: unknown; range?: [number, number, number] } }[] } | null)?.items ?? [];
  return items.find((item) => item.key?.value === name)?.key?.range?.[0] ?? offsetOf(document, path);
}

function syntaxProblem(message: string, position: SourcePosition): Diagnostic {
  return { code: "SYNTAX", severity: "error", position, message: message.split("\n")[0] ?? message, why: "config.yaml must be valid YAML.", fix: "Correct the YAML at this place.", edits: [] };
}

const BARE_REFERENCE = /(?<=[[{,:]\s*)\$\{[A-Za-z_]\w*(?::-[^}"']*)?\}(?=\s*(?:[,}\]]|$))/g;

/** Where a reference stands without quotes inside braces, all that comes after it only follows from it. */
function syntaxProblems(problems: readonly Diagnostic[], text: string): Diagnostic[] {
  const { file, line } = problems[0]!.position;
  const bare = [...(text.split("\n")[line - 1] ?? "").matchAll(BARE_REFERENCE)].map(({ 0: reference, index }): Diagnostic => {
    const [start, end] = [{ line, column: index + 1 }, { line, column: index + 1 + reference.length }];
    return { ...syntaxProblem(`${reference} stands without quotes.`, { file, ...start }), why: "Inside braces YAML takes { for a map of its own.", fix: `Write "${reference}".`, edits: [{ file, start, end, text: `"${reference}"` }] };
  });
  return bare.length > 0 ? bare : [...problems];
}

function zoneProblem(position: SourcePosition): Diagnostic {
  return {
    code: "CONFIG", severity: "error", position, message: "There is no such time zone.",
    why: "It says when the calendar days of sums and budgets begin.", fix: 'Write an IANA name such as "Europe/Berlin", or UTC.', edits: [],
  };
}

function missingVariable(name: string, position: SourcePosition): Diagnostic {
  return {
    code: "ENVIRONMENT", severity: "error", position, message: `The environment variable ${name} is not set.`,
    why: "config.yaml refers to it without a default.", fix: `Set ${name}, or write \${${name}:-default}.`, edits: [],
  };
}

function malformedReference(position: SourcePosition): Diagnostic {
  return {
    code: "ENVIRONMENT", severity: "error", position, message: "A reference to the environment is not complete.",
    why: "It would stay in the text as it is.", fix: "Write ${NAME} or ${NAME:-default}; a default holds no reference.", edits: [],
  };
}
