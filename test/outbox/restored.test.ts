// A backup holds what waits to be sent and what has come in: restored elsewhere it is sent with its key, and a webhook stays a duplicate.
import { afterAll, expect, test } from "bun:test";
import { ambitHere } from "../processes/ambit-here.ts";
import { startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { github, githubSecret } from "../webhooks/signed.ts";
import { recordingServer } from "./recording-server.ts";
import { until } from "../processes/waits.ts";

const schema = `type Endpoints {
  send(url: String!, key: String!): String! @http @allow(to: ["public"])
  came(text: String!): Boolean! @http @allow(to: ["public"]) @webhook(scheme: GITHUB, secret: "github")
}`;
const resources = `
import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async send(ctx, { url, key }) { return ctx.send({ url, key, body: key }); },
  async came() { return true; },
});`;
const config = `secrets: { github: ${githubSecret} }\noutbound: { allowPrivate: [127.0.0.1] }\nlimits: { outboxDelayMs: 100, outboxDelayMaxMs: 100 }\n`;

const scratch = scratchFolder();
afterAll(() => scratch.remove());

test("a restored backup sends what waited, and knows what came", async () => {
  const server = recordingServer(({ body }) => new Response(null, { status: body === "done" ? 200 : 500 }));
  try {
    const folder = scratch.app({ "schema.graphql": schema, "resources.ts": resources, "config.yaml": config });
    const [data, elsewhere, backup] = [scratch.free("data"), scratch.free("data"), scratch.free("backup.db")];
    const options = { temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } };
    const came = github("d-1", { text: "x" });
    {
      await using app = await startApp(folder, { data, ...options });
      const caller = httpCaller(() => app.url, null);
      for (const key of ["done", "waits"]) expect((await caller.post("/send", { url: server.url, key })).status).toBe(200);
      await until(async () => /^ambit_outbox_delivered 1$/m.test((await caller.get("/metrics")).text), "one is delivered");
      expect((await caller.post("/came", came.body, came.headers)).json<unknown>()).toBe(true);
      expect((await ambitHere(["backup", backup, folder, "--data", data])).code).toBe(0);
      expect(await app.stop()).toBe(0);
    }
    expect((await ambitHere(["restore", backup, folder, "--data", elsewhere])).code).toBe(0);
    const before = server.requests.length;
    server.answer = () => new Response("ok");
    await using app = await startApp(folder, { data: elsewhere, ...options });
    const sent = (await server.received(before + 1)).slice(before);
    expect([...new Set(sent.map(({ headers }) => headers["idempotency-key"]))]).toEqual(["waits"]);
    expect((await httpCaller(() => app.url, null).post("/came", came.body, came.headers)).json<unknown>()).toEqual({ ignored: "duplicate" });
    expect(await app.stop()).toBe(0);
  } finally {
    await server.stop();
  }
}, 120_000);
