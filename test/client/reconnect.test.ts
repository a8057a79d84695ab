// What happens to followed queries over real connections: changes since a loss are told one by one, a token is renewed without a loss, one that
// has ended is replaced, and one that is taken no longer ends it all.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { SignJWT } from "jose";
import type { Client, LiveChange } from "../../client/index.ts";
import { startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { clientOf, config, resources, schema } from "./client-app.ts";
import { openCutProxy, type CutProxy } from "./cut-proxy.ts";
import { until } from "../processes/waits.ts";

const secret = "0123456789abcdef0123456789abcdef";
let app: StartedApp;
let proxy: CutProxy;
let direct: Client;
const clients: Client[] = [];

beforeAll(async () => {
  app = await startTestApp({ schema, resources, config: config.replace("auth:\n", `auth:\n  jwt:\n    - { issuer: test, secret: "${secret}" }\n`) });
  proxy = await openCutProxy();
  proxy.target = app.port;
  direct = clientOf(app.url);
});
afterAll(async () => {
  for (const client of [direct, ...clients]) client.close();
  await proxy.stop();
  await app.stop();
});

type Change = LiveChange<Readonly<Record<string, unknown>>>;

function token(lifeS: number): Promise<string> {
  return new SignJWT({ roles: ["clerk"] }).setProtectedHeader({ alg: "HS256" }).setSubject("clerk").setIssuer("test").setIssuedAt().setExpirationTime(Math.floor(Date.now() / 1_000) + lifeS).sign(new TextEncoder().encode(secret));
}

/** A client that counts the sockets that it opens. */
function counting(options: Parameters<typeof clientOf>[1]): { readonly client: Client; readonly opened: () => number } {
  let opened = 0;
  const Counted = class extends WebSocket {
    constructor(url: string) {
      super(url);
      opened++;
    }
  };
  const client = clientOf(proxy.url, { WebSocket: Counted as never, ...options });
  clients.push(client);
  return { client, opened: () => opened };
}

test("after a loss the changes since are told, each once, and nothing is read anew", async () => {
  const { client, opened } = counting({});
  const told: (readonly Change[] | null)[] = [];
  const live = client.from("Item").live({ title: "since" }, { onChange: (changes) => { told.push(changes); } });
  await live.ready;
  await direct.from("Item").create({ id: "s1", title: "since", price: 1 });
  await until(() => live.rows.length === 1, "the first");
  proxy.target = null;
  proxy.cut();
  await until(() => !live.isCurrent, "the loss");
  await direct.from("Item").create({ id: "s2", title: "since", price: 2 });
  await direct.from("Item").update("s1", { price: 5 });
  await direct.from("Item").update("s2", { title: "no more" });
  await direct.from("Item").create({ id: "s3", title: "since", price: 3 });
  expect(live.rows.length).toBe(1);
  proxy.target = app.port;
  await until(() => live.rows.length === 2 && live.isCurrent, "the rest");
  expect([told[0], told.slice(1).map((changes) => changes?.map(({ type, key }) => `${type} ${key}`) ?? null)]).toEqual([null, [["enter s1"], ["enter s2"], ["update s1"], ["leave s2"], ["enter s3"]]]);
  expect(opened()).toBeGreaterThan(1);
  live.close();
});

test("a token is renewed on the same connection, before it ends", async () => {
  let asked = 0;
  const { client, opened } = counting({ token: () => { asked++; return token(6); } });
  const told: unknown[] = [];
  const live = client.from("Item").live({ title: "renew" }, { onChange: (changes) => { told.push(changes); } });
  await live.ready;
  await Bun.sleep(7_000);
  await direct.from("Item").create({ id: "n1", title: "renew" });
  await until(() => live.rows.length === 1, "the row");
  expect([opened(), asked > 1, told.length, live.isCurrent]).toEqual([1, true, 2, true]);
  live.close();
}, 120_000);

test("a token that ended while the connection was gone is replaced; one without another ends what is followed", async () => {
  const { client } = counting({ token: () => token(2) });
  const live = client.from("Item").live({ title: "replace" });
  await live.ready;
  proxy.target = null;
  proxy.cut();
  await Bun.sleep(2_500);
  proxy.target = app.port;
  await until(() => live.isCurrent, "the connection");
  live.close();

  const codes: string[] = [];
  const fixed = counting({ token: await token(1) }).client.from("Item").live({}, { onError: ({ code }) => { codes.push(code); } });
  await fixed.ready;
  await until(() => codes.length > 0, "the end");
  expect([codes, fixed.isCurrent]).toEqual([["INVALID_TOKEN"], false]);
}, 120_000);

test("a server that says nothing more is left for another connection", async () => {
  const { client, opened } = counting({ silenceMs: 1_000 });
  const live = client.from("Item").live({ title: "silent" });
  await live.ready;
  await Bun.sleep(2_500);
  // Signs of life kept it.
  expect([opened(), live.isCurrent]).toEqual([1, true]);
  proxy.stall(5_000);
  await until(() => opened() > 1 && live.isCurrent, "another one");
  await direct.from("Item").create({ id: "q1", title: "silent" });
  await until(() => live.rows.length === 1, "the row");
  live.close();
}, 120_000);
