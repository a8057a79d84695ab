// A reader of one tenant gets, by every way of asking, the answers that it would get if there were no other tenant.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { seededRandom } from "../../src/base/random.ts";
import { Probes } from "./probes.ts";
import { CANARY, rowsOf } from "./tenant-app.ts";

let probes: Probes;
beforeAll(async () => { probes = await Probes.start(); }, 30_000);
afterAll(() => probes?.stop());

const readers = ["b", "b-guest", "b-plain", "b-plain-ann", "none", "odd", "public", "admin:b", "admin:nobody"] as const;
const P = `${CANARY}-p1`;

const lists: readonly string[] = [
  "/Project", "/Project?select=*", "/Project?select=id,title,budget,orgId", "/Project?order=budget.desc", "/Project?order=country.name,id", "/Task?order=project.budget.desc", "/Task?select=id,budget,project(budget)",
  "/Org", "/Task", "/Tag", "/ProjectTag", "/Note", "/Country?select=id,name,projects(id,title),notes(id)",
  "/Project?select=id,tasks(id,text,children(id)),tags(id,name,projects(id)),org(id,name,projects(id)),country(id,name,projects(id,title,tasks(id)))",
  "/Project?select=id,...org(name)", "/Task?select=id,...project(title,...country(name))", "/Country?select=id,...projects(title)",
  "/Country?select=id,projects!inner(id)&projects.budget=gt.0", "/Country?select=id,projects!inner(id)&projects.title=like.*lantern*", "/Country?projects=not.is.null", "/Country?projects=is.null", "/Country?notes=not.is.null",
  `/Country?select=id&projects.id=eq.${P}&projects=not.is.null`, "/Country?select=id,projects(id)&projects.limit=1&projects.order=id", "/Tag?select=id,projects!inner(id)&projects.budget=gt.500",
  "/Project?select=id,tags!inner(id)&tags.name=like.*oil*", "/Task?select=id,project!inner(id)&project.open=is.true", "/Task?select=id,parent!inner(id)", "/Project?tasks=is.null", "/Project?tags=not.is.null",
  "/Project?select=count()", "/Project?select=budget.sum(),budget.max(),budget.min(),budget.avg(),id.count()", "/Project?select=state,count(),budget.sum()", "/Project?select=orgId,count()", "/Task?select=...project(title),hours.sum()", "/Country?select=count()&projects=not.is.null",
  "/Project?search=lantern", "/Project?search=oil", "/Project?search=wick", `/Project?search=${CANARY}`, "/Country?search=lantern", `/Country?search=${CANARY}`, "/Project?title=fts.lantern", `/Project?title=fts.${CANARY}`, "/Task?text=plfts.wick",
  "/Project?near=50,8,100000", "/Project?near=place:50.01,8,3000", "/Project?similar=[1,0.1,0]", "/Project?similar=feature:[1,0.4,0]&limit=2",
  `/Project?id=eq.${P}`, `/Project?id=in.(${P},p1)`, `/Project?title=ilike.*${CANARY}*`, "/Project?orgId=eq.a", "/Project?orgId=in.(a,b)", "/Project?orgId=neq.b", "/Project?or=(orgId.eq.a,code.eq.CODE-1)", "/Project?not.and=(orgId.eq.b)", "/Project?orgId=is.null",
  "/Project?code=eq.CODE-1", "/Project?mail=eq.m1@x.org", "/Project?data->>k=eq.canaryofa%20k", "/Project?data->n=gt.77700000", "/Project?budget=gte.77700000", "/Project?number=lte.8&order=number", "/Task?select=number,inCountry&order=number,inCountry,id",
  "/Project?limit=2&order=title", "/Project?limit=1&offset=3", "/Project?limit=2&order=id.desc", "/Task?projectId=eq.canaryofa-p1", "/ProjectTag?tagId=eq.canaryofa-g1", "/Project?org.id=eq.a&org=not.is.null", "/Project?select=id,org!inner(id)&org.id=eq.a",
  "/Project?secret=eq.x", "/seen/canaryofa-p1", "/seen/p1", "/openapi.json",
];

test("lists, embeds, filters, orders, aggregates and rankings", async () => {
  for (const who of readers) for (const path of lists) await probes.probe(who, path);
  expect(probes.report()).toEqual([]);
}, 120_000);

test("answers that are kept for those who ask again are each tenant's own", async () => {
  for (let round = 0; round < 3; round++) for (const path of lists) {
    await probes.ask("a", path);
    await probes.ask("admin:a", path);
    for (const who of ["b", "admin:b"]) await probes.probe(who, path);
  }
  expect(probes.report()).toEqual([]);
}, 120_000);

test("former versions", async () => {
  const now = new Date().toISOString();
  for (const who of readers) {
    for (const table of ["Org", "Project", "Task", "Tag", "ProjectTag"]) {
      for (const id of [rowsOf("a")[table]![0]!["id"], rowsOf("b")[table]![0]!["id"]]) {
        await probes.probe(who, `/${table}/${String(id)}/history`);
        await probes.probe(who, `/${table}/${String(id)}?asof=${now}`);
        if (table !== "Org") await probes.probe(who, `/${table}/${String(id)}/restore`, { method: "POST" });
      }
      await probes.probe(who, `/${table}?asof=${now}&order=id`);
    }
    for (const path of ["/Project?select=id,title,tasks(id,text),country(name)&order=id", "/Country?select=id,projects(id,title)&order=id", "/Project?orgId=eq.a", "/Project?select=count(),budget.sum()", "/Country?projects=not.is.null&select=id"]) await probes.probe(who, `${path}&asof=${now}`);
  }
  expect(probes.report()).toEqual([]);
}, 120_000);

test("counts, formats, pages and one object", async () => {
  const wishes = [{ prefer: "count=exact" }, { prefer: "count=planned" }, { prefer: "count=estimated" }, { accept: "text/csv" }, { accept: "application/x-ndjson" }, { range: "0-1" }, { accept: "application/vnd.pgrst.object+json" }, { prefer: "scan=refuse" }];
  for (const who of ["b", "none", "public", "admin:b"]) for (const headers of wishes) for (const path of ["/Project", "/Project?limit=1&order=budget", "/Task?select=id,text", "/Country?select=id,projects(id)"]) await probes.probe(who, path, { headers });
  expect(probes.report()).toEqual([]);
}, 120_000);

test("one record by its key, as if it were not there", async () => {
  for (const who of readers) for (const table of ["Org", "Project", "Task", "Tag", "ProjectTag", "Note"]) {
    for (const { id } of rowsOf("a")[table]!) {
      const answer = await probes.probe(who, `/${table}/${String(id)}`);
      expect(answer.status, `${who} ${table}`).not.toBe(200);
      await probes.probe(who, `/${table}/${String(id)}?select=*`);
      await probes.probe(who, `/${table}/${String(id)}`, { headers: { "if-none-match": '"v1"' } });
    }
    await probes.probe(who, `/${table}/${String(rowsOf("b")[table]![0]!["id"])}`);
  }
  expect(probes.report()).toEqual([]);
}, 120_000);

test("pages go on within the tenant, also with a cursor of another one", async () => {
  const first = await probes.ask("a", "/Project?limit=2&order=title");
  const cursor = first.headers.get("ambit-next-cursor")!;
  expect(cursor).not.toBe("");
  for (const who of ["b", "none", "public", "admin:b"]) await probes.probe(who, `/Project?limit=2&order=title&after=${encodeURIComponent(cursor)}`);
  let path = "/Project?limit=1&order=budget";
  for (let page = 0; page < 5; page++) {
    const answer = await probes.probe("b", path);
    path = `/Project?limit=1&order=budget&after=${encodeURIComponent(answer.headers.get("ambit-next-cursor") ?? "")}`;
  }
  expect(probes.report()).toEqual([]);
});

test("what a tenant has is all there for it, and for the administrator who names it or none", async () => {
  for (const tenant of ["a", "b"] as const) for (const [table, rows] of Object.entries(rowsOf(tenant))) {
    if (table === "Role" || table === "CountryRole") continue;
    const wanted = rows.map(({ id }) => id).sort();
    for (const who of [tenant, `admin:${tenant}`]) expect(((await probes.ask(who, `/${table}?select=id&order=id`)).json as { id: string }[]).map(({ id }) => id)).toEqual(wanted as string[]);
  }
  const everybody = (await probes.ask("admin", "/Project?select=id,orgId,country(projects(id))")).json as { orgId: string }[];
  expect(new Set(everybody.map(({ orgId }) => orgId))).toEqual(new Set(["a", "b"]));
  expect(everybody).toHaveLength(8);
  expect((await probes.ask("a", "/Project?select=id,tags(id)&search=oil")).json).toHaveLength(4);
  expect((await probes.ask("b", "/Project?select=id&search=oil")).json).toHaveLength(4);
  expect((await probes.ask("b", "/Country?select=id&search=lantern")).json).toHaveLength(1);
});

test("roles granted by rows of another tenant do not count, though the subject has one name", async () => {
  expect((await probes.ask("a-plain-ann", `/Project/${P}`)).status).toBe(200);
  expect((await probes.ask("a-plain-ann", "/Country/de", { method: "PATCH", body: { name: "Germany" } })).status).toBe(204);
  for (const path of ["/Country/de", `/Project/${P}`, "/Project/p1"]) {
    const answer = await probes.probe("b-plain-ann", path, { method: "PATCH", body: path === "/Country/de" ? { name: "Germany" } : { region: "south" } });
    expect(answer.status, path).toBeGreaterThanOrEqual(400);
  }
  expect((await probes.ask("b-plain", "/Project/p1")).status).toBe(200);
  expect(probes.report()).toEqual([]);
});

test("random questions", async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_121);
  const random = seededRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)]!;
  const some = (items: readonly string[], most: number): string[] => [...new Set(Array.from({ length: 1 + Math.floor(random.next() * most) }, () => pick(items)))];
  const selects = ["id", "title", "budget", "number", "org(name)", "country(name,projects(id))", "tasks(id,hours,project(code))", "tags(name)", "tags!inner(id)", "tasks!inner(text)", "...org(name)"];
  const filters = ["budget=gt.1000", "budget=lt.80000000", "title=ilike.*lantern*", "state=eq.OPEN", "open=is.true", "orgId=eq.a", "orgId=neq.b", "country=not.is.null", "tasks=not.is.null", "tasks.hours=gt.1", "tags.name=like.*oil*", "code=in.(CODE-1,CODE-2)",
    "or=(orgId.eq.a,budget.gt.2000)", "number=gt.2", `id=gt.${CANARY}`, "place->>label=is.null", "search=lantern", "near=50,8,50000", "countryId=eq.de"];
  const rests = ["order=budget.desc", "order=title,id", "order=country.name", "limit=2", "limit=3&offset=1", "order=number.desc&limit=2"];
  const rounds = process.env["AMBIT_TEST_SIZE"] === "long" ? 5_000 : 150;
  for (let round = 0; round < rounds; round++) {
    const path = `/Project?select=${some(selects, 3).join(",")}&${some(filters, 3).join("&")}&${pick(rests)}`;
    await probes.probe(pick(readers), path, pick([{}, { headers: { prefer: "count=exact" } }]));
  }
  expect(probes.report(), `seed ${seed}`).toEqual([]);
}, 600_000);
