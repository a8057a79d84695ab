// Connects the outbox with the served app: whom it may call, what it may read of the settings, and how answers come back as Operations.
import type { Clock } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { Json } from "../base/value.ts";
import { createOutboxSender, type OutboxSender, type SenderSettings } from "../jobs/outbox-sender.ts";
import type { Identity } from "../access/identity.ts";
import { readIdentity } from "../access/stored-identity.ts";
import type { Dispatcher } from "../resources/dispatch.ts";
import type { DispatchParts } from "../resources/dispatch-parts.ts";
import type { Outbox, Sending } from "../resources/send-request.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { Delivery } from "../storage/outbox.ts";
import type { AppConfig } from "./config.ts";
import { guardedFetch, outboundCall, outboundGuard } from "./outbound-http.ts";

export interface OutboxParts {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly forbidOutbound: boolean;
  /** What serves by then. */
  readonly current: () => { readonly config: AppConfig; readonly dispatcher: Dispatcher; renew(identity: Identity): Identity };
}

export function openOutbox({ storage, clock, random, log, forbidOutbound, current }: OutboxParts): OutboxSender {
  let known: { readonly config: AppConfig; readonly settings: SenderSettings } | null = null;
  const settings = (): SenderSettings => {
    const { config } = current();
    if (known?.config !== config) known = { config, settings: settingsOf(config, forbidOutbound, (delivery, request, settle) => tell(current(), delivery, { request, settle })) };
    return known.settings;
  };
  return createOutboxSender({ storage, clock, random, log, settings });
}

function settingsOf({ limits, secrets, mailUrl, outbound }: AppConfig, forbidOutbound: boolean, told: SenderSettings["tell"]): SenderSettings {
  const allowed = outbound?.allowPrivate ?? [];
  const mailHost = mailUrl === null ? [] : [hostOf(mailUrl)];
  return {
    limits, secrets, mailUrl, tell: told,
    call: outboundCall(outboundGuard(allowed, forbidOutbound)),
    callMail: outboundCall(outboundGuard([...allowed, ...mailHost], forbidOutbound)),
  };
}

type Telling = { readonly request: Parameters<SenderSettings["tell"]>[1]; readonly settle: Parameters<SenderSettings["tell"]>[2] };

/** With the rights that whoever sent the request has by now. */
async function tell({ dispatcher, renew }: ReturnType<OutboxParts["current"]>, { key, sender, answer }: Delivery, { request, settle }: Telling): Promise<void> {
  const { call, input } = request.then!;
  const { requestId } = sender as { readonly requestId: string };
  await dispatcher.dispatch({
    body: { kind: "answered", name: call, input: { ...input, answer: { key, ...(answer as { readonly [name: string]: Json }) } }, settle },
    identity: renew(readIdentity(JSON.stringify(sender))), requestId, idempotency: null, request: null, signal: null,
  });
}

/** For ctx.send of an app with these settings. */
export function sendingOf({ outbound, mailUrl, callbackSecret }: AppConfig, outbox: Outbox): Sending {
  return { outbox, guard: outboundGuard(outbound?.allowPrivate ?? [], false), callbackSecret, hasMail: mailUrl !== null };
}

/** For ctx.fetch: held to the same rule once config.yaml has `outbound`. */
export function fetchOf({ outbound }: AppConfig, forbidOutbound: boolean): DispatchParts["fetch"] {
  if (outbound !== null) return guardedFetch(outboundGuard(outbound.allowPrivate, forbidOutbound));
  return forbidOutbound ? loopbackFetch([]) : globalThis.fetch;
}

/** For models: their own addresses are config.yaml's, so they may be private. */
export function modelFetchOf({ outbound, models }: AppConfig, forbidOutbound: boolean): DispatchParts["fetch"] {
  const hosts = Object.values(models).flatMap(({ url }) => (url === null ? [] : [hostOf(url)]));
  if (forbidOutbound) return loopbackFetch(outbound?.allowPrivate ?? []);
  return outbound === null ? globalThis.fetch : guardedFetch(outboundGuard([...outbound.allowPrivate, ...hosts], false));
}

/** For tests: nobody but this machine, redirects included. */
function loopbackFetch(allowPrivate: readonly string[]): DispatchParts["fetch"] {
  return guardedFetch(outboundGuard([...allowPrivate, "localhost", "127.0.0.0/8", "::1"], true));
}

function hostOf(url: string): string {
  return new URL(url).hostname.replace(/^\[(.*)\]$/, "$1");
}
