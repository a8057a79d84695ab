// The same confinement through GraphQL: documents of one tenant answer as if there were no other.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createClient } from "graphql-ws";
import { adminToken } from "../scenarios/started-app.ts";
import { Probes, type Request } from "./probes.ts";
import { CANARY } from "./tenant-app.ts";

let probes: Probes;
let before = "";
beforeAll(async () => {
  probes = await Probes.start();
  before = await probes.stateOfA();
}, 120_000);
afterAll(() => probes?.stop());

const document = (query: string): Request => ({ method: "POST", body: { query } });
const p1 = JSON.stringify(`${CANARY}-p1`);
const t1 = JSON.stringify(`${CANARY}-t1`);

const queries: readonly string[] = [
  `{ project(id: ${p1}) { id title } task(id: ${t1}) { id } org(id: "a") { name } }`,
  "{ projectList { rows { id orgId title tasks { id text children { id } } tags { name } org { name } country { name projects { id title } notes { id } } } next total } }",
  `{ projectList(filter: { orgId: { eq: "a" } }) { rows { id } } b: projectList(filter: { id: { in: [${p1}, "p1"] } }) { rows { id } } }`,
  "{ countryList(filter: { projects: { budget: { gt: 0 } } }, order: { id: ASC }) { rows { id projects { id } projectsAggregate { count } } } }",
  "{ projectList(filter: { not: { orgId: { eq: \"b\" } } }) { rows { id } } }", "{ projectList(search: \"lantern\") { rows { id } } }", "{ projectAggregate { count sum { budget } max { budget } by { state } } }",
  "{ projectList(order: { budget: DESC }, limit: 2) { rows { id } next total } }", "{ taskList { rows { id number inCountry budget project { title } parent { id } } } }", "{ __type(name: \"ProjectInput\") { inputFields { name } } }",
];

const mutations: readonly string[] = [
  `mutation { updateProject(id: ${p1}, patch: { title: "taken" }) { id } }`, `mutation { removeTask(id: ${t1}) { id } }`, `mutation { raiseProject(id: ${p1}, by: 5) { id } }`, `mutation { renameProject(title: "x", other: ${p1}) { id } }`,
  "mutation { updateTaskList(filter: { orgId: { eq: \"a\" } }, patch: { hours: 0 }) { rows { id } } }", "mutation { removeTaskList(filter: { orgId: { eq: \"a\" } }) { rows { id } } }",
  `mutation { createTask(input: { projectId: ${p1}, text: "x" }) { id } }`, `mutation { updateTask(id: "t1", patch: { parentId: ${t1} }) { id } }`, "mutation { createProject(input: { code: \"G1\", title: \"g\" }) { orgId number } }",
  "mutation { upsertProject(inputs: [{ code: \"ONLY-a\", title: \"g2\" }], by: code) { rows { orgId number } } }", "mutation { updateOrg(id: \"a\", patch: { name: \"taken\" }) { id } }",
];

test("queries and mutations", async () => {
  for (const who of ["b", "b-guest", "none", "odd", "public", "admin:b"]) {
    for (const query of [...queries, ...mutations]) await probes.probe(who, "/graphql", document(query));
  }
  expect(probes.report()).toEqual([]);
  expect(await probes.stateOfA()).toBe(before);
  // They say something.
  const answers = await Promise.all([...queries, ...mutations].map((query) => probes.ask("b", "/graphql", document(query))));
  expect(answers.filter(({ text }) => text.includes("INVALID_DOCUMENT")).map(({ text }) => text)).toEqual([]);
}, 120_000);

test("who acts for no tenant says whose a new record is", async () => {
  const create = (who: string, more: string): Promise<{ text: string }> => probes.ask(who, "/graphql", document(`mutation { createTag(input: { name: "g"${more} }) { orgId } }`));
  expect((await create("admin", ', orgId: "b"')).text).toBe('{"data":{"createTag":{"orgId":"b"}}}');
  expect((await create("admin:b", "")).text).toBe('{"data":{"createTag":{"orgId":"b"}}}');
  for (const [who, more] of [["admin:b", ', orgId: "b"'], ["b", ', orgId: "b"'], ["b", ', orgId: "a"']] as const) expect((await create(who, more)).text, who).toContain("INVALID_DOCUMENT");
});

test("subscriptions: nothing of another tenant, neither what is there nor what changes; the tenant may stand in connection_init", async () => {
  const query = "subscription { projectList(order: [{ id: ASC }]) { op rows { id orgId } changes { key record { id orgId title } } } }";
  const socket = async (payload: object): Promise<{ next(): Promise<unknown>; close(): void }> => {
    const client = createClient({ url: `${probes.both.url.replace("http", "ws")}/graphql`, connectionParams: payload as Record<string, unknown>, retryAttempts: 0 });
    const events = client.iterate({ query });
    return { next: async () => (await events.next()).value as unknown, close: () => void client.dispose() };
  };
  const mine = [await socket({ authorization: "Bearer key-b" }), await socket({ authorization: `Bearer ${adminToken}`, "x-ambit-tenant": "b" })];
  const told: unknown[] = [];
  for (const events of mine) told.push(await events.next());
  await probes.ask("admin:a", "/Project", { method: "POST", body: { id: `${CANARY}-live`, code: `${CANARY}-live`, title: CANARY } });
  await probes.ask("admin:a", `/Project/${CANARY}-live`, { method: "DELETE" });
  await probes.ask("b", "/Project", { method: "POST", body: { id: "live-b", code: "LIVE-B", title: "b" } });
  for (const events of mine) {
    const change = await events.next();
    told.push(change);
    expect(change).toEqual({ data: { projectList: { op: "CHANGE", rows: null, changes: [{ key: "live-b", record: { id: "live-b", orgId: "b", title: "b" } }] } } });
    events.close();
  }
  await probes.ask("b", "/Project/live-b", { method: "DELETE" });
  expect(JSON.stringify(told)).not.toContain(CANARY);
  expect(JSON.stringify(told)).toContain("\"orgId\":\"b\"");
}, 120_000);
