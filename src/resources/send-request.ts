// ctx.send: an HTTP request, or a mail, that goes out if and only if the transaction commits. It is a row of the same commit; who sends it
// is behind the port `Outbox`.
import { fault } from "../base/error.ts";
import { millisecondsOf } from "../base/date-time.ts";
import { uuidv7 } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import { addDelivery } from "../storage/outbox.ts";
import type { Body } from "./body.ts";
import type { OutboundGuard } from "./outbound-guard.ts";
import { readOutgoing, type ReadRequest } from "./outgoing-request.ts";

/** What of the outbox the rest of the app sees. */
export interface Outbox {
  /** Not sent yet. */
  readonly unfinished: number;
  /** One more was committed. */
  added(): void;
  /** Sends a dead letter again. False: it is none. */
  replay(number: number): Promise<boolean>;
  /** Makes a dead letter of one that waits. False: it does not. */
  cancel(number: number): Promise<boolean>;
}

/** What a dispatcher needs for ctx.send. */
export interface Sending {
  readonly outbox: Outbox;
  readonly guard: Pick<OutboundGuard, "check">;
  /** The name of the secret that signs callbacks; null: there are none. */
  readonly callbackSecret: string | null;
  /** `mail.url` is set. */
  readonly hasMail: boolean;
}

/** Answers what the receiver tells repetitions by. */
export async function sendRequest(body: Body, given: unknown): Promise<string> {
  const { catalog, limits, secrets, sending, clock, random } = body.core;
  const read = readOutgoing(given, { catalog, limits, secrets, guard: sending.guard });
  const key = read.key ?? uuidv7(clock, random);
  if (read.mail !== null && !sending.hasMail) await withoutMail(body, read.mail);
  else await keep(body, read, key);
  return key;
}

async function keep(body: Body, { request, host, orderKey, body: bytes }: ReadRequest, key: string): Promise<void> {
  const { limits, sending: { outbox } } = body.core;
  const { identity: { kind, subject, roles, tenant, claims, isOfKey, isOfAccount, isOfWebhook, credential, only }, requestId } = body.caller;
  const scope = tenant ?? "";
  const traceparent = body.core.tracer.traceparent();
  let isAdded = false;
  await body.work.effect({
    store({ connection, now }) {
      if (outbox.unfinished >= limits.outboxWaiting) throw fault("OVERLOADED", `More than ${limits.outboxWaiting} requests wait to be sent.`, { retryAfterS: 60 });
      isAdded = addDelivery(connection, {
        scope, key, host, order: orderKey === null ? null : JSON.stringify([scope, orderKey]), dueMs: millisecondsOf(now), created: now,
        request: request as unknown as Json, body: bytes,
        sender: { kind, subject, roles: [...roles], tenant, claims, requestId, ...(isOfKey === true ? { isOfKey } : {}), ...(isOfAccount === true ? { isOfAccount } : {}), ...(isOfWebhook === true ? { isOfWebhook } : {}), ...(credential === undefined ? {} : { credential }), ...(only === undefined ? {} : { only: [...only] }), ...(traceparent === null ? {} : { traceparent }) },
      });
    },
    tell() { if (isAdded) outbox.added(); },
  });
}

/** While developing it is enough to see that there would be one. */
async function withoutMail({ core, caller, work }: Body, { to, subject }: NonNullable<ReadRequest["mail"]>): Promise<void> {
  if (!core.development) throw fault("MAIL_MISSING", "The app sends a mail, but config.yaml does not say through whom.");
  await work.effect({ tell() { core.log.info("mail-not-sent", { requestId: caller.requestId, to, subject }); } });
}
