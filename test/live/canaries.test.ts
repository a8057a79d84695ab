// What must not be told, followed over every interface at once: other tenants' records, records and fields beyond a rule, what somebody loses
// in the midst of it. All bytes that come are looked at: nothing of what is hidden is in any of them, and keys are told only of what was seen.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connected } from "../mqtt/mqtt-clients.ts";
import { SocketClient } from "../scenarios/live-clients.ts";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { until } from "../processes/waits.ts";

const schema = `
type Note @table(tenant: "orgId") @export @allow(to: ["boss"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["guest"], do: [READ], where: "record.open") {
  id: ID! @primaryKey
  orgId: ID!
  open: Boolean! @default(value: false)
  text: String
  secret: String @allow(to: ["boss"], do: [READ, CREATE, UPDATE])
  owned: String @allow(to: ["guest"], do: [READ], where: "record.text == 'shown'") @allow(to: ["boss"], do: [READ, CREATE, UPDATE])
}
type Member @table @grants(subject: "who", role: "role", on: "clubId") @indexed(fields: ["who", "clubId"], unique: true) @export @allow(to: ["boss"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey who: ID! @indexed role: ClubRole! clubId: ID! @indexed club: Club! @relationship(from: "clubId") }
enum ClubRole { FRIEND }
type Club @table @export @allow(to: ["friend"], do: [READ], on: "record") @allow(to: ["boss"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey text: String }
type Talk @channel(key: "topic") @export @allow(to: ["boss"], do: [SUBSCRIBE, PUBLISH]) @allow(to: ["guest"], do: [SUBSCRIBE], where: "record.orgId == auth.tenant") { topic: ID! orgId: ID text: String }
`;
const config = `mqtt: { port: 0 }
auth:
  keys:
    - { token: key-boss-red, subject: boss, roles: [boss], tenant: red }
    - { token: key-boss-blue, subject: boss, roles: [boss], tenant: blue }
    - { token: key-guest, subject: guest, roles: [guest], tenant: red }
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, config }); });
afterAll(() => app?.stop());

const heard = new Map<string, string>();
const ends: (() => unknown)[] = [];
const hear = (name: string, text: string): void => { heard.set(name, (heard.get(name) ?? "") + text + "\n"); };
const authorization = "Bearer key-guest";
const PATHS = ["/Note", "/Note?order=text&limit=3", "/Note/n1", "/Note/b1", "/Club", "/Club/c1", "/Talk", "/Talk/t"];

async function follow(when: string): Promise<void> {
  const socket = await SocketClient.open(app.url, { authorization });
  socket.socket.addEventListener("message", ({ data }) => hear(`${when} ws`, String(data)));
  for (const path of PATHS) socket.send({ op: "subscribe", id: path, query: path });
  ends.push(() => socket.close());
  for (const [path, init] of [
    ...PATHS.map((path) => [path, {}] as const),
    ...["noteList { op rows { id text owned } changes { type key record { id text owned } } }", "clubList { op rows { id text } changes { type key record { text } } }", "noteAggregate { op rows { count max { text } } }", "talk { op messages { topic text } }"]
      .map((field) => ["/graphql", { method: "POST", body: JSON.stringify({ query: `subscription { told: ${field} }` }) }] as const),
  ]) {
    const abort = new AbortController();
    const response = await fetch(app.url + path, { ...init, headers: { authorization, accept: "text/event-stream", "content-type": "application/json" }, signal: abort.signal });
    void (async () => { for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) hear(`${when} ${path}`, String(chunk)); })().catch(() => {});
    ends.push(() => abort.abort());
  }
  for (const [index, protocolVersion] of [4, 5].entries()) {
    for (const qos of [0, 1, 2] as const) {
      const client = await connected(app.running.mqtt.port!, { protocolVersion, username: "x", password: "key-guest", clientId: `${when}-${index}-${qos}`, clean: false, ...(protocolVersion === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}) } as object);
      client.client.on("message", (topic, payload) => hear(`${when} mqtt`, `${topic} ${String(payload)}`));
      for (const filter of ["#", "+/n1", "Note/+", "Note/b1", "Club/c1", "Talk/t"]) await client.client.subscribeAsync(filter, { qos }).catch(() => {});
      ends.push(() => client.end(true));
    }
  }
}

async function send(token: string, method: string, path: string, body?: object): Promise<void> {
  const response = await fetch(app.url + path, { method, headers: { authorization: `Bearer ${token}`, "content-type": "application/json" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
}

/** Red is the guests' tenant. What they must not see says CANARY. */
async function live(round: string): Promise<void> {
  const [red, blue] = ["key-boss-red", "key-boss-blue"];
  await send(blue, "PUT", "/Note/b1", { open: true, text: "CANARY blue", secret: "CANARY" });
  await send(blue, "PATCH", "/Note/b1", { text: "shown CANARY" });
  await send(red, "PUT", "/Note/n1", { open: false, text: "CANARY closed", secret: "CANARY", owned: "CANARY" });
  await send(red, "PUT", `/Note/CANARY-key-${round}`, { open: false, text: "CANARY closed" });
  await send(red, "PATCH", "/Note/n1", { open: true, text: `seen ${round}` });
  await send(red, "PATCH", "/Note/n1", { text: "shown", owned: `owned ${round}` });
  await send(red, "PATCH", "/Note/n1", { text: "not", owned: "CANARY owned" });
  await send(red, "PATCH", "/Note/n1", { secret: "CANARY again" });
  await send(red, "PATCH", "/Note/n1", { open: false, text: "CANARY gone" });
  await send(red, "DELETE", `/Note/CANARY-key-${round}`);
  await send(red, "DELETE", "/Note/n1");
  await send(blue, "DELETE", "/Note/b1");
  await send(red, "PUT", "/Club/c1", { text: "CANARY before" });
  await send(red, "PATCH", "/Club/c1", { text: `club ${round}` });
  await send(red, "PUT", "/Member/m", { who: "guest", role: "FRIEND", clubId: "c1" });
  await send(red, "PATCH", "/Club/c1", { text: `friends ${round}` });
  await send(red, "DELETE", "/Member/m");
  await send(red, "PATCH", "/Club/c1", { text: "CANARY after" });
  await send(red, "DELETE", "/Club/c1");
  await send(red, "POST", "/Talk/t", { orgId: "blue", text: "CANARY said" });
  await send(red, "POST", "/Talk/t", { text: "CANARY said to nobody" });
  await send(red, "POST", "/Talk/t", { orgId: "red", text: `said ${round}` });
}

const has = (name: string, text: string): (() => boolean) => () => (heard.get(name) ?? "").includes(text);

test("nothing that is hidden is told, over any interface", async () => {
  await follow("early");
  await live("one");
  await follow("late");
  await live("two");
  for (const when of ["early", "late"]) for (const text of ["seen two", "owned two", "friends two", "said two"]) {
    for (const way of ["ws", "mqtt"]) await until(has(`${when} ${way}`, text), `${when} ${way}: ${text}`);
  }
  for (const text of ["seen two", "owned two"]) await until(has("late /Note", text), `events: ${text}`);
  await until(has("late /Club", "friends two"), "events of clubs");
  await until(has("late /graphql", "seen two"), "GraphQL");
  await Bun.sleep(100);
  for (const [name, text] of heard) expect([name, text.split("\n").filter((line) => line.includes("CANARY")).slice(0, 3)]).toEqual([name, []]);
});

test("who loses the role in a reload is told no more, and what it followed has gone", async () => {
  heard.clear();
  writeFileSync(join(app.directory, "config.yaml"), config.replace("roles: [guest]", "roles: [nobody]"));
  expect((await app.running.reload({ typeCheck: false })).filter(({ severity }) => severity === "error")).toEqual([]);
  await send("key-boss-red", "PUT", "/Note/n1", { open: true, text: "CANARY role" });
  await send("key-boss-red", "POST", "/Talk/t", { orgId: "red", text: "CANARY role" });
  await Bun.sleep(300);
  for (const [name, text] of heard) expect([name, text.split("\n").filter((line) => line.includes("CANARY")).slice(0, 3)]).toEqual([name, []]);
  for (const end of ends) await end();
});
