// The administrator's view of the outbox: what waits, what was answered, dead letters; sending one again, giving one up.
import { fault } from "../base/error.ts";
import type { OutboxSender } from "../jobs/outbox-sender.ts";
import type { Exchange } from "../interfaces/http/exchange.ts";
import type { Storage } from "../storage/open-storage.ts";
import { findDelivery, listDeliveries, type Delivery, type OutboxState } from "../storage/outbox.ts";
import type { AdministrationArea } from "./administration.ts";

const STATES: readonly OutboxState[] = ["waiting", "answered", "delivered", "dead"];
const PAGE_ROWS = 100;
const PAGE_ROWS_MAX = 1_000;

/** `/admin/outbox`, `/admin/outbox/NUMBER`, and `/replay` and `/cancel` behind it. */
export function outboxArea(storage: Storage, sender: OutboxSender): AdministrationArea {
  return {
    methods: ([, , number, verb, ...more]) => {
      if (more.length > 0) return [];
      if (verb !== undefined) return verb === "replay" || verb === "cancel" ? ["POST"] : [];
      return number === "" ? [] : ["GET", "HEAD"];
    },
    route: ([, , number, verb]) => `/admin/outbox${number === undefined ? "" : "/{number}"}${verb === undefined ? "" : `/${verb}`}`,
    async answer(exchange) {
      const [, , text, verb] = exchange.segments;
      if (text === undefined) return list(exchange, storage);
      const number = /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : 0;
      if (verb === "replay" || verb === "cancel") return change(sender, verb, { number, known: findDelivery(storage.reader, number) !== null });
      const delivery = findDelivery(storage.reader, number);
      if (delivery === null) throw fault("NOT_FOUND", `The outbox has no delivery ${text}.`);
      return { ...shown(delivery), body: delivery.body === null ? null : new TextDecoder().decode(delivery.body) };
    },
  };
}

async function change(sender: OutboxSender, verb: "replay" | "cancel", { number, known }: { readonly number: number; readonly known: boolean }): Promise<object> {
  if (!known) throw fault("NOT_FOUND", `The outbox has no delivery ${number}.`);
  if (verb === "replay") {
    if (!await sender.replay(number)) throw fault("CONFLICT", "Only a dead letter is sent again.");
    return { number, replayed: true };
  }
  if (!await sender.cancel(number)) throw fault("CONFLICT", "Only what waits can be given up.");
  return { number, cancelled: true };
}

function list({ query }: Exchange, { reader }: Storage): object {
  const given = new URLSearchParams(query);
  const state = given.get("state");
  if (state !== null && !STATES.includes(state as OutboxState)) throw fault("MALFORMED_QUERY", "There is no such state.", { where: "state", fix: `Use one of: ${STATES.join(", ")}.` });
  const limit = countOf(given.get("limit"), "limit") ?? PAGE_ROWS;
  if (limit > PAGE_ROWS_MAX) throw fault("MALFORMED_QUERY", `A page has at most ${PAGE_ROWS_MAX} deliveries.`, { where: "limit" });
  const deliveries = listDeliveries(reader, { state: state as OutboxState | null, before: countOf(given.get("before"), "before"), limit });
  return { deliveries: deliveries.map(shown), next: deliveries.length < limit ? null : deliveries.at(-1)!.number };
}

function countOf(text: string | null, where: string): number | null {
  if (text === null) return null;
  if (!/^[1-9][0-9]{0,14}$/.test(text)) throw fault("MALFORMED_QUERY", `${where} is a whole number from 1 on.`, { where });
  return Number(text);
}

function shown({ number, key, state, order, host, dueMs, attempts, request, sender, created, finished, answer, problem }: Delivery): object {
  return { number, key, state, order, host, due: dueMs === null ? null : new Date(dueMs).toISOString(), attempts, request, sender, created, finished, answer, problem };
}
