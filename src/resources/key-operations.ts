// API keys as Operations: made, listed and revoked by their holder, and by the administrator for anybody. Nobody makes a key that may more
// than they may, and no key makes keys. The token is in the answer that makes it and nowhere else.
import { createHash } from "node:crypto";
import { dateTimeOf, isDateTimeMs, millisecondsOf, parseDateTime } from "../base/date-time.ts";
import { didYouMean } from "../base/diagnostic.ts";
import { durationMs, parseDuration } from "../base/duration.ts";
import { fault } from "../base/error.ts";
import { uuidv7 } from "../base/random.ts";
import { isWellFormedText } from "../base/text.ts";
import type { Json } from "../base/value.ts";
import { isKnownEntry } from "../access/key-scope.ts";
import { isOfStoredKey, tokenOf } from "../access/stored-keys.ts";
import { readRate } from "../schema/build-usage.ts";
import { countKeys, insertKey, keyById, listKeys, removeEndedKeys, removeKey, type KeyRow } from "../storage/key-rows.ts";
import type { RawInput } from "../tables/write.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { KeyQuestion, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";
import { recordSecurity } from "./security-record.ts";

const TOKEN_BYTES = 32;
/** Removed with each new one. */
const ENDED_ROWS = 100;
const NAME_LENGTH_MAX = 200;
const SUBJECT_LENGTH_MAX = 255;
const ENTRIES_MAX = 100;
const INPUTS = ["name", "subject", "roles", "tenant", "only", "rate", "expires"];

export async function answerKey(core: DispatchCore, ask: KeyQuestion, caller: Caller): Promise<Result> {
  requireHolder(caller);
  switch (ask.do) {
    case "create": return createKey(core, ask.input, caller);
    case "revoke": return revokeKey(core, ask.id, caller);
    case "list": {
      const { identity } = caller;
      const subject = isAdministrator(caller) ? ask.subject : identity.subject;
      const rows = listKeys(core.storage.reader, { subject, after: ask.after, limit: ask.limit, ...tenantOf(caller) });
      return { ...nothing, body: rows.map(shown), nextCursor: rows.length === ask.limit ? rows.at(-1)!.id : null };
    }
  }
}

async function createKey(core: DispatchCore, input: RawInput, caller: Caller): Promise<Result> {
  const { clock, random, limits, storage } = core;
  const token = tokenOf(random.bytes(TOKEN_BYTES));
  const row: KeyRow = {
    ...rowOf(core, input, caller), id: uuidv7(clock, random), digest: createHash("sha256").update(token).digest("base64url"), createdMs: clock.now(),
  };
  await storage.commit((connection) => {
    removeEndedKeys(connection, clock.now(), ENDED_ROWS);
    const { all, own } = countKeys(connection, row.subject);
    if (all >= limits.keys) throw fault("OVERLOADED", "Too many keys are kept.");
    if (own >= limits.subjectKeys) throw fault("OVERLOADED", `${isAdministrator(caller) ? row.subject : "You"} may have ${limits.subjectKeys} keys.`, { fix: "Revoke one that is no longer used." });
    insertKey(connection, row);
    recordSecurity(core, connection, { event: "key-created", caller, about: row.subject, tenant: row.tenant, details: { key: row.id, roles: [...row.roles] } });
  });
  return { ...nothing, status: 201, createdId: row.id, body: { ...shown(row), token } };
}

async function revokeKey(core: DispatchCore, id: string, caller: Caller): Promise<Result> {
  const { storage, storedKeys } = core;
  const isTheirs = (row: KeyRow | null): row is KeyRow => row !== null && (isAdministrator(caller)
    ? caller.identity.tenant === null || row.tenant === caller.identity.tenant
    : row.subject === caller.identity.subject && row.tenant === caller.identity.tenant);
  const row = keyById(storage.reader, id);
  if (!isTheirs(row)) throw fault("NOT_FOUND", "There is no such key.");
  await storage.commit((connection) => {
    if (!removeKey(connection, id)) return;
    recordSecurity(core, connection, { event: "key-revoked", caller, about: row.subject, tenant: row.tenant, details: { key: id } });
  });
  storedKeys?.ended(id);
  return { ...nothing, status: 204, body: undefined };
}

/** What is asked for, checked, and held against what the caller may. */
function rowOf(core: DispatchCore, input: RawInput, caller: Caller): Omit<KeyRow, "id" | "digest" | "createdMs"> {
  const unknown = Object.keys(input).find((name) => !INPUTS.includes(name));
  if (unknown !== undefined) throw refused(unknown, "is not known here", didYouMean(unknown, INPUTS));
  const { identity } = caller;
  const isOwn = !isAdministrator(caller);
  const given = (name: string): unknown => input[name] ?? null;
  const subject = isOwn ? identity.subject! : textOf(given("subject"), "subject", SUBJECT_LENGTH_MAX);
  if (isOwn) for (const name of ["subject", "tenant"] as const) if (given(name) !== null && given(name) !== identity[name]) throw refused(name, "is your own, and cannot be another");
  if (!isOwn && identity.tenant !== null && given("tenant") !== null && given("tenant") !== identity.tenant) throw refused("tenant", "is not the one within which you act");
  const roles = given("roles") === null ? (isOwn ? identity.roles : []) : textsOf(given("roles"), "roles");
  const foreign = isOwn ? roles.find((role) => !identity.roles.includes(role)) : undefined;
  if (foreign !== undefined) throw fault("FORBIDDEN", `You have no role ${foreign} to give to a key.`, { where: "roles" });
  return {
    name: given("name") === null ? null : textOf(given("name"), "name", NAME_LENGTH_MAX), subject, roles, bound: bondOf(core, caller, subject),
    tenant: isOwn || identity.tenant !== null ? identity.tenant : given("tenant") === null ? null : textOf(given("tenant"), "tenant", SUBJECT_LENGTH_MAX),
    only: given("only") === null ? null : scopeOf(core, textsOf(given("only"), "only")),
    rate: given("rate") === null ? null : rateOf(given("rate")),
    expiresMs: given("expires") === null ? null : expiryOf(given("expires"), core.clock.now()),
  };
}

/** Who holds it by an account loses it with that. */
function bondOf({ storedKeys }: DispatchCore, caller: Caller, subject: string): KeyRow["bound"] {
  if (!isAdministrator(caller)) return caller.identity.isOfAccount === true ? "ROLES" : "NONE";
  return (storedKeys?.holderOf(subject) ?? null) === null ? "NONE" : "ACCOUNT";
}

function scopeOf({ catalog }: DispatchCore, entries: readonly string[]): readonly string[] {
  const unknown = entries.find((entry) => !isKnownEntry(entry, catalog));
  if (entries.length === 0) throw refused("only", "is empty: the key would be good for nothing");
  if (unknown !== undefined) throw refused("only", `names ${unknown}, which the app does not have: write Table, Table:READ, Table.action, or the name of an endpoint, channel or decision`);
  return entries;
}

function rateOf(rate: unknown): string {
  if (typeof rate === "string" && readRate(rate) !== null) return rate;
  throw refused("rate", 'must be a number per s, min, h or day, such as "60/min"');
}

/** A time, or so long from now. */
function expiryOf(expires: unknown, nowMs: number): number {
  const text = typeof expires === "string" ? expires : "";
  const [duration, time] = [parseDuration(text), parseDateTime(text)];
  const atMs = duration !== null ? nowMs + durationMs(duration) : time === null ? Number.NaN : millisecondsOf(time);
  if (isDateTimeMs(atMs) && atMs > nowMs) return atMs;
  throw refused("expires", "must be a time that is to come, or a duration such as P90D");
}

function textOf(value: unknown, where: string, lengthMax: number): string {
  if (typeof value === "string" && value !== "" && value.length <= lengthMax && isWellFormedText(value)) return value;
  throw refused(where, `must be text of 1 to ${lengthMax} characters`);
}

function textsOf(value: unknown, where: string): readonly string[] {
  if (Array.isArray(value) && value.length <= ENTRIES_MAX) return [...new Set(value.map((one) => textOf(one, where, SUBJECT_LENGTH_MAX)))];
  throw refused(where, `must be a list of at most ${ENTRIES_MAX} names`);
}

/** Everything but the token. */
function shown({ id, name, subject, roles, tenant, only, rate, createdMs, expiresMs }: KeyRow): { readonly [name: string]: Json } {
  return { id, name, subject, roles: [...roles], tenant, only: only === null ? null : [...only], rate, createdAt: dateTimeOf(createdMs), expiresAt: expiresMs === null ? null : dateTimeOf(expiresMs) };
}

/** A credential that is long-lived is made by somebody who has come in another way. */
function requireHolder({ identity, rights }: Caller): void {
  if (identity.kind === "anonymous") throw rights.refusal("have keys");
  if (identity.isOfKey === true || isOfStoredKey(identity)) throw fault("FORBIDDEN", "Who came with a key deals with no keys.", { fix: "Sign in, or act as the administrator." });
}

function isAdministrator({ rights }: Caller): boolean {
  return rights.administrator;
}

function tenantOf({ identity, rights }: Caller): { readonly tenant?: string | null } {
  return rights.administrator && identity.tenant === null ? {} : { tenant: identity.tenant };
}

function refused(where: string, what: string, meant: string | null = null): Error {
  return fault("VALIDATION_FAILED", `${where} ${what}.`, { where, ...(meant === null ? {} : { fix: `Did you mean ${meant}?` }) });
}
