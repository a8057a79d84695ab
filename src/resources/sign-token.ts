// ctx.token and ctx.revoke: a token that the app signs for whoever has no account, and the end of all that a subject holds.
import { subjectIdentity } from "../access/identities.ts";
import type { OwnTokens } from "../access/own-tokens.ts";
import { SESSION_TABLE, accountKey } from "../access/signed-in.ts";
import { millisecondsOf, parseDateTime } from "../base/date-time.ts";
import { durationMs, parseDuration } from "../base/duration.ts";
import { fault } from "../base/error.ts";
import { uuidv7 } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import { revokeTokens } from "../storage/token-rows.ts";
import type { Body } from "./body.ts";
import { readsOnly } from "./reading-work.ts";
import { TableAccess } from "./table-access.ts";

export interface TokenPort {
  readonly tokens: OwnTokens;
  /** Committed: whoever goes on with a token of the subject is told. */
  revoked(subject: string): void;
}

const MEMBERS = new Set(["subject", "roles", "tenant", "claims", "expires"]);
const USUAL_MS = 3_600_000;
/** What is taken as a credential, with room for the rest of a header. */
const TOKEN_LENGTH_MAX = 8_192;

export function signToken(body: Body, given: unknown): string {
  body.calls.assertOpen("ctx.token");
  const { core: { tokens, clock, random, limits }, caller } = body;
  if (tokens === undefined) throw fault("NOT_AVAILABLE", "Nothing signs tokens here.");
  if (body.work.readsOnly === true) throw readsOnly("ctx.token");
  if (typeof given !== "object" || given === null) throw new TypeError("ctx.token takes an object.");
  const options = given as { readonly [name: string]: unknown };
  for (const name of Object.keys(options)) if (!MEMBERS.has(name)) throw new TypeError(`ctx.token knows no ${name}; it takes ${[...MEMBERS].join(", ")}.`);
  const { subject, roles = [], claims = {}, tenant = caller.identity.tenant, expires } = options;
  if (typeof subject !== "string" || subject === "") throw new TypeError("ctx.token needs a subject, a text.");
  if (!Array.isArray(roles) || roles.some((role) => typeof role !== "string")) throw new TypeError("ctx.token takes roles as a list of texts.");
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) throw new TypeError("ctx.token takes claims as an object.");
  const { confinement } = caller.system;
  if ((tenant !== null && typeof tenant !== "string") || (confinement !== null && tenant !== confinement.tenant)) throw new TypeError("ctx.token takes no tenant but the caller's.");
  const now = clock.now();
  const expiresMs = expiresOf(expires, now);
  if (expiresMs <= now || expiresMs - now > limits.tokenMs) throw new TypeError(`ctx.token takes an end within limits.tokenMs (${limits.tokenMs} ms).`);
  const facts = subjectIdentity({ subject, roles: roles as string[], tenant, claims: JSON.parse(JSON.stringify(claims)) as { [name: string]: Json } });
  const token = tokens.tokens.sign({ subject, roles: facts.roles, tenant: facts.tenant, claims: facts.claims, issuedMs: now, expiresMs }, uuidv7(clock, random));
  if (token.length > TOKEN_LENGTH_MAX) throw new TypeError("ctx.token makes tokens of at most 8,192 characters: give it fewer claims.");
  return token;
}

/** A duration, a time, or nothing. */
function expiresOf(given: unknown, now: number): number {
  if (given === undefined || given === null) return now + USUAL_MS;
  if (given instanceof Date) return given.getTime();
  if (typeof given === "number") return given;
  const duration = typeof given === "string" ? parseDuration(given) : null;
  if (duration !== null) return now + durationMs(duration);
  const time = typeof given === "string" ? parseDateTime(given) : null;
  if (time === null) throw new TypeError("ctx.token takes expires as a duration such as PT1H, or a time.");
  return millisecondsOf(time);
}

/** With the transaction that it is part of: tokens of the app's own, and sessions where the subject is an account. */
export async function revokeSubject(body: Body, subject: unknown): Promise<void> {
  const { core: { tokens, clock, limits, catalog } } = body;
  if (tokens === undefined) throw fault("NOT_AVAILABLE", "Nothing signs tokens here.");
  if (typeof subject !== "string" || subject === "") throw new TypeError("ctx.revoke takes a subject, a text.");
  await body.work.effect({
    store({ connection }) { revokeTokens(connection, subject, { nowMs: clock.now(), expiredMs: clock.now() - limits.tokenMs }); },
    tell() { tokens.revoked(subject); },
  });
  const { account } = catalog;
  const key = account === undefined ? null : accountKey(subject, catalog.tables.get(account.table)!);
  if (key === null) return;
  // Within the caller's tenant: of another's people it ends nothing.
  if (await new TableAccess(body, body.table(account!.table), "system").get(key) === null) return;
  const sessions = new TableAccess(body, body.table(SESSION_TABLE), "system");
  for (const session of await sessions.find({ userId: key })) await sessions.remove(session["id"]);
}
