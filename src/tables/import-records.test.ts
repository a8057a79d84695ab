import { afterEach, beforeEach, expect, test } from "bun:test";
import type { ImportedRow, ImportOutcome } from "./import-records.ts";
import { create, failure, openTables, update, type OpenTables } from "./testing/open-tables.ts";

const SDL = `
type Project @table { id: ID! @primaryKey name: String! @length(max: 6) issues: [Issue!]! @relationship(to: "projectId") leadId: ID lead: Issue @relationship(from: "leadId") }
type Issue @table @indexed(fields: ["projectId", "number"], unique: true)
  @check(rule: "record.project.name != 'closed'", message: "The project is closed.")
{
  id: ID! @primaryKey
  projectId: ID!
  project: Project! @relationship(from: "projectId", onDelete: CASCADE)
  parentId: ID
  parent: Issue @relationship(from: "parentId")
  number: Int! @sequence(per: "projectId")
  title: String! @fixed
  size: Int! @computed(rule: "size(record.title)", stored: true)
  state: String! @default(value: "open") @readOnly
  createdBy: ID @createdBy
  createdAt: DateTime! @createdTime
  updatedAt: DateTime! @updatedTime
}
type Tick @table { id: Long! @primaryKey text: String }
`;

let app: OpenTables;
beforeEach(() => { app = openTables(SDL); });
afterEach(() => app.close());

const row = (table: string, input: ImportedRow["input"]): ImportedRow => ({ table, input });
const load = async (rows: readonly ImportedRow[], replace = false, loosen = false): Promise<readonly ImportOutcome[]> =>
  (await app.tables.commit((session) => session.importRecords(rows, { replace, loosen }), { actor: "import", requestId: "i" })).value;
const project = (id: string, more: object = {}): ImportedRow => row("Project", { id, name: "p", leadId: null, ...more });
const issue = (id: string, more: object = {}): ImportedRow =>
  row("Issue", { id, projectId: "p", parentId: null, number: 7, title: "four", size: 99, state: "done", createdBy: "ann", createdAt: "2020-01-01T00:00:00.000Z", updatedAt: "2021-01-01T00:00:00.000Z", ...more });

test("what the runtime filled stays as it was; what it works out is worked out; numbers go on after those that came", async () => {
  expect(await load([issue("a"), project("p")])).toEqual(["created", "created"]);
  expect(app.tables.get("Issue", "a")!.values).toEqual({
    id: "a", projectId: "p", parentId: null, number: 7, title: "four", size: 4, state: "done", createdBy: "ann", createdAt: "2020-01-01T00:00:00.000Z", updatedAt: "2021-01-01T00:00:00.000Z",
  });
  expect((await app.write(create("Issue", { projectId: "p", title: "next" }))).record).toMatchObject({ number: 8, size: 4, state: "open" });
  await load([issue("b", { number: 3 })]);
  expect((await app.write(create("Issue", { projectId: "p", title: "next" }))).record).toMatchObject({ number: 9 });
  await load([row("Tick", { id: "41", text: null })]);
  expect((await app.write(create("Tick", {}))).id).toBe(42n);
  expect(app.log().map(({ changes }) => changes.map(({ cause }) => cause)).flat()).toEqual(["write", "write", "write", "write", "write", "write", "write"]);
});

test("what refers to nothing yet is left, with all that refers to it; circles come together", async () => {
  expect(await load([issue("c", { parentId: "b", number: 3 }), issue("b", { parentId: "a", number: 2 }), project("p"), issue("d", { number: 4 })])).toEqual(["deferred", "deferred", "created", "created"]);
  expect(await load([issue("c", { parentId: "b", number: 3 }), issue("b", { parentId: "a", number: 2 }), issue("a", { parentId: "c", number: 1 })])).toEqual(["created", "created", "created"]);
  expect(await load([project("q", { leadId: "q1" }), issue("q1", { projectId: "q" })])).toEqual(["created", "created"]);
});

test("loosened, a circle comes piece by piece: first without its optional references, which it gets later", async () => {
  const [p, i, j] = [project("p", { leadId: "i" }), issue("i"), issue("j", { number: 8, parentId: "k" })];
  expect(await load([p])).toEqual(["deferred"]);
  expect(await load([i], false, true)).toEqual(["deferred"]);
  expect(await load([p, j], false, true)).toEqual(["loosened", "loosened"]);
  expect(app.tables.get("Project", "p")!.values["leadId"]).toBeNull();
  expect(await load([p, j], false, true)).toEqual(["loosened", "loosened"]);
  expect(await load([i])).toEqual(["created"]);
  expect(await load([p])).toEqual(["completed"]);
  expect(app.tables.get("Project", "p")!.values["leadId"]).toBe("i");
  expect(await load([j])).toEqual(["deferred"]);
  expect(await load([p, i])).toEqual(["unchanged", "unchanged"]);
  expect(await failure(load([project("p", { leadId: "j" })]))).toMatchObject({ code: "UNIQUE_VIOLATION" });
});

test("a row that is there just so is left; one that differs is refused, or replaced, and takes a new version", async () => {
  await load([project("p"), issue("a")]);
  expect(await load([issue("a"), project("p")])).toEqual(["unchanged", "unchanged"]);
  expect(app.log().length).toBe(1);
  expect(await failure(load([issue("a", { updatedAt: "2022-01-01T00:00:00.000Z" })]))).toMatchObject({ code: "UNIQUE_VIOLATION", where: "id" });
  expect(await load([issue("a", { title: "other" })], true)).toEqual(["replaced"]);
  expect(app.tables.get("Issue", "a")).toMatchObject({ version: 2, values: { title: "other", size: 5, number: 7 } });
  expect(await load([project("r"), project("r")])).toEqual(["created", "unchanged"]);
});

test("a row that leaves times, creators and numbers to the runtime may come again, and get its optional references later", async () => {
  const bare = (id: string, more: object = {}): ImportedRow => row("Issue", { id, projectId: "p", title: "four", ...more });
  expect(await load([project("p"), bare("a")])).toEqual(["created", "created"]);
  const first = app.tables.get("Issue", "a")!;
  app.clock.advance(1_000);
  expect(await load([bare("a")])).toEqual(["unchanged"]);
  expect(await load([bare("a")], true)).toEqual(["unchanged"]);
  expect(await load([bare("b", { parentId: "c" })], false, true)).toEqual(["loosened"]);
  app.clock.advance(1_000);
  expect(await load([bare("c"), bare("b", { parentId: "c" })])).toEqual(["created", "completed"]);
  expect([app.tables.get("Issue", "b")!.values["number"], app.tables.get("Issue", "c")!.values["number"]]).toEqual([2, 3]);
  expect(await load([bare("a", { title: "five" })], true)).toEqual(["replaced"]);
  expect(app.tables.get("Issue", "a")!.values).toEqual({ ...first.values, title: "five", updatedAt: "2026-01-01T00:00:02.000Z" });
});

test("types, limits, checks and constraints hold, and nothing of such rows is kept", async () => {
  await load([project("p")]);
  const refused = async (...rows: ImportedRow[]): Promise<string | undefined> => (await failure(load(rows)))?.code;
  expect(await refused(project("x"), project("y", { name: "too long" }))).toBe("VALIDATION_FAILED");
  expect(await refused(project("x"), project("y", { unknown: 1 }))).toBe("VALIDATION_FAILED");
  expect(await refused(row("Project", { id: "x" }))).toBe("VALIDATION_FAILED");
  expect(await refused(project("x", { name: null }))).toBe("VALIDATION_FAILED");
  expect(await refused(issue("a"), issue("b"))).toBe("UNIQUE_VIOLATION");
  expect(await refused(project("z", { name: "closed" }), issue("a", { projectId: "z" }))).toBe("CHECK_FAILED");
  await app.write(update("Project", "p", { name: "ok" }));
  expect(app.storage.reader.values(`SELECT count(*) FROM "Project"`)).toEqual([[1]]);
  expect(app.storage.reader.values(`SELECT count(*) FROM "Issue"`)).toEqual([[0]]);
  expect(() => app.tables.rehearse((session) => session.checkImported(issue("a", { number: "seven" })))).toThrow("number");
  app.tables.rehearse((session) => session.checkImported(issue("a")));
});
