// The URL of the next page: the same query, going on after the last row by its cursor.
import type { Exchange } from "../http/exchange.ts";
import type { PreparedQuery } from "./query-plans.ts";

/** Relative. What `offset` or Range skipped already lies behind the cursor. */
export function nextLink(exchange: Exchange, cursor: string, { query, plan }: PreparedQuery): string {
  const kept = exchange.query.split("&").filter((pair) => {
    const name = pair.split("=", 1)[0]!;
    return pair !== "" && name !== "after" && name !== "offset" && name !== "limit";
  });
  if (plan.limit !== null && (query.limit !== null || plan.limit !== query.plan.limit)) kept.push(`limit=${plan.limit}`);
  kept.push(`after=${cursor}`);
  return `${exchange.path}?${kept.join("&")}`;
}
