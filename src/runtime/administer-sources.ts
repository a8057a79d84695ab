// `/admin/sources`: the administrator says that records of sources have changed there, as an Operation.
import type { Json } from "../base/value.ts";
import { fault } from "../base/error.ts";
import type { Operation, Result } from "../resources/operation.ts";
import type { AdministrationArea } from "./administration.ts";

type Dispatch = (operation: Operation) => Result | Promise<Result>;

/** `POST` of `{"invalidate": TABLE}` or `{"invalidate": TABLE, "id": ID}`. */
export function sourcesArea(dispatch: Dispatch): AdministrationArea {
  return {
    methods: (segments) => (segments.length === 2 ? ["POST"] : []),
    route: () => "/admin/sources",
    async answer(exchange) {
      const { table, id } = readRequest(await exchange.body());
      const { identity, requestId, signal } = exchange;
      const { body } = await dispatch({ body: { kind: "invalidate", table, id }, identity, requestId, idempotency: null, request: null, signal });
      return body as object;
    },
  };
}

function readRequest(bytes: Uint8Array): { readonly table: string; readonly id: Json } {
  const { invalidate, id = null, ...rest } = parseBody(bytes);
  const [unknown] = Object.keys(rest);
  if (unknown !== undefined) throw fault("VALIDATION_FAILED", `${unknown} is not known here.`, { where: unknown });
  if (typeof invalidate !== "string") throw fault("VALIDATION_FAILED", "There is nothing to do in it.", { fix: 'Send {"invalidate": TABLE, "id": ID}.' });
  return { table: invalidate, id };
}

function parseBody(bytes: Uint8Array): { readonly [name: string]: Json } {
  try {
    const body = JSON.parse(new TextDecoder().decode(bytes)) as Json;
    return typeof body === "object" && body !== null && !Array.isArray(body) ? body as { readonly [name: string]: Json } : {};
  } catch (error) {
    throw fault("MALFORMED_JSON", "The body is not JSON.", { cause: error });
  }
}
