// Decisions as topics: a message on `decide/NAME` asks one, its response topic gets the answer, with the message's correlation data. Only whoever has asked is
// told, whether subscribed there or not. Knows nothing of what a decision does.
import type { Access } from "../../access/rights.ts";
import { AmbitError, fault, toProblem } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import { JsonText, type Operation, type Result } from "../../resources/operation.ts";
import type { Catalog } from "../../schema/catalog.ts";
import type { Decision } from "../../schema/decision.ts";
import { readIdempotency } from "../rest/idempotency-key.ts";
import type { MessageFacts } from "./message.ts";
import { userProperty } from "./packet-types.ts";
import { inputOf } from "./record-topics.ts";
import type { ChannelSource, Publication } from "./topic-source.ts";
import type { TopicFilter } from "./topics.ts";

export interface DecisionTopicsOptions {
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly access: Access;
  readonly dispatcher: { dispatch(operation: Operation): Result | Promise<Result> };
}

const ROOT = "decide";

export class DecisionTopics {
  readonly #options: DecisionTopicsOptions;
  readonly #decisions = new Map<string, Decision>();
  #open = 0;

  constructor(options: DecisionTopicsOptions) {
    this.#options = options;
    for (const decision of options.catalog.decisions.values()) {
      if (decision.exportName !== null && decision.callable.exportOver?.includes("MQTT") === true) this.#decisions.set(decision.exportName, decision);
    }
  }

  has(name: string): boolean {
    return name === ROOT && this.#decisions.size > 0;
  }

  /** Some clients subscribe to where they want their answers: nothing but these comes there. */
  sources({ name, key }: TopicFilter): ChannelSource[] {
    if (name === null || !this.has(name)) return [];
    return [{ kind: "channel", name: key === null ? name : `${name}/${key}`, topics: ROOT, tellNow() {}, follow: () => ({ topic: null, snapshot() {}, close() {}, setPresence: () => "null" }) }];
  }

  /** Where an answer is wanted the message counts as taken once it is understood; else once the run has begun. */
  publish(name: string, publication: Publication): void | Promise<void> {
    const { payload, retain, identity, requestId, properties, reply, from } = publication;
    const { limits, access, dispatcher } = this.#options;
    const decision = this.#decisions.get(name);
    if (decision === undefined) throw fault("NOT_FOUND", "No decision has this topic.", { fix: "Publish on decide/NAME of what is exported over MQTT." });
    if (retain) throw fault("METHOD_NOT_ALLOWED", "A decision is asked by a message that is not retained.", { fix: "Publish without the retain flag." });
    access.rights(identity).requireCall(decision.callable);
    const path = `/${ROOT}/${encodeURIComponent(name)}`;
    const header = (wanted: string): string | null => userProperty(properties?.userProperties, wanted);
    const idempotency = readIdempotency({ header, limits, identity, method: "POST", path, query: "" }, payload);
    const topic = properties?.responseTopic ?? null;
    if (topic !== null && (topic === "" || /[+#\0\ufffd]/.test(topic))) throw fault("VALIDATION_FAILED", "A response topic is a name, without wildcards.");
    if (topic !== null && this.#open >= limits.decisionRuns) throw fault("OVERLOADED", "Too many decisions are under way.", { retryAfterS: 1 });
    const input = inputOf(payload.length === 0 ? Buffer.from("{}") : payload, limits);
    const ask = async (isAsynchronous: boolean): Promise<Result> => dispatcher.dispatch({
      body: { kind: "decide", name: decision.callable.name, input, isAsynchronous }, identity, ...(from === undefined ? {} : { from }), requestId, idempotency, request: { method: "POST", path, headers: {} }, signal: null,
    });
    if (topic === null || reply === undefined) return taken(ask(true));
    this.#open++;
    void ask(false).then(answerOf, (error: unknown) => problemOf(error, requestId)).finally(() => this.#open--)
      .then((answer) => reply({ topic, ...answer, properties: { ...answer.properties, ...(properties?.correlationData === undefined ? {} : { correlationData: properties.correlationData }) } }));
  }
}

async function taken(asked: Promise<Result>): Promise<void> {
  await asked;
}

type Answered = Pick<MessageFacts, "payload" | "properties">;

function answerOf({ status, body, decision, replayed }: Result): Answered {
  const said: Record<string, string | null> = {
    status: String(status), "ambit-run": decision?.run ?? null, "ambit-source": decision?.source ?? null, "ambit-reason": decision?.reason ?? null,
    "ambit-taint": decision?.isUntrusted === true ? "UNTRUSTED" : null, "idempotency-replayed": replayed ? "true" : null,
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
