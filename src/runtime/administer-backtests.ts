// `/admin/backtests`: begun with POST, which answers 202; listed with GET; and `/admin/backtests/ID`: how far it is, its report, and DELETE, which
// cancels. Each is an Operation.
import type { Exchange } from "../interfaces/http/exchange.ts";
import type { BacktestQuestion } from "../resources/decision-port.ts";
import type { Operation, Result } from "../resources/operation.ts";
import { parseBody, type AdministrationArea } from "./administration.ts";
import { readBacktest } from "./read-backtest.ts";

export function backtestsArea(dispatch: (operation: Operation) => Result | Promise<Result>): AdministrationArea {
  return {
    methods: ([, , id, ...more]) => (more.length > 0 ? [] : id === undefined ? ["GET", "HEAD", "POST"] : ["GET", "HEAD", "DELETE"]),
    route: ([, , id]) => (id === undefined ? "/admin/backtests" : "/admin/backtests/{id}"),
    status: ({ method }) => (method === "POST" ? 202 : 200),
    async answer(exchange) {
      const { identity, requestId, signal } = exchange;
      const { body } = await dispatch({ body: { kind: "decisions-overview", ask: await questionOf(exchange) }, identity, requestId, idempotency: null, request: null, signal });
      return body as object;
    },
  };
}

async function questionOf(exchange: Exchange): Promise<BacktestQuestion> {
  const [, , id] = exchange.segments;
  if (id !== undefined) return { do: exchange.method === "DELETE" ? "cancel-backtest" : "backtest-state", id };
  return exchange.method === "POST" ? { do: "backtest", request: readBacktest(parseBody(await exchange.body())) } : { do: "backtests" };
}
