// Approvals, negotiations, offers and commitments as topics: a message on the path that they have over REST, without its first slash, is a POST there, or a
// GET where it is empty; what is followed there is followed here, as records are. What may be asked and seen, and by whom, is decided in the dispatch.
import type { Access } from "../../access/rights.ts";
import type { Identity } from "../../access/identity.ts";
import { AmbitError, fault } from "../../base/error.ts";
import type { Limits } from "../../base/limits.ts";
import type { RowsQuestion } from "../../resources/decision-port.ts";
import type { RowsFollowing } from "../../resources/dispatch.ts";
import type { LiveSink, LiveSubscription } from "../../resources/live-frame.ts";
import type { OperationBody } from "../../resources/operation.ts";
import { mayApprove, mayNegotiate } from "../../resources/standing-rights.ts";
import type { Catalog } from "../../schema/catalog.ts";
import type { RawInput } from "../../tables/write.ts";
import { findNegotiation, negotiationQuestion } from "../rest/negotiation-ask.ts";
import { inputOf } from "./record-topics.ts";
import { answerSource, type TopicAnswers } from "./topic-answers.ts";
import type { Publication, TopicSource } from "./topic-source.ts";
import type { TopicFilter } from "./topics.ts";

export interface StandingTopicsOptions {
  readonly catalog: Catalog;
  readonly limits: Limits;
  readonly access: Access;
  readonly dispatcher: { readonly rows: Pick<RowsFollowing, "follow"> };
}

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

  /** What matches; of everything only what may be the caller's. */
  sources({ name, key }: TopicFilter, identity: Identity): TopicSource[] {
    if (name !== null) return this.has(name) ? [this.#sourceOf(name, key, identity)] : [];
    const { catalog, access } = this.#options;
    const rights = access.rights(identity);
    const roots = [...(mayApprove(catalog, rights) ? ["approvals"] : []), ...(mayNegotiate(catalog, rights) ? ["commitments", ...(key === null ? [] : ["negotiations"])] : [])];
    return roots.map((root) => this.#sourceOf(root, key, identity));
  }

  /** Where nothing is followed there may be answers: some clients subscribe to where they want theirs. */
  #sourceOf(root: string, key: string | null, identity: Identity): TopicSource {
    const ask = followedAt(root, key);
    if (ask === null) return answerSource(root, key);
    return { kind: "records", name: key === null ? root : `${root}/${key}`, topics: root, primaryKey: "id", follow: (since, sink) => this.#follow(ask, { identity, since, sink }) };
  }

  /** What is not there, or not theirs, is nothing that is there, as of records. */
  #follow(ask: RowsQuestion, follower: { readonly identity: Identity; readonly since: string | null; readonly sink: LiveSink }): LiveSubscription {
    try {
      return this.#options.dispatcher.rows.follow(ask, { ...follower, reset: null });
    } catch (error) {
      if (!(error instanceof AmbitError) || error.code !== "NOT_FOUND") throw error;
      follower.sink.take({ op: "snapshot", at: 0, position: "none", rows: "[]" });
      return { snapshot() {}, close() {} };
    }
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

/** Null: nothing. */
function followedAt(root: string, id: string | null): RowsQuestion | null {
  switch (root) {
    case "approvals": return id === null ? { of: "approvals", limit: LIMIT_MAX } : { of: "approval", id };
    case "commitments": return id === null ? { of: "commitments", limit: LIMIT_MAX } : { of: "commitment", id };
    case "negotiations": return id === null ? null : { of: "negotiation", id };
    default: return null;
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
