// The callback of a run: a signed request that goes out with the run's end, through the outbox, to whom whoever asked has named. Its key is the run's, so
// that it is there once, and its receiver can tell repetitions.
import { readIdentity } from "../../access/stored-identity.ts";
import { fault } from "../../base/error.ts";
import type { Json } from "../../base/value.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { OutgoingRequest } from "../../resources/outgoing-request.ts";
import type { Connection } from "../../storage/connection.ts";
import { callbackKey, type AdmittedRun } from "../../storage/decision-rows.ts";
import { addDelivery } from "../../storage/outbox.ts";
import { dateTimeOf } from "../../base/date-time.ts";
import { reasonClass, type DecisionAnswer, type Ending } from "./ending.ts";

/** As it is kept with the run. `sign`: the name of a secret. */
interface Callback { readonly url: string; readonly sign: string; /** Of the request that asked. */ readonly traceparent?: string }

/** JSON. Throws OUTBOUND_REFUSED for an address, VALIDATION_FAILED where nothing signs it, OVERLOADED. */
export function readCallback(text: string, { identity, core }: { readonly identity: { readonly kind: string }; readonly core: DispatchCore }): string {
  const { sending: { outbox, guard, callbackSecret }, limits } = core;
  if (identity.kind === "anonymous") throw fault("UNAUTHENTICATED", "Who is not signed in is not called back.");
  if (callbackSecret === null) throw fault("VALIDATION_FAILED", "Nobody is called back: nothing signs callbacks.", { where: "Ambit-Callback", fix: "Name a secret as callbacks.sign in config.yaml." });
  if (!URL.canParse(text) || Buffer.byteLength(text) > limits.urlBytes) throw fault("OUTBOUND_REFUSED", "Nobody is called back: the URL cannot be read.", { where: "Ambit-Callback", fix: "Give a whole URL, such as https://example.com/decided." });
  const url = new URL(text);
  guard.check(url);
  url.hash = "";
  if (outbox.unfinished >= limits.outboxWaiting) throw fault("OVERLOADED", `More than ${limits.outboxWaiting} requests wait to be sent.`, { retryAfterS: 60 });
  const traceparent = core.tracer.traceparent();
  const callback: Callback = { url: url.href, sign: callbackSecret, ...(traceparent === null ? {} : { traceparent }) };
  return JSON.stringify(callback);
}

/** In the commit of the run's end. */
export function addCallback(connection: Connection, admitted: AdmittedRun, { ending, answer, nowMs }: { readonly ending: Ending; readonly answer: DecisionAnswer; readonly nowMs: number }): void {
  if (admitted.callback === null) return;
  const { url, sign, traceparent } = JSON.parse(admitted.callback) as Callback;
  const body = {
    run: admitted.id, decision: admitted.name, state: ending.state, status: answer.status, source: ending.source, reason: reasonClass(ending.reason),
    taint: ending.isUntrusted ? "UNTRUSTED" : null, answer: JSON.parse(answer.body) as Json, tells: ending.tells,
  };
  const request: OutgoingRequest = { url, method: "POST", headers: { "content-type": "application/json" }, sign, bearer: null, attempts: null, giveUpOn: [GONE], then: null };
  const { kind, subject, roles, tenant } = readIdentity(admitted.caller);
  addDelivery(connection, {
    scope: admitted.tenant ?? "", key: callbackKey(admitted.id), order: null, host: new URL(url).host, dueMs: nowMs, created: dateTimeOf(nowMs),
    request: request as unknown as Json, body: Buffer.from(JSON.stringify(body)), sender: { kind, subject, roles: [...roles], tenant, claims: {}, requestId: admitted.id, ...(traceparent === undefined ? {} : { traceparent }) },
  });
}

/** Once that commit is durable. */
export function callbackAdded(admitted: AdmittedRun, core: DispatchCore): void {
  if (admitted.callback !== null) core.sending.outbox.added();
}

const GONE = 410;
