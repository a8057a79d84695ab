// Fields of Subscription: a list, one record and groups of a table, followed with the arguments and the selection of the query. Only translates:
// what is told, and to whom, is resources/live-queries.ts.
import type { FieldNode, GraphQLFieldConfigArgumentMap, GraphQLObjectType, GraphQLOutputType, SelectionSetNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { GraphQLList, GraphQLNonNull, GraphQLObjectType as ObjectTypeOf } from "graphql/type/definition";
import { GraphQLString } from "graphql/type/scalars";
import { assert } from "../../base/assert.ts";
import type { ChannelFrame, ChannelSink } from "../../resources/channel-frame.ts";
import type { LiveFrame, LiveSubscription, ResetReason } from "../../resources/live-frame.ts";
import type { LiveRequest } from "../../resources/live-queries.ts";
import type { JsonText } from "../../resources/operation.ts";
import type { Table } from "../../schema/catalog.ts";
import type { Members } from "./filter-conditions.ts";
import type { GraphqlParts } from "./graphql-parts.ts";
import { listArguments, rankingArguments } from "./list-arguments.ts";
import { groupEvents, recordEvents } from "./live-event.ts";
import { wordType } from "./live-words.ts";
import { keyArgument } from "./mutation-fields.ts";
import { aggregateType, recordType } from "./output-types.ts";
import { keyOf } from "./query-fields.ts";
import type { Root } from "./root-field.ts";
import type { SchemaContext } from "./schema-context.ts";
import { scalarType } from "./graphql-scalars.ts";
import { requireOneSelection } from "./one-selection.ts";
import { selectedFields, type Selected } from "./selected-fields.ts";
import { listPlan, recordPlan } from "./selection-plan.ts";

/** What subscriptions are made with. */
export type FollowPorts = Pick<GraphqlParts, "live" | "channels" | "rows">;

/** What is followed, and what the field is of each frame. */
export interface Following {
  /** The first frames come before this returns, or at the end of the turn. Throws what subscribing throws. */
  subscribe(ports: FollowPorts, sink: ChannelSink, reset: ResetReason | null): LiveSubscription;
  event(frame: ChannelFrame): JsonText;
}

export interface SubscriptionField {
  readonly type: GraphQLOutputType;
  readonly description?: string | null;
  readonly args: GraphQLFieldConfigArgumentMap;
  /** Throws what a read of the same throws. */
  follow(given: Members, root: Root): Following;
}

export type SubscriptionFields = Record<string, SubscriptionField>;

export const SINCE = { since: { type: GraphQLString, description: "The position of an earlier event: goes on from there if it can." } };

export function tableSubscriptions(table: Table, context: SchemaContext): SubscriptionFields {
  const { one, list, aggregate } = context.names.table(table.name);
  const { description } = table;
  return {
    [one]: { type: eventType(table, context), description, args: { ...keyArgument(table), ...SINCE }, follow: followRecord(table) },
    [list]: { type: eventType(table, context), description, args: { ...listArguments(table, context), ...rankingArguments(table, context), ...SINCE }, follow: followList(table) },
    [aggregate]: {
      type: groupsType(table, context), description: `Groups of ${list}, told anew whenever one differs.`,
      args: { ...listArguments(table, context), ...rankingArguments(table, context), ...SINCE }, follow: followGroups(table),
    },
  };
}

function followRecord(table: Table): SubscriptionField["follow"] {
  return (given, root) => {
    const { event, rows } = selectionOf(root);
    const { plan } = recordPlan({ table, rows, part: root.info }, root.caller);
    return following({ plan, limit: null, id: keyOf(given[table.primaryKey], table, root.caller), since: sinceOf(given) }, recordEvents(event, { table, root }), root);
  };
}

function followList(table: Table): SubscriptionField["follow"] {
  return (given, root) => {
    const { event, rows } = selectionOf(root);
    const asked = listPlan({ table, arguments: given, part: root.info, rows, count: false }, root.caller);
    return following(liveRequest(asked, given), recordEvents(event, { table, root }), root);
  };
}

function followGroups(table: Table): SubscriptionField["follow"] {
  return (given, root) => {
    const event = root.selected();
    const nodes = event.filter(({ name }) => name === "rows").flatMap((one) => one.nodes);
    const type = event.find(({ name }) => name === "rows")?.type;
    requireOneSelection(nodes, (selectionSet) => [{ ...nodes[0]!, selectionSet }], root);
    const asked = listPlan({ table, arguments: given, part: root.info, rows: null, groups: type === undefined ? [] : selectedFields(nodes, type, root.info), count: false }, root.caller);
    return following(liveRequest(asked, given), groupEvents(event, { table, root }), root);
  };
}

function following(request: LiveRequest, event: (frame: LiveFrame) => JsonText, { caller }: Root): Following {
  return {
    subscribe({ live }, sink, reset) {
      assert(live !== undefined, "what is followed is told");
      return live.subscribe({ ...request, from: caller.sender }, caller.rights, sink, reset);
    },
    event(frame) {
      assert(frame.op !== "message", "records are no messages");
      return event(frame);
    },
  };
}

function liveRequest({ plan, limit, values }: ReturnType<typeof listPlan>, given: Members): LiveRequest {
  return { plan, limit, since: sinceOf(given), ...(values === undefined ? {} : { values }) };
}

export function sinceOf(given: Members): string | null {
  return (given["since"] as string | null | undefined) ?? null;
}

/** What is selected of an event, and of records wherever they stand in it: one statement brings them. */
function selectionOf(root: Root): { readonly event: readonly Selected[]; readonly rows: readonly Selected[] } {
  const event = root.selected();
  const inRows = event.filter(({ name }) => name === "rows");
  const changes = event.filter(({ name }) => name === "changes");
  const inChanges = changes.flatMap((one) => root.below(one)).filter(({ name }) => name === "record");
  const [first] = [...inRows, ...inChanges];
  if (first === undefined) return { event, rows: [] };
  const nodes = [...inRows, ...inChanges].flatMap((one) => one.nodes);
  if (inChanges.length === 0) requireOneSelection(nodes, (selectionSet) => [{ ...inRows[0]!.nodes[0]!, selectionSet }], root);
  else requireOneSelection(nodes, (selectionSet) => [{ ...changes[0]!.nodes[0]!, selectionSet: setOf([{ ...inChanges[0]!.nodes[0]!, selectionSet }]) }], root);
  return { event, rows: selectedFields(nodes, first.type, root.info) };
}

function setOf(selections: readonly FieldNode[]): SelectionSetNode {
  return { kind: Kind.SELECTION_SET, selections };
}

/** What is told of a list or a record. */
function eventType(table: Table, context: SchemaContext): GraphQLObjectType {
  const name = context.names.tableType(table.name, "Event");
  return context.type(name, () => new ObjectTypeOf({
    name, fields: () => ({
      ...common(context),
      rows: { type: new GraphQLList(new GraphQLNonNull(recordType(table, context))), description: "Of SNAPSHOT: all there are." },
      changes: { type: new GraphQLList(new GraphQLNonNull(changeType(table, context))), description: "Of CHANGE, in order." },
    }),
  }));
}

function changeType(table: Table, context: SchemaContext): GraphQLObjectType {
  const name = context.names.tableType(table.name, "Change");
  return context.type(name, () => new ObjectTypeOf({
    name, fields: () => ({
      type: { type: new GraphQLNonNull(wordType("LiveChange", context)) },
      key: { type: new GraphQLNonNull(scalarType(table.fields.get(table.primaryKey)!.type.name)), description: "The record's primary key." },
      record: { type: recordType(table, context), description: "As it is now; null of LEAVE." },
    }),
  }));
}

function groupsType(table: Table, context: SchemaContext): GraphQLObjectType {
  const name = context.names.tableType(table.name, "AggregateEvent");
  return context.type(name, () => new ObjectTypeOf({
    name, fields: () => ({ ...common(context), rows: { type: new GraphQLList(new GraphQLNonNull(aggregateType(table, context))), description: "Of SNAPSHOT: all groups." } }),
  }));
}

function common(context: SchemaContext): Record<string, { readonly type: GraphQLOutputType; readonly description?: string }> {
  return {
    op: { type: new GraphQLNonNull(wordType("LiveOp", context)), description: "RESET and GAP: a SNAPSHOT follows, because changes cannot be told one by one." },
    position: { type: GraphQLString, description: "For since; null of RESET and GAP." },
    reason: { type: GraphQLString, description: "Of RESET." },
  };
}
