// One request under /auth on its way to better-auth and back: which paths there are, what a client may send to each, and what its answers become.
// Whatever the library would take besides is left out here.
import { AmbitError, fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import type { Json } from "../../base/value.ts";
import type { AccountDeclaration, Field } from "../../schema/catalog.ts";
import { routeOf, accountRoutes, type AccountFeatures } from "./account-routes.ts";
import { accountScope, type AccountScope } from "./account-scope.ts";
import type { AccountAnswer, AccountPort, AccountRequest, AccountStore } from "./account-store.ts";
import type { Library } from "./create-accounts.ts";
import { invite } from "./invites.ts";
import type { People } from "./people.ts";

export interface AccountRequestsOptions {
  readonly account: AccountDeclaration;
  readonly features: AccountFeatures;
  readonly people: People;
  readonly url: string;
  readonly limits: Limits;
  open(): Library;
  /** A new one that cannot be guessed. */
  token(): string;
}

type Fields = { readonly [name: string]: Json };

/** Of who signs up; all other fields are those of the app's own type. */
const SIGN_UP = ["email", "password", "name", "image", "callbackURL", "rememberMe"];
const SOCIAL = ["provider", "callbackURL", "errorCallbackURL", "newUserCallbackURL", "disableRedirect", "requestSignUp", "loginHint"];
const PASSED_HEADERS = ["cookie", "user-agent", "accept"];
/** As the library makes them: nothing that could mean something else further on. */
const BEARER = /^Bearer [A-Za-z0-9]{16,128}$/i;

export class AccountRequests implements AccountPort {
  readonly #options: AccountRequestsOptions;
  readonly #routes: ReadonlyMap<string, "GET" | "POST">;
  #library: Library | null = null;

  constructor(options: AccountRequestsOptions) {
    this.#options = options;
    this.#routes = accountRoutes(options.features);
  }

  methods(path: string): readonly string[] {
    const route = routeOf(path, this.#routes);
    return route === null ? [] : [this.#routes.get(route)!];
  }

  async answer(request: AccountRequest, store: AccountStore): Promise<AccountAnswer> {
    const scope: AccountScope = { store, fields: {}, invitation: null, provider: null, refusal: null, namesSessions: false, own: null, isInTransaction: false, hashes: new Map() };
    const route = routeOf(request.path, this.#routes);
    if (route === null) throw fault("NOT_FOUND", "Nothing is at this path.");
    if (route === "/error") throw fault("SIGN_IN_FAILED", `Signing in has failed: ${new URLSearchParams(request.query).get("error")?.slice(0, 100) ?? "unknown"}.`);
    const body = this.#routes.get(route) === "POST" ? readBody(request.body) : null;
    return accountScope.run(scope, async () => (route === "/invite" ? this.#invite(body!, store) : this.#pass(request, this.#accepted(route, body, scope), scope)));
  }

  /** What of a body goes on. Throws what a client may not send. */
  #accepted(route: string, body: Fields | null, scope: AccountScope): Fields | null {
    const { by } = this.#options.people;
    if (body === null) return null;
    const named = body["email"] === undefined && body[by] !== undefined ? { ...body, email: body[by] } : body;
    switch (route) {
      case "/sign-up/email": return this.#signUp(named, scope);
      case "/sign-in/email": case "/request-password-reset": case "/send-verification-email": return named;
      // A token of the provider's that a client brings may be an old one; parameters would override ours.
      case "/sign-in/social": case "/link-social": return only(body, SOCIAL);
      case "/revoke-session": case "/revoke-other-sessions":
        scope.namesSessions = true;
        return body["id"] === undefined ? {} : { token: `id:${String(body["id"])}` };
      default: return body;
    }
  }

  #signUp(body: Fields, scope: AccountScope): Fields {
    const { people, account: { signUp } } = this.#options;
    const { invitation, ...rest } = body;
    if (signUp === "CLOSED" || (signUp === "INVITED" && typeof invitation !== "string")) throw fault("FORBIDDEN", signUp === "CLOSED" ? "Nobody signs up here." : "One signs up here by invitation.");
    scope.invitation = typeof invitation === "string" ? invitation : null;
    const own = Object.entries(rest).filter(([name]) => !SIGN_UP.includes(name) && name !== people.by);
    for (const [name] of own) if (!isOpen(people.table.fields.get(name), people)) throw fault("VALIDATION_FAILED", `${name} is not given when signing up.`, { where: name, details: [{ field: name, message: "is not given when signing up" }] });
    scope.fields = Object.fromEntries(own);
    return { name: "", ...only(rest, SIGN_UP) };
  }

  async #invite(body: Fields, store: AccountStore): Promise<AccountAnswer> {
    const { features, limits, token: make, url } = this.#options;
    const token = make();
    const mail = features.mail ? { subject: "You are invited", text: (one: string) => `You are invited to ${url}. Sign up with this invitation: ${one}` } : null;
    await invite(this.#options.people, body, { token, expiresMs: store.nowMs + limits.invitationMs, mail });
    return json(201, mail === null ? { invitation: token } : { sent: true });
  }

  async #pass(request: AccountRequest, body: Fields | null, scope: AccountScope): Promise<AccountAnswer> {
    const { url } = this.#options;
    const headers = new Headers(PASSED_HEADERS.flatMap((name): [string, string][] => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])));
    if (request.address !== "") headers.set("x-ambit-address", request.address);
    if (BEARER.test(request.headers["authorization"] ?? "")) headers.set("authorization", request.headers["authorization"]!);
    if (body !== null) headers.set("content-type", "application/json");
    const library = await this.#ready(request, body);
    const response = await library.handler(new Request(`${url}/auth${request.path}${request.query === "" ? "" : `?${request.query}`}`, { method: request.method, headers, ...(body === null ? {} : { body: JSON.stringify(body) }) }));
    const text = await response.text();
    if (response.status >= 400) throw refusalOf(response, text, scope);
    const isByMail = request.path === "/sign-up/email" && this.#options.features.mail;
    return { status: response.status, headers: headersOf(response), cookies: response.headers.getSetCookie(), body: isByMail ? signedUpByMail(body!) : text === "" ? null : shownBody(request.path, text) };
  }

  /** A provider that could not be reached when it was first asked about itself is asked again. */
  async #ready({ path }: AccountRequest, body: Fields | null): Promise<Library> {
    this.#library ??= this.#options.open();
    const wanted = path.startsWith("/callback/") ? path.slice("/callback/".length) : body?.["provider"];
    if (typeof wanted === "string" && !(await this.#library.$context).socialProviders.some(({ id }) => id === wanted)) this.#library = this.#options.open();
    return this.#library;
  }
}

/** What anybody may say of themselves: neither what code or the runtime fills in, nor what has rules of its own. */
function isOpen(field: Field | undefined, { table }: People): boolean {
  return field !== undefined && field.kind === "stored" && !field.readOnly && !field.internal && !field.expiresAt && field.allow.length === 0 && field.name !== table.primaryKey && field.name !== table.tenant
    && (field.fill === null || field.fill.kind === "default-value" || field.fill.kind === "default-rule") && field.name !== "roles";
}

function readBody(bytes: Uint8Array | null): Fields {
  let value: unknown = {};
  try {
    if (bytes !== null && bytes.length > 0) value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw fault("MALFORMED_JSON", "The body is not JSON.", { cause: error });
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw fault("VALIDATION_FAILED", "The body is an object.");
  return value as Fields;
}

function only(body: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(names.flatMap((name) => (body[name] === undefined ? [] : [[name, body[name]]])));
}

/** The library's own refusals keep their code; what the app's own rules refused is told as it was. */
function refusalOf(response: Response, text: string, { refusal }: AccountScope): unknown {
  if (refusal !== null && response.status !== 401) return refusal;
  let told: { code?: unknown; message?: unknown } = {};
  try {
    told = JSON.parse(text) as typeof told;
  } catch {
    // Answered without words.
  }
  if (response.status >= 500) return new Error(`sign-in answered ${response.status}`);
  const code = typeof told.code === "string" && /^[A-Z_]{3,60}$/.test(told.code) ? told.code : "SIGN_IN_FAILED";
  const after = Number(response.headers.get("retry-after") ?? "");
  return new AmbitError(response.status, code, typeof told.message === "string" && told.message !== "" ? told.message : "Signing in has failed.", { page: "SIGN_IN_FAILED", ...(after > 0 ? { retryAfterS: after } : {}) });
}

/** The mail tells the rest: what is stored, even an id, would tell an address that has an account from one that had none. */
function signedUpByMail({ email, name = "", image = null }: Fields): string {
  return JSON.stringify({ token: null, user: { email: String(email).toLowerCase(), name, image, emailVerified: false } });
}

/** A page is told of its session, not the token that the cookie keeps from it. */
function shownBody(path: string, text: string): string {
  if (path !== "/get-session" && path !== "/list-sessions") return text;
  const body = JSON.parse(text) as Json;
  const without = (session: Json | undefined): Json => {
    const { token: _, ...shown } = session as Fields;
    return shown;
  };
  if (body === null) return text;
  return JSON.stringify(Array.isArray(body) ? body.map(without) : { ...body as Fields, session: without((body as Fields)["session"]) });
}

function headersOf(response: Response): Record<string, string> {
  const headers: Record<string, string> = { "cache-control": "private, no-store" };
  for (const name of ["content-type", "location"]) {
    const value = response.headers.get(name);
    if (value !== null) headers[name] = value;
  }
  return headers;
}

function json(status: number, body: Json): AccountAnswer {
  return { status, headers: { "content-type": "application/json", "cache-control": "private, no-store" }, cookies: [], body: JSON.stringify(body) };
}
