// The topics of one app: which table or channel a topic belongs to. Made anew by a reload.
import { fault } from "../../base/error.ts";
import { ChannelTopics, type ChannelTopicsOptions } from "./channel-topics.ts";
import { RecordTopics, type RecordTopicsOptions } from "./record-topics.ts";
import { DecisionTopics } from "./decision-topics.ts";
import { StandingTopics, type StandingTopicsOptions } from "./standing-topics.ts";
import { TopicAnswers } from "./topic-answers.ts";
import type { SecurityRecord } from "../../resources/security-record.ts";
import type { UsageLimits } from "../../resources/usage-limits.ts";
import type { MqttApp } from "./topic-source.ts";
import { readTopic } from "./topics.ts";

export interface MqttAppOptions extends Omit<RecordTopicsOptions, "dispatcher"> {
  readonly authenticator: MqttApp["authenticator"];
  readonly security?: SecurityRecord;
  readonly dispatcher: RecordTopicsOptions["dispatcher"] & ChannelTopicsOptions["dispatcher"] & StandingTopicsOptions["dispatcher"] & { readonly limiting: UsageLimits };
}

export function createMqttApp(options: MqttAppOptions): MqttApp {
  const records = new RecordTopics(options);
  const channels = new ChannelTopics(options);
  const answers = new TopicAnswers(options);
  const decisions = new DecisionTopics(options, answers);
  const standing = new StandingTopics(options, answers);
  return {
    version: options.catalog.hash, limits: options.limits, authenticator: options.authenticator,
    sources: (filter, identity) => [...records.sources(filter, identity), ...channels.sources(filter, identity), ...decisions.sources(filter), ...standing.sources(filter, identity)],
    channelName: (message) => channels.nameOf(message),
    isVisible: (message, identity) => channels.isVisible(message, identity),
    isKeptVisible(kept, identity, isOther) {
      const name = readTopic(kept.topic)?.name ?? "";
      if (standing.has(name)) return !isOther;
      return records.has(name) ? !isOther && records.isReadable(name, identity) : channels.has(name) && channels.isKeptVisible(name, kept.payload, identity);
    },
    count({ name }, from) {
      const { dispatcher, catalog } = options;
      const target = [...catalog.tables.values()].find(({ exportName }) => exportName !== null && exportName === name);
      const channel = [...catalog.channels.values()].find(({ exportName }) => exportName !== null && exportName === name);
      dispatcher.limiting.follow(target !== undefined ? { table: target.name } : { channel: channel?.name ?? "" }, from);
    },
    refused(error, { identity, address }) { options.security?.refused(error, { identity, address, requestId: "" }, "SUBSCRIBE"); },
    onStore: (keeper) => channels.onStore(keeper),
    publish(publication) {
      const topic = readTopic(publication.topic);
      if (topic !== null && records.has(topic.name)) return records.publish(topic, publication);
      if (topic !== null && channels.has(topic.name)) return channels.publish(topic, publication);
      if (topic !== null && decisions.has(topic.name)) return decisions.publish(topic.key, publication);
      if (standing.has(publication.topic)) return standing.publish(publication);
      throw fault("NOT_FOUND", "No table or channel has this topic.", { fix: "Publish on NAME/KEY of what is exported over MQTT." });
    },
  };
}
