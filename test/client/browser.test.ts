// The client in a real browser: a page that follows a table, changes it while the server is killed, answers are lost and the page itself is
// loaded anew; in the end it shows what is stored, and each mutation was carried out once. Skipped where there is no Chromium.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { startApp, type AppProcess } from "../processes/app-process.ts";
import { chromiumPath, openChromium } from "../processes/chromium.ts";
import { openCutProxy, type CutProxy } from "./cut-proxy.ts";
import { config, facts, resources, schema } from "./client-app.ts";
import { until } from "../processes/waits.ts";

if (chromiumPath === null) console.log("SKIPPED: the client in a browser: there is no Chromium here");

const root = join(import.meta.dir, "..", "..");
const work = mkdtempSync(join(tmpdir(), "ambit-browser-"));
const data = join(work, "data");
let app: AppProcess | null = null;
let proxy: CutProxy;
let pages: ReturnType<typeof Bun.serve>;
let browser: Browser | null = null;

beforeAll(async () => {
  if (chromiumPath === null) return;
  for (const [name, text] of [["schema.graphql", schema], ["config.yaml", config], ["resources.ts", resources]] as const) writeFileSync(join(work, name), text);
  const built = await Bun.build({ entrypoints: [join(root, "client", "index.ts")], target: "browser", format: "esm" });
  const script = await built.outputs[0]!.text();
  // Another origin than the app's.
  pages = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: ({ url }) => (url.endsWith(".js") ? new Response(script, { headers: { "content-type": "text/javascript" } }) : new Response(page, { headers: { "content-type": "text/html" } })) });
  proxy = await openCutProxy();
  await serve();
  browser = await openChromium();
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await app?.[Symbol.asyncDispose]();
  await proxy?.stop();
  await pages?.stop(true);
  rmSync(work, { recursive: true, force: true });
});

async function serve(): Promise<void> {
  app = await startApp(work, { data });
  proxy.target = app.port;
}

async function kill(): Promise<void> {
  proxy.target = null;
  await app!.kill();
}

/** What a page holds for the test. */
interface Shown {
  start(url: string): void;
  raise(id: string): void;
  create(id: string): void;
  readonly settled: { path: string; status: number }[];
  readonly refused: string[];
  pending(): number;
  readonly status: string;
  rows(): readonly unknown[];
  events(): Promise<string>;
}

const page = `<!doctype html><meta charset="utf-8"><script type="module">
import { connect, indexedMutations } from "/client.js";
const shown = { settled: [], refused: [], status: "" };
shown.start = (url) => {
  const client = connect({ url, app: ${JSON.stringify(facts)}, token: async () => "key-clerk", onStatus: (status) => { shown.status = status; }, offline: {
    storage: indexedMutations("clerk"), onSettled: (one) => { shown.settled.push({ path: one.mutation.path, status: "error" in one ? one.error.status : one.status }); } } });
  const live = client.from("Item").live({ order: { price: "desc" }, select: ["id", "price", "title"] });
  const refuse = (error) => { if (error.code !== "CLOSED") shown.refused.push(error.code); };
  shown.raise = (id) => { client.from("Item").act(id, "raise", { by: 1 }).catch(refuse); };
  shown.create = (id) => { client.from("Item").create({ id, title: "made in a page", price: 0 }).catch(refuse); };
  shown.pending = () => client.pending;
  shown.rows = () => live.rows;
  shown.events = async () => {
    const source = new EventSource(await client.eventSourceUrl("/Item?id=eq.a&select=id,price"));
    const data = await new Promise((resolve, reject) => { source.addEventListener("snapshot", (event) => resolve(event.data)); source.addEventListener("error", () => reject(new Error("refused"))); });
    source.close();
    return data;
  };
};
window.shown = shown;
</script>`;

declare const window: { readonly shown: Shown };

async function opened(context: Page): Promise<void> {
  await context.goto(`http://127.0.0.1:${pages.port}/`);
  await context.waitForFunction(() => "shown" in window);
  await context.evaluate((url) => window.shown.start(url), proxy.url);
}

async function stored(): Promise<readonly unknown[]> {
  const response = await fetch(`${app!.url}/Item?order=price.desc&select=id,price,title`, { headers: { authorization: "Bearer key-clerk" } });
  return await response.json() as unknown[];
}

const shownRows = (context: Page): Promise<readonly unknown[]> => context.evaluate(() => window.shown.rows());

test.skipIf(chromiumPath === null)("a page goes through kills, lost answers and its own end, and shows what is stored", async () => {
  const context = await browser!.newPage();
  let raises = 0;
  const raise = async (count: number): Promise<void> => {
    raises += count;
    await context.evaluate((times) => { for (let index = 0; index < times; index++) window.shown.raise("a"); }, count);
  };
  await opened(context);
  await context.evaluate(() => { window.shown.create("a"); window.shown.create("b"); });
  await until(async () => Bun.deepEquals(await shownRows(context), await stored()) && (await stored()).length === 2, "the first rows");

  // Answers that nobody hears: the requests go out again, and are carried out once.
  proxy.loseAnswers = 3;
  await raise(5);
  await until(async () => await context.evaluate(() => window.shown.pending()) === 0, "lost answers");
  expect([proxy.loseAnswers, (await stored())[0]]).toEqual([0, { id: "a", price: raises, title: "made in a page" }]);

  // Killed while it works; more is done meanwhile, and somebody else changes rows before the page is back.
  await raise(20);
  await kill();
  await raise(5);
  await context.evaluate(() => { window.shown.create("c"); window.shown.create("a"); });
  expect(await context.evaluate(() => window.shown.pending())).toBeGreaterThan(5);
  await serve();
  await fetch(`${app!.url}/Item/b`, { method: "PATCH", headers: { authorization: "Bearer key-clerk", "content-type": "application/json" }, body: JSON.stringify({ price: 1_000 }) });
  await until(async () => await context.evaluate(() => window.shown.pending()) === 0, "all of it");
  await until(async () => Bun.deepEquals(await shownRows(context), await stored()), "the same rows");
  expect([(await stored())[1], await context.evaluate(() => window.shown.refused)]).toEqual([{ id: "a", price: raises, title: "made in a page" }, ["UNIQUE_VIOLATION"]]);

  // The page ends while it waits; the next one sends what it left.
  await kill();
  await raise(4);
  await context.waitForFunction(() => window.shown.status === "waiting" && window.shown.pending() === 4);
  await context.reload();
  await opened(context);
  expect(await context.evaluate(() => window.shown.rows())).toEqual([]);
  await raise(1);
  await serve();
  await until(async () => await context.evaluate(() => window.shown.pending() === 0 && window.shown.settled.length === 5), "what was left");
  await until(async () => Bun.deepEquals(await shownRows(context), await stored()), "the same rows again");
  expect(((await stored()) as { id: string; price: number }[]).find(({ id }) => id === "a")?.price).toBe(raises);

  // Without a network for a while, as the browser sees it.
  await context.context().setOffline(true);
  proxy.cut();
  await raise(2);
  await fetch(`${app!.url}/Item/c`, { method: "DELETE", headers: { authorization: "Bearer key-clerk" } });
  await Bun.sleep(300);
  await context.context().setOffline(false);
  await until(async () => await context.evaluate(() => window.shown.pending()) === 0 && Bun.deepEquals(await shownRows(context), await stored()), "online again");
  expect(((await stored()) as { id: string; price: number }[]).map(({ id, price }) => [id, price])).toEqual([["b", 1_000], ["a", raises]]);

  // The browser's own EventSource, with a ticket.
  expect(JSON.parse(await context.evaluate(() => window.shown.events()))).toMatchObject({ op: "snapshot", rows: [{ id: "a", price: raises }] });
  await context.close();
}, 120_000);
