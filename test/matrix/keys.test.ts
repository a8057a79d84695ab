// Keys at their bounds, over every interface: one that has ended opens nothing and ends what it opened within two seconds, one that has used up its
// rate is told so and no more, and one of an account shrinks with it. So do sessions.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { SESSION_TABLE, tokenHash } from "../../src/access/signed-in.ts";
import { connected } from "../mqtt/mqtt-clients.ts";
import { EventClient, SocketClient } from "../scenarios/live-clients.ts";
import { tokensOf } from "./canary-values.ts";
import { followerOf, interfaces, type Follower } from "./followers.ts";
import { administrator, sessionToken, type Who } from "./identities.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";
import { exported } from "./oracle.ts";
import { checkLists, checkRecords, keyOf } from "./record-checks.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());
afterEach(() => expect(matrix.report()).toEqual([]));

const ENDED_MS = 2_000;
const asCode = { dialect: "code", authority: null, sent: null } as const;
const seed = { actor: "seed", requestId: "seed" } as const;

/** What came back over each wire, as the code of the refusal and everything that was said. */
interface Refused { readonly way: string; readonly code: string | null; readonly text: string }

async function askEverywhere(who: Who): Promise<Refused[]> {
  const told: Refused[] = [];
  const note = (way: string, code: unknown, said: unknown): void => { told.push({ way, code: (code ?? null) as string | null, text: JSON.stringify(said) }); };
  const headers = matrix.headersOf(who);
  for (const { path } of exported) {
    for (const [method, suffix] of [["GET", ""], ["GET", "/nowhere"], ["PUT", "/1"], ["DELETE", "/1"]] as const) {
      const response = await fetch(`${matrix.app.url}/${path}${suffix}`, { method, headers: { ...headers, "content-type": "application/json" }, ...(method === "PUT" ? { body: "{}" } : {}) });
      const text = await response.text();
      note(`${method} /${path}${suffix}`, (JSON.parse(text) as { code?: string }).code, [text, [...response.headers]]);
    }
  }
  const events = await EventClient.open(`${matrix.app.url}/Project`, headers);
  note("SSE", (await events.response.json() as { code: string }).code, null);
  const answer = await fetch(`${matrix.app.url}/graphql`, { method: "POST", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify({ query: "{ projectList { rows { id title } } }" }) });
  const json = await answer.json() as { code?: string; errors?: { extensions: { code: string } }[] };
  note("GraphQL", json.code ?? json.errors?.[0]?.extensions.code, json);
  return told;
}

/** The reason of MQTT, or what the first frame of a WebSocket says. */
async function openSockets(who: Who): Promise<Refused[]> {
  const mqtt = await connected(matrix.app.mqtt.port!, { protocolVersion: 5, username: "x", password: who.token! }).then(async (client) => {
    const refusal = await client.client.subscribeAsync("Project/+", { qos: 0 }).then(() => "subscribed", (error: { packet?: { granted: number[] } }) => `0x${(error.packet?.granted[0] ?? 0).toString(16)}`);
    await client.end(true);
    return refusal;
  }, (error: { code?: number }) => `0x${(error.code ?? 0).toString(16)}`);
  const header = await SocketClient.open(matrix.app.url, matrix.headersOf(who)).then(async (client) => {
    const frame = await client.ask({ op: "subscribe", id: "1", query: "/Project" }).catch(() => null);
    client.close();
    return frame?.problem?.code ?? frame?.op ?? "closed";
  }, () => "not opened");
  const first = await SocketClient.open(matrix.app.url);
  const signed = await first.ask({ op: "auth", id: "0", token: who.token! });
  first.close();
  return [{ way: "MQTT", code: mqtt, text: "" }, { way: "WebSocket, by header", code: header, text: "" }, { way: "WebSocket, by frame", code: signed.problem?.code ?? signed.op, text: "" }];
}

function expectRefused(refused: readonly Refused[], codes: Readonly<Record<string, string>>, otherwise: string): void {
  for (const { way, code, text } of refused) {
    matrix.checks += 1;
    if (code !== (codes[way] ?? otherwise)) matrix.fail(`${way}: ${code}`, codes[way] ?? otherwise);
    if (tokensOf(text).length > 0) matrix.fail(`${way}: ${text.slice(0, 300)}`, "no value at all");
  }
}

/** MQTT 5: not authorized or bad user name and password. */
const UNKNOWN = { "MQTT": "0x86", "WebSocket, by header": "not opened", "WebSocket, by frame": "INVALID_TOKEN" };

test("a key that is revoked, or has a wrong letter, opens nothing", async () => {
  const { id, token } = await matrix.makeKey(null, { subject: "kim", roles: ["keeper"] });
  const kim = matrix.who("kim");
  matrix.status(await matrix.ask({ ...kim, token }, "/Project"), 200);
  matrix.status(await matrix.ask(administrator, `/admin/keys/${id}`, { method: "DELETE" }), 200);
  const wrong = `${token.slice(0, -1)}${token.endsWith("A") ? "B" : "A"}`;
  for (const used of [token, wrong]) expectRefused([...await askEverywhere({ ...kim, token: used }), ...await openSockets({ ...kim, token: used })], UNKNOWN, "INVALID_TOKEN");
}, timeLimitMs);

test("a key that has used up its rate is told so, over everything", async () => {
  const kim = matrix.who("kim");
  const { token } = await matrix.makeKey(null, { subject: "kim", roles: ["keeper"], rate: "2/day" });
  const limited = { ...kim, token };
  for (const path of ["/Project", "/Task"]) matrix.status(await matrix.ask(limited, path), 200);
  expectRefused([...await askEverywhere(limited), ...await openSockets(limited)], { "MQTT": "0x97", "WebSocket, by header": "TOO_MANY_REQUESTS", "WebSocket, by frame": "result" }, "TOO_MANY_REQUESTS");
}, timeLimitMs);

test("a key of an account is worth no more than the account, from the next request on", async () => {
  const setRoles = (roles: readonly string[]): Promise<unknown> => matrix.app.tables.commit((session) => {
    session.write({ kind: "update", table: "Visitor", id: "mix", input: { roles: [...roles] }, merge: false, precondition: null }, asCode);
  }, seed);
  const [mix, nel] = [matrix.who("mix"), matrix.who("nel")];
  const as = (who: Who, ...roles: readonly string[]): Who => ({ ...who, name: `${who.name} once ${roles.join(" ")}`, roles: new Set(["public", "authenticated", ...roles]) });
  const watched = exported.filter(({ name }) => name === "Project" || name === "Note");
  // The account has a role that the key was not given.
  for (const [roles, own] of [[["editor", "auditor"], ["editor"]], [["member", "keeper"], ["member"]]] as const) {
    await setRoles(roles);
    await matrix.together(exported.map((table) => () => checkRecords(matrix, as(nel, ...own), table)));
    await matrix.together(watched.map((table) => () => checkLists(matrix, as(mix, ...roles), table)));
  }
  await setRoles(["member", "editor", "auditor"]);
  await matrix.together(exported.map((table) => () => checkRecords(matrix, nel, table)));
}, timeLimitMs);

interface Ending { readonly name: string; /** Who it is about; a key is made for them. */ readonly of: () => Promise<{ readonly who: Who; end(): Promise<unknown> }> }

async function endings(): Promise<readonly Ending[]> {
  const kim = matrix.who("kim");
  const remove = (table: string, id: string): Promise<unknown> => matrix.app.tables.commit((session) => session.write({ kind: "remove", table, id, precondition: null }, asCode), seed);
  const keyOfKim = async (end: (id: string) => Promise<unknown>): ReturnType<Ending["of"]> => {
    const { id, token } = await matrix.makeKey(null, { subject: "kim", roles: ["keeper"] });
    return { who: { ...kim, token }, end: () => end(id) };
  };
  return [
    { name: "a key, revoked by the administrator", of: () => keyOfKim((id) => matrix.ask(administrator, `/admin/keys/${id}`, { method: "DELETE" })) },
    {
      name: "a key, revoked by whose it is",
      async of() {
        const { id, token } = await matrix.makeKey(sessionToken("max"), { roles: ["member"] });
        return { who: { ...matrix.who("max"), token }, end: () => matrix.ask(matrix.who("max"), `/auth/keys/${id}`, { method: "DELETE" }) };
      },
    },
    {
      name: "a session that is signed out",
      async of() {
        const [[id]] = matrix.app.storage.reader.query(`SELECT "id" FROM "${SESSION_TABLE}" WHERE "token" = ?`).values(tokenHash(sessionToken("eve"))) as [[string]];
        return { who: matrix.who("eve"), end: () => remove(SESSION_TABLE, id) };
      },
    },
    {
      name: "a key of an account that is gone",
      async of() {
        const { token } = await matrix.makeKey(sessionToken("mix"), { roles: ["member"] });
        return { who: { ...matrix.who("mix"), token, roles: new Set(["public", "authenticated", "member"]) }, end: () => remove("Visitor", "mix") };
      },
    },
  ];
}

test("what has been opened ends within two seconds of the end of its key or session, and hears nothing more", async () => {
  for (const { name, of } of await endings()) {
    const { who, end } = await of();
    const followers = interfaces.map((way) => followerOf(way, matrix, who));
    for (const follower of followers) await follower.begin();
    for (const follower of followers) await begun(follower, name);
    const open = matrix.world.rows("Project").find((row) => matrix.oracle.sees(who, exported.find((table) => table.name === "Project")!, row))!;
    const answer = await end();
    if (typeof answer === "object" && answer !== null && "status" in answer && Number(answer.status) >= 300) matrix.fail(name, "the end");
    const untilMs = Date.now() + ENDED_MS;
    expectRefused([...await askEverywhere(who), ...await openSockets(who)], UNKNOWN, "INVALID_TOKEN");
    for (const follower of followers) for (const followed of follower.followed.values()) followed.told = [];
    // Somebody else changes what was followed, so that whoever has not ended would hear of it.
    const patch = { title: `after ${name}` };
    await matrix.ask(administrator, `/Project/${keyOf(exported.find((table) => table.name === "Project")!, open)}`, { method: "PATCH", body: patch });
    for (const follower of followers) {
      for (const followed of follower.followed.values()) {
        matrix.checks += 1;
        if (!await follower.settles(() => followed.ended !== null, untilMs)) matrix.fail(`${name}: ${followed.table.name} over ${follower.name}`, "an end within two seconds");
        if (followed.told.length > 0) matrix.fail(`${name}: ${followed.table.name} over ${follower.name}: ${JSON.stringify(followed.told)}`, "nothing more");
      }
      await follower.close();
    }
  }
}, timeLimitMs);

async function begun(follower: Follower, name: string): Promise<void> {
  for (const followed of follower.followed.values()) if (!await follower.settles(() => followed.isBegun, Date.now() + 20_000)) matrix.fail(`${name}: ${followed.table.name} over ${follower.name}`, "a beginning");
}

test("a key whose time is over opens nothing", async () => {
  const { token } = await matrix.makeKey(null, { subject: "kim", roles: ["keeper"], expires: "PT1H" });
  const used = { ...matrix.who("kim"), token };
  matrix.setTime(matrix.nowMs + 3_599_999);
  matrix.status(await matrix.ask(used, "/orgs"), 200);
  matrix.setTime(matrix.nowMs + 1);
  expectRefused([...await askEverywhere(used), ...await openSockets(used)], UNKNOWN, "INVALID_TOKEN");
  console.log(`matrix of keys: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
