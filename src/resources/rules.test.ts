// Permissions through every read path and every write: three-valued rules, OR and AND, field rules, masks, grants, hidden or forbidden.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { administrator, nobody, openApp, refusal, user, type OpenApp } from "./testing/open-app.ts";

const SDL = `
enum Role { VIEWER EDITOR OWNER }
type Project @table @export
  @allow(to: ["viewer"], do: [READ], on: "record")
  @allow(to: ["owner"], do: [UPDATE, DELETE], on: "record")
{
  id: ID! @primaryKey
  name: String!
  issues: [Issue!]! @relationship(to: "projectId")
}
type Member @table @grants(subject: "userId", role: "role", on: "projectId", ordered: true) @indexed(fields: ["userId", "projectId"], unique: true) {
  id: ID! @primaryKey
  userId: ID!
  role: Role!
  projectId: ID!
  project: Project! @relationship(from: "projectId", onDelete: CASCADE)
}
type Issue @table @export
  @allow(to: ["viewer"], do: [READ], on: "project")
  @allow(to: ["editor"], do: [CREATE, UPDATE], on: "project")
  @allow(to: ["public"], do: [READ], where: "record.open")
{
  id: ID! @primaryKey
  title: String! @indexed(type: TEXT)
  open: Boolean!
  projectId: ID!
  project: Project! @relationship(from: "projectId", onDelete: CASCADE)
  estimate: Int @allow(to: ["authenticated"], do: [READ], where: "record.assignee == auth.subject") @allow(to: ["lead"], do: [READ, UPDATE])
  assignee: ID
  secret: String @internal
  budget: Int @allow(to: ["lead"], do: [READ, CREATE, UPDATE])
}
`;

let app: OpenApp;
beforeAll(async () => {
  app = openApp(SDL);
  const root = app.as(administrator);
  await root.create("Project", [{ id: "p1", name: "One" }, { id: "p2", name: "Two" }]);
  await root.create("Member", [
    { id: "m1", userId: "vic", role: "VIEWER", projectId: "p1" }, { id: "m2", userId: "edi", role: "EDITOR", projectId: "p1" }, { id: "m3", userId: "own", role: "OWNER", projectId: "p1" },
  ]);
  await root.create("Issue", [
    { id: "i1", title: "hidden apple", open: false, projectId: "p1", estimate: 5, assignee: "vic", budget: 100 },
    { id: "i2", title: "open pear", open: true, projectId: "p1", estimate: 8, assignee: "edi", budget: 200 },
    { id: "i3", title: "other plum", open: false, projectId: "p2", estimate: 13, assignee: "vic", budget: 300 },
  ]);
});
afterAll(() => app.close());

const ids = (body: unknown): unknown[] => (body as { id: string }[]).map(({ id }) => id);

describe("which records", () => {
  test("roles within a record, ordered ones including those before", async () => {
    for (const name of ["vic", "edi", "own"]) {
      expect(ids((await app.as(user(name)).list("Issue", "order=id")).body)).toEqual(["i1", "i2"]);
      expect(ids((await app.as(user(name)).list("Project")).body)).toEqual(["p1"]);
    }
    expect(ids((await app.as(user("else")).list("Issue")).body)).toEqual(["i2"]);
    expect(ids((await app.as(nobody).list("Issue")).body)).toEqual(["i2"]);
    expect(ids((await app.as(administrator).list("Issue", "order=id")).body)).toEqual(["i1", "i2", "i3"]);
  });

  test("by id: what may not be read is not there", async () => {
    expect((await app.as(user("vic")).get("Issue", "i1")).body).toMatchObject({ id: "i1", title: "hidden apple" });
    expect((await refusal(() => app.as(user("vic")).get("Issue", "i3"))).code).toBe("NOT_FOUND");
    expect((await refusal(() => app.as(nobody).get("Issue", "i1"))).code).toBe("NOT_FOUND");
    expect((await refusal(() => app.as(nobody).get("Issue", "i1", "select=id"))).code).toBe("NOT_FOUND");
  });

  test("a table without any READ for the caller's roles: 401, then 403", async () => {
    expect((await refusal(() => app.as(nobody).send({ kind: "query", plan: app.as(administrator).plan("Member", ""), explain: false }))).status).toBe(401);
    expect((await refusal(() => app.as(user("vic")).send({ kind: "query", plan: app.as(administrator).plan("Member", ""), explain: false }))).status).toBe(403);
  });

  test("embeds, inner joins, relation filters and counts see only readable records", async () => {
    const anyone = app.as(user("else"));
    expect((await app.as(user("vic")).list("Issue", "select=id,project(name)&order=id")).body).toEqual([{ id: "i1", project: { name: "One" } }, { id: "i2", project: { name: "One" } }]);
    expect((await anyone.list("Issue", "select=id,project(name)")).body).toEqual([{ id: "i2", project: null }]);
    expect((await anyone.list("Issue", "select=id,project!inner(name)")).body).toEqual([]);
    expect((await anyone.list("Issue", "select=id&project=not.is.null")).body).toEqual([]);
    expect(ids((await app.as(user("vic")).list("Issue", "select=id&project=not.is.null&order=id")).body)).toEqual(["i1", "i2"]);
    expect((await anyone.list("Issue", "select=id,project!inner(name)&project.name=eq.One")).body).toEqual([]);
    expect((await anyone.list("Issue", "select=count()")).body).toEqual([{ count: 1 }]);
    expect((await app.as(user("vic")).list("Project", "select=id,issues(id)&issues.order=id")).body).toEqual([{ id: "p1", issues: [{ id: "i1" }, { id: "i2" }] }]);
  });

  test("full-text finds only what may be read", async () => {
    expect((await app.as(user("vic")).list("Issue", "select=id&title=fts.apple")).body).toEqual([{ id: "i1" }]);
    expect((await app.as(nobody).list("Issue", "select=id&title=fts.apple")).body).toEqual([]);
  });
});

describe("which fields", () => {
  test("a field without a READ for the roles does not exist", async () => {
    const vic = app.as(user("vic"));
    expect((await vic.get("Issue", "i1")).body).not.toHaveProperty("budget");
    for (const query of ["select=budget", "budget=eq.1", "order=budget", "select=budget.sum()", "or=(budget.eq.1)"]) {
      expect((await refusal(() => vic.list("Issue", query))).code).toBe("UNKNOWN_FIELD");
    }
    expect((await app.as(user("vic", "lead")).get("Issue", "i1")).body).toMatchObject({ budget: 100 });
  });

  test("internal ones never", async () => {
    expect((await app.as(administrator).get("Issue", "i1")).body).not.toHaveProperty("secret");
    expect((await refusal(() => app.as(administrator).list("Issue", "secret=is.null"))).code).toBe("UNKNOWN_FIELD");
  });

  test("a field that depends on the record is absent, and null for filters, order and aggregates", async () => {
    const vic = app.as(user("vic"));
    expect((await vic.list("Issue", "select=id,estimate&order=id")).body).toEqual([{ id: "i1", estimate: 5 }, { id: "i2" }]);
    expect((await vic.get("Issue", "i2")).body).not.toHaveProperty("estimate");
    expect((await vic.get("Issue", "i1")).body).toHaveProperty("estimate", 5);
    expect(ids((await vic.list("Issue", "estimate=gt.0&select=id")).body)).toEqual(["i1"]);
    expect(ids((await vic.list("Issue", "estimate=not.gt.100&select=id")).body)).toEqual(["i1"]);
    expect(ids((await vic.list("Issue", "estimate=is.null&select=id")).body)).toEqual(["i2"]);
    expect((await vic.list("Issue", "select=estimate.sum(),estimate.max(),estimate.count()")).body).toEqual([{ sum: 5, max: 5, count: 1 }]);
    expect(ids((await vic.list("Issue", "order=estimate.desc.nullslast&select=id")).body)).toEqual(["i1", "i2"]);
    expect((await app.as(user("vic", "lead")).list("Issue", "select=estimate.sum()")).body).toEqual([{ sum: 13 }]);
  });

  test("a conditional representation has no version", async () => {
    expect((await app.as(user("vic")).get("Issue", "i1")).result.version).toBeNull();
    expect((await app.as(user("vic", "lead")).get("Issue", "i1")).result.version).toBeNumber();
    expect((await app.as(administrator).get("Issue", "i1")).result.version).toBeNumber();
  });
});

describe("writes", () => {
  test("the role decides first, then the record: 401, 403, 404", async () => {
    expect((await refusal(() => app.as(nobody).update("Project", "p1", { name: "X" }))).code).toBe("UNAUTHENTICATED");
    expect((await refusal(() => app.as(user("vic")).update("Project", "p1", { name: "X" }))).code).toBe("FORBIDDEN");
    expect((await refusal(() => app.as(user("own")).update("Project", "p2", { name: "X" }))).code).toBe("NOT_FOUND");
    expect((await app.as(user("own")).update("Project", "p1", { name: "One!" })).body).toEqual({ id: "p1", name: "One!" });
    await app.as(administrator).update("Project", "p1", { name: "One" });
  });

  test("CREATE is judged on the new record, UPDATE on the old and the new", async () => {
    const edi = app.as(user("edi"));
    expect((await edi.create("Issue", { id: "n1", title: "new", open: true, projectId: "p1" })).status).toBe(201);
    expect((await refusal(() => edi.create("Issue", { id: "n2", title: "new", open: true, projectId: "p2" }))).code).toBe("FORBIDDEN");
    expect((await refusal(() => edi.update("Issue", "n1", { projectId: "p2" }))).code).toBe("FORBIDDEN");
    await app.as(administrator).remove("Issue", "n1");
  });

  test("field rules: verbs that are missing are denied, hidden fields are unknown", async () => {
    const edi = app.as(user("edi"));
    expect((await refusal(() => edi.update("Issue", "i2", { estimate: 9 }))).code).toBe("FORBIDDEN");
    expect(await refusal(() => edi.update("Issue", "i2", { budget: 9 }))).toMatchObject({ code: "VALIDATION_FAILED", details: [{ code: "UNKNOWN_FIELD" }] });
    expect(await refusal(() => edi.update("Issue", "i2", { secret: "x" }))).toMatchObject({ code: "VALIDATION_FAILED", details: [{ code: "UNKNOWN_FIELD" }] });
    expect((await app.as(user("edi", "lead")).update("Issue", "i2", { estimate: 8, budget: 200 })).status).toBe(200);
  });

  test("a precondition of a create tells nothing of a hidden record: neither that it is there nor its version", async () => {
    const edi = app.as(user("edi"));
    const version = app.tables.get("Issue", "i3")!.version;
    const refused = async (id: string, precondition: { ifMatch: readonly number[] | "*" | null; ifNoneMatch: "*" | null }): Promise<unknown> =>
      refusal(() => edi.create("Issue", { id, title: "x", open: true, projectId: "p2" }, { precondition }));
    for (const precondition of [{ ifMatch: null, ifNoneMatch: "*" }, { ifMatch: "*", ifNoneMatch: null }, { ifMatch: [version], ifNoneMatch: null }] as const) {
      expect(await refused("i3", precondition)).toEqual(await refused("none", precondition));
    }
    expect(await refused("i2", { ifMatch: null, ifNoneMatch: "*" })).toMatchObject({ code: "PRECONDITION_FAILED" });
  });

  test("bulk acts on what may be read and changed", async () => {
    const edi = app.as(user("edi"));
    expect((await edi.updateMany("Issue", "id=in.(i1,i2,i3)", { open: true })).result.affected).toBe(2);
    expect((await app.as(nobody).list("Issue", "select=id&order=id")).body).toEqual([{ id: "i1" }, { id: "i2" }]);
    await app.as(administrator).update("Issue", "i1", { open: false });
    expect((await refusal(() => edi.updateMany("Issue", "id=not.is.null", { open: true }, 1))).code).toBe("TOO_MANY_ROWS");
    expect((await refusal(() => edi.removeMany("Issue", "id=eq.i1"))).code).toBe("FORBIDDEN");
  });
});

test("public: only what everyone may read in full", async () => {
  const open = openApp(`type Note @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey text: String private: String @allow(to: ["staff"], do: [READ]) }`);
  await open.as(administrator).create("Note", { id: "n", text: "t", private: "p" });
  expect((await open.as(nobody).get("Note", "n")).result.public).toBe(true);
  expect((await open.as(nobody).list("Note")).result.public).toBe(true);
  expect((await open.as(user("s", "staff")).get("Note", "n")).result.public).toBe(false);
  expect((await open.as(user("s", "staff")).list("Note", "select=text")).result.public).toBe(true);
  expect((await open.as(user("s", "staff")).list("Note", "select=text&private=eq.p")).result.public).toBe(false);
  await open.close();
});

test("a relation to what one may not read is unknown in a body too", async () => {
  const open = openApp(`
    type Safe @table @export @allow(to: ["lead"], do: [READ]) { id: ID! @primaryKey items: [Item!]! @relationship(to: "safeId") }
    type Item @table @export @allow(do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey safeId: ID safe: Safe @relationship(from: "safeId") }`);
  await open.as(administrator).create("Item", { id: "i" });
  const codes = async (...roles: string[]): Promise<unknown> => {
    const problem = await refusal(() => open.as(user("ann", ...roles)).update("Item", "i", { safe: 1 }));
    return (problem["details"] as { code: string }[]).map(({ code }) => code);
  };
  expect(await codes()).toEqual(["UNKNOWN_FIELD"]);
  expect(await codes("lead")).toEqual(["RELATION"]);
  expect((await refusal(() => open.as(user("ann")).update("Item", "i", { saf: 1 })))["message"]).not.toContain("did you mean safe?");
  await open.close();
});
