// Approvals, negotiations, offers and commitments as topics: a message on the path that they have over REST, without its first slash, is a POST there, or a
// GET where it is empty. What may be asked, and by whom, is decided in the dispatch.
import { fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import type { OperationBody } from "../../resources/operation.ts";
import type { Catalog } from "../../schema/catalog.ts";
import type { RawInput } from "../../tables/write.ts";
import { findNegotiation, negotiationQuestion } from "../rest/negotiation-ask.ts";
import { inputOf } from "./record-topics.ts";
import { answerSource, type TopicAnswers } from "./topic-answers.ts";
import type { ChannelSource, Publication } from "./topic-source.ts";
import type { TopicFilter } from "./topics.ts";

export interface StandingTopicsOptions { readonly catalog: Catalog; readonly limits: Limits }

const ROOTS: readonly string[] = ["approvals", "negotiations", "offers", "commitments"];
const LIMIT = 20;
const LIMIT_MAX = 100;

export class StandingTopics {
  readonly #options: StandingTopicsOptions;
  readonly #answers: TopicAnswers;

  constructor(options: StandingTopicsOptions, answers: TopicAnswers) {
    this.#options = options;
    this.#answers = answers;
  }

  /** A topic, or its first level. */
  has(topic: string): boolean {
    return this.#options.catalog.decisions.size > 0 && ROOTS.includes(topic.split("/")[0]!);
  }

  sources({ name, key }: TopicFilter): ChannelSource[] {
    return name === null || !this.has(name) ? [] : [answerSource(name, key)];
  }

  publish(publication: Publication): void | Promise<void> {
    const { topic, payload, retain } = publication;
    if (retain) throw fault("METHOD_NOT_ALLOWED", "It is asked by a message that is not retained.", { fix: "Publish without the retain flag." });
    const input = payload.length === 0 ? null : inputOf(payload, this.#options.limits);
    const body = topic.startsWith("approvals") ? approvalBody(topic.split("/"), input) : this.#negotiationBody(topic.split("/"), input);
    if (body === null) throw fault("NOT_FOUND", "Nothing has this topic.", { fix: "Publish on a path of REST, such as approvals/ID." });
    return this.#answers.answer(`/${topic}`, publication, () => body);
  }

  #negotiationBody(segments: readonly string[], input: RawInput | null): OperationBody | null {
    // What is asked for by GET has no message but that of a page.
    const found = (input === null || segments.length === 1 ? findNegotiation("GET", segments) : null) ?? findNegotiation("POST", segments);
    if (found === null) return null;
    const { do: asks, id } = found.target;
    const ask = asks === "commitments" ? { do: asks, ...pageIn(input ?? {}) } : negotiationQuestion(asks, id ?? "", input ?? {}, { limit: LIMIT, after: null });
    const decision = ask.do === "start" ? this.#options.catalog.decisions.get(ask.decision) : null;
    if (ask.do === "start" && decision?.callable.exportOver?.includes("MQTT") !== true) throw fault("NOT_FOUND", `There is no decision ${ask.decision} that negotiates.`);
    return { kind: "negotiation", ask };
  }
}

function approvalBody([, id, ...more]: readonly string[], input: RawInput | null): OperationBody | null {
  if (id === undefined) return { kind: "approval", ask: { do: "list", ...pageIn(input ?? {}) } };
  if (id === "" || more.length > 0) return null;
  return { kind: "approval", ask: input === null ? { do: "find", id } : { do: "decide", id, input } };
}

/** Throws VALIDATION_FAILED. */
function pageIn(input: RawInput): { readonly limit: number; readonly after: string | null } {
  const { limit = LIMIT, after = null, ...more } = input as { readonly [name: string]: unknown };
  const [unknown] = Object.keys(more);
  if (unknown !== undefined) throw fault("VALIDATION_FAILED", `There is no ${unknown} here.`, { where: unknown, fix: "Send limit, after." });
  if (typeof limit !== "number" || !Number.isInteger(limit) || limit < 0) throw fault("VALIDATION_FAILED", "limit is an integer that is not negative.", { where: "limit" });
  if (after !== null && typeof after !== "string") throw fault("VALIDATION_FAILED", "after is the id of one that was told before.", { where: "after" });
  return { limit: Math.min(limit, LIMIT_MAX), after };
}
