// `/auth/...` in front of another handler: sign-in over HTTP, with its cookies. What it means is behind the dispatcher.
import type { AccountRequest } from "../../access/accounts/account-store.ts";
import { fault } from "../../base/error.ts";
import type { Operation, Result } from "../../resources/operation.ts";
import type { Answer, Exchange, HttpHandler } from "./exchange.ts";

export interface AccountRoutes {
  dispatch(operation: Operation): Result | Promise<Result>;
  /** Methods of a path behind `/auth`; none: nothing is there. */
  methods(path: string): Promise<readonly string[]>;
}

export function withAccounts(next: HttpHandler, routes: AccountRoutes): HttpHandler {
  return {
    handle: (exchange) => (exchange.segments[0] === "auth" ? answer(exchange, routes) : next.handle(exchange)),
    // Which of them there are is told by the answer alone.
    methods: (segments) => (segments[0] === "auth" && segments.length > 1 ? ["GET", "POST", "OPTIONS"] : next.methods(segments)),
  };
}

async function answer(exchange: Exchange, routes: AccountRoutes): Promise<Answer> {
  const path = exchange.path.slice("/auth".length);
  // Names with other characters than these are none of ours.
  if (!/^(\/[A-Za-z0-9_.~:-]{1,200}){1,4}$/.test(path)) throw fault("NOT_FOUND", "Nothing is at this path.");
  const methods = await routes.methods(path);
  if (methods.length === 0) throw fault("NOT_FOUND", "Nothing is at this path.");
  if (!methods.includes(exchange.method)) throw fault("METHOD_NOT_ALLOWED", "The path does not answer to this method.", { headers: { allow: [...methods, "OPTIONS"].join(", ") } });
  exchange.route = `/auth${path.split("/").slice(0, 3).join("/").replace(/^\/(callback|reset-password)\/.*/, "/$1/{}")}`;
  const request: AccountRequest = {
    method: exchange.method, path, query: exchange.query, headers: exchange.headers(), body: exchange.method === "POST" ? await exchange.body() : null, address: exchange.address ?? "",
  };
  const { account } = await routes.dispatch({ body: { kind: "account", request }, identity: exchange.identity, requestId: exchange.requestId, idempotency: null, request: null, signal: exchange.signal });
  return { status: account!.status, headers: { ...account!.headers }, cookies: account!.cookies, body: account!.body };
}
