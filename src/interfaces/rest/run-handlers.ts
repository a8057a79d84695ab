// /runs/{id}: how a run of a job stands, and its end before its time.
import type { Answer } from "../http/exchange.ts";
import { textOf } from "./rest-answer.ts";
import type { RestRequest } from "./rest-request.ts";

export async function answerRun(request: RestRequest, id: string): Promise<Answer> {
  const cancels = request.exchange.method === "DELETE";
  const bytes = cancels ? await request.exchange.body() : null;
  const { status, body } = await request.dispatch({ kind: "run", ask: { do: cancels ? "cancel" : "find", id } }, bytes);
  return { status, headers: { "content-type": "application/json", "cache-control": "private, no-store" }, body: textOf(body) };
}
