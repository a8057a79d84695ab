// Actions and endpoints: who may call them, and that what their bodies find, change and answer is no more than the caller may see and do.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Who } from "./identities.ts";
import { Matrix, timeLimitMs, type Answer } from "./matrix-server.ts";
import { allow, allowWithin, type Row, type Rule, type TableModel } from "./model.ts";
import { creations } from "./created-rows.ts";
import { fieldOf, mayName, permits } from "./oracle.ts";
import { inKeyOrder, inOrderOf, keyOf, refusal } from "./record-checks.ts";
import { differences, restore, storedRow, withoutComputed } from "./stored-rows.ts";
import { tableNamed, tables } from "./tables.ts";
import { equal } from "./truth.ts";
import { judge } from "./write-checks.ts";
import { changed, WriteOracle } from "./write-oracle.ts";

let matrix: Matrix;
let writes: WriteOracle;
beforeAll(async () => {
  matrix = await Matrix.start();
  writes = new WriteOracle(matrix.world, true);
});
afterAll(() => matrix?.stop());
afterEach(() => {
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
});

const project = tableNamed("Project");
const task = tableNamed("Task");
const denial = (who: Who): { status: number; code: string } => (who.subject === null && !who.administrator ? { status: 401, code: "UNAUTHENTICATED" } : { status: 403, code: "FORBIDDEN" });
const views = (who: Who, table: TableModel, rows: readonly Row[]): Row[] => rows.map((row) => matrix.oracle.view(who, table, row));

test("endpoints that read answer what a list would", async () => {
  for (const who of matrix.identities) {
    const rows = inKeyOrder(project, matrix.oracle.visible(who, project));
    for (const [path, request] of [["/list-projects", {}], ["/rpc/projects", {}], ["/rpc/projects", { method: "POST", body: {} }], ["/every-project", {}], ["/rpc/everyProject", {}]] as const) {
      const answer = await matrix.ask(who, path, request);
      if (matrix.status(answer, 200)) matrix.same(answer, answer.json, views(who, project, rows));
    }
    const open = await matrix.ask(who, "/list-projects?stage=CLOSED");
    if (matrix.status(open, 200)) matrix.same(open, open.json, views(who, project, rows.filter((row) => row["stage"] === "CLOSED")));
    await checkPages(who, rows);
    await checkSealedPages(who, "/page-by-secrets", "memo");
    await checkSealedPages(who, "/page-of-all", "budget");
    await checkTitles(who, rows);
    for (const row of matrix.world.all.get("Task")!) {
      const answer = await matrix.ask(who, `/one-task/${String(row["id"])}`);
      const isSeen = !matrix.world.ghosts.get("Task")!.includes(row) && matrix.oracle.sees(who, task, row);
      if (matrix.status(answer, 200)) matrix.same(answer, answer.json, isSeen ? matrix.oracle.view(who, task, row) : null);
    }
  }
}, timeLimitMs);

/** A cursor that code hands out holds no order key that is hidden. */
async function checkPages(who: Who, rows: readonly Row[]): Promise<void> {
  const field = fieldOf(project, "budget");
  // The body names the field, so that its name is told.
  const first = await matrix.ask(who, "/page-of-projects?limit=3", { known: ["budget"] });
  if (!matrix.oracle.exists(who, field)) return void matrix.status(first, 400, "UNKNOWN_FIELD");
  const ordered = inOrderOf(matrix, who, { table: project, field, descending: true, nullsFirst: true }, rows);
  const found: Row[] = [];
  for (let answer = first, page = 0; page <= rows.length; page++) {
    if (!matrix.status(answer, 200)) return;
    found.push(...answer.json as Row[]);
    const next = answer.headers.get("ambit-next-cursor");
    if (next === null) return void matrix.same(answer, found, views(who, project, ordered));
    answer = await matrix.ask(who, `/page-of-projects?limit=3&after=${encodeURIComponent(next)}`);
  }
}

/** Pages in an order that the caller may not see: the cursors say nothing, and only those that were handed out are taken. */
async function checkSealedPages(who: Who, path: string, name: string): Promise<void> {
  const rows = matrix.world.rows("Project").filter((row) => path === "/page-of-all" || matrix.oracle.sees(who, project, row));
  const ordered = inKeyOrder(project, rows).sort((left, right) => {
    const [one, other] = [left[name] ?? null, right[name] ?? null] as (string | number | null)[];
    return one === null || other === null ? (one === other ? 0 : one === null ? 1 : -1) : one! < other! ? -1 : one === other ? 0 : 1;
  }).filter((row) => matrix.oracle.sees(who, project, row));
  const found: Row[] = [];
  let after = "";
  for (let page = 0; page <= rows.length; page++) {
    const answer = await matrix.ask(who, `${path}?limit=2${after}`);
    if (!matrix.status(answer, 200)) return;
    found.push(...answer.json as Row[]);
    const next = answer.headers.get("ambit-next-cursor");
    if (next === null) return void matrix.same(answer, found, views(who, project, ordered));
    matrix.same(answer, next.startsWith("~"), true);
    after = `&after=${encodeURIComponent(next)}`;
    const forged = `~${Buffer.from(next).toString("base64url")}`;
    matrix.status(await matrix.ask(who, `${path}?after=${forged}`), 400, "MALFORMED_CURSOR");
  }
}

async function checkTitles(who: Who, rows: readonly Row[]): Promise<void> {
  const relation = project.relations.find(({ name }) => name === "tasks")!;
  const answer = await matrix.ask(who, "/titles");
  const expected = rows.map((row) => ({ title: row["title"], total: matrix.oracle.related(who, project, relation, row)!.length }));
  if (matrix.status(answer, 200)) matrix.same(answer, (answer.json as Row[]), expected.toSorted((left, right) => (String(left.title) < String(right.title) ? -1 : 1)));
}

test("queries of code: fields that are hidden do not exist, hidden values are null", async () => {
  const work = matrix.identities.flatMap((who) => tables.flatMap((table) => table.fields.filter(({ type }) => ["ID", "String", "Enum"].includes(type)).map((field) => async () => {
    const all = matrix.world.all.get(table.name)!;
    const hidden = all.find((row) => row[field.name] !== null && (!matrix.oracle.sees(who, table, row) || !matrix.oracle.seesField(who, field, row)));
    const values = new Set([hidden?.[field.name], all[0]?.[field.name]].filter((value) => value !== undefined && value !== null));
    for (const value of values) {
      const answer = await matrix.ask(who, `/count-where?table=${table.name}&field=${field.name}&value=${encodeURIComponent(String(value))}`);
      const refused = refusal(matrix, who, table);
      if (refused !== null) matrix.status(answer, refused.status, refused.code);
      else if (field.kind !== "internal" && !matrix.oracle.exists(who, field)) matrix.status(answer, 400, "UNKNOWN_FIELD");
      else if (matrix.status(answer, 200)) {
        // Internal fields are for code.
        const seen = (row: Row): unknown => (field.kind === "internal" ? row[field.name] : matrix.oracle.value(who, field, row));
        matrix.same(answer, answer.json, matrix.oracle.visible(who, table).filter((row) => seen(row) === value).length);
      }
      if (table !== task) continue;
      const found = await matrix.ask(who, `/tasks-where?field=${field.name}&value=${encodeURIComponent(String(value))}`);
      const expected = matrix.oracle.visible(who, task).filter((row) => matrix.oracle.value(who, field, row) === value);
      if (!matrix.oracle.exists(who, field)) matrix.status(found, 400, "UNKNOWN_FIELD");
      else if (matrix.status(found, 200)) matrix.same(found, found.json, views(who, task, inKeyOrder(task, expected)));
    }
  })));
  await matrix.together(work);
}, timeLimitMs);

/** What code has in hand of a record, and may tell: its internal fields too. */
function inCode(who: Who, table: TableModel, row: Row): Row {
  return { ...matrix.oracle.view(who, table, row), ...Object.fromEntries(table.fields.filter(({ kind }) => kind === "internal").map(({ name }) => [name, row[name]])) };
}

async function write(who: Who, table: TableModel, verb: string, { key, data, row }: { key: unknown; data: unknown; row: Row | null }): Promise<Answer> {
  return matrix.ask(who, "/write", { method: "POST", body: { table: table.name, verb, id: String(key), data }, known: [row?.["memo"], "nothing"] });
}

test("ctx.db reads and writes under the caller's rules", async () => {
  for (const who of matrix.identities) {
    for (const table of tables.filter(({ name }) => name !== "Cellar")) {
      for (const row of matrix.world.all.get(table.name)!.filter((_, index) => index % (matrix.width > 2 ? 1 : 4) === 0)) await throughCode(who, table, row);
      for (const [index, body] of creations(matrix, who, table).entries()) if (index % 3 === 0) await createInCode(who, table, body);
    }
  }
}, timeLimitMs);

async function throughCode(who: Who, table: TableModel, row: Row): Promise<void> {
  const key = row[table.key.name];
  const isSeen = !matrix.world.ghosts.get(table.name)!.includes(row) && matrix.oracle.sees(who, table, row);
  const got = await write(who, table, "get", { key, data: null, row });
  const refused = refusal(matrix, who, table);
  if (refused !== null) matrix.status(got, refused.status, refused.code);
  else if (matrix.status(got, 200)) matrix.same(got, got.json, isSeen ? inCode(who, table, row) : null);
  for (const field of table.fields.filter(({ type, refers }) => (type === "String" || type === "Int" || type === "Money") && refers === undefined)) {
    const patch = { [field.name]: field.type === "String" ? `code${next++}` : 70_400_000 + next++ };
    const reasons = new Set(writes.update({ who, table, row, patch }));
    const answer = await write(who, table, "update", { key, data: patch, row });
    const after = changed(table, row, patch);
    if (!judge(matrix, answer, reasons, 200)) continue;
    matrix.same(answer, storedRow(matrix, table, key), withoutComputed(table, after));
    await restore(matrix);
  }
  await othersThroughCode(who, table, row);
}

let next = 1;

async function othersThroughCode(who: Who, table: TableModel, row: Row): Promise<void> {
  const key = row[table.key.name];
  if (table === task) {
    const patch = { effort: (row["effort"] as number | null ?? 0) + 1 };
    const reasons = new Set(writes.update({ who, table, row, patch }));
    const answer = await write(who, table, "increment", { key, data: { effort: 1 }, row });
    // Of nothing there is no next number.
    if (reasons.size === 0 && row["effort"] === null) matrix.same(answer, answer.status >= 200 && answer.status < 500, true);
    else judge(matrix, answer, reasons, 200);
    await restore(matrix);
    const claimed = await write(who, table, "claim", { key, data: { title: "claimed" }, row });
    const may = matrix.oracle.mayEver(who, table, "U");
    const takes = may && !matrix.world.ghosts.get("Task")!.includes(row) && matrix.oracle.sees(who, table, row) && matrix.oracle.may(who, table, row, "U", row);
    if (!may) matrix.status(claimed, denial(who).status, denial(who).code);
    else if (matrix.status(claimed, 200)) matrix.same(claimed, claimed.json, takes ? inCode(who, table, changed(table, row, { title: "claimed" })) : null);
    if (takes) await restore(matrix);
  }
  const reasons = writes.remove(who, table, row);
  const answer = await write(who, table, "remove", { key, data: null, row });
  if (judge(matrix, answer, reasons, 200)) await restore(matrix);
}

async function createInCode(who: Who, table: TableModel, body: Row): Promise<void> {
  const { [table.key.name]: key, ...data } = body;
  const reasons = new Set(writes.create(who, table, body));
  const answer = await write(who, table, "create", { key, data, row: null });
  if (!judge(matrix, answer, reasons, 200)) return;
  matrix.same(answer, storedRow(matrix, table, key), withoutComputed(table, writes.made(who, table, body)));
  await restore(matrix);
}

const mayRename: readonly Rule[] = [allow("member", "X", ({ row, who }) => equal(row["ownerId"], who.subject)), allowWithin("owner", (row) => row["id"], "X")];

test("actions: the role first, then whether the record is there, then the rule", async () => {
  for (const who of matrix.identities) {
    for (const row of matrix.world.rows("Project")) {
      const path = `/Project/${keyOf(project, row)}`;
      const isSeen = matrix.oracle.sees(who, project, row);
      const peeked = await matrix.ask(who, `${path}/peek`, { method: "POST", body: {} });
      if (!mayName(who, "Project.peek")) matrix.status(peeked, 403, "FORBIDDEN");
      else if (!isSeen) matrix.status(peeked, 404, "NOT_FOUND");
      else if (matrix.status(peeked, 200)) matrix.same(peeked, peeked.json, matrix.oracle.view(who, project, row));
      const sealed = await matrix.ask(who, `${path}/seal`, { method: "POST", body: { word: "w" }, known: [row["memo"]] });
      if (!who.administrator) matrix.status(sealed, denial(who).status, denial(who).code);
      else if (matrix.status(sealed, 200)) matrix.same(sealed, sealed.json, `w ${String(row["memo"])}`);
      await checkRename(who, row, { path, isSeen });
    }
    const counted = await matrix.ask(who, "/Project/census", { method: "POST", body: {} });
    if (!mayName(who, "Project.census") || (!who.administrator && !who.roles.has("editor") && !who.roles.has("auditor"))) matrix.status(counted, denial(who).status, denial(who).code);
    else if (matrix.status(counted, 200)) matrix.same(counted, counted.json, matrix.oracle.visible(who, project).length);
    if (mayName(who, "Project.peek")) matrix.status(await matrix.ask(who, "/Project/nowhere/peek", { method: "POST", body: {} }), 404, "NOT_FOUND");
    matrix.status(await matrix.ask(who, "/Cellar/nowhere/peek", { method: "POST", body: {} }), 404, "NOT_FOUND");
  }
}, timeLimitMs);

async function checkRename(who: Who, row: Row, { path, isSeen }: { path: string; isSeen: boolean }): Promise<void> {
  const answer = await matrix.ask(who, `${path}/rename`, { method: "POST", body: { title: "renamed" } });
  const role = who.administrator || who.subject !== null;
  if (!role) return void matrix.status(answer, 401, "UNAUTHENTICATED");
  if (!isSeen) return void matrix.status(answer, 404, "NOT_FOUND");
  if (!permits({ row, who, world: matrix.world }, mayRename, "X")) return void matrix.status(answer, 403, "FORBIDDEN");
  if (!matrix.status(answer, 200)) return;
  matrix.same(answer, answer.json, matrix.oracle.view(who, project, changed(project, row, { title: "renamed" })));
  await restore(matrix);
}

test("endpoints are called by whom their rules name", async () => {
  const yes = { status: 200, code: null };
  for (const who of matrix.identities) {
    const any = who.administrator;
    const rows: [string, object, boolean][] = [
      ["/regional", { method: "POST", body: { region: "EU" } }, any || who.roles.has("editor") || who.roles.has("keeper")],
      ["/regional", { method: "POST", body: { region: "US" } }, any || who.roles.has("keeper")],
      ["/rpc/regional", { method: "POST", body: { region: "US" } }, any || who.roles.has("keeper")],
      ["/mine/mia", {}, any || who.subject === "mia"], [`/mine/${who.subject ?? "nobody"}`, {}, any || who.subject !== null],
      ["/keepers", { method: "POST", body: {} }, any || who.roles.has("keeper")], ["/rpc/keepers", { method: "POST", body: {} }, any || who.roles.has("keeper")],
      ["/sealed", { method: "POST", body: {} }, any], ["/rpc/sealed", { method: "POST", body: {} }, any],
    ];
    for (const [path, request, isRuled] of rows) {
      const may = isRuled && mayName(who, path.split("/").find((part) => part !== "" && part !== "rpc")!);
      const answer = await matrix.ask(who, path, request);
      const { status, code } = may ? yes : denial(who);
      if (matrix.status(answer, status, code) && may) matrix.same(answer, answer.json, true);
    }
    for (const path of ["/unreachable", "/rpc/unreachable", "/rpc/nosuch"]) {
      for (const request of [{}, { method: "POST", body: {} }]) matrix.status(await matrix.ask(who, path, request), 404, "NOT_FOUND");
    }
    // What is not safe is not called by a link.
    matrix.status(await matrix.ask(who, "/rpc/keepers"), 405);
  }
  console.log(`matrix of callables: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
