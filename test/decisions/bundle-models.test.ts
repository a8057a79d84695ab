// Models in the bundle that users start: each provider's package is in it and is loaded when a model is asked, not before.
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findBun } from "../../bin/find-bun.mjs";
import { wireFormats } from "./wire-formats.ts";
import { reply, wireServer } from "./wire-server.ts";
import { root, scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
const server = wireServer();
afterAll(() => {
  scratch.remove();
  server.stop();
});

const bundle = join(scratch.path, "dist", "bundle");
const main = join(bundle, "main.js");

/** zod comes with the packages and leaves its mark. */
const WATCH = `setInterval(() => { if ("__zod_globalConfig" in globalThis) { console.error("PACKAGES"); process.exitCode = 1; } }, 20).unref();`;

test("from the bundle a decision asks a model of each provider; before, none of their packages is loaded", async () => {
  const built = Bun.spawnSync([findBun(), "build", join(root, "src", "cli", "main.ts"), "--target=bun", "--bytecode", "--minify-syntax", "--minify-whitespace", "--outdir", bundle]);
  expect(built.exitCode).toBe(0);
  const app = join(scratch.path, "app");
  mkdirSync(app);
  writeFileSync(join(scratch.path, "watch.js"), WATCH);
  writeFileSync(join(app, "schema.graphql"), `type Out { n: Int! }\ntype Decisions {${wireFormats.map(({ name }) => `\n"""Judge."""\n${name}: Out! @decision(mode: ENFORCE, kind: JUDGE, model: "${name}") @export @allow(to: ["clerk"]) @fallback(value: { n: 0 })`).join("")}\n}\n`);
  writeFileSync(join(app, "config.yaml"), `auth: { keys: [{ token: key-of-the-clerk, subject: clerk, roles: [clerk] }] }\nmodels:\n${wireFormats.map(({ name, provider, isStream }) => `  ${name}: { provider: ${provider}, model: m, url: "http://127.0.0.1:${server.port}/${name}/v1", key: k, stream: ${isStream} }\n`).join("")}`);
  for (const wire of wireFormats) server.respond.set(wire.name, () => reply(wire.body({ calls: [{ name: "answer", arguments: '{"n":7}' }] }), { type: wire.isStream ? "text/event-stream" : "application/json" }));
  const child = Bun.spawn([findBun(), "--preload", join(scratch.path, "watch.js"), main, "start", app, "--port", "0", "--data", join(scratch.path, "data"), "--json"], { env: { PATH: process.env["PATH"] ?? "", AMBIT_FORBID_OUTBOUND: "1" }, stdout: "pipe", stderr: "pipe" });
  try {
    const { value } = await child.stdout.getReader().read();
    const { url } = JSON.parse(new TextDecoder().decode(value).split("\n").find((line) => line.includes('"started"'))!) as { url: string };
    await fetch(`${url}/decide`, { headers: { authorization: "Bearer key-of-the-clerk" } });
    const errors = child.stderr.getReader();
    let logged = "";
    const reading = (async () => { for (let part = await errors.read(); !part.done; part = await errors.read()) logged += new TextDecoder().decode(part.value); })();
    await Bun.sleep(100);
    expect(logged).not.toContain("PACKAGES");
    for (const { name } of wireFormats) {
      const response = await fetch(`${url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-of-the-clerk" }, body: "{}" });
      expect([name, response.status, response.headers.get("ambit-source"), await response.json()]).toEqual([name, 200, "model", { n: 7 }]);
    }
    child.kill("SIGTERM");
    await child.exited;
    await reading;
    // The watch works.
    expect(logged).toContain("PACKAGES");
  } finally {
    child.kill("SIGKILL");
  }
}, 120_000);
