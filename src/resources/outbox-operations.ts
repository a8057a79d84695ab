// The outbox for the administrator of the whole app: what waits, what was answered, dead letters; sending one again, giving one up.
import { dateTimeOf } from "../base/date-time.ts";
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import { findDelivery, listDeliveries, type Delivery } from "../storage/outbox.ts";
import type { Caller } from "./body.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { OutboxQuestion, Result } from "./operation.ts";
import { nothing } from "./read-operations.ts";

/** Throws NOT_FOUND for what was never there or is kept no longer, CONFLICT for what cannot be done with it any more. */
export async function answerOutbox(core: DispatchCore, ask: OutboxQuestion, caller: Caller): Promise<Result> {
  requireAdministrator(caller);
  const { storage: { reader }, sending: { outbox } } = core;
  if (ask.do === "list") {
    const deliveries = listDeliveries(reader, ask);
    return { ...nothing, body: { deliveries: deliveries.map(shown), next: deliveries.length < ask.limit ? null : deliveries.at(-1)!.number } };
  }
  const { number } = ask;
  const delivery = findDelivery(reader, number);
  if (delivery === null) throw fault("NOT_FOUND", `The outbox has no delivery ${number}.`);
  switch (ask.do) {
    case "find": return { ...nothing, body: { ...shown(delivery), body: delivery.body === null ? null : new TextDecoder().decode(delivery.body) } };
    case "replay":
      if (!await outbox.replay(number)) throw fault("CONFLICT", "Only a dead letter is sent again.");
      return { ...nothing, body: { number, replayed: true } };
    case "cancel":
      if (!await outbox.cancel(number)) throw fault("CONFLICT", "Only what waits can be given up.");
      return { ...nothing, body: { number, cancelled: true } };
  }
}

function requireAdministrator({ rights, identity }: Caller): void {
  const message = "The outbox is the administrator's.";
  if (!rights.administrator) throw identity.kind === "anonymous" ? fault("UNAUTHENTICATED", message) : fault("FORBIDDEN", message);
  if (identity.tenant !== null) throw fault("FORBIDDEN", "The outbox is of the whole app, not of one tenant.");
}

function shown({ number, key, state, order, host, dueMs, attempts, request, sender, created, finished, answer, problem }: Delivery): { readonly [name: string]: Json } {
  return { number, key, state, order: order === null ? null : (JSON.parse(order) as [string, string])[1], host, due: dueMs === null ? null : dateTimeOf(dueMs), attempts, request, sender, created, finished, answer, problem };
}
