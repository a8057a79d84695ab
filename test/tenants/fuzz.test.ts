// Random work of two tenants, mixed: what one of them is answered is what it would be answered if the other did not exist.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { seededRandom } from "../../src/base/random.ts";
import { Probes, type Request } from "./probes.ts";
import { CANARY } from "./tenant-app.ts";

let probes: Probes;
beforeAll(async () => { probes = await Probes.start(); }, 30_000);
afterAll(() => probes?.stop());

const representation = { prefer: "return=representation" };

test("random reads and writes", async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_121);
  const random = seededRandom(seed);
  const below = (most: number): number => Math.floor(random.next() * most);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;
  const rounds = process.env["AMBIT_TEST_SIZE"] === "long" ? 4_000 : 120;
  // Keys are unique over all tenants: each makes its own.
  const key = (who: string, kind: string): string => (who === "a" ? `${CANARY}-` : "") + kind + String(1 + below(9));
  const word = (who: string): string => (who === "a" ? `${CANARY} ` : "") + pick(["lantern", "wick", "oil"]) + String(below(20));
  const operation = (who: string): readonly [string, Request] => {
    const project = (): object => ({ code: `C${below(8)}`, mail: `M${below(8)}@x.org`, title: word(who), region: pick(["north", null]), countryId: pick(["de", "fr", "it", null]), open: below(2) === 0, budget: below(5_000) });
    const task = (): object => ({ projectId: key(who, "p"), parentId: pick([null, key(who, "t")]), countryId: pick(["de", "it", null]), text: word(who), hours: below(3_000) });
    const upsert = { prefer: `return=representation, resolution=${pick(["merge", "ignore"])}-duplicates` };
    return pick<() => readonly [string, Request]>([
      () => ["/Project", { method: "POST", body: { id: key(who, "p"), ...project() }, headers: representation }],
      () => ["/Project", { method: "POST", body: [project(), project()], headers: representation }],
      () => [`/Project?on_conflict=${pick(["code", "mail", "region,title", "id"])}`, { method: "POST", body: { id: key(who, "p"), ...project() }, headers: upsert }],
      () => ["/Task", { method: "POST", body: { id: key(who, "t"), ...task() }, headers: representation }],
      () => ["/Task?on_conflict=id", { method: "POST", body: [{ id: key(who, "t"), ...task() }, { id: key(who, "t"), ...task() }], headers: upsert }],
      () => ["/ProjectTag", { method: "POST", body: { id: key(who, "l"), projectId: key(who, "p"), tagId: key(who, "g") }, headers: representation }],
      () => [`/Project/${key(who, "p")}`, { method: "PATCH", body: { title: word(who), budget: below(5_000) }, headers: representation }],
      () => [`/Project/${key(who, "p")}`, { method: "PUT", body: project(), headers: representation }],
      () => [`/Task/${key(who, "t")}`, { method: "PATCH", body: { projectId: key(who, "p"), parentId: key(who, "t") }, headers: representation }],
      () => [`/Task?hours=gt.${below(2_000)}&order=id`, { method: "PATCH", body: { hours: below(100), countryId: pick(["de", "it"]) }, headers: representation }],
      () => [`/Project?title=like.*${below(20)}`, { method: "PATCH", body: { region: pick(["north", "south"]) }, headers: representation }],
      () => [`/${pick(["Project", "Task", "ProjectTag"])}/${key(who, pick(["p", "t", "l"]))}`, { method: "DELETE" }],
      () => [`/Task?hours=lt.${below(40)}`, { method: "DELETE", headers: representation }],
      () => [`/Project/${key(who, "p")}/restore`, { method: "POST", headers: representation }],
      () => [`/Project/${key(who, "p")}/raise`, { method: "POST", body: { by: below(10) } }],
      () => ["/batch", { method: "POST", body: { operations: [{ method: "POST", path: "/Tag", body: { name: word(who) } }, { method: "PATCH", path: `/Project/${key(who, "p")}`, body: { state: "DONE" } }] } }],
      () => ["/run", { method: "POST", body: { mode: pick(["db", "system"]), table: "Project", method: "claim", given: [{ state: "OPEN", order: { code: "asc" } }, { state: "DONE" }] } }],
      () => ["/run", { method: "POST", body: { mode: pick(["db", "system"]), table: "Task", method: "increment", given: [key(who, "t"), "hours", 1] } }],
      () => [`/${pick(["Project", "Task"])}/${key(who, pick(["p", "t"]))}/history`, {}],
      () => ["/Project?select=id,number,title,tasks(id,number,inCountry,parent(id)),tags(name),country(id,projects(id))&order=id", { headers: { prefer: "count=exact" } }],
      () => [`/Task?search=wick&select=id`, {}], () => [`/Project?title=fts.lantern${below(20)}&order=id`, {}],
      () => ["/Project?select=state,count(),budget.sum(),number.max()&order=state", {}], () => ["/Country?select=id,projects(count())&projects=not.is.null&order=id", {}],
    ])();
  };
  for (let round = 0; round < rounds; round++) {
    for (let n = below(3); n > 0; n--) await probes.ask("a", ...operation("a"));
    await probes.probe(pick(["b", "b", "b", "admin:b"]), ...operation("b"));
    if (probes.problems.length > 0) break;
  }
  expect(probes.report(), `seed ${seed}`).toEqual([]);
  const left = (await probes.ask("admin", "/Project?select=orgId,country(id),tasks(orgId)")).json as { orgId: string; tasks: { orgId: string }[] }[];
  expect(left.filter(({ orgId, tasks }) => tasks.some((task) => task.orgId !== orgId))).toEqual([]);
}, 600_000);
