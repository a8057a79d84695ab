/// <reference path="./.ambit/types.d.ts" />
// Run by `npx ambit test examples/subscriptions`: each test has a database of its own.
import { expect, test, type TestApp } from "ambit/test";

async function subscribe(app: TestApp) {
  await app.administrator.post("/Plan", { id: "team", title: "Team", price: 9_900, includedUnits: 10_000 });
  return app.tenant("acme").as("ann", "owner").post("/subscribe", { planId: "team" });
}

test("a trial ends after fourteen days, and the company is told once", async (app) => {
  const ann = app.tenant("acme").as("ann", "owner");
  expect((await subscribe(app)).body).toMatchObject({ status: "TRIALING", companyId: "acme" });
  app.clock.advance("P13D");
  await app.runJobs();
  expect((await ann.get("/Contract?select=status")).body).toEqual([{ status: "TRIALING" }]);
  app.clock.advance("P2D");
  await app.runJobs();
  expect((await ann.get("/Contract?select=status,notices(kind)")).body).toEqual([{ status: "SUSPENDED", notices: [{ kind: "TRIAL_ENDED" }] }]);
  expect((await app.tenant("globex").as("gus", "owner").get("/Contract")).body).toEqual([]);
});

test("usage that is told twice counts once, in the month it happened in", async (app) => {
  const meter = app.tenant("acme").as("m", "meter");
  const tell = (...units: number[]) => meter.post("/UsageEvent?on_conflict=eventId", units.map((one) => (
    { eventId: `e${one}`, meter: "calls", units: one, at: "2020-02-29T23:59:59Z" }
  )), { prefer: "resolution=ignore-duplicates" });
  expect((await tell(1, 10)).status).toBe(201);
  expect((await tell(10, 100)).status).toBe(201);
  expect((await meter.get("/UsageEvent?select=period,units.sum()")).body).toEqual([{ period: 202002, sum: 111 }]);
});

test("what is known of a company reaches decisions about it, and none about another", async (app) => {
  await app.administrator.post("/Plan", { id: "team", title: "Team", price: 9_900, includedUnits: 10_000 });
  const [acme, globex] = await Promise.all(["acme", "globex"].map(async (name) => {
    const company = app.tenant(name);
    const { id } = (await company.as("owner", "owner").post("/subscribe", { planId: "team" })).body;
    return { id, care: company.as("care", "care"), owner: company.as("owner", "owner") };
  }));
  await acme!.care.post(`/memory/Contract/${acme!.id}`, { onboarding: "STRUGGLED", regulated: true });
  const steps = () => Promise.all([acme!, globex!].map(async ({ id, care }) => (await care.post("/decide/careFor", { contractId: id })).body.step));
  expect(await steps()).toEqual(["TRAINING", "NOTHING"]);
  expect((await globex!.care.post(`/memory/Contract/${acme!.id}`, { regulated: false })).status).toBe(404);
  expect((await acme!.owner.post(`/Contract/${acme!.id}/forget`, {})).status).toBe(200);
  expect(await steps()).toEqual(["NOTHING", "NOTHING"]);
});
