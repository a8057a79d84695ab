// `/admin/decisions`: which there are, in which mode, and what they came to and spent; payloads of runs are erased; and `/admin/decisions/NAME`, where a
// mode is lowered. Each is an Operation.
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Exchange } from "../interfaces/http/exchange.ts";
import type { DecisionsQuestion } from "../resources/decision-port.ts";
import { JsonText, type Operation, type OperationBody, type Result } from "../resources/operation.ts";
import { parseBody, type AdministrationArea } from "./administration.ts";

type Dispatch = (operation: Operation) => Result | Promise<Result>;

const DAYS_MAX = 90;

/** `GET ?days=`; `POST` of `{"erase": RUN}`; of a name, of `{"mode": "OFF"}`, or of `{"mode": null}` for that of the schema. */
export function decisionsArea(dispatch: Dispatch): AdministrationArea {
  return {
    methods: ([, , name, ...more]) => (more.length > 0 ? [] : name === undefined ? ["GET", "HEAD", "POST"] : ["POST"]),
    route: ([, , name]) => (name === undefined ? "/admin/decisions" : "/admin/decisions/{name}"),
    async answer(exchange) {
      const [, , name] = exchange.segments;
      if (exchange.method !== "POST") return ask(exchange, dispatch, { kind: "decisions-overview", ask: listing(exchange) });
      const body = parseBody(await exchange.body());
      if (name === undefined) return ask(exchange, dispatch, { kind: "decisions-overview", ask: erasure(body) });
      return ask(exchange, dispatch, { kind: "decision-mode", name, mode: modeIn(body) });
    },
  };
}

function listing(exchange: Exchange): DecisionsQuestion {
  const query = new URLSearchParams(exchange.query);
  const unknown = [...query.keys()].find((name) => name !== "days");
  if (unknown !== undefined) throw fault("UNKNOWN_PARAMETER", "Decisions are listed by days.", { where: unknown, fix: "Remove it." });
  const days = Number(query.get("days") ?? 1);
  if (!(Number.isInteger(days) && days >= 1 && days <= DAYS_MAX)) throw fault("MALFORMED_QUERY", `days is from 1, today, to ${DAYS_MAX}.`, { where: "days" });
  return { do: "list", days };
}

function erasure(body: Json): DecisionsQuestion {
  const { erase } = only(body, "erase");
  if (typeof erase !== "string") throw fault("VALIDATION_FAILED", "erase is missing.", { where: "erase", fix: 'Send {"erase": RUN}.' });
  return { do: "erase", run: erase };
}

function modeIn(body: Json): string | null {
  const { mode } = only(body, "mode");
  if (mode !== null && typeof mode !== "string") throw fault("VALIDATION_FAILED", "mode is missing.", { where: "mode", fix: 'Send {"mode": "OFF"}, or null for that of the schema.' });
  return mode;
}

function only(body: Json, name: string): { readonly [name: string]: Json | undefined } {
  const members = typeof body === "object" && body !== null && !Array.isArray(body) ? body : {};
  const unknown = Object.keys(members).find((one) => one !== name);
  if (unknown !== undefined) throw fault("VALIDATION_FAILED", `${unknown} is not known here.`, { where: unknown });
  return members as { readonly [name: string]: Json };
}

async function ask({ identity, requestId, signal }: Exchange, dispatch: Dispatch, body: OperationBody): Promise<object> {
  const { body: answer } = await dispatch({ body, identity, requestId, idempotency: null, request: null, signal });
  return (answer instanceof JsonText ? JSON.parse(answer.text) : answer) as object;
}
