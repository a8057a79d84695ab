// Channels over every wire, for every kind of identity: each message is heard by whom its rules name and by nobody else, published by whom they name and as
// themselves; presence shows who is there; and who loses the right hears no more.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { SignJWT } from "jose";
import { SESSION_TABLE, tokenHash } from "../../src/access/signed-in.ts";
import { connected } from "../mqtt/mqtt-clients.ts";
import { comesTrue, until } from "../processes/waits.ts";
import { SocketClient } from "../scenarios/live-clients.ts";
import { adminToken, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { channelFollower, wires, type ChannelFollower, type Scope, type Wire } from "./channel-followers.ts";
import { channels, channelSchema, hasRole, hears, mayPublish, maySubscribe, type ChannelModel, type Message, type Person } from "./channel-model.ts";
import { sessionToken } from "./identities.ts";

const SECRET = "a-shared-secret-of-at-least-32-bytes";
const config = `
auth:
  keys:
    - { token: key-plain, subject: plain, roles: [] }
    - { token: key-kim, subject: kim, roles: [keeper] }
    - { token: key-bea, subject: bea, roles: [member], tenant: b }
  jwt:
    - { issuer: "https://id.example.com", secret: "${SECRET}", algorithms: [HS256], roles: { claim: roles }, tenant: { claim: org } }
limits: { wrongCredentialsPerMinute: 10000 }
`;

let app: StartedApp;
let people: readonly Person[];
const problems: string[] = [];
const opened: ChannelFollower[] = [];
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  expect(problems.splice(0)).toEqual([]);
});
afterAll(() => app?.stop());

const person = (name: string, token: string | null, roles: readonly string[], more: Partial<Person> = {}): Person => ({
  name, token, subject: token === null ? null : name, roles: new Set(["public", ...(token === null ? [] : ["authenticated"]), ...roles]), claims: {}, administrator: false, tenant: null, ...more,
});

async function keyFor(input: object): Promise<{ readonly id: string; readonly token: string }> {
  return await (await fetch(`${app.url}/admin/keys`, { method: "POST", headers: { "content-type": "application/json", authorization: `Bearer ${adminToken}` }, body: JSON.stringify({ name: "of a test", ...input }) })).json() as { id: string; token: string };
}

beforeAll(async () => {
  app = await startTestApp({ schema: channelSchema, config });
  await app.running.tables.commit((session) => {
    const create = (table: string, input: object): unknown => session.write({ kind: "create", table, input: input as never, onConflict: null }, { dialect: "code", authority: null, sent: null });
    create("Visitor", { id: "max", email: "max@example.com", roles: ["member"] });
    create(SESSION_TABLE, { token: tokenHash(sessionToken("max")), userId: "max", expiresAt: new Date(Date.now() + 86_400_000).toISOString() });
  }, { actor: "seed", requestId: "seed" });
  const only = ["Talk:SUBSCRIBE", "News", "Inbox:PUBLISH"];
  const issued = await new SignJWT({ roles: ["auditor"], desk: "north", org: "a" }).setProtectedHeader({ alg: "HS256" }).setSubject("aud").setIssuer("https://id.example.com").setIssuedAt().setExpirationTime("1d").sign(new TextEncoder().encode(SECRET));
  people = [
    person("nobody", null, []), person("plain", "key-plain", []), person("kim", "key-kim", ["keeper"]), person("bea", "key-bea", ["member"], { tenant: "b" }), person("max", sessionToken("max"), ["member"]),
    person("mia", (await keyFor({ subject: "mia", roles: ["member"] })).token, ["member"]), person("nel", (await keyFor({ subject: "nel", roles: ["member", "keeper"], only })).token, ["member", "keeper"], { only }),
    person("aud", issued, ["auditor"], { tenant: "a", claims: { desk: "north" } }), person("administrator", adminToken, [], { subject: null, administrator: true }),
  ];
});

async function following(who: Person, wire: Wire, scope: Scope): Promise<ChannelFollower> {
  const follower = channelFollower(wire, { who, scope, url: app.url });
  opened.push(follower);
  await follower.begin();
  return follower;
}

/** Over the first wire that there is. */
async function publishAsAdministrator(model: ChannelModel, message: Message): Promise<void> {
  if (!await published({ who: people.at(-1)!, model, message, wire: model.over.includes("REST") ? "REST" : "WS" }).then((code) => code === null)) problems.push(`the administrator publishes ${JSON.stringify(message)} on ${model.name}`);
}

/** Null: why it does not follow it. */
function refusalOf({ who, wire, ...follower }: ChannelFollower, model: ChannelModel): readonly string[] | null {
  const isThere = model.over.includes(wire);
  if (wire === "GRAPHQL" && (!isThere || !hasRole(who, model, "SUBSCRIBE"))) return ["INVALID_DOCUMENT"];
  const key = follower.scope === "all" ? null : model.messages[0]![model.key];
  const isRefused = !isThere || !maySubscribe(who, model, key);
  if (!isRefused) return null;
  if (wire === "MQTT") return ["REFUSED"];
  return isThere ? [who.token === null ? "UNAUTHENTICATED" : "FORBIDDEN"] : ["NOT_FOUND", "NOT_ACCEPTABLE"];
}

/** What somebody shall have heard, or see, with what they do. */
interface Wanted { readonly label: string; readonly wanted: readonly string[]; now(): readonly string[] }

/** Waits once for all of them, then notes each that is wrong. */
async function compare(all: readonly Wanted[]): Promise<void> {
  await comesTrue(() => all.every(({ wanted, now }) => now().length >= wanted.length));
  for (const { label, wanted, now } of all) if (!Bun.deepEquals(now(), wanted)) problems.push(`${label}: ${now().join(", ")}, not ${wanted.join(", ")}`);
}

const textsIn = (messages: readonly Message[]): string[] => messages.map(({ text }) => String(text)).toSorted();

test("each message is heard by whom the rules name, of one topic and of all, and by nobody else; presence shows who is there", async () => {
  const followers = await Promise.all(people.flatMap((who) => wires.flatMap((wire) => (["topic", "all"] as const).map((scope) => following(who, wire, scope)))));
  for (const follower of followers) {
    for (const [model, { ended }] of follower.heard) {
      const wanted = refusalOf(follower, model);
      if (wanted === null ? ended !== null : !wanted.includes(ended ?? "")) problems.push(`${follower.who.name} ${follower.scope} of ${model.name} over ${follower.wire}: ${ended}, not ${wanted?.join(" or ")}`);
    }
  }
  const sent: { readonly model: ChannelModel; readonly message: Message }[] = [];
  // The second round comes after all of the first, on each stream.
  for (const round of [1, 2]) for (const model of channels) if (model.over.length > 0) for (const [index, message] of model.messages.entries()) sent.push({ model, message: { ...message, text: `${model.name} ${index} in round ${round}` } });
  for (const { model, message } of sent) await publishAsAdministrator(model, message);
  await compare(followers.flatMap((follower) => [...follower.heard].map(([model, heard]) => {
    const isOver = refusalOf(follower, model) !== null;
    const key = follower.keyOf(model);
    const told = sent.filter((one) => one.model === model && !isOver && (key === null || one.message[model.key] === key) && hears(follower.who, model, one.message));
    return { label: `${follower.who.name} ${follower.scope} of ${model.name} over ${follower.wire} heard`, wanted: textsIn(told.map(({ message }) => message)), now: () => textsIn(heard.messages) };
  })));
  for (const model of channels.filter(({ hasPresence }) => hasPresence)) {
    const shown = followers.filter((follower) => follower.scope === "topic" && follower.wire !== "MQTT" && refusalOf(follower, model) === null);
    const wanted = shown.map(({ who }) => String(who.subject)).toSorted();
    await compare(shown.map((follower) => ({ label: `${follower.who.name} sees on ${model.name} over ${follower.wire}`, wanted, now: () => [...follower.heard.get(model)!.present.values()].map(String).toSorted() })));
    const elsewhere = followers.filter((follower) => !shown.includes(follower) && follower.heard.get(model)!.present.size > 0);
    for (const { who, wire, scope } of elsewhere) problems.push(`${who.name} ${scope} over ${wire} sees who is on ${model.name}`);
  }
  console.log(`matrix of channels: ${followers.length} followers, ${sent.length} messages`);
}, 120_000);

interface Publishing { readonly who: Person; readonly model: ChannelModel; readonly message: Message; readonly wire: "REST" | Exclude<Wire, "SSE"> }

/** The code of the refusal; null: it was taken. */
async function published({ who, model, message, wire }: Publishing): Promise<string | null> {
  const headers = { "content-type": "application/json", ...(who.token === null ? {} : { authorization: `Bearer ${who.token}` }) };
  const { [model.key]: key, ...rest } = message;
  const topic = `${model.path}/${String(key)}`;
  switch (wire) {
    case "REST": {
      const response = await fetch(`${app.url}/${topic}`, { method: "POST", headers, body: JSON.stringify(rest) });
      return response.status === 204 ? null : (await response.json() as { code: string }).code;
    }
    case "WS": {
      const socket = await SocketClient.open(app.url, headers);
      const { problem } = await socket.ask({ op: "publish", id: "p", topic, message: rest });
      socket.close();
      return problem?.code ?? null;
    }
    case "GRAPHQL": {
      const input = Object.entries(message).map(([name, value]) => `${name}: ${name === "kind" || typeof value === "number" ? String(value) : JSON.stringify(value)}`).join(", ");
      const { errors } = await (await fetch(`${app.url}/graphql`, { method: "POST", headers, body: JSON.stringify({ query: `mutation { publish${model.name}(input: { ${input} }) }` }) })).json() as { errors?: { extensions: { code: string } }[] };
      return errors?.[0]?.extensions.code ?? null;
    }
    case "MQTT": {
      const client = await connected(app.port, { protocol: "ws", path: "/mqtt", protocolVersion: 5, ...(who.token === null ? {} : { username: "x", password: who.token }) });
      const refusal = await client.publish(topic, rest, { retain: false, qos: 1 }).then(() => null, (error: { code: number }) => `0x${error.code.toString(16)}`);
      await client.end(true);
      return refusal;
    }
  }
}

function publishRefusal({ who, model, message, wire }: Publishing): string | null {
  const isThere = model.over.includes(wire);
  if (isThere && mayPublish(who, model, message)) return null;
  if (wire === "GRAPHQL" && (!isThere || !hasRole(who, model, "PUBLISH"))) return "INVALID_DOCUMENT";
  if (wire === "MQTT") return isThere ? "0x87" : "0x90";
  if (wire === "REST" && !isThere && model.over.includes("SSE")) return "METHOD_NOT_ALLOWED";
  return !isThere ? "NOT_FOUND" : who.token === null ? "UNAUTHENTICATED" : "FORBIDDEN";
}

test("each message is published by whom the rules name, over each wire, as themselves; what is refused is heard by nobody", async () => {
  const listeners = await Promise.all((["WS", "MQTT"] as const).map((wire) => following(people.at(-1)!, wire, "all")));
  const wanted = new Map<ChannelModel, { text: string; by: string | null }[]>(channels.map((model) => [model, []]));
  let count = 0;
  for (const who of people) {
    await Promise.all(channels.flatMap((model) => model.messages.flatMap((message) => (["REST", "WS", "GRAPHQL", "MQTT"] as const).map(async (wire) => {
      const asked = { who, model, wire, message: { ...message, text: `${++count}: ${who.name} over ${wire}` } };
      const refusal = publishRefusal(asked);
      const code = await published(asked);
      if (code !== refusal) problems.push(`${who.name} publishes ${JSON.stringify(message)} on ${model.name} over ${wire}: ${code}, not ${refusal}`);
      if (refusal === null) wanted.get(model)!.push({ text: asked.message.text, by: who.subject });
    }))));
  }
  await compare(listeners.flatMap((follower) => [...follower.heard].filter(([model]) => model.over.includes(follower.wire)).map(([model, { messages }]) => ({
    label: `heard on ${model.name} over ${follower.wire}`, wanted: wanted.get(model)!.map(({ text, by }) => `${text} by ${by}`).toSorted(), now: () => messages.map(({ text, by }) => `${String(text)} by ${String(by ?? null)}`).toSorted(),
  }))));
  console.log(`matrix of channels: ${count} publications`);
}, 120_000);

test("who loses the right, by a key that is revoked or a role that is taken, hears no more and is seen no more", async () => {
  const [news, talk] = [channels.find(({ name }) => name === "News")!, channels.find(({ name }) => name === "Talk")!];
  const key = await keyFor({ subject: "zoe", roles: ["member"] });
  const ways: readonly { readonly who: Person; end(): Promise<unknown>; /** What is theirs no more. */ readonly lost: readonly ChannelModel[] }[] = [
    { who: person("zoe", key.token, ["member"]), lost: [news, talk], end: () => fetch(`${app.url}/admin/keys/${key.id}`, { method: "DELETE", headers: { authorization: `Bearer ${adminToken}` } }) },
    {
      who: people.find(({ name }) => name === "max")!, lost: [talk],
      end: () => app.running.tables.commit((session) => session.write({ kind: "update", table: "Visitor", id: "max", input: { roles: [] }, merge: false, precondition: null }, { dialect: "code", authority: null, sent: null }), { actor: "seed", requestId: "seed" }),
    },
  ];
  const watching = await following(people.find(({ name }) => name === "kim")!, "WS", "topic");
  const present = watching.heard.get(talk)!.present;
  const message = talk.messages.at(-1)!;
  for (const { who, end, lost } of ways) {
    const followers = await Promise.all(wires.map((wire) => following(who, wire, "topic")));
    await publishAsAdministrator(talk, { ...message, text: `before ${who.name}` });
    for (const follower of followers) await until(() => follower.heard.get(talk)!.messages.length === 1);
    await until(() => [...present.values()].filter((subject) => subject === who.subject).length === 3);
    await end();
    // MQTT keeps a filter that is not theirs any more, and tells nothing of it.
    const ending = followers.flatMap((follower) => (follower.wire === "MQTT" && !lost.includes(news) ? [] : lost.map((model) => ({ follower, model }))));
    const going = (): string[] => ending.filter(({ follower, model }) => follower.heard.get(model)!.ended === null).map(({ follower, model }) => `${follower.wire} ${model.name}`);
    if (!await comesTrue(() => going().length === 0 && ![...present.values()].includes(who.subject))) problems.push(`${who.name} is still told of ${going().join(", ")}, or seen`);
    for (const round of [1, 2]) await publishAsAdministrator(talk, { ...message, text: `after ${who.name}, ${round}` });
    await until(() => watching.heard.get(talk)!.messages.at(-1)!["text"] === `after ${who.name}, 2`);
    for (const follower of followers) if (follower.heard.get(talk)!.messages.length > 1) problems.push(`${who.name} over ${follower.wire} heard ${JSON.stringify(follower.heard.get(talk)!.messages)}`);
  }
}, 120_000);
