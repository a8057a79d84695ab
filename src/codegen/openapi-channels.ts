// The paths of channels that the caller may publish on or subscribe to, and their messages as schemas.
import type { Channel, Field } from "../schema/catalog.ts";
import { exampleValue } from "./example-value.ts";
import { valueSchema, withDescription, type JsonObject } from "./json-schema.ts";
import { jsonContent, parameterRefs, problem } from "./openapi-components.ts";
import type { Reach } from "./openapi.ts";
import { isFilled } from "./record-schema.ts";

/** As the caller reaches it over HTTP. */
export interface ReachedChannel { readonly channel: Channel; readonly publishes: boolean; readonly subscribes: boolean }

export function reachedChannels({ catalog, rights }: Pick<Reach, "catalog" | "rights">): ReachedChannel[] {
  return [...catalog.channels.values()].map((channel) => {
    const { publish, subscribe } = rights.channel(channel.name);
    return { channel, publishes: publish !== false && channel.exportOver.includes("REST"), subscribes: subscribe !== false && channel.exportOver.includes("SSE") };
  }).filter(({ publishes, subscribes }) => publishes || subscribes);
}

/** `/Board/{boardId}` and, where the message names its topic, `/Board`. */
export function channelPaths(reached: ReachedChannel, reach: Reach): JsonObject {
  const { channel, publishes, subscribes } = reached;
  const key = channel.fields.get(channel.key)!;
  const parameter: JsonObject = { name: channel.key, in: "path", required: true, schema: valueSchema(key, "out") };
  const name = channel.exportName!;
  return {
    [`/${name}`]: { ...(publishes ? { post: publishOperation(channel, reach, true) } : {}), ...(subscribes ? { get: subscribeOperation(channel, `followAll${name}`) } : {}) },
    [`/${name}/{${channel.key}}`]: {
      parameters: [parameter],
      ...(publishes ? { post: publishOperation(channel, reach, false) } : {}), ...(subscribes ? { get: subscribeOperation(channel, `follow${name}`) } : {}),
    },
  };
}

/** `Board` as it is told, `BoardMessage` as it is published. */
export function channelSchemas({ channel, publishes, subscribes }: ReachedChannel): JsonObject {
  const name = channel.exportName!;
  const fields = [...channel.fields.values()];
  const told: JsonObject = { type: "object", ...described(channel), properties: propertiesOf(fields, "out"), required: fields.map((field) => field.name) };
  const sent = fields.filter((field) => !isFilled(field));
  const required = sent.filter((field) => field.type.required && field.fill === null && field.name !== channel.key).map((field) => field.name);
  return {
    ...(subscribes ? { [name]: told } : {}),
    ...(publishes ? { [`${name}Message`]: { type: "object", ...described(channel), properties: propertiesOf(sent, "in"), ...(required.length === 0 ? {} : { required }), additionalProperties: false } } : {}),
  };
}

function propertiesOf(fields: readonly Field[], direction: "in" | "out"): JsonObject {
  return Object.fromEntries(fields.map((field) => [field.name, withDescription(valueSchema(field, direction), field.description)]));
}

function described({ description }: Channel): JsonObject {
  return description === null ? {} : { description };
}

/** `named`: the message says which topic. */
function publishOperation(channel: Channel, reach: Reach, named: boolean): JsonObject {
  const name = channel.exportName!;
  const example = exampleOf(channel, reach, named);
  return {
    operationId: `publish${named ? "Named" : ""}${name}`, tags: [name], summary: `Publishes a message${named ? `; ${channel.key} in it says on which topic` : ""}.`,
    parameters: parameterRefs("IdempotencyKey"), requestBody: { required: true, content: jsonContent({ $ref: `#/components/schemas/${name}Message` }, example) },
    responses: { 204: { description: "Published." }, default: problem },
  };
}

function subscribeOperation(channel: Channel, operationId: string): JsonObject {
  const name = channel.exportName!;
  const presence = channel.presence ? " And who is there: snapshot, enter, update, leave." : "";
  return {
    operationId, tags: [name], summary: "Messages from now on.",
    responses: { 200: { description: "Goes on.", content: { "text/event-stream": { schema: { type: "string", description: `Events message, each with one ${name}; gap where some are missing.${presence}` } } } }, default: problem },
  };
}

function exampleOf(channel: Channel, { catalog }: Reach, named: boolean): JsonObject | undefined {
  const example: JsonObject = {};
  for (const field of channel.fields.values()) {
    if (!field.type.required || field.fill !== null || (field.name === channel.key && !named)) continue;
    const value = exampleValue(field, catalog);
    if (value === undefined) return undefined;
    example[field.name] = value;
  }
  return example;
}
