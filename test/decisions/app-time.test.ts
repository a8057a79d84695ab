// In `ambit test` time that is moved in one step has the same consequences as time that passes: approvals, offers and commitments have their ends.
import { afterAll, expect, test } from "bun:test";
import { runAmbit } from "../processes/ambit-command.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const folder = scratch.app({
  "schema.graphql": `
type Terms @commitment(due: "timestamp(offer.by)", keptWhen: "false", remedy: "Credit.create") { by: DateTime! amount: Int! }
type Credit @table @export @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey amount: Int! commitment: ID }
type Decisions {
  """Refund."""
  refund(wanted: Int!): Int! @decision(mode: ENFORCE) @export @allow(to: ["clerk"]) @approval(when: "out > 50", by: ["manager"], within: "P1D") @fallback(value: 0)
  refused(wanted: Int!): Int! @decision(kind: RULE) @export @allow(to: ["clerk"]) @approval(when: "true", by: ["manager"], within: "P2D", else: REFUSE) @fallback(value: 60)
  """Negotiate."""
  deal(amount: Int!): Terms! @decision(mode: ENFORCE) @export @allow(to: ["clerk"]) @negotiates(offerTtl: "PT1H") @fallback(value: { by: "2026-01-03T00:00:00Z", amount: 5 })
}`,
  "time.test.ts": `import { expect, test } from "ambit/test";
    test("approvals end", async (app) => {
      app.model({ refund: { answer: 80 } });
      const clerk = app.as("c", "clerk");
      const run = (await clerk.post("/decide/refund", { wanted: 80 })).body.run;
      const other = (await clerk.post("/decide/refused", { wanted: 80 })).body.run;
      const state = async (id) => { const { body } = await clerk.get("/runs/" + id); return [body.state, body.reason]; };
      app.clock.advance("PT23H");
      await app.runJobs();
      expect([await state(run), await state(other)]).toEqual([["AWAITING_APPROVAL", null], ["AWAITING_APPROVAL", null]]);
      app.clock.advance("PT1H");
      await app.runJobs();
      expect([await state(run), await state(other)]).toEqual([["FELL_BACK", "approval_timeout"], ["AWAITING_APPROVAL", null]]);
      app.clock.advance("P2D");
      expect((await app.decisions("refused")).map(({ state }) => state)).toEqual(["EXPIRED"]);
      expect((await app.as("m", "manager").get("/approvals")).body).toEqual([]);
    });
    test("many approvals end at once", async (app) => {
      const clerk = app.as("c", "clerk");
      for (let count = 0; count < 120; count++) await clerk.post("/decide/refused", { wanted: count });
      app.clock.advance("P3D");
      await app.runJobs();
      expect((await app.decisions("refused")).filter(({ state }) => state === "EXPIRED").length).toBe(120);
    });
    test("offers and commitments end", async (app) => {
      const clerk = app.as("c", "clerk");
      const begin = async () => (await clerk.post("/negotiations", { decision: "deal", input: { amount: 5 } })).body;
      const late = await begin();
      const { offer } = await begin();
      expect((await clerk.post("/offers/" + offer.id + "/accept", { hash: offer.hash })).body.state).toBe("ACCEPTED");
      app.clock.advance("P3D");
      await app.runJobs();
      expect((await clerk.get("/negotiations/" + late.id)).body.state).toBe("EXPIRED");
      expect((await clerk.get("/Credit?select=amount")).body).toEqual([{ amount: 5 }]);
      expect((await clerk.get("/commitments")).body.map(({ state }) => state)).toEqual(["REMEDIED"]);
    });`,
});

test("approvals, offers and commitments of an app's tests end when their time has come", async () => {
  const { objects } = await runAmbit(["test", folder, "--json"], { temporary: scratch.path });
  expect(objects().map(({ test: name, status, message }) => [name, status, message ?? null])).toEqual([
    ["approvals end", "passed", null], ["many approvals end at once", "passed", null], ["offers and commitments end", "passed", null],
  ]);
}, 120_000);
