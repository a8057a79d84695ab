// Channels over HTTP: POST publishes a message, GET with Accept: text/event-stream subscribes. And both for WebSockets.
import type { Identity } from "../../access/identity.ts";
import { fault } from "../../base/error.ts";
import type { Value } from "../../base/value.ts";
import { whenReady } from "../../base/when-ready.ts";
import type { ChannelSubscription } from "../../resources/channel-frame.ts";
import type { ChannelHub, ChannelRequest } from "../../resources/channel-hub.ts";
import { keyOfText, topicOfClient } from "../../resources/topic.ts";
import type { Channel } from "../../schema/catalog.ts";
import type { Answer } from "../http/exchange.ts";
import { LiveExchange } from "./live-exchange.ts";
import { streamed, wantsEvents, type FollowOptions } from "./live-handlers.ts";
import { asInput, readRecord } from "./read-input.ts";
import { noContent, writeHeaders } from "./rest-answer.ts";
import type { RestParts } from "./rest-parts.ts";
import { RestRequest } from "./rest-request.ts";

export interface ChannelTarget { readonly channel: Channel; readonly key: string | null }

export function publishMessage(request: RestRequest, { channel, key: text }: ChannelTarget): Answer | Promise<Answer> {
  request.rights.requireChannel(channel.name, "PUBLISH");
  refuseQuery(request.exchange.query);
  const key = keyOf(request.parts, channel, text);
  return whenReady(readRecord(request.exchange, ["json"]), ({ input, bytes }) => {
    const result = request.dispatch({ kind: "publish", channel: channel.name, key, input }, bytes);
    return whenReady(result, (done) => noContent(writeHeaders(request, done)));
  });
}

/** Of a stream, which is a connection of its own. */
export function answerTopic(request: RestRequest, target: ChannelTarget): Answer {
  const { channels } = request.parts;
  if (channels === undefined || !wantsEvents(request.exchange)) {
    throw fault("NOT_ACCEPTABLE", "Messages are not kept: a topic is followed.", { where: "Accept", fix: "Accept text/event-stream, or subscribe over a WebSocket; POST publishes." });
  }
  const exchange = new LiveExchange(request.exchange);
  const asked = topicRequest(new RestRequest(exchange, request.parts), target, { since: exchange.since, connection: {} });
  return streamed(exchange, request.parts, (sink) => channels.subscribe(asked, request.rights, sink));
}

/** For a WebSocket: `exchange` is a GET of the topic. */
export function followTopic(request: RestRequest, target: ChannelTarget, following: FollowOptions): ChannelSubscription {
  const channels = request.parts.channels as ChannelHub;
  return channels.subscribe(topicRequest(request, target, following), request.rights, following.sink, following.reset);
}

export interface PublishRequest {
  readonly topic: string;
  /** As parsed. */
  readonly message: unknown;
  readonly identity: Identity;
  readonly requestId: string;
  readonly address: string;
}

/** For a WebSocket, without a request around the message. */
export function publishTopic({ topic, message, identity, requestId, address }: PublishRequest, { catalog, dispatcher, over = "REST" }: RestParts): void | Promise<void> {
  const { channel, key } = topicOfClient(topic, over, catalog);
  const input = asInput(message, "message");
  const result = dispatcher.dispatch({ body: { kind: "publish", channel: channel.name, key, input }, identity, requestId, from: { identity, address }, idempotency: null, request: null, signal: null });
  if (result instanceof Promise) return done(result);
}

async function done(result: Promise<unknown>): Promise<void> {
  await result;
}

function topicRequest({ parts, exchange }: RestRequest, { channel, key }: ChannelTarget, { since, connection }: Pick<FollowOptions, "since" | "connection">): ChannelRequest {
  refuseQuery(exchange.query);
  return { channel, key: keyOf(parts, channel, key), resumed: since !== null, connection, from: exchange };
}

function keyOf({ catalog }: RestParts, channel: Channel, text: string | null): Value {
  return text === null ? null : keyOfText(channel, text, catalog);
}

function refuseQuery(query: string): void {
  if (query !== "") throw fault("VALIDATION_FAILED", "A channel takes no query.", { fix: "Name the topic by the path; rules of the schema decide which messages are told." });
}
