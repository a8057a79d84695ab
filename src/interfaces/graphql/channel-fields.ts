// Channels in /graphql: a subscription field for what is told on a topic, a mutation that publishes. Only translates: who hears what is
// resources/channel-hub.ts.
import type { GraphQLFieldConfigArgumentMap, GraphQLInputType, GraphQLObjectType } from "graphql";
import { GraphQLList, GraphQLNonNull, GraphQLObjectType as ObjectTypeOf } from "graphql/type/definition";
import { GraphQLBoolean, GraphQLString } from "graphql/type/scalars";
import { assert, unreachable } from "../../base/assert.ts";
import type { JsonText } from "../../resources/operation.ts";
import type { ChannelFrame } from "../../resources/channel-frame.ts";
import type { LiveChange } from "../../resources/live-frame.ts";
import { messageTable } from "../../schema/message-table.ts";
import type { Channel } from "../../schema/catalog.ts";
import type { RawInput } from "../../tables/write.ts";
import { recordShape, type Row } from "./answer-shape.ts";
import { scalarType } from "./graphql-scalars.ts";
import { messageInput } from "./input-types.ts";
import { wordType } from "./live-words.ts";
import { valueType } from "./output-types.ts";
import { keyOf } from "./query-fields.ts";
import { objectText, type Root, type RootFields } from "./root-field.ts";
import type { SchemaContext } from "./schema-context.ts";
import { TYPE_NAME, type Selected } from "./selected-fields.ts";
import type { SubscriptionField, SubscriptionFields } from "./subscription-fields.ts";

export function channelPublishing(channel: Channel, context: SchemaContext): RootFields {
  if (context.rights.channel(channel.name).publish === false) return {};
  return {
    [context.names.channel(channel.name).publish]: {
      type: GraphQLBoolean, description: `Publishes a message on ${channel.name}.`, args: { input: { type: new GraphQLNonNull(messageInput(channel, context)) } },
      resolve: (given, root) => root.dispatch({ kind: "publish", channel: channel.name, key: null, input: given["input"] as RawInput }, () => true),
    },
  };
}

export function channelSubscription(channel: Channel, context: SchemaContext): SubscriptionFields {
  if (context.rights.channel(channel.name).subscribe === false) return {};
  const { description, key, fields } = channel;
  const args: GraphQLFieldConfigArgumentMap = {
    [key]: { type: context.leafType(fields.get(key)!.type) as GraphQLInputType, description: "The topic; without it all of them, without presence." },
    since: { type: GraphQLString, description: "The position of an earlier event: a GAP tells that messages may have been missed." },
  };
  return { [context.names.channel(channel.name).follow]: { type: eventType(channel, context), description, args, follow: followChannel(channel) } };
}

function followChannel(channel: Channel): SubscriptionField["follow"] {
  const table = messageTable(channel);
  return (given, root) => {
    const raw = given[channel.key] ?? null;
    const key = raw === null ? null : keyOf(raw, table, root.caller);
    const resumed = (given["since"] ?? null) !== null;
    return {
      subscribe({ channels }, sink, reset) {
        assert(channels !== undefined, "there are channels where they are declared");
        return channels.subscribe({ channel, key, resumed, connection: {}, from: root.caller.sender }, root.caller.rights, sink, reset);
      },
      event: channelEvents(root.selected(), { channel, root }),
    };
  };
}

type Member = readonly [key: string, value: (frame: ChannelFrame) => unknown];

function channelEvents(selected: readonly Selected[], { channel, root }: { readonly channel: Channel; readonly root: Root }): (frame: ChannelFrame) => JsonText {
  const members = selected.map((one): Member => {
    const { key, name } = one;
    switch (name) {
      case TYPE_NAME: return [key, () => root.type.name];
      case "op": return [key, opOf];
      case "position": return [key, (frame) => (frame.op === "snapshot" || frame.op === "change" ? frame.position : null)];
      case "reason": return [key, (frame) => (frame.op === "reset" ? frame.reason : null)];
      case "messages": {
        const shape = recordShape(root.below(one), { table: messageTable(channel), source: "whole" }, root.shapes);
        return [key, (frame) => (frame.op === "message" ? frame.messages.map(({ text }) => shape.of(JSON.parse(text) as Row)) : null)];
      }
      case "rows": {
        const entry = entryOf(root.below(one), one.type.name);
        return [key, (frame) => (frame.op === "snapshot" ? (JSON.parse(frame.rows) as Row[]).map(entry) : null)];
      }
      default: {
        const change = changeOf(root.below(one), one.type.name, root);
        return [key, (frame) => (frame.op === "change" ? frame.changes.map(change) : null)];
      }
    }
  });
  return (frame) => objectText(members.map(([key, value]) => [key, value(frame)]));
}

function opOf({ op }: ChannelFrame): string {
  switch (op) {
    case "message": return "MESSAGE";
    case "snapshot": return "SNAPSHOT";
    case "change": return "CHANGE";
    case "reset": return "RESET";
    case "gap": return "GAP";
    default: return unreachable(op);
  }
}

/** One who is there: `connection`, `subject`, `state`. */
function entryOf(selected: readonly Selected[], typeName: string): (entry: Row) => Row {
  return (entry) => members(selected.map(({ key, name }) => [key, name === TYPE_NAME ? typeName : entry[name] ?? null]));
}

function changeOf(selected: readonly Selected[], typeName: string, root: Root): (change: LiveChange) => Row {
  const values = selected.map((one): readonly [string, (change: LiveChange) => unknown] => {
    switch (one.name) {
      case TYPE_NAME: return [one.key, () => typeName];
      case "type": return [one.key, ({ type }) => type.toUpperCase()];
      case "key": return [one.key, ({ key }) => JSON.parse(key) as unknown];
      default: {
        const entry = entryOf(root.below(one), one.type.name);
        return [one.key, (change) => (change.type === "leave" ? null : entry(JSON.parse(change.record) as Row))];
      }
    }
  });
  return (change) => members(values.map(([key, value]) => [key, value(change)]));
}

/** Without a prototype: keys are the client's. */
function members(entries: readonly (readonly [key: string, value: unknown])[]): Row {
  const row = Object.create(null) as Record<string, unknown>;
  for (const [key, value] of entries) row[key] = value;
  return row;
}

function eventType(channel: Channel, context: SchemaContext): GraphQLObjectType {
  const { names } = context;
  const name = names.channel(channel.name).event;
  return context.type(name, () => new ObjectTypeOf({
    name, fields: () => ({
      op: {
        type: new GraphQLNonNull(wordType("ChannelOp", context)),
        description: "SNAPSHOT and CHANGE are about who is there. RESET and GAP: messages may have been missed.",
      },
      position: { type: GraphQLString, description: "For since." },
      reason: { type: GraphQLString, description: "Of RESET." },
      messages: { type: new GraphQLList(new GraphQLNonNull(messageType(channel, context))), description: "Of MESSAGE, in order." },
      ...(channel.presence ? {
        rows: { type: new GraphQLList(new GraphQLNonNull(presenceType(context))), description: "Of SNAPSHOT: who is there." },
        changes: { type: new GraphQLList(new GraphQLNonNull(presenceChangeType(context))), description: "Of CHANGE: who comes, goes, or says something else of themselves." },
      } : {}),
    }),
  }));
}

function messageType(channel: Channel, context: SchemaContext): GraphQLObjectType {
  return context.type(channel.name, () => new ObjectTypeOf({
    name: channel.name, description: channel.description,
    fields: () => Object.fromEntries([...channel.fields.values()].map(({ name, type, description }) => [name, { type: valueType(type, context), description }])),
  }));
}

function presenceType(context: SchemaContext): GraphQLObjectType {
  const name = context.names.shared("Presence");
  return context.type(name, () => new ObjectTypeOf({
    name, fields: { connection: { type: new GraphQLNonNull(GraphQLString) }, subject: { type: GraphQLString }, state: { type: scalarType("JSON"), description: "What they say of themselves." } },
  }));
}

function presenceChangeType(context: SchemaContext): GraphQLObjectType {
  const name = context.names.shared("PresenceChange");
  return context.type(name, () => new ObjectTypeOf({
    name, fields: {
      type: { type: new GraphQLNonNull(wordType("LiveChange", context)) },
      key: { type: new GraphQLNonNull(GraphQLString), description: "The connection." }, record: { type: presenceType(context) },
    },
  }));
}
