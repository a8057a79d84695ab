// The topics of one app: which table or channel a topic belongs to. Made anew by a reload.
import { fault } from "../../base/error.ts";
import { RecordTopics, type RecordTopicsOptions } from "./record-topics.ts";
import type { MqttApp } from "./topic-source.ts";
import { readTopic } from "./topics.ts";

export interface MqttAppOptions extends RecordTopicsOptions { readonly authenticator: MqttApp["authenticator"] }

export function createMqttApp(options: MqttAppOptions): MqttApp {
  const records = new RecordTopics(options);
  return {
    limits: options.limits, authenticator: options.authenticator,
    sources: (filter, identity) => records.sources(filter, identity),
    async publish(publication) {
      const topic = readTopic(publication.topic);
      if (topic === null || !records.has(topic.name)) throw fault("NOT_FOUND", "No table or channel has this topic.", { fix: "Publish on NAME/KEY of what is exported over MQTT." });
      await records.publish(topic, publication);
    },
  };
}
