// A writer of one tenant changes nothing of another, learns nothing of it from what is refused, and numbers count for each tenant alone.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { Probes, type Request } from "./probes.ts";
import { CANARY } from "./tenant-app.ts";

let probes: Probes;
let before = "";
beforeAll(async () => {
  probes = await Probes.start();
  before = await probes.stateOfA();
}, 120_000);
afterAll(() => probes?.stop());
afterEach(async () => {
  expect(await probes.stateOfA()).toBe(before);
});

const writers = ["b", "b-clerk", "b-guest", "admin:b", "none", "odd", "public"] as const;
const key = (name: string): string => `${CANARY}-${name}`;
const representation = { prefer: "return=representation" };
const post = (body: unknown, headers: Record<string, string> = representation): Request => ({ method: "POST", body, headers });
const patch = (body: unknown, headers: Record<string, string> = representation): Request => ({ method: "PATCH", body, headers });

async function each(path: string, request: Request, who: readonly string[] = writers): Promise<void> {
  for (const one of who) await probes.probe(one, path, request);
}

test("another tenant's record is not there for PATCH, DELETE and actions", async () => {
  for (const [table, id] of [["Project", "p1"], ["Task", "t1"], ["Tag", "g1"], ["ProjectTag", "l1"], ["Note", "n1"]] as const) {
    await each(`/${table}/${key(id)}`, patch({}));
    await each(`/${table}/${key(id)}`, patch({ id: key(id) }));
    for (const headers of [{}, { "if-match": '"v1"' }, { "if-match": "*" }, { "if-none-match": "*" }]) await each(`/${table}/${key(id)}`, { method: "DELETE", headers });
  }
  await each(`/Project/${key("p1")}`, patch({ title: "taken" }));
  await each(`/Project/${key("p1")}`, patch({ orgId: "b" }));
  await each("/Org/a", patch({ name: "taken" }));
  await each("/Org/a", { method: "DELETE" });
  await each(`/Project/${key("p1")}/raise`, post({ by: 5 }));
  await each(`/Project/${key("p1")}/raise`, { method: "POST", body: { by: 5 }, headers: { "if-match": "*" } });
  await each("/Project/rename", post({ title: "taken", other: key("p1") }));
  expect(probes.report()).toEqual([]);
});

test("bulk changes reach the own records alone", async () => {
  const filters = ["id=not.is.null", "orgId=eq.a", "orgId=in.(a,b)", `id=in.(${key("p1")},nobody)`, "or=(orgId.eq.a,title.eq.nothing)", "org.name=like.*org*&org=not.is.null", "tasks=not.is.null", "budget=gt.70000000", "search=lantern"];
  for (const filter of filters) {
    await each(`/Project?${filter}&order=id&select=id,region`, patch({ region: null }));
    await each(`/Project?${filter}`, patch({ state: "OPEN" }, { prefer: "count=exact" }));
    await each(`/Project?${filter}`, patch({ state: "OPEN" }, { prefer: "handling=strict, max-affected=1" }));
    await each(`/Task?${filter.replace("budget", "hours").replace("tasks=not.is.null", "children=not.is.null")}&select=id`, patch({ hours: 1 }));
  }
  for (const filter of ["orgId=eq.a", `id=like.${CANARY}*`, `projectId=eq.${key("p1")}`]) await each(`/Task?${filter}`, { method: "DELETE", headers: representation });
  expect(probes.report()).toEqual([]);
});

test("the tenant of a record is the caller's, is never another and never changes", async () => {
  const project = (code: string, more: object = {}): object => ({ code, title: `title ${code}`, ...more });
  const created = await probes.probe("b", "/Project", post(project("N1")));
  expect(created.json).toMatchObject([{ orgId: "b", number: 5 }]);
  expect((await probes.probe("b", "/Project", post(project("N2", { orgId: "b" })))).status).toBe(201);
  expect(await probes.probe("b", "/Project", post(project("N3", { orgId: "a" })))).toMatchObject({ status: 422, code: "READ_ONLY_FIELD" });
  expect((await probes.probe("b", "/Project", post(project("N4", { orgId: null })))).status).toBe(201);
  expect((await probes.probe("b", "/Project", post([project("N5"), project("N6", { orgId: "a" })]))).code).toBe("READ_ONLY_FIELD");
  expect(await probes.probe("b", "/Project/p1", patch({ orgId: "a" }))).toMatchObject({ status: 422, code: "READ_ONLY_FIELD" });
  expect((await probes.probe("b", "/Project/p1", patch({ orgId: "b", region: "east" }))).status).toBe(200);
  expect(await probes.probe("b", "/Project/p2", { method: "PUT", body: project("N7", { orgId: "a" }) })).toMatchObject({ status: 422 });
  expect((await probes.probe("b", "/Project/p2", { method: "PUT", body: project("CODE-2"), headers: representation })).json).toMatchObject({ orgId: "b" });
  expect((await probes.probe("b", "/Project/p9", { method: "PUT", body: project("N9"), headers: representation })).json).toMatchObject({ orgId: "b" });
  expect(await probes.probe("b", "/Project?id=eq.p1", patch({ orgId: "a" }))).toMatchObject({ status: 422 });
  // Only the administrator who names no tenant says whose a new record is; that it never changes holds for them, too.
  expect((await probes.ask("admin", "/Project", post(project("X1")))).code).toBe("VALIDATION_FAILED");
  const foreign = await probes.ask("admin", "/Project", post(project("X1", { orgId: "c", id: "xc" })));
  expect([foreign.status, foreign.code]).toEqual([409, "REFERENCE_VIOLATION"]);
  expect((await probes.ask("admin", "/Org", post({ id: "c", name: "C" }))).status).toBe(201);
  expect((await probes.ask("admin", "/Project", post(project("X1", { orgId: "c", id: "xc" })))).json).toMatchObject([{ orgId: "c", number: 1 }]);
  expect(await probes.ask("admin", "/Project/xc", patch({ orgId: "b" }))).toMatchObject({ status: 422, code: "READ_ONLY_FIELD" });
  expect((await probes.ask("admin:c", "/Project?select=id")).json).toEqual([{ id: "xc" }]);
  expect((await probes.ask("admin", "/Project/xc", { method: "DELETE" })).status).toBe(204);
  expect((await probes.ask("admin", "/Org/c", { method: "DELETE" })).status).toBe(204);
  expect(probes.report()).toEqual([]);
});

test("who belongs to no tenant creates nothing in a tenant table", async () => {
  for (const who of ["none", "admin:", "public"]) {
    const answer = await probes.ask(who, "/Project", post({ code: "Z", title: "z", orgId: "a" }));
    expect([400, 401, 403], `${who} ${answer.text}`).toContain(answer.status);
  }
  expect((await probes.ask("none", "/Tag", post({ name: "x" }))).json).toMatchObject({ code: "FORBIDDEN", message: expect.stringContaining("belong to tenants") });
  await each("/Tag", post({ name: "x" }), ["none", "odd", "public", "b-guest"]);
  expect(probes.report()).toEqual([]);
});

test("unique values are each tenant's own, and a collision tells of no other", async () => {
  const project = (more: object): object => ({ title: "unique", ...more });
  expect((await probes.probe("b", "/Project", post(project({ code: "ONLY-a", title: "u1" })))).status).toBe(201);
  expect((await probes.probe("b", "/Project", post(project({ code: "ONLY-a", title: "u2" })))).code).toBe("UNIQUE_VIOLATION");
  expect((await probes.probe("b", "/Project", post(project({ code: "U3", title: "u3", mail: "ONLY-A@X.ORG" })))).status).toBe(201);
  expect((await probes.probe("b", "/Project", post(project({ code: "U4", title: "u4", mail: "only-a@x.org" })))).code).toBe("UNIQUE_VIOLATION");
  expect((await probes.probe("b", "/Project", post(project({ code: "U5", region: "a", title: `${CANARY} lantern 4` })))).status).toBe(201);
  expect((await probes.probe("b", "/Project/p3", patch({ code: "CODE-1" }))).json).toMatchObject({ code: "UNIQUE_VIOLATION", where: "code", details: { fields: ["code"] } });
  for (const resolution of ["merge-duplicates", "ignore-duplicates"]) {
    const headers = { prefer: `resolution=${resolution}, return=representation` };
    await probes.probe("b", "/Project?on_conflict=code", post(project({ code: "ONLY-a", title: "u6" }), headers));
    await probes.probe("b", "/Project?on_conflict=mail", post(project({ code: `U7${resolution}`, title: `u7${resolution}`, mail: "Only-a@x.org" }), headers));
    await probes.probe("b", "/Project?on_conflict=region,title", post([project({ code: `U8${resolution}`, region: "a", title: `${CANARY} lantern 4` })], headers));
    await probes.probe("b", "/Project?on_conflict=code", post(project({ code: "CODE-3", title: "merged", orgId: "a" }), headers));
    await probes.probe("none", "/Project?on_conflict=code", post(project({ code: "CODE-3", title: "merged" }), headers));
  }
  expect((await probes.probe("b", `/Project?title=like.${CANARY}*&select=orgId`, { method: "DELETE", headers: representation })).json).toEqual([{ orgId: "b" }]);
  expect(probes.report()).toEqual([]);
});

test("a key that another tenant has is refused as a creation is, and nothing is told", async () => {
  for (const who of ["b", "b-clerk", "admin:b"]) {
    for (const request of [post({ id: key("p1"), code: "K1", title: "k" }), post([{ id: key("p1"), code: "K2", title: "k" }]), post({ id: key("p1"), code: "K3", title: "k" }, { prefer: "resolution=merge-duplicates" })]) {
      expect(await probes.ask(who, "/Project", request), who).toMatchObject({ status: 403, code: "FORBIDDEN" });
    }
    expect(await probes.ask(who, `/Project/${key("p1")}`, { method: "PUT", body: { code: "K4", title: "k" } })).toMatchObject({ status: 403 });
    expect((await probes.ask(who, "/Project", post({ id: key("p1"), code: "K5", title: "k" }))).text).not.toMatch(/canaryofa (lantern|place)/);
  }
  await each("/Org/a", { method: "PUT", body: { name: "taken" } });
  await each("/Org", post({ id: "a", name: "taken" }));
  await each("/Org/zz", { method: "PUT", body: { name: "new" } });
  await each("/Org", post({ name: "second" }));
  expect(probes.report()).toEqual([]);
});

test("numbers count for each tenant alone", async () => {
  for (let n = 1; n <= 3; n++) {
    await probes.probe("b", "/Project", post({ code: `S${n}`, title: `s${n}` }));
    await probes.probe("b", "/Task", post({ projectId: "p1", text: "x", countryId: n === 3 ? "it" : "de" }));
    await probes.probe("admin:b", "/Task", post({ projectId: "p2", text: "x" }));
  }
  await probes.probe("b", "/Task?text=eq.x&select=id,number,inCountry&order=id", patch({ countryId: "fr" }));
  expect(probes.report()).toEqual([]);
});

test("references to another tenant's record fail as to one that is missing", async () => {
  const task = (more: object): object => ({ projectId: "p1", text: "ref", ...more });
  for (const path of ["/Task", "/Task?select=id,number,title,budget"]) {
    await each(path, post(task({ projectId: key("p1") })));
    await each(path, post(task({ projectId: key("p1"), hours: 99_999_999 })));
    await each(path, post(task({ parentId: key("t1") })));
    await each(path, post([task({}), task({ parentId: key("t2") })]));
  }
  await each("/Task/t1", patch({ projectId: key("p1") }));
  await each("/Task/t1", patch({ parentId: key("t2") }));
  await each("/Task?id=in.(t1,t2)", patch({ parentId: key("t2") }));
  await each("/Task/t2", { method: "PUT", body: { projectId: key("p2"), text: "x" } });
  await each("/ProjectTag", post({ projectId: "p1", tagId: key("g1") }));
  await each("/ProjectTag", post({ projectId: key("p1"), tagId: "g2" }));
  await each("/Task?on_conflict=id", post(task({ id: "t1", projectId: key("p3") }), { prefer: "resolution=merge-duplicates" }));
  // Whoever writes: also the administrator who names no tenant.
  for (const body of [task({ orgId: "b", projectId: key("p1") }), task({ orgId: "a", projectId: "p1" }), task({ orgId: "b", parentId: key("t1") })]) {
    expect((await probes.ask("admin", "/Task", post(body))).code).toBe("REFERENCE_VIOLATION");
  }
  expect((await probes.ask("admin", "/Task/t1", patch({ parentId: key("t1"), hours: 0 }))).code).toBe("REFERENCE_VIOLATION");
  expect(probes.report()).toEqual([]);
});

test("what belongs to all takes nothing of another tenant with it", async () => {
  for (const id of ["es", "fr", "de"]) {
    for (const who of ["b-clerk", "admin:b"]) {
      const answer = await probes.ask(who, `/Country/${id}`, { method: "DELETE" });
      expect(answer).toMatchObject({ status: 409, code: "REFERENCE_VIOLATION" });
      expect(answer.text).not.toMatch(/Project|Note|canary/);
    }
  }
  await each("/Country/it", { method: "DELETE" }, ["b-clerk"]);
  await each("/Country/pt", { method: "DELETE" }, ["b-clerk"]);
  await each("/Project/p3", { method: "DELETE" }, ["b"]);
  await each("/Task?select=id,projectId,parentId&order=id", {}, ["b"]);
  expect(probes.report()).toEqual([]);
});

test("a batch stays within the tenant, too", async () => {
  const batch = (...operations: object[]): Request => ({ method: "POST", body: { operations } });
  const requests = [
    batch({ method: "GET", path: `/Project/${key("p1")}` }), batch({ method: "GET", path: "/Project?order=id" }), batch({ method: "GET", path: "/Country?select=id,projects(id)&order=id" }),
    batch({ method: "PATCH", path: `/Project/${key("p1")}`, body: { title: "taken" } }), batch({ method: "DELETE", path: `/Task/${key("t1")}` }), batch({ method: "PATCH", path: "/Task?orgId=eq.a", body: { hours: 0 } }),
    batch({ id: "p", method: "POST", path: "/Tag", body: { name: "batched" }, headers: representation }, { method: "POST", path: "/ProjectTag", body: { projectId: key("p1"), tagId: "g1" } }),
    batch({ method: "POST", path: "/Tag", body: { name: "batched", orgId: "a" } }), batch({ method: "POST", path: `/Project/${key("p1")}/raise`, body: { by: 1 } }), batch({ method: "POST", path: "/Project/rename", body: { title: "x", other: key("p1") } }),
    batch({ method: "POST", path: "/run", body: { mode: "system", table: "Project", method: "update", given: [key("p1"), { title: "taken" }] } }), batch({ method: "POST", path: "/run", body: { mode: "system", table: "Project", method: "find", given: [{}] } }),
  ];
  for (const request of requests) await each("/batch", request);
  expect(probes.report()).toEqual([]);
});

test("what a tenant deleted is restored by it alone", async () => {
  const shared = { id: "xx", name: "Atlantis" };
  expect((await probes.ask("b-clerk", "/Country", post(shared))).status).toBe(201);
  const own: string[] = [];
  for (const who of ["a", "b"]) {
    const made = await probes.ask(who, "/Project", post({ code: "TRASH", title: `trash of ${who}`, countryId: "xx" }));
    own.push((made.json as { id: string }[])[0]!.id);
  }
  const [ofA, ofB] = own as [string, string];
  expect((await probes.ask("a", `/Project/${ofA}`, { method: "DELETE" })).status).toBe(204);
  for (const who of ["b", "b-clerk", "none", "admin:b", "public"]) {
    expect((await probes.ask(who, `/Project/${ofA}/restore`, { method: "POST" })).status, who).toBeOneOf([401, 404]);
    expect((await probes.ask(who, `/Project/${ofA}/history`)).status, who).toBeOneOf([401, 404]);
  }
  // It goes for b with what b has there, and comes back with that.
  expect((await probes.ask("b-clerk", "/Country/xx", { method: "DELETE" })).status).toBe(204);
  expect((await probes.ask("b", `/Project/${ofB}`)).status).toBe(404);
  expect((await probes.ask("a-clerk", "/Country/xx/restore", { method: "POST" })).status).toBeOneOf([200, 204]);
  expect((await probes.ask("b", `/Project/${ofB}`)).status).toBe(404);
  expect((await probes.ask("b", `/Project/${ofB}/restore`, { method: "POST" })).status).toBeOneOf([200, 204]);
  expect((await probes.ask("b", `/Project/${ofB}`)).status).toBe(200);
  expect((await probes.ask("a", `/Project/${ofA}`)).status).toBe(404);
});

test("what a tenant deleted is not ended by another that takes its key", async () => {
  const made = await probes.ask("a", "/Project", post({ code: "TAKEN", title: "trash of a", countryId: "de" }));
  const id = (made.json as { id: string }[])[0]!.id;
  expect((await probes.ask("a", `/Project/${id}`, { method: "DELETE" })).status).toBe(204);
  const theirs = { code: "THEIRS", title: "by b", countryId: "de" };
  expect((await probes.ask("b", "/Project", post({ ...theirs, id }))).status).toBe(403);
  expect((await probes.ask("b", `/Project/${id}`, { ...post(theirs), method: "PUT" })).status).toBe(403);
  expect((await probes.ask("b", "/Project?on_conflict=id", { ...post({ ...theirs, id }), headers: { prefer: "resolution=merge-duplicates" } })).status).toBe(403);
  expect((await probes.ask("a", `/Project/${id}/restore`, { method: "POST" })).status).toBeOneOf([200, 204]);
  expect((await probes.ask("a", `/Project/${id}`, { method: "DELETE" })).status).toBe(204);
  expect((await probes.ask("a", "/Project", post({ ...theirs, id }))).status).toBe(201);
  expect((await probes.ask("a", `/Project/${id}`, { method: "DELETE" })).status).toBe(204);
});

test("a key of idempotency is each tenant's own, though the subject has one name", async () => {
  const headers = { "idempotency-key": "0123456789abcdef0123456789abcdef", prefer: "return=representation" };
  const body = { name: "once" };
  const first = await probes.ask("a", "/Tag", { method: "POST", body, headers });
  const other = await probes.ask("b-ann", "/Tag", { method: "POST", body, headers });
  expect([first.status, other.status, other.headers.get("idempotency-replayed")]).toEqual([201, 201, null]);
  expect(other.json).toMatchObject([{ orgId: "b" }]);
  const again = await probes.ask("a", "/Tag", { method: "POST", body, headers });
  expect([again.text, again.headers.get("idempotency-replayed")]).toEqual([first.text, "true"]);
  const admins = await Promise.all(["admin:a", "admin:b", "admin:a"].map((who) => probes.ask(who, "/Tag?select=orgId", { method: "POST", body, headers })));
  expect(admins.map(({ json }) => json)).toEqual([[{ orgId: "a" }], [{ orgId: "b" }], [{ orgId: "a" }]]);
  for (const { id } of (await probes.ask("admin:a", "/Tag?select=id&name=eq.once")).json as { id: string }[]) expect((await probes.ask("a", `/Tag/${id}`, { method: "DELETE" })).status).toBe(204);
});
