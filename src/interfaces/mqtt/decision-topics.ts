// Decisions as topics: a message on `decide/NAME` asks one, or begins a negotiation with it. Knows nothing of what a decision does.
import type { Access } from "../../access/rights.ts";
import { fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import type { Catalog } from "../../schema/catalog.ts";
import type { Decision } from "../../schema/decision.ts";
import { inputOf } from "./record-topics.ts";
import { answerSource, type TopicAnswers } from "./topic-answers.ts";
import type { ChannelSource, Publication } from "./topic-source.ts";
import type { TopicFilter } from "./topics.ts";

export interface DecisionTopicsOptions {
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly access: Access;
}

const ROOT = "decide";

export class DecisionTopics {
  readonly #options: DecisionTopicsOptions;
  readonly #answers: TopicAnswers;
  readonly #decisions = new Map<string, Decision>();

  constructor(options: DecisionTopicsOptions, answers: TopicAnswers) {
    this.#options = options;
    this.#answers = answers;
    for (const decision of options.catalog.decisions.values()) {
      if (decision.exportName !== null && decision.callable.exportOver?.includes("MQTT") === true) this.#decisions.set(decision.exportName, decision);
    }
  }

  has(name: string): boolean {
    return name === ROOT && this.#decisions.size > 0;
  }

  sources({ name, key }: TopicFilter): ChannelSource[] {
    return name === null || !this.has(name) ? [] : [answerSource(name, key)];
  }

  publish(name: string, publication: Publication): void | Promise<void> {
    const { payload, retain, identity } = publication;
    const { limits, access } = this.#options;
    const decision = this.#decisions.get(name);
    if (decision === undefined) throw fault("NOT_FOUND", "No decision has this topic.", { fix: "Publish on decide/NAME of what is exported over MQTT." });
    if (retain) throw fault("METHOD_NOT_ALLOWED", "A decision is asked by a message that is not retained.", { fix: "Publish without the retain flag." });
    access.rights(identity).requireCall(decision.callable);
    const input = inputOf(payload.length === 0 ? Buffer.from("{}") : payload, limits);
    const { callable, negotiates } = decision;
    return this.#answers.answer(`/${ROOT}/${encodeURIComponent(name)}`, publication, (isAwaited) => (negotiates === null
      ? { kind: "decide", name: callable.name, input, isAsynchronous: !isAwaited }
      : { kind: "negotiation", ask: { do: "start", decision: callable.name, input } }));
  }
}
