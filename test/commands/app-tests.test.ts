// `ambit test` beside a running app: it takes no port of the app's, and a schedule counts from the start of each test.
import { afterAll, expect, test } from "bun:test";
import { runAmbit } from "../processes/ambit-command.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
afterAll(() => {
  taken.stop(true);
  scratch.remove();
});

test("a port of MQTT that is taken does not matter, and what a schedule makes of a leap of the clock has run", async () => {
  const folder = scratch.app({
    "config.yaml": `mqtt: { port: ${taken.port} }\n`,
    "schema.graphql": `type Jobs { count: Int @every(cron: "0 2 * * *", zone: "Europe/Berlin") }`,
    "resources.ts": `import { jobs } from "ambit";\nexport const Jobs = jobs({ async count() { return 1; } });\n`,
    "night.test.ts": `import { expect, test } from "ambit/test";
      for (const number of [1, 2, 3]) test("night " + number, async (app) => {
        app.clock.advance("P1D");
        await app.runJobs();
        const { body } = await app.administrator.get("/admin/jobs");
        expect(body.runs).toMatchObject([{ state: "SUCCEEDED", result: 1, dueAt: "2026-01-01T01:00:00.000Z" }]);
      });`,
  });
  const { code, objects, err } = await runAmbit(["test", folder, "--json"], { temporary: scratch.path });
  expect([code, objects().filter(({ status }) => status === "passed").length, err]).toEqual([0, 3, ""]);
}, 120_000);
