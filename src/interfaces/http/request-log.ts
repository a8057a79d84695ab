// One structured line for each answered request: who (hashed), what route, how it went. Never a path, query or value as sent.
import { createHash } from "node:crypto";
import type { Identity } from "../../access/identity.ts";
import type { Log } from "../../base/log.ts";

export interface AnsweredRequest {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  readonly status: number;
  readonly durationMs: number;
  readonly identity: Identity | null;
  /** Worked out only for refusals, where it matters. */
  readonly clientAddress: () => string;
}

export interface RequestLog {
  write(answered: AnsweredRequest): void;
}

export function createRequestLog(log: Log): RequestLog {
  const subjects = new WeakMap<Identity, string>();
  const subjectOf = (identity: Identity): string => {
    let name = subjects.get(identity);
    if (name === undefined) {
      name = identity.subject === null ? identity.kind : createHash("sha256").update(identity.subject).digest("hex").slice(0, 16);
      subjects.set(identity, name);
    }
    return name;
  };
  return {
    write({ requestId, method, route, status, durationMs, identity, clientAddress }) {
      const fields = { requestId, method, route, status, durationMs: Math.round(durationMs * 1_000) / 1_000, subject: identity === null ? null : subjectOf(identity) };
      if (status === 401 || status === 403 || status === 429) log.info("request-answered", { ...fields, client: clientAddress() });
      else if (status >= 500) log.warn("request-answered", { ...fields, client: clientAddress() });
      else log.info("request-answered", fields);
    },
  };
}
