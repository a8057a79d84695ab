// Deliberate breaks of the ways that the matrix takes: keys, WebSockets, MQTT, followed queries, channels. Each is noticed by the test that it names. Short runs
// take one, chosen by the day of the year, so that all come round; AMBIT_TEST_SIZE=long takes all.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { MutatedCopy } from "../processes/mutated-copy.ts";

interface Break { readonly name: string; readonly file: string; readonly from: string; readonly to: string; readonly test: string; readonly named: string }

const KEYS = "test/matrix/keys.test.ts";
const FOLLOWS = "test/matrix/follows.test.ts";
const MQTT = "test/matrix/mqtt.test.ts";
const RECORDS = "test/matrix/records.test.ts";
const CHANNELS = "test/matrix/channels.test.ts";
const HUB = "src/resources/channel-hub.ts";
const SOCKET = "src/interfaces/websocket/socket-connection.ts";
const TOPICS = "src/interfaces/mqtt/record-topics.ts";
const breaks: readonly Break[] = [
  { name: "the scope of a key for tables", file: "src/access/role-rights.ts", from: "only.covers(name, verb) && permission", to: "permission", test: RECORDS, named: "each record" },
  { name: "the scope of a key for calls", file: "src/access/role-rights.ts", from: "parts.only.coversAction(callable.table, callable.name)", to: "callable.name !== \"\"", test: "test/matrix/callables.test.ts", named: "actions" },
  { name: "the roles that the holder of a key still has", file: "src/access/stored-keys.ts", from: "row.roles.filter((role) => holder.roles.includes(role))", to: "row.roles", test: KEYS, named: "of an account" },
  { name: "that a key changes with its account", file: "src/access/stored-keys.ts", from: "for (const id of bySubject.get(subject) ?? []) forget(id);", to: "if (subject === \"\") bySubject.clear();", test: KEYS, named: "of an account" },
  { name: "the time of a key", file: "src/access/stored-keys.ts", from: "expiresMs !== null && expiresMs <= clock.now()", to: "expiresMs === 0", test: KEYS, named: "whose time is over" },
  { name: "that a revoked key is forgotten", file: "src/resources/key-operations.ts", from: "storedKeys?.ended(id);", to: "", test: KEYS, named: "is revoked" },
  { name: "that a session which is gone ends what it opened", file: "src/access/signed-in.ts", from: ": session === id) this.#forget(hash);", to: ": session === \"\") this.#forget(hash);", test: KEYS, named: "what has been opened" },
  { name: "who has signed in by a frame", file: SOCKET, from: "const identity = this.#who();", to: "const identity = this.#parts.identity ?? this.#parts.current().authenticator.authenticate(null) as Identity;", test: RECORDS, named: "each record" },
  { name: "that a socket begins anew as somebody else", file: SOCKET, from: 'if (before?.key === identity.key && reason === "rights") return;', to: 'if (before !== null && reason === "rights") return;', test: FOLLOWS, named: "whoever follows" },
  { name: "the end of what a socket follows", file: SOCKET, from: "over: () => { if (!this.#isClosed && !this.#isDraining) this.#askAgain(\"rights\"); },", to: "over: () => {},", test: KEYS, named: "what has been opened" },
  { name: "the end of an event stream", file: "src/interfaces/rest/event-stream.ts", from: "over: () => this.renew() });", to: "over: () => {} });", test: KEYS, named: "what has been opened" },
  { name: "the end of an MQTT connection", file: "src/interfaces/mqtt/connection.ts", from: "over: () => this.renew() });", to: "over: () => {} });", test: KEYS, named: "what has been opened" },
  { name: "the end of a subscription of GraphQL", file: "src/interfaces/graphql/graphql-connection.ts", from: "over: () => { if (!this.#isClosed && !this.#isDraining) this.#signIn(() => this.#beginAnew(identity)); },", to: "over: () => {},", test: KEYS, named: "what has been opened" },
  { name: "that what is not exported is no topic", file: TOPICS, from: 'if (table.exportName !== null && table.exportOver.includes("MQTT")) this.#tables.set(table.exportName, table);', to: "this.#tables.set(table.exportName ?? table.name, table);", test: MQTT, named: "what is retained" },
  { name: "that everything is what one may read", file: TOPICS, from: '.filter((table) => rights.permission(table.name, "READ") !== false).flatMap(', to: ".flatMap(", test: MQTT, named: "what is retained" },
  { name: "that plans are of one set of roles", file: TOPICS, from: "`${rights.roleKey}\\n${table.name} ${of}`", to: "`${table.name} ${of}`", test: MQTT, named: "what is retained" },
  { name: "that a removal may be refused", file: TOPICS, from: 'isRemoval && precondition === null && error instanceof AmbitError && error.code === "NOT_FOUND"', to: "isRemoval && precondition === null && error instanceof AmbitError", test: MQTT, named: "an empty retained message" },
  { name: "that what is lost from sight is told", file: "src/interfaces/mqtt/following.ts", from: 'const gone = frame.op === "snapshot" ? this.#missing(messages) : [];', to: "const gone: RecordMessage[] = [];", test: FOLLOWS, named: "whoever follows" },
  { name: "the rule of each record that changes", file: "src/resources/live-plan.ts", from: "if (filter !== null && !isTrue(filter, own, book)) return null;", to: "", test: FOLLOWS, named: "whoever follows" },
  { name: "the rule of each field of what changes", file: "src/resources/live-plan.ts", from: '(visibleWhen === null || isTrue(visibleWhen, environment, book) ? name + write(record) : "")', to: "(name + write(record))", test: FOLLOWS, named: "whoever follows" },
  { name: "that a hidden change is no news", file: "src/resources/live-query.ts", from: "if (before === after) continue;", to: "if (before === null && after === null) continue;", test: FOLLOWS, named: "whoever follows" },
  { name: "that nothing but the key leaves", file: "src/resources/live-query.ts", from: 'told.push(after === null ? { type: "leave", key }', to: 'told.push(after === null && change.new === null ? { type: "leave", key }', test: FOLLOWS, named: "whoever follows" },
  { name: "the scope of a key for hearing a channel", file: "src/access/role-rights.ts", from: 'only.covers(name, "SUBSCRIBE") && subscribe', to: "subscribe", test: CHANNELS, named: "is heard" },
  { name: "the scope of a key for publishing on a channel", file: "src/access/role-rights.ts", from: 'only.covers(name, "PUBLISH") && publish', to: "publish", test: CHANNELS, named: "is published" },
  { name: "the rule of each message", file: HUB, from: "if (group.rule !== null && !this.#holds(group.rule.expression, group.rule.auth, message)) continue;", to: "", test: CHANNELS, named: "is heard" },
  { name: "what a topic's key tells at once", file: HUB, from: 'if (verdict === "never") throw rights.channelRefusal(channel.name, "SUBSCRIBE");', to: "", test: CHANNELS, named: "is heard" },
  { name: "that a rule says something else to each of equal roles", file: HUB, from: "return `${rights.roleKey} ${JSON.stringify(", to: "return `${rights.roleKey} ${String(variables.length)}` || `${JSON.stringify(", test: CHANNELS, named: "is heard" },
  { name: "that presence is left", file: HUB, from: "room.exit(connection!);", to: "", test: CHANNELS, named: "loses the right" },
  { name: "the rule of what is published", file: "src/resources/publish-operation.ts", from: 'if (!isTrue(publish, { ...rest, rows, variables: { ...variables, input: sent } }, book)) throw rights.channelRefusal(channel.name, "PUBLISH");', to: "if (rest === undefined || rows === undefined || variables === undefined) return isTrue(publish, { ...rest, rows, variables }, book) as never;", test: CHANNELS, named: "is published" },
  { name: "that a channel which is not exported is no topic", file: "src/interfaces/mqtt/channel-topics.ts", from: 'if (channel.exportName !== null && channel.exportOver.includes("MQTT")) this.#channels.set(channel.exportName, channel);', to: "this.#channels.set(channel.exportName ?? channel.name, channel);", test: CHANNELS, named: "is heard" },
  { name: "that a channel of one wire is not there over another", file: "src/interfaces/rest/rest-router.ts", from: 'method === "POST" ? channel.exportOver.includes(over) : ', to: 'method === "POST" ? channel.exportName !== null : ', test: CHANNELS, named: "is published" },
  { name: "that a channel is no field for whom it is not", file: "src/interfaces/graphql/channel-fields.ts", from: "if (context.rights.channel(channel.name).subscribe === false) return {};", to: "", test: CHANNELS, named: "is heard" },
  { name: "the end of a topic of whoever is another now", file: "src/interfaces/rest/event-stream.ts", from: "over: () => this.renew() });", to: "over: () => {} });", test: CHANNELS, named: "loses the right" },
];

let copy: MutatedCopy;
beforeAll(() => { copy = new MutatedCopy(); });
afterAll(() => copy.remove());

const isLong = process.env["AMBIT_TEST_SIZE"] === "long";
const day = Math.floor(Date.now() / 86_400_000);
const chosen = isLong ? breaks : [breaks[day % breaks.length]!];

test("each break changes what it names", () => {
  for (const { name, file, from } of breaks) expect([name, copy.has(file, from)]).toEqual([name, true]);
});

test.each(chosen.map((one) => [one.name, one] as const))("without %s the matrix fails", async (_, one) => {
  expect(await copy.changed(one, () => copy.passes(one.test, one.named))).toBe(false);
}, 180_000);
