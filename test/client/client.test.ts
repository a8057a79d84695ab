// The client against a real app: reads, writes, calls, batches, live queries, channels, errors; the built module on Node, too.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AmbitError, type Client, type Present } from "../../client/index.ts";
import { within } from "../processes/app-process.ts";
import type { StartedApp } from "../scenarios/started-app.ts";
import { clientOf, startClientApp } from "./client-app.ts";
import { openCutProxy } from "./cut-proxy.ts";
import { until, WAIT_MS } from "../processes/waits.ts";

let app: StartedApp;
let client: Client;
const others: Client[] = [];
beforeAll(async () => {
  app = await startClientApp();
  client = clientOf(app.url);
});
afterAll(async () => {
  for (const one of [client, ...others]) one.close();
  await app.stop();
});

function other(token: string | null): Client {
  const made = clientOf(app.url, { token });
  others.push(made);
  return made;
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof AmbitError) return `${error.status} ${error.code}`;
    throw error;
  }
  return "none";
}

describe("tables", () => {
  test("create, get, update, replace, upsert, remove", async () => {
    const items = client.from("Item");
    expect(await items.create({ id: "a b/c?", title: "One", big: 9007199254740993n, at: new Date(0) })).toMatchObject({ id: "a b/c?", title: "One", big: "9007199254740993", at: "1970-01-01T00:00:00.000Z" });
    expect(await items.get("a b/c?")).toMatchObject({ title: "One" });
    expect(await items.update("a b/c?", { price: 3 })).toMatchObject({ title: "One", price: 3 });
    expect(await items.replace("a b/c?", { title: "Two" })).toMatchObject({ title: "Two", price: null });
    expect(await items.upsert({ id: "a b/c?", price: 4 })).toMatchObject({ title: "Two", price: 4 });
    expect(await items.upsert({ id: "b" })).toMatchObject({ id: "b", title: null });
    await items.remove("a b/c?");
    expect([await items.get("a b/c?"), await codeOf(items.remove("a b/c?"))]).toEqual([null, "404 NOT_FOUND"]);
    await items.remove("b");
  });

  test("of two who read the same version, one changes it", async () => {
    const items = client.from("Item");
    await items.create({ id: "v", price: 1 });
    const held = await items.getVersioned("v");
    await items.update("v", { price: 2 }, { ifVersion: held!.version });
    expect([await codeOf(items.update("v", { price: 3 }, { ifVersion: held!.version })), (await items.get("v"))?.["price"]]).toEqual(["412 PRECONDITION_FAILED", 2]);
    await items.remove("v");
  });

  test("pages, counts, first, many at once", async () => {
    const items = client.from("Item");
    const batch = client.batch();
    for (let index = 0; index < 7; index++) batch.from("Item").create({ id: `p${index}`, title: "page", price: index });
    await batch.send();
    const seen: unknown[] = [];
    for (let after: string | null | undefined; after !== null;) {
      const page = await items.page({ title: "page", order: { price: "desc" }, limit: 3, ...(after === undefined ? {} : { after }) });
      seen.push(...page.rows.map((row) => row["price"]));
      after = page.next;
    }
    expect([seen, await items.count({ title: "page" }), (await items.first({ title: "page", order: { price: "asc" } }))?.["price"], await items.first({ title: "none" })]).toEqual([[6, 5, 4, 3, 2, 1, 0], 7, 0, null]);
    expect((await items.updateAll({ title: "page", price: { lt: 2 } }, { open: true })).length).toBe(2);
    expect((await items.removeAll({ title: "page" })).length).toBe(7);
    expect(await codeOf(items.removeAll({}))).toBe("400 FILTER_REQUIRED");
  });

  test("actions and endpoints", async () => {
    const items = client.from("Item");
    await items.create({ id: "r", price: 1 });
    expect(await items.act("r", "raise", { by: 4 })).toMatchObject({ price: 5 });
    expect(await codeOf(items.act("r", "raise", { by: 0 }))).toBe("400 VALIDATION_FAILED");
    expect(await items.call("clear", { below: 100 })).toBe(1);
    expect(await client.call("double", { n: 21 })).toBe(42);
  });

  test("a batch is all or none, and its operations refer to each other", async () => {
    const batch = client.batch();
    const shelf = batch.from("Shelf").create({ name: "of the batch" });
    const item = batch.from("Item").create({ title: "in it", shelfId: shelf.ref("id"), attributes: { $ref: "no reference", $$ref: 1 } });
    batch.from("Item").update(item.ref("id") as string, { price: 7 });
    expect(() => item.value).toThrow("has not been carried out");
    await batch.send();
    expect(await client.from("Item").get(item.value["id"] as string)).toMatchObject({ price: 7, shelfId: shelf.value["id"], attributes: { $ref: "no reference", $$ref: 1 } });
    const refused = client.batch();
    refused.from("Item").create({ id: "lost" });
    refused.from("Item").create({ id: item.value["id"] as string });
    expect(await codeOf(refused.send())).toBe("409 UNIQUE_VIOLATION");
    expect(await client.from("Item").get("lost")).toBeNull();
    await client.from("Item").remove(item.value["id"] as string);
  });
});

describe("refusals", () => {
  test("are the server's own words", async () => {
    const error = await client.from("Item").find({ titel: "x" }).catch((one: unknown) => one as AmbitError) as AmbitError;
    expect([error.name, error.status, error.code, error.retry, error.message.includes("title"), typeof error.requestId]).toEqual(["AmbitError", 400, "UNKNOWN_FIELD", false, true, "string"]);
    expect([await codeOf(other(null).from("Item").find()), await codeOf(other("wrong").from("Item").find()), await codeOf(other("key-guest").from("Item").create({ id: "g" }))]).toEqual(["401 UNAUTHENTICATED", "401 INVALID_TOKEN", "403 FORBIDDEN"]);
  });

  test("a token that is taken no longer is asked for anew, once for all who wait", async () => {
    const tokens = ["old", "key-clerk"];
    let asked = 0;
    const renewing = clientOf(app.url, { token: async () => { asked++; return tokens.shift()!; } });
    others.push(renewing);
    await Promise.all([renewing.from("Item").count(), renewing.from("Item").count(), renewing.from("Item").count()]);
    expect(asked).toBe(2);
  });

  test("nobody there; something else there; given up; closed", async () => {
    expect(await codeOf(clientOf("http://127.0.0.1:1").from("Item").find())).toBe("0 DISCONNECTED");
    const elsewhere = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: ({ url }) => (url.includes("slow") ? new Promise<Response>(() => {}) : new Response("<html>", { status: 502 })) });
    const strange = `http://127.0.0.1:${elsewhere.port}`;
    expect(await codeOf(clientOf(strange).from("Item").find())).toBe("502 NOT_AMBIT");
    expect(await codeOf(clientOf(strange, { timeoutMs: 50 }).from("slow").find())).toBe("0 DISCONNECTED");
    const abort = new AbortController();
    const waiting = clientOf(strange).from("slow").find({}, { signal: abort.signal }).catch((error: unknown) => error);
    abort.abort("enough");
    expect(await waiting).toBe("enough");
    await elsewhere.stop(true);
    const ended = clientOf(app.url);
    ended.close();
    expect(await codeOf(ended.from("Item").create({}))).toBe("0 CLOSED");
  });
});

describe("live", () => {
  test("windows, filters, relations; in order; the same as a read", async () => {
    const items = client.from("Item");
    await client.from("Shelf").create({ id: "live", name: "live" });
    const queries = [{ title: "live", order: { price: "desc" } }, { title: "live", order: { price: "asc" }, limit: 2 }, { shelf: { name: "live", items: { price: { gt: 3 } } }, order: { id: "asc" } }, { title: "live", order: { big: "asc" }, select: ["id", { shelf: ["name"] }] }] as const;
    const lives = queries.map((query) => items.live(query));
    await Promise.all(lives.map(({ ready }) => ready));
    for (let index = 0; index < 12; index++) await items.upsert({ id: `l${index % 5}`, title: index % 4 === 3 ? "gone" : "live", price: (index * 7) % 10, big: String((index * 13) % 30), shelfId: index % 2 === 0 ? "live" : null });
    for (const [index, live] of lives.entries()) {
      const read = await items.find(queries[index]!);
      const keys = (rows: readonly Readonly<Record<string, unknown>>[]): unknown[] => rows.map((row) => row["id"]);
      await until(() => Bun.deepEquals(keys(live.rows), keys(read)), `query ${index}`);
      live.close();
    }
    expect(client.status).toBe("idle");
    await items.removeAll({ title: { in: ["live", "gone"] } });
  });

  test("refused: told once, and only that one ends", async () => {
    const guest = other("key-guest");
    const errors: string[] = [];
    const good = guest.from("Item").live();
    const bad = guest.from("Nope").live({}, { onError: ({ code }) => { errors.push(code); } });
    expect([(await good.ready).length, await codeOf(bad.ready), errors]).toEqual([0, "404 NOT_FOUND", ["NOT_FOUND"]]);
    await client.from("Item").create({ id: "seen", open: true });
    await until(() => good.rows.length === 1, "the row");
    await client.from("Item").remove("seen");
    good.close();
  });

  test("a reload of the app goes on by itself", async () => {
    const live = client.from("Item").live({ title: "reload" });
    await live.ready;
    await app.running.reload({ typeCheck: false });
    await client.from("Item").create({ id: "re", title: "reload" });
    await until(() => live.rows.length === 1, "the row");
    await client.from("Item").remove("re");
    live.close();
  });
});

describe("channels", () => {
  test("messages, presence, refusals", async () => {
    const [speaker, listener] = [other("key-clerk"), other("key-guest")];
    const heard: unknown[] = [];
    const present: (readonly Present[])[] = [];
    const listening = listener.channel("Board", "4/2").listen({ onMessage: (message) => { heard.push(message); }, onPresence: (all) => { present.push(all); } });
    await listening.ready;
    const own = speaker.channel("Board", "4/2");
    // Without a socket, and then over one.
    await own.publish({ text: "one" });
    const talking = own.listen();
    await talking.ready;
    await talking.setPresence({ typing: true, since: 5n });
    await own.publish({ text: "two" });
    await until(() => heard.length === 2 && present.at(-1)?.length === 2, "both");
    expect(heard).toEqual([{ boardId: "4/2", text: "one" }, { boardId: "4/2", text: "two" }]);
    await until(() => listening.present.some(({ state }) => Bun.deepEquals(state, { typing: true, since: "5" })), "the state");
    expect([await codeOf(own.publish({ text: "x".repeat(101) })), await codeOf(listener.channel("Board", "4/2").publish({ text: "x" }))]).toEqual(["400 VALIDATION_FAILED", "403 FORBIDDEN"]);
    const loop = (async () => { for await (const message of listening) return message; return null; })();
    await own.publish({ text: "three" });
    expect(await loop).toMatchObject({ text: "three" });
    talking.close();
    await until(() => listening.present.length === 1, "leaving");
    listening.close();
  });
});

test("a listener whose connection is lost says that messages may be missing, and is there again as it was", async () => {
  const proxy = await openCutProxy();
  proxy.target = app.port;
  const [far, near] = [clientOf(proxy.url), other("key-clerk")];
  others.push(far);
  let gaps = 0;
  const heard: unknown[] = [];
  const listening = far.channel("Board", "cut").listen({ onMessage: (message) => { heard.push((message as { text: string }).text); }, onGap: () => { gaps++; } });
  const watching = near.channel("Board", "cut").listen();
  await Promise.all([listening.ready, watching.ready]);
  await listening.setPresence("here");
  const isThere = (): boolean => watching.present.some(({ state }) => state === "here");
  await until(isThere, "the state");
  proxy.cut();
  await until(() => !isThere(), "leaving");
  await near.channel("Board", "cut").publish({ text: "missed" });
  await until(() => isThere() && gaps === 1, "coming again");
  await near.channel("Board", "cut").publish({ text: "heard" });
  await until(() => heard.length > 0, "the message");
  expect(heard).toEqual(["heard"]);
  listening.close();
  watching.close();
  await proxy.stop();
});

test("a stream by EventSource has its ticket from the client", async () => {
  const { EventSource } = await import("eventsource");
  await client.from("Item").create({ id: "ticket", title: "by ticket" });
  const source = new EventSource(await client.eventSourceUrl("/Item?title=eq.by%20ticket"));
  const data = await within(WAIT_MS, "the snapshot", new Promise<string>((resolve) => { source.addEventListener("snapshot", (event) => resolve(String(event.data))); }));
  source.close();
  expect(data).toContain("by ticket");
  await client.from("Item").remove("ticket");
});

test("the built module, with its types, is one file that Node runs", async () => {
  const root = join(import.meta.dir, "..", "..");
  const folder = mkdtempSync(join(tmpdir(), "ambit-client-node-"));
  try {
    const built = await Bun.build({ entrypoints: [join(root, "client", "index.ts")], target: "browser", format: "esm" });
    expect(built.outputs.length).toBe(1);
    writeFileSync(join(folder, "client.mjs"), await built.outputs[0]!.text());
    writeFileSync(join(folder, "main.mjs"), `
      import { connect } from "./client.mjs";
      const client = connect({ url: ${JSON.stringify(app.url)}, token: "key-clerk", offline: {} });
      const live = client.from("Item").live({ title: "node" });
      console.log((await live.ready).length);
      await client.from("Item").create({ id: "node", title: "node", big: 5n });
      for await (const rows of live) if (rows.length > 0) { console.log(rows[0].big); break; }
      await client.from("Item").remove("node");
      client.close();
    `);
    const node = Bun.spawn(["node", "--experimental-websocket", "--no-warnings", join(folder, "main.mjs")], { stdout: "pipe", stderr: "pipe" });
    const [output, problems] = await within(WAIT_MS, "node", Promise.all([new Response(node.stdout).text(), new Response(node.stderr).text()]));
    // It ends by itself: a closed client holds nothing open.
    expect([output, problems, await node.exited]).toEqual(["0\n5\n", "", 0]);
    const types = Bun.spawnSync([join(root, "node_modules", ".bin", "tsc"), "-p", join(root, "client"), "--noEmit", "false", "--declaration", "--emitDeclarationOnly", "--outDir", join(folder, "types")]);
    writeFileSync(join(folder, "use.ts"), 'import { connect } from "./types/index";\nexport const count: Promise<number> = connect({ url: "x" }).from("a").count();\n');
    const use = Bun.spawnSync([join(root, "node_modules", ".bin", "tsc"), "--ignoreConfig", "--noEmit", "--strict", "--target", "esnext", "--module", "esnext", "--moduleResolution", "bundler", "--lib", "esnext,dom", "--types", "", "use.ts"], { cwd: folder });
    expect([types.exitCode, use.stdout.toString(), use.exitCode]).toEqual([0, "", 0]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}, 120_000);
