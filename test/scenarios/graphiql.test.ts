// The editor of /graphql in a real browser: the schema of the token's holder, a query, a mutation, a subscription that goes on; nothing is loaded
// from elsewhere. In development alone.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { chromiumPath, openChromium } from "../processes/chromium.ts";
import { keysFor, startTestApp, type StartedApp } from "./started-app.ts";
import { comesTrue } from "../processes/waits.ts";

const schema = `
"""Who makes things."""
type Maker @table @export @allow(to: ["public"], do: [READ]) @allow(to: ["staff"], do: [READ, CREATE]) { id: ID! @primaryKey name: String! secret: String @allow(to: ["staff"], do: [READ, CREATE]) }`;
const root = join(import.meta.dir, "..", "..");
const BROWSER = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

let app: StartedApp;
beforeAll(async () => {
  if (!existsSync(join(root, "dist", "graphiql"))) spawnSync("node", [join(root, "bin", "prepare.mjs")]);
  app = await startTestApp({ schema, config: keysFor("staff") }, { development: true });
}, 120_000);
afterAll(() => app?.stop());

test("a browser gets the page and its files; whoever asks something gets the answer", async () => {
  const page = await fetch(`${app.url}/graphql`, { headers: BROWSER });
  expect([page.status, page.headers.get("content-type"), page.headers.get("cache-control")]).toEqual([200, "text/html; charset=utf-8", "no-store"]);
  expect(page.headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self';");
  const text = await page.text();
  expect(text).not.toMatch(/https?:/);
  for (const [, path] of text.matchAll(/(?:href|src)="(\/[^"]+)"/g)) expect([path, (await fetch(app.url + path)).status]).toEqual([path, 200]);
  expect((await fetch(`${app.url}/graphql?query=${encodeURIComponent("{ makerList { total } }")}`, { headers: BROWSER })).headers.get("content-type")).toStartWith("application/json");
  expect((await fetch(`${app.url}/graphql/other.js`)).status).toBe(404);
  expect((await fetch(`${app.url}/graphql/graphiql-page.js/..%2f..%2fpackage.json`)).status).toBe(404);
});

test("not outside of development", async () => {
  const started = await startTestApp({ schema });
  try {
    const page = await fetch(`${started.url}/graphql`, { headers: BROWSER });
    expect([page.status, page.headers.get("content-type")]).toEqual([400, "application/problem+json"]);
    expect((await fetch(`${started.url}/graphql/graphiql-page.js`)).status).toBe(404);
  } finally {
    await started.stop();
  }
});

if (chromiumPath === null) console.log("SKIPPED: GraphiQL in a browser: there is no Chromium (apt-get install chromium)");

describe.skipIf(chromiumPath === null)("in a browser", () => {
  let browser: Browser;
  let page: Page;
  const problems: string[] = [];
  const strangers: string[] = [];
  beforeAll(async () => {
    browser = await openChromium();
    page = await browser.newPage();
    page.on("console", (message) => { if (message.type() === "error") problems.push(message.text()); });
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("request", (request) => { if (!request.url().startsWith(app.url) && !request.url().startsWith("data:")) strangers.push(request.url()); });
    await page.goto(`${app.url}/graphql`);
    await page.waitForSelector(".graphiql-query-editor .CodeMirror");
  }, 120_000);
  afterAll(async () => {
    await browser?.close();
  });

  const ask = async (query: string): Promise<void> => {
    await page.evaluate(`document.querySelector(".graphiql-query-editor .CodeMirror").CodeMirror.setValue(${JSON.stringify(query)})`);
    await page.click(".graphiql-execute-button");
  };
  const told = (text: string): Promise<void> => page.locator(".result-window", { hasText: text }).waitFor({ timeout: 10_000 });

  test("as nobody: what everybody may see", async () => {
    await ask("{ makerList { total } }");
    await told("\"total\": 0");
    await ask("{ makerList { rows { secret } } }");
    await told("INVALID_DOCUMENT");
  }, 120_000);

  test("with a token: its holder's schema, with descriptions, and writes", async () => {
    await page.fill("#token", "key-staff");
    await page.press("#token", "Enter");
    await page.waitForSelector(".graphiql-query-editor .CodeMirror");
    await page.click("[aria-label='Show Documentation Explorer']");
    await page.getByText("Mutation", { exact: true }).first().waitFor({ timeout: 10_000 });
    await ask("mutation { createMaker(input: { id: \"a\", name: \"Ann\", secret: \"s1\" }) { id secret } }");
    await told("\"secret\": \"s1\"");
  }, 120_000);

  test("a subscription goes on until it is stopped", async () => {
    await ask("subscription { makerList { op rows { name } changes { type record { name secret } } } }");
    await told("SNAPSHOT");
    const write = (name: string): Promise<Response> => fetch(`${app.url}/Maker`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-staff" }, body: JSON.stringify({ name, secret: "s2" }) });
    await write("Berta");
    await told("Berta");
    await write("Carla");
    await told("Carla");
    expect(app.running.live.stats().subscriptions).toBe(1);
    await page.click(".graphiql-execute-button");
    await comesTrue(() => app.running.live.stats().subscriptions === 0);
    expect(app.running.live.stats().subscriptions).toBe(0);
  }, 120_000);

  test("nothing went wrong, and nothing came from elsewhere", () => {
    expect([problems, strangers]).toEqual([[], []]);
  });
});
