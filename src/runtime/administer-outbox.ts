// `/admin/outbox`, `/admin/outbox/NUMBER`, and `/replay` and `/cancel` behind it: each is an Operation, for the administrator.
import { fault } from "../base/error.ts";
import type { Exchange } from "../interfaces/http/exchange.ts";
import type { Operation, OutboxQuestion, Result } from "../resources/operation.ts";
import type { OutboxState } from "../storage/outbox.ts";
import type { AdministrationArea } from "./administration.ts";

const STATES: readonly OutboxState[] = ["waiting", "answered", "delivered", "dead"];
const PAGE_ROWS = 100;
const PAGE_ROWS_MAX = 1_000;

export function outboxArea(dispatch: (operation: Operation) => Result | Promise<Result>): AdministrationArea {
  return {
    methods: ([, , number, verb, ...more]) => {
      if (more.length > 0) return [];
      if (verb !== undefined) return verb === "replay" || verb === "cancel" ? ["POST"] : [];
      return number === "" ? [] : ["GET", "HEAD"];
    },
    route: ([, , number, verb]) => `/admin/outbox${number === undefined ? "" : "/{number}"}${verb === undefined ? "" : `/${verb}`}`,
    async answer(exchange) {
      const { identity, requestId, signal } = exchange;
      const result = await dispatch({ body: { kind: "outbox", ask: questionOf(exchange) }, identity, requestId, idempotency: null, request: null, signal });
      return result.body as object;
    },
  };
}

function questionOf({ segments: [, , text, verb], query }: Exchange): OutboxQuestion {
  if (text === undefined) return listing(new URLSearchParams(query));
  const number = countOf(text);
  if (number === null) throw fault("NOT_FOUND", `The outbox has no delivery ${text}.`);
  return { do: verb === "replay" || verb === "cancel" ? verb : "find", number };
}

function listing(query: URLSearchParams): OutboxQuestion {
  const unknown = [...query.keys()].find((name) => !["state", "limit", "before"].includes(name));
  if (unknown !== undefined) throw fault("UNKNOWN_PARAMETER", "Deliveries are listed by state, limit and before.", { where: unknown, fix: "Remove it." });
  const state = query.get("state");
  if (state !== null && !isState(state)) throw fault("MALFORMED_QUERY", "There is no such state.", { where: "state", fix: `Use one of: ${STATES.join(", ")}.` });
  const limit = countOf(query.get("limit") ?? String(PAGE_ROWS));
  if (limit === null || limit > PAGE_ROWS_MAX) throw fault("MALFORMED_QUERY", `A page has from 1 to ${PAGE_ROWS_MAX} deliveries.`, { where: "limit" });
  const before = query.get("before");
  if (before !== null && countOf(before) === null) throw fault("MALFORMED_QUERY", "before is the number of a delivery.", { where: "before" });
  return { do: "list", state, limit, before: before === null ? null : countOf(before) };
}

function isState(text: string): text is OutboxState {
  return STATES.includes(text as OutboxState);
}

function countOf(text: string): number | null {
  return /^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : null;
}
