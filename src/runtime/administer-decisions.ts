// `/admin/decisions`: which there are, in which mode; and `/admin/decisions/NAME`, where a mode is lowered. Each is an Operation.
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Exchange } from "../interfaces/http/exchange.ts";
import { JsonText, type Operation, type OperationBody, type Result } from "../resources/operation.ts";
import { parseBody, type AdministrationArea } from "./administration.ts";

type Dispatch = (operation: Operation) => Result | Promise<Result>;

/** `POST` of `{"mode": "OFF"}`, or of `{"mode": null}` for that of the schema. */
export function decisionsArea(dispatch: Dispatch): AdministrationArea {
  return {
    methods: ([, , name, ...more]) => (more.length > 0 ? [] : name === undefined ? ["GET", "HEAD"] : ["POST"]),
    route: ([, , name]) => (name === undefined ? "/admin/decisions" : "/admin/decisions/{name}"),
    async answer(exchange) {
      const [, , name] = exchange.segments;
      if (name === undefined) return ask(exchange, dispatch, { kind: "decisions" });
      return ask(exchange, dispatch, { kind: "decision-mode", name, mode: modeIn(parseBody(await exchange.body())) });
    },
  };
}

function modeIn(body: Json): string | null {
  const { mode, ...rest } = (typeof body === "object" && body !== null && !Array.isArray(body) ? body : {}) as { readonly [name: string]: Json };
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw fault("VALIDATION_FAILED", `${unknown} is not known here.`, { where: unknown });
  if (mode !== null && typeof mode !== "string") throw fault("VALIDATION_FAILED", "mode is missing.", { where: "mode", fix: 'Send {"mode": "OFF"}, or null for that of the schema.' });
  return mode;
}

async function ask({ identity, requestId, signal }: Exchange, dispatch: Dispatch, body: OperationBody): Promise<object> {
  const { body: answer } = await dispatch({ body, identity, requestId, idempotency: null, request: null, signal });
  return (answer instanceof JsonText ? JSON.parse(answer.text) : answer) as object;
}
