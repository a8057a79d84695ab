// A newcomer adds sign-in with a password and with one provider to what `ambit init` writes: the lines of docs/accounts.md, fewer than fifteen.
import { afterAll, expect, test } from "bun:test";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { blocksOf } from "../documents/markdown-blocks.ts";
import { runAmbit } from "../processes/ambit-command.ts";
import { startApp } from "../processes/app-process.ts";
import { root, scratchFolder } from "../processes/scratch-folder.ts";
import { startIssuer } from "./issuer.ts";
import { Visitor } from "./visitor.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const LINES_MAX = 14;

function freePort(): number {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = server.port!;
  void server.stop(true);
  return port;
}

test("from ambit init to people who sign in, by a password and by a provider", async () => {
  const folder = join(scratch.path, "todo");
  const options = { folder: scratch.path, temporary: scratch.path };
  expect((await runAmbit(["init", "todo"], options)).code).toBe(0);
  const blocks = blocksOf(readFileSync(join(root, "docs", "accounts.md"), "utf8"));
  const [schema, config, shell] = ["graphql", "yaml", "sh"].map((language) => blocks.find((block) => block.language === language)!.text) as [string, string, string];
  expect(`${schema}\n${config}`.split("\n").filter((line) => line.trim() !== "").length).toBeLessThanOrEqual(LINES_MAX);
  appendFileSync(join(folder, "schema.graphql"), `\n${schema}\n`);
  appendFileSync(join(folder, "config.yaml"), `\n${config}\n`);
  const port = freePort();
  const issuer = await startIssuer([`http://127.0.0.1:${port}/auth/callback/acme`]);
  const environment = { OIDC_ISSUER: issuer.url, OIDC_ID: "shop", OIDC_SECRET: "shop-secret-shop-secret-shop-secret" };
  const checked = await runAmbit(["check", "todo"], { ...options, environment });
  expect([checked.code, checked.out]).toEqual([0, "ok: 2 tables, 1 endpoint\n"]);
  const app = await startApp(folder, { command: "dev", data: scratch.free("data"), temporary: scratch.path, port, environment });
  try {
    for (const [, path, body] of shell.matchAll(/localhost:9926(\S+) --json '(\{.*\})'/g)) {
      expect((await new Visitor(app.url).post(path!, JSON.parse(body!) as object)).json).toMatchObject({ token: expect.any(String) });
    }
    const ann = new Visitor(app.url);
    await ann.post("/auth/sign-in/email", { email: "ann@example.com", password: "correct horse" });
    expect((await ann.post("/Task", { title: "Hang the lamp" })).status).toBe(201);
    expect((await ann.get("/User?select=email,name,roles")).json as unknown).toEqual([{ email: "ann@example.com", name: "Ann", roles: null }]);
    issuer.people.set("bob", { email: "bob@example.com", email_verified: true, name: "Bob" });
    const bob = new Visitor(app.url);
    let place: string = (await bob.post("/auth/sign-in/social", { provider: "acme", callbackURL: "/open", loginHint: "bob" })).json["url"]!;
    const there = new Visitor(issuer.url);
    there.origin = null;
    while (!place.endsWith("/open")) {
      const next = (await (place.startsWith(issuer.url) ? there : bob).get(place)).headers.get("location");
      place = new URL(next!, place).toString();
    }
    expect((await bob.get("/open")).json as unknown).toBe(0);
    expect((await ann.get("/open")).json as unknown).toBe(1);
    expect((await bob.get("/User?select=email,name")).json as unknown).toEqual([{ email: "bob@example.com", name: "Bob" }]);
  } finally {
    await app.stop();
    await issuer.stop();
  }
}, 120_000);
