// One structured line for each answered request: who (hashed), what route, how it went. Never a path, query or value as sent.
import { createHash } from "node:crypto";
import type { Identity } from "../../access/identity.ts";
import type { Log } from "../../base/log.ts";

/** What the log says of a request. */
export interface LoggedRequest {
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  /** Null: nobody looked. */
  readonly caller: Identity | null;
  /** Worked out only for refusals and faults, where it matters. */
  clientAddress(): string;
}

export interface RequestLog {
  write(request: LoggedRequest, status: number, durationMs: number): void;
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
    write(request, status, durationMs) {
      const { requestId, method, route, caller } = request;
      // Whole microseconds: fractions take longer to write than everything else in the line.
      const fields = { requestId, method, route, status, durationUs: Math.round(durationMs * 1_000), subject: caller === null ? null : subjectOf(caller) };
      if (status >= 500) log.warn("request-answered", { ...fields, client: request.clientAddress() });
      else if (status === 401 || status === 403 || status === 429) log.info("request-answered", { ...fields, client: request.clientAddress() });
      else log.info("request-answered", fields);
    },
  };
}
