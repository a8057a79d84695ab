// Messages that ask for something: the response topic gets the answer, or the problem, with the message's correlation data. Only whoever has asked is told,
// whether subscribed there or not. Knows nothing of what is asked.
import { AmbitError, fault, toProblem } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import { JsonText, type Operation, type OperationBody, type Result } from "../../resources/operation.ts";
import { readIdempotency } from "../rest/idempotency-key.ts";
import type { MessageFacts } from "./message.ts";
import { userProperty } from "./packet-types.ts";
import type { ChannelSource, Publication } from "./topic-source.ts";

export interface TopicAnswersOptions {
  readonly limits: Limits;
  readonly dispatcher: { dispatch(operation: Operation): Result | Promise<Result> };
}

export class TopicAnswers {
  readonly #options: TopicAnswersOptions;
  #open = 0;

  constructor(options: TopicAnswersOptions) {
    this.#options = options;
  }

  /** `path`: of the same over REST, whose keys it shares. Where an answer is wanted the message counts as taken once it is understood; else once it is done. */
  answer(path: string, publication: Publication, bodyOf: (isAwaited: boolean) => OperationBody): void | Promise<void> {
    const { payload, identity, requestId, properties, reply, from } = publication;
    const { limits, dispatcher } = this.#options;
    const header = (wanted: string): string | null => userProperty(properties?.userProperties, wanted);
    const idempotency = readIdempotency({ header, limits, identity, method: "POST", path, query: "" }, payload);
    const topic = properties?.responseTopic ?? null;
    if (topic !== null && (topic === "" || /[+#\0\ufffd]/.test(topic))) throw fault("VALIDATION_FAILED", "A response topic is a name, without wildcards.");
    if (topic !== null && this.#open >= limits.decisionRuns) throw fault("OVERLOADED", "Too many answers are waited for.", { retryAfterS: 1 });
    const isAwaited = topic !== null && reply !== undefined;
    const body = bodyOf(isAwaited);
    const ask = async (): Promise<Result> => dispatcher.dispatch({ body, identity, ...(from === undefined ? {} : { from }), requestId, idempotency, request: { method: "POST", path, headers: {} }, signal: null });
    if (!isAwaited) return taken(ask());
    this.#open++;
    void ask().then(answerOf, (error: unknown) => problemOf(error, requestId)).finally(() => this.#open--)
      .then((answer) => reply({ topic, ...answer, properties: { ...answer.properties, ...(properties?.correlationData === undefined ? {} : { correlationData: properties.correlationData }) } }));
  }
}

/** Some clients subscribe to where they want their answers: nothing but these comes there. */
export function answerSource(root: string, key: string | null): ChannelSource {
  return { kind: "channel", name: key === null ? root : `${root}/${key}`, topics: root, tellNow() {}, follow: () => ({ topic: null, snapshot() {}, close() {}, setPresence: () => "null" }) };
}

async function taken(asked: Promise<Result>): Promise<void> {
  await asked;
}

type Answered = Pick<MessageFacts, "payload" | "properties">;

function answerOf({ status, body, decision, replayed, nextCursor }: Result): Answered {
  const said: Record<string, string | null> = {
    status: String(status), "ambit-run": decision?.run ?? null, "ambit-source": decision?.source ?? null, "ambit-reason": decision?.reason ?? null,
    "ambit-taint": decision?.isUntrusted === true ? "UNTRUSTED" : null, "idempotency-replayed": replayed ? "true" : null, "ambit-next-cursor": nextCursor,
  };
  return jsonAnswer(body instanceof JsonText ? body.text : JSON.stringify(body ?? null), status, said);
}

/** Faults are AmbitErrors by now: the dispatcher answers nothing else. */
function problemOf(error: unknown, requestId: string): Answered {
  const problem = toProblem(error instanceof AmbitError ? error : fault("INTERNAL", "Unexpected fault."), requestId);
  return jsonAnswer(JSON.stringify(problem), problem.status, { status: String(problem.status) });
}

function jsonAnswer(text: string, status: number, said: Readonly<Record<string, string | null>>): Answered {
  const userProperties = Object.fromEntries(Object.entries(said).filter((entry): entry is [string, string] => entry[1] !== null));
  return { payload: Buffer.from(text), properties: { payloadFormatIndicator: true, contentType: status >= 400 ? "application/problem+json" : "application/json", userProperties } };
}
