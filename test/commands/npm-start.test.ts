// `npm start` in this repository serves examples/store, as whoever has just cloned it tries.
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { untilClosed, within } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { root, scratchFolder } from "../processes/scratch-folder.ts";
import { WAIT_MS } from "../processes/waits.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

test("it is the store's folder that is served", () => {
  const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };
  expect(scripts["start"]).toContain("examples/store");
});

test.each(["SIGTERM", "SIGKILL"] as const)("with its seed, and ends with %s to npm", async (signal) => {
  const npm = Bun.spawn(["npm", "start", "--silent", "--", "--port", "0", "--data", scratch.free("data"), "--json"], {
    cwd: root, env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", TMPDIR: scratch.path, AMBIT_LOG: "quiet" }, stdin: "ignore", stdout: "pipe", stderr: "ignore",
  });
  const first = await within(WAIT_MS, "npm start", npm.stdout.getReader().read());
  const { url, port } = JSON.parse(new TextDecoder().decode(first.value)) as { url: string; port: number };
  expect((await httpCaller(() => url, null).get("/Product?select=sku&order=sku&limit=1")).json()).toEqual([{ sku: "BOO-0001" }]);
  npm.kill(signal);
  await within(WAIT_MS, "the server's end", untilClosed(port));
  await npm.exited;
});
