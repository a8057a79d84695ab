// The refusals of rules: 404 for what is invisible, 403 for what is visible but not permitted, 401 instead while nobody is signed in.
import { fault, type AmbitError } from "../base/error.ts";
import type { Authority } from "./authority.ts";

export type WriteVerb = "CREATE" | "UPDATE" | "DELETE";

const DOES = { CREATE: "create", UPDATE: "update", DELETE: "delete" } as const;

export function notFound(table: string): AmbitError {
  return fault("NOT_FOUND", `There is no ${table} with this key.`);
}

/** A record of a tenant table from somebody who belongs to no tenant. */
export function tenantless(authority: Authority | null, table: string): AmbitError {
  if (authority !== null && !authority.authenticated) return fault("UNAUTHENTICATED", `Sign in to create records of ${table}.`);
  return fault("FORBIDDEN", `Records of ${table} belong to tenants, and the caller to none.`, { fix: "Use a token or key that names a tenant." });
}

/** `stage` says where the rule failed; told in development only. */
export function denied(authority: Authority, table: string, verb: WriteVerb, stage: "role" | "stored record" | "final record"): AmbitError {
  const hint = authority.hint?.(table, verb) ?? null;
  const explained = authority.explainDenials ? { details: { table, verb, failedOn: stage }, ...(hint === null ? {} : { hint }) } : {};
  if (!authority.authenticated) return fault("UNAUTHENTICATED", `Sign in to ${DOES[verb]} records of ${table}.`, explained);
  return fault("FORBIDDEN", `You may not ${DOES[verb]} this record of ${table}.`, explained);
}

/** `fields` are readable: they may be named. */
export function fieldsDenied(authority: Authority, table: string, verb: WriteVerb, fields: readonly string[]): AmbitError {
  const doing = verb === "CREATE" ? "set" : "change";
  const message = fields.length === 0 ? `You may not ${doing} all of these fields of ${table}.` : `You may not ${doing} ${fields.join(", ")} of ${table}.`;
  const extras = fields.length === 0 ? {} : { details: { table, fields: [...fields] }, where: fields[0]! };
  return fault(authority.authenticated ? "FORBIDDEN" : "UNAUTHENTICATED", message, extras);
}
