// What the app of the channel matrix declares, said once more by hand: who may hear a message and who may publish it. Nothing here reads the product.
import type { Who } from "./identities.ts";
import { both, either, equal, type Truth } from "./truth.ts";

export const channelSchema = `
type Visitor @table @account(by: "email") { id: ID! @primaryKey email: String! @indexed(unique: true, fold: true) roles: [String!]! @default(value: []) @readOnly }
enum Kind { OPEN STAFF }
"""By roles alone."""
type News @channel(key: "topic") @export(name: "news") @allow(to: ["public"], do: [SUBSCRIBE]) @allow(to: ["keeper"], do: [PUBLISH]) { topic: ID! text: String! by: ID @createdBy }
"""By the message, several rules OR-ed, with presence."""
type Talk @channel(key: "room", presence: true) @export
  @allow(to: ["member"], do: [SUBSCRIBE], where: "record.kind == 'OPEN' || record.toId == auth.subject") @allow(to: ["keeper"], do: [SUBSCRIBE, PUBLISH])
  @allow(to: ["member"], do: [PUBLISH], where: "record.kind == 'OPEN' && record.by == auth.subject") { room: Int! kind: Kind! toId: ID text: String! by: ID @createdBy }
"""By the key, which is known before any message."""
type Inbox @channel(key: "ownerId", presence: true) @export(name: "inboxes") @allow(to: ["authenticated"], do: [SUBSCRIBE], where: "record.ownerId == auth.subject") @allow(to: ["authenticated"], do: [PUBLISH]) { ownerId: ID! text: String! by: ID @createdBy }
"""Of a tenant."""
type Floor @channel(key: "place") @export @allow(to: ["authenticated"], do: [SUBSCRIBE, PUBLISH], where: "record.orgId == auth.tenant") { place: ID! orgId: String text: String! by: ID @createdBy }
"""By a claim, over the key."""
type Desk @channel(key: "desk") @export @allow(to: ["authenticated"], do: [SUBSCRIBE], where: "record.desk == auth.claims.desk") @allow(to: ["keeper"], do: [SUBSCRIBE, PUBLISH]) { desk: String! text: String! by: ID @createdBy }
"""Published over a WebSocket alone."""
type Wired @channel(key: "topic") @export(over: [WS, SSE]) @allow(to: ["public"], do: [SUBSCRIBE, PUBLISH]) { topic: ID! text: String! by: ID @createdBy }
"""Of nobody but the administrator."""
type Sealed @channel(key: "topic") @export { topic: ID! text: String! by: ID @createdBy }
"""Nowhere."""
type Inside @channel(key: "topic") @allow(to: ["public"], do: [SUBSCRIBE, PUBLISH]) { topic: ID! text: String! by: ID @createdBy }
`;

export interface Person extends Who { readonly tenant: string | null }
export type Message = Readonly<Record<string, unknown>>;

interface ChannelRule {
  readonly to: readonly string[];
  readonly do: "SUBSCRIBE" | "PUBLISH";
  readonly when?: (message: Message, who: Person) => Truth;
  /** It looks at nothing but the caller and the key. */
  readonly isOfKey?: boolean;
}

export interface ChannelModel {
  readonly name: string;
  readonly path: string;
  readonly key: string;
  /** Of GraphQL: in no need of quotes. */
  readonly isNumbered: boolean;
  readonly over: readonly ("REST" | "WS" | "SSE" | "GRAPHQL" | "MQTT")[];
  readonly hasPresence: boolean;
  readonly rules: readonly ChannelRule[];
  /** Without `text` and `by`; the topic of the first is the one that is followed alone. */
  readonly messages: readonly Message[];
}

const EVERYWHERE = ["REST", "WS", "SSE", "GRAPHQL", "MQTT"] as const;
const channel = (name: string, key: string, more: Pick<ChannelModel, "rules" | "messages"> & Partial<ChannelModel>): ChannelModel => ({ name, path: name, key, isNumbered: false, over: EVERYWHERE, hasPresence: false, ...more });

export const channels: readonly ChannelModel[] = [
  channel("News", "topic", { path: "news", rules: [{ to: ["public"], do: "SUBSCRIBE" }, { to: ["keeper"], do: "PUBLISH" }], messages: [{ topic: "n1" }, { topic: "n2" }] }),
  channel("Talk", "room", {
    hasPresence: true, isNumbered: true,
    rules: [
      { to: ["member"], do: "SUBSCRIBE", when: ({ kind, toId }, { subject }) => either(equal(kind, "OPEN"), equal(toId, subject)) },
      { to: ["keeper"], do: "SUBSCRIBE" }, { to: ["keeper"], do: "PUBLISH" },
      { to: ["member"], do: "PUBLISH", when: ({ kind, by }, { subject }) => both(equal(kind, "OPEN"), equal(by, subject)) },
    ],
    messages: [{ room: 1, kind: "STAFF" }, { room: 1, kind: "STAFF", toId: "mia" }, { room: 2, kind: "STAFF", toId: "max" }, { room: 2, kind: "OPEN" }, { room: 1, kind: "OPEN" }],
  }),
  channel("Inbox", "ownerId", {
    path: "inboxes", hasPresence: true, rules: [{ to: ["authenticated"], do: "SUBSCRIBE", isOfKey: true, when: ({ ownerId }, { subject }) => equal(ownerId, subject) }, { to: ["authenticated"], do: "PUBLISH" }],
    messages: [{ ownerId: "mia" }, { ownerId: "kim" }, { ownerId: "max" }],
  }),
  channel("Floor", "place", {
    rules: (["SUBSCRIBE", "PUBLISH"] as const).map((verb) => ({ to: ["authenticated"], do: verb, when: ({ orgId }, { tenant }) => equal(orgId, tenant) })),
    messages: [{ place: "f1" }, { place: "f1", orgId: "a" }, { place: "f1", orgId: "b" }, { place: "f2", orgId: "a" }, { place: "f2", orgId: "b" }],
  }),
  channel("Desk", "desk", {
    rules: [{ to: ["authenticated"], do: "SUBSCRIBE", isOfKey: true, when: ({ desk }, { claims }) => equal(desk, claims["desk"]) }, { to: ["keeper"], do: "SUBSCRIBE" }, { to: ["keeper"], do: "PUBLISH" }],
    messages: [{ desk: "north" }, { desk: "south" }],
  }),
  channel("Wired", "topic", { over: ["WS", "SSE"], rules: [{ to: ["public"], do: "SUBSCRIBE" }, { to: ["public"], do: "PUBLISH" }], messages: [{ topic: "w1" }] }),
  channel("Sealed", "topic", { rules: [], messages: [{ topic: "s1" }] }),
  channel("Inside", "topic", { over: [], rules: [{ to: ["public"], do: "SUBSCRIBE" }, { to: ["public"], do: "PUBLISH" }], messages: [{ topic: "i1" }] }),
];

function rulesOf({ name, rules }: ChannelModel, who: Person, verb: ChannelRule["do"]): readonly ChannelRule[] {
  if (who.only !== undefined && !who.only.includes(name) && !who.only.includes(`${name}:${verb}`)) return [];
  return rules.filter((rule) => rule.do === verb && rule.to.some((role) => who.roles.has(role)));
}

/** It has something to do with the verb at all. */
export function hasRole(who: Person, model: ChannelModel, verb: ChannelRule["do"]): boolean {
  return who.administrator || rulesOf(model, who, verb).length > 0;
}

/** Before there is a message; `key` null: of all topics. */
export function maySubscribe(who: Person, model: ChannelModel, key: unknown): boolean {
  return who.administrator || rulesOf(model, who, "SUBSCRIBE").some(({ when, isOfKey }) => when === undefined || key === null || isOfKey !== true || when({ [model.key]: key }, who) === true);
}

export function hears(who: Person, model: ChannelModel, message: Message): boolean {
  return who.administrator || rulesOf(model, who, "SUBSCRIBE").some(({ when }) => when === undefined || when(message, who) === true);
}

export function mayPublish(who: Person, model: ChannelModel, message: Message): boolean {
  return who.administrator || rulesOf(model, who, "PUBLISH").some(({ when }) => when === undefined || when({ ...message, by: who.subject }, who) === true);
}
