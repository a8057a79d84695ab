// `POST /admin/forget` of `{"subject": "..."}`: an Operation, for the administrator.
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { Operation, Result } from "../resources/operation.ts";
import { parseBody, type AdministrationArea } from "./administration.ts";

export function forgettingArea(dispatch: (operation: Operation) => Result | Promise<Result>): AdministrationArea {
  return {
    methods: ([, , ...more]) => (more.length > 0 ? [] : ["POST"]),
    route: () => "/admin/forget",
    async answer(exchange) {
      exchange.unhurried();
      const { identity, requestId, signal } = exchange;
      const { body } = await dispatch({ body: { kind: "forget", subject: subjectIn(parseBody(await exchange.body())) }, identity, requestId, idempotency: null, request: null, signal });
      return body as object;
    },
  };
}

function subjectIn(body: Json): string {
  const { subject, ...rest } = (typeof body === "object" && body !== null && !Array.isArray(body) ? body : {}) as { readonly [name: string]: Json };
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw fault("VALIDATION_FAILED", `${unknown} is not known here.`, { where: unknown });
  if (typeof subject !== "string" || subject === "") throw fault("VALIDATION_FAILED", "subject is missing.", { where: "subject", fix: 'Send {"subject": "u1"}, or {"subject": "Customer:42"} for what is known of a record.' });
  return subject;
}
