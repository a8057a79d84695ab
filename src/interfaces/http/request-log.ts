// One structured line for each answered request: who (hashed), what route, how it went. Never a path, query or value as sent.
import { createHash } from "node:crypto";
import type { Identity } from "../../access/identity.ts";
import type { LineLog } from "../../base/log.ts";
import { thousandths } from "./fixed-point.ts";

/** What the log says of a request. */
export interface LoggedRequest {
  /** Of letters, digits and `._:-` only. */
  readonly requestId: string;
  readonly method: string;
  readonly route: string;
  /** Null: nobody looked. */
  readonly caller: Identity | null;
  /** Worked out only for refusals and faults, where it matters. */
  readonly address: string;
}

export interface RequestLog {
  write(request: LoggedRequest, status: number, durationMs: number): void;
}

const EVENT = "request-answered";
/** A guard: routes and methods are few. */
const MIDDLES_MAX = 10_000;

export function createRequestLog(log: LineLog): RequestLog {
  const subjects = new WeakMap<Identity, string>();
  const middles = new Map<string, Map<string, Map<number, string>>>();
  let count = 0;
  const subjectOf = (identity: Identity): string => {
    let name = subjects.get(identity);
    if (name === undefined) {
      name = identity.subject === null ? identity.kind : createHash("sha256").update(identity.subject).digest("hex").slice(0, 16);
      subjects.set(identity, name);
    }
    return name;
  };
  /** The members between the request's name and its time: few different ones, so each is written once. */
  const middleOf = ({ method, route }: LoggedRequest, status: number): string => {
    const known = middles.get(route)?.get(method)?.get(status);
    if (known !== undefined) return known;
    if (++count > MIDDLES_MAX) {
      middles.clear();
      count = 1;
    }
    let byMethod = middles.get(route);
    if (byMethod === undefined) middles.set(route, byMethod = new Map());
    let byStatus = byMethod.get(method);
    if (byStatus === undefined) byMethod.set(method, byStatus = new Map());
    const middle = `","method":${JSON.stringify(method)},"route":${JSON.stringify(route)},"status":${status},"durationMs":`;
    byStatus.set(status, middle);
    return middle;
  };
  return {
    write(request, status, durationMs) {
      const subject = request.caller === null ? null : subjectOf(request.caller);
      if (status < 500 && status !== 401 && status !== 403 && status !== 429) {
        log.infoText(EVENT, `"requestId":"${request.requestId}${middleOf(request, status)}${thousandths(durationMs)},"subject":${subject === null ? "null" : `"${subject}"`}`);
        return;
      }
      const { requestId, method, route } = request;
      const fields = { requestId, method, route, status, durationMs: Math.round(durationMs * 1_000) / 1_000, subject, client: request.address };
      if (status >= 500) log.warn(EVENT, fields);
      else log.info(EVENT, fields);
    },
  };
}
