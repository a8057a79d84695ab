// Subscription fields for rows that no table has: approvals, negotiations, commitments. Only translates: what is told, and to whom, is behind the port.
import type { GraphQLFieldConfigArgumentMap, GraphQLObjectType } from "graphql";
import { GraphQLList, GraphQLNonNull, GraphQLObjectType as ObjectTypeOf } from "graphql/type/definition";
import { GraphQLID, GraphQLString } from "graphql/type/scalars";
import { assert } from "../../base/assert.ts";
import type { ChannelFrame } from "../../resources/channel-frame.ts";
import type { RowsQuestion } from "../../resources/decision-port.ts";
import type { LiveChange } from "../../resources/live-frame.ts";
import type { JsonText } from "../../resources/operation.ts";
import type { Members } from "./filter-conditions.ts";
import type { SharedType } from "./graphql-names.ts";
import { wordType } from "./live-words.ts";
import { plainShape } from "./plain-shape.ts";
import { objectText, type Root } from "./root-field.ts";
import type { SchemaContext } from "./schema-context.ts";
import { TYPE_NAME, type Selected } from "./selected-fields.ts";
import { SINCE, sinceOf, type SubscriptionField } from "./subscription-fields.ts";

export interface FollowedRowsField {
  readonly description: string;
  readonly args: GraphQLFieldConfigArgumentMap;
  readonly row: GraphQLObjectType;
  readonly names: { readonly event: SharedType; readonly change: SharedType };
  ask(given: Members): RowsQuestion;
}

export function rowSubscription({ description, args, row, names, ask }: FollowedRowsField, context: SchemaContext): SubscriptionField {
  return {
    type: eventType(row, names, context), description, args: { ...args, ...SINCE },
    follow(given, root) {
      const asked = ask(given);
      return {
        subscribe({ rows }, sink, reset) {
          assert(rows !== undefined, "what is followed is told");
          return rows.follow(asked, { identity: root.caller.sender.identity, sink, since: sinceOf(given), reset });
        },
        event: eventsOf(root.selected(), root),
      };
    },
  };
}

function eventType(row: GraphQLObjectType, { event, change }: FollowedRowsField["names"], context: SchemaContext): GraphQLObjectType {
  const { names } = context;
  return context.type(names.shared(event), () => new ObjectTypeOf({
    name: names.shared(event), fields: () => ({
      op: { type: new GraphQLNonNull(wordType("LiveOp", context)), description: "RESET and GAP: a SNAPSHOT follows." },
      position: { type: GraphQLString, description: "For since; null of RESET and GAP." },
      reason: { type: GraphQLString, description: "Of RESET." },
      rows: { type: new GraphQLList(new GraphQLNonNull(row)), description: "Of SNAPSHOT: all there are." },
      changes: { type: new GraphQLList(new GraphQLNonNull(changeType(row, change, context))), description: "Of CHANGE." },
    }),
  }));
}

function changeType(row: GraphQLObjectType, change: SharedType, context: SchemaContext): GraphQLObjectType {
  const name = context.names.shared(change);
  return context.type(name, () => new ObjectTypeOf({
    name, fields: () => ({
      type: { type: new GraphQLNonNull(wordType("LiveChange", context)) },
      key: { type: new GraphQLNonNull(GraphQLID) },
      record: { type: row, description: "As it is now; null of LEAVE." },
    }),
  }));
}

type Member = readonly [key: string, value: (frame: ChannelFrame) => unknown];

function eventsOf(selected: readonly Selected[], root: Root): (frame: ChannelFrame) => JsonText {
  const members = selected.map((one): Member => {
    const { key, name } = one;
    switch (name) {
      case TYPE_NAME: return [key, () => root.type.name];
      case "op": return [key, ({ op }) => op.toUpperCase()];
      case "position": return [key, (frame) => (frame.op === "snapshot" || frame.op === "change" ? frame.position : null)];
      case "reason": return [key, (frame) => (frame.op === "reset" ? frame.reason : null)];
      case "rows": {
        const shape = plainShape(root.below(one), one.type, root);
        return [key, (frame) => (frame.op === "snapshot" ? shape(JSON.parse(frame.rows)) : null)];
      }
      default: {
        const change = plainShape(root.below(one), one.type, root);
        return [key, (frame) => (frame.op === "change" ? change(frame.changes.map(plainChange)) : null)];
      }
    }
  });
  return (frame) => objectText(members.map(([key, value]) => [key, value(frame)]));
}

function plainChange(change: LiveChange): object {
  return { type: change.type.toUpperCase(), key: JSON.parse(change.key) as unknown, record: change.type === "leave" ? null : JSON.parse(change.record) as unknown };
}
