// `/admin/jobs`: runs listed, replayed, cancelled and enqueued by the administrator, each as an Operation.
import type { Json } from "../base/value.ts";
import { fault } from "../base/error.ts";
import type { Exchange } from "../interfaces/http/exchange.ts";
import { JsonText, type Operation, type Result, type RunQuestion } from "../resources/operation.ts";
import type { ToldState } from "../storage/job-rows.ts";
import type { RawInput } from "../tables/write.ts";
import { parseBody, type AdministrationArea } from "./administration.ts";

type Dispatch = (operation: Operation) => Result | Promise<Result>;

const STATES: readonly string[] = ["SCHEDULED", "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"] satisfies readonly ToldState[];
const ROWS = 100;
const ROWS_MAX = 1_000;

/** `GET /admin/jobs?state=&job=&limit=&after=`, and `POST` of `{"replay": ID}`, `{"cancel": ID}` or `{"enqueue": JOB, "input": {}, "options": {}}`. */
export function jobsArea(dispatch: Dispatch): AdministrationArea {
  return {
    methods: (segments) => (segments.length === 2 ? ["GET", "HEAD", "POST"] : []),
    route: () => "/admin/jobs",
    async answer(exchange) {
      if (exchange.method !== "POST") return listed(exchange, dispatch);
      return jsonOf(await ask(exchange, dispatch, questionOf(parseBody(await exchange.body())))) as object;
    },
  };
}

async function listed(exchange: Exchange, dispatch: Dispatch): Promise<object> {
  const query = new URLSearchParams(exchange.query);
  const unknown = [...query.keys()].find((name) => !["state", "job", "limit", "after"].includes(name));
  if (unknown !== undefined) throw fault("UNKNOWN_PARAMETER", "Runs are listed by state, job, limit and after.", { where: unknown, fix: "Remove it." });
  const state = query.get("state");
  if (state !== null && !isState(state)) throw fault("MALFORMED_QUERY", "There is no such state.", { where: "state", fix: `Use one of: ${STATES.join(", ")}.` });
  const limit = Number(query.get("limit") ?? ROWS);
  if (!(Number.isInteger(limit) && limit >= 1 && limit <= ROWS_MAX)) throw fault("MALFORMED_QUERY", `A page has from 1 to ${ROWS_MAX} runs.`, { where: "limit" });
  const result = await ask(exchange, dispatch, { do: "list", state, job: query.get("job"), limit, after: query.get("after") });
  return { runs: jsonOf(result), next: result.nextCursor };
}

function questionOf(body: Json): RunQuestion {
  const asked = (typeof body === "object" && body !== null && !Array.isArray(body) ? body : {}) as { readonly [name: string]: Json };
  const { replay, cancel, enqueue, input = {}, options = {}, ...rest } = asked;
  const [first] = Object.keys(rest);
  if (first !== undefined) throw fault("VALIDATION_FAILED", `${first} is not known here.`, { where: first });
  if (typeof replay === "string") return { do: "replay", id: replay };
  if (typeof cancel === "string") return { do: "cancel", id: cancel };
  if (typeof enqueue === "string") return { do: "enqueue", job: enqueue, input: input as RawInput, options: options as RawInput };
  throw fault("VALIDATION_FAILED", "There is nothing to do in it.", { fix: 'Send {"replay": ID}, {"cancel": ID} or {"enqueue": JOB, "input": {}}.' });
}

async function ask(exchange: Exchange, dispatch: Dispatch, question: RunQuestion): Promise<Result> {
  const { identity, requestId, signal } = exchange;
  return dispatch({ body: { kind: "run", ask: question }, identity, requestId, idempotency: null, request: null, signal });
}

function isState(text: string): text is ToldState {
  return STATES.includes(text);
}

function jsonOf({ body }: Result): Json {
  return body instanceof JsonText ? JSON.parse(body.text) as Json : body ?? null;
}
