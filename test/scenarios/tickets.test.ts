// Credentials where no header can be sent: tickets for event streams, with the real EventSource; and sockets, which nothing ambient signs in.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { EventSource } from "eventsource";
import { fakeClock } from "../../src/base/clock.ts";
import { within } from "../processes/app-process.ts";
import { SocketClient } from "./live-clients.ts";
import { adminToken, startTestApp, type StartedApp } from "./started-app.ts";
import { WAIT_MS } from "../processes/waits.ts";

const schema = `
type Note @table(tenant: "orgId") @export @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey orgId: ID! text: String! ticket: String }
`;
const config = `auth:\n  keys:\n    - { token: key-ann, subject: ann, roles: [clerk], tenant: red }\n    - { token: key-bob, subject: bob, roles: [clerk], tenant: blue }\n    - { token: key-guest, subject: guest, roles: [] }\n`;

let app: StartedApp;
const clock = fakeClock();
beforeAll(async () => {
  app = await startTestApp({ schema, config }, { clock });
  for (const [name, org] of [["ann", "red"], ["bob", "blue"]]) await fetch(`${app.url}/Note`, { method: "POST", headers: { authorization: `Bearer key-${name}`, "content-type": "application/json" }, body: JSON.stringify({ id: `of-${name}`, text: `${org} CANARY` }) });
});
afterAll(() => app.stop());

async function ticketOf(token: string | null): Promise<{ status: number; ticket: string; expiresIn: number; headers: Headers }> {
  const response = await fetch(`${app.url}/auth/ticket`, { method: "POST", headers: token === null ? {} : { authorization: `Bearer ${token}` } });
  return { status: response.status, headers: response.headers, ...await response.json() as { ticket: string; expiresIn: number } };
}

const stream = (query: string, headers: Record<string, string> = {}): Promise<Response> => fetch(`${app.url}/Note${query}`, { headers: { accept: "text/event-stream", ...headers } });

async function outcome(response: Promise<Response>): Promise<string> {
  const answer = await response;
  const code = answer.status === 200 ? "" : (await answer.json() as { code: string }).code;
  if (answer.status === 200) await answer.body?.cancel();
  return `${answer.status} ${code}`.trim();
}

test("EventSource follows with a ticket, as whoever asked for it and in their tenant alone", async () => {
  const { status, ticket, expiresIn, headers } = await ticketOf("key-ann");
  expect([status, expiresIn, headers.get("cache-control")]).toEqual([200, 30, "private, no-store"]);
  const source = new EventSource(`${app.url}/Note?select=text&ticket=${ticket}`);
  const snapshot = await within(WAIT_MS, "the snapshot", new Promise<string>((resolve) => { source.addEventListener("snapshot", ({ data }) => resolve(String(data))); }));
  source.close();
  expect(JSON.parse(snapshot)).toMatchObject({ op: "snapshot", rows: [{ id: "of-ann", text: "red CANARY" }] });
});

test("a ticket counts once, however many ask at the same time", async () => {
  const { ticket } = await ticketOf("key-ann");
  const answers = await Promise.all(Array.from({ length: 20 }, () => outcome(stream(`?ticket=${ticket}`))));
  expect([answers.filter((answer) => answer === "200").length, answers.filter((answer) => answer === "401 INVALID_TOKEN").length]).toEqual([1, 19]);
});

test("it is for event streams alone, for a while, and never beside another credential", async () => {
  const { ticket } = await ticketOf("key-ann");
  expect(await outcome(fetch(`${app.url}/Note?ticket=${ticket}`, { headers: { accept: "application/json" } }))).toBe("401 UNAUTHENTICATED");
  expect(await outcome(fetch(`${app.url}/Note/of-ann?ticket=${ticket}`, { method: "DELETE" }))).not.toStartWith("2");
  expect(await outcome(stream(`?ticket=${ticket}`, { authorization: "Bearer key-bob" }))).toBe("400 MALFORMED_QUERY");
  expect(await outcome(stream(`?ticket=${ticket}&ticket=${ticket}`))).toBe("400 MALFORMED_QUERY");
  expect(await outcome(stream(`?ticket=eq.x`))).toBe("401 INVALID_TOKEN");
  expect(await outcome(stream(`?"ticket"=eq.x`, { authorization: "Bearer key-bob" }))).toBe("200");
  clock.advance(30_000);
  expect(await outcome(stream(`?ticket=${ticket}`))).toBe("401 INVALID_TOKEN");
});

test("nobody gets a ticket; who may not read may not with one; the administrator keeps to the tenant that they named", async () => {
  expect((await ticketOf(null)).status).toBe(401);
  expect((await fetch(`${app.url}/auth/ticket`)).status).toBe(405);
  const { ticket } = await ticketOf("key-guest");
  expect(await outcome(stream(`?ticket=${ticket}`))).toBe("403 FORBIDDEN");
  const within = await fetch(`${app.url}/auth/ticket`, { method: "POST", headers: { authorization: `Bearer ${adminToken}`, "x-ambit-tenant": "blue" } });
  const response = await stream(`?ticket=${(await within.json() as { ticket: string }).ticket}`);
  const { value } = await response.body!.getReader().read();
  const text = new TextDecoder().decode(value);
  expect([text.includes("blue CANARY"), text.includes("red CANARY")]).toEqual([true, false]);
});

test("no ticket is in the log", async () => {
  const { ticket } = await ticketOf("key-ann");
  await outcome(stream(`?ticket=${ticket}`));
  await outcome(stream(`?ticket=${ticket}`));
  await outcome(stream(`?ticket=${ticket}&nope=1`));
  expect([app.log.some((line) => line.includes("/auth/ticket")), app.log.some((line) => line.includes(ticket))]).toEqual([true, false]);
});

test("a socket from another origin has no credential but what it says itself: cookies and passwords that a browser adds are none", async () => {
  const socket = await SocketClient.open(app.url, { origin: "https://evil.example", cookie: "token=key-ann; session=key-ann; authorization=Bearer key-ann" });
  socket.send({ op: "subscribe", id: "a", query: "/Note" });
  expect(await socket.next()).toMatchObject({ op: "error", id: "a", problem: { code: "UNAUTHENTICATED" } });
  socket.close();
  const basic = await fetch(`${app.url}/Note`, { headers: { authorization: `Basic ${btoa("ann:key-ann")}` } });
  expect(basic.status).toBe(401);
});

test("signing in says for how long; a ping is answered", async () => {
  const socket = await SocketClient.open(app.url);
  socket.send({ op: "auth", token: "key-ann" });
  expect(await socket.next()).toMatchObject({ op: "result", status: 200, body: { subject: "ann", expiresIn: null } });
  socket.send({ op: "ping", id: "p" });
  expect(await socket.next()).toEqual({ op: "pong", id: "p" });
  socket.close();
});

test("a ticket is of no use where another app serves: its holder may be nobody there", async () => {
  const { ticket } = await ticketOf("key-ann");
  writeFileSync(join(app.directory, "config.yaml"), config.replace(/\n.*key-ann.*\n/, "\n"));
  expect((await app.running.reload({ typeCheck: false })).filter(({ severity }) => severity === "error")).toEqual([]);
  expect(await outcome(stream(`?ticket=${ticket}`))).toBe("401 INVALID_TOKEN");
  expect((await ticketOf("key-ann")).status).toBe(401);
  const other = await ticketOf("key-bob");
  expect(await outcome(stream(`?ticket=${other.ticket}`))).toBe("200");
});
