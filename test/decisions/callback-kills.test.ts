// kill -9 around the commit that ends a run: its callback is there with its end, or neither is; after the restart it is told once, of one run.
import { Database } from "bun:sqlite";
import { afterAll, expect, test } from "bun:test";
import { join } from "node:path";
import { recordingServer } from "../outbox/recording-server.ts";
import { startApp, type AppProcess } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { keysFor } from "../scenarios/started-app.ts";
import type { KillAt } from "./kill-at.ts";
import { scriptedModel } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 20 : 1;

const schema = `type Decisions {
  """Decide what to refund."""
  refund(orderId: ID!): Int! @decision(mode: ENFORCE, deadline: "PT60S") @export @allow(to: ["support"]) @bound(name: "cap", rule: "out <= 50") @fallback(value: 0)
}`;

const scratch = scratchFolder();
const model = scriptedModel(() => [{ name: "answer", arguments: "40" }]);
const receiver = recordingServer();
const config = `${keysFor("support")}secrets: { both: whsec_c2VjcmV0IG9mIGJvdGggc2lkZXM= }\ncallbacks: { sign: both }\noutbound: { allowPrivate: [127.0.0.1] }\nmodels: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n`;
const folder = scratch.app({ "schema.graphql": schema, "config.yaml": config });
const data = scratch.free("data");
let app: AppProcess | null = null;
afterAll(async () => {
  await app?.kill();
  await receiver.stop();
  await model.stop();
  scratch.remove();
});

const end = `UPDATE "$decision" SET "state" = ?1, "reason"`;
const points: Readonly<Record<string, KillAt>> = {
  "before the callback is written": { sql: `INSERT INTO "$outbox"`, nth: 1, when: "before" },
  "before the commit": { sql: end, nth: 1, when: "before COMMIT" },
  "once it is committed": { sql: end, nth: 1, when: "after COMMIT" },
};

const start = (kill: KillAt | null): Promise<AppProcess> =>
  startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet", ...(kill === null ? {} : { AMBIT_KILL_AT: JSON.stringify(kill), BUN_OPTIONS: `--preload=${join(import.meta.dir, "kill-at.ts")}` }) } });

/** The one that was there last, if it has ended, and its callback. */
function outcome(): { readonly run: string; readonly isOver: boolean; readonly callbacks: number } {
  using file = new Database(join(data, "data.db"), { readonly: true });
  const [run, ended] = file.query(`SELECT "id", "ended" FROM "$decision" ORDER BY "admitted" DESC, "id" DESC LIMIT 1`).values()[0] as [string, number | null];
  const [count] = file.query(`SELECT count(*) FROM "$outbox" WHERE "key" = 'run-' || ?1`).values(run)[0] as [number];
  return { run, isOver: ended !== null, callbacks: count };
}

for (const [name, at] of Object.entries(points)) {
  test(`killed ${name}`, async () => {
    for (let kill = 0; kill < KILLS; kill++) {
      app = await start(at);
      const asking = { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support", prefer: "respond-async", "ambit-callback": `${receiver.url}/decided` }, body: JSON.stringify({ orderId: "a" }) };
      await fetch(`${app.url}/decide/refund`, asking).catch(() => null);
      await app.exited;
      const before = outcome();
      expect(before.callbacks).toBe(before.isOver ? 1 : 0);
      app = await start(null);
      const told = (): string[] => receiver.requests.filter(({ headers }) => headers["webhook-id"] === `run-${before.run}`).map(({ body }) => body);
      await until(() => told().length > 0, "it is told");
      await app.stop();
      expect(outcome()).toEqual({ run: before.run, isOver: true, callbacks: 1 });
      expect(new Set(told())).toEqual(new Set([JSON.stringify({ run: before.run, decision: "refund", state: "DECIDED", status: 200, source: "model", reason: null, taint: null, answer: 40, tells: [] })]));
    }
  }, 600_000);
}
