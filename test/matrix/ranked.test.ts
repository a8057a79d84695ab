// Ranked reads: a word counts only where its text may be read, through every relation on the way; places and vectors that are hidden do not take part.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { expectRows } from "./field-checks.ts";
import type { Who } from "./identities.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";
import type { Row, TableModel } from "./model.ts";
import { fieldOf } from "./oracle.ts";
import { tableNamed } from "./tables.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());

const project = tableNamed("Project");

/** Texts that the path leads to from the record, as far as they and what lies between may be read. */
function textsAt(who: Who, table: TableModel, row: Row, path: readonly string[]): string[] {
  const [first, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) return [matrix.oracle.value(who, fieldOf(table, first), row) as string | null ?? ""];
  const relation = table.relations.find((one) => one.name === first)!;
  if (!matrix.oracle.relationExists(who, table, relation)) return [];
  return (matrix.oracle.related(who, table, relation, row) ?? []).flatMap((other) => textsAt(who, tableNamed(relation.table), other, rest));
}

function found(who: Who, word: string): Row[] {
  return matrix.oracle.visible(who, project).filter((row) => project.search.some((path) => textsAt(who, project, row, path.split(".")).some((text) => text.includes(word))));
}

function wordsOf(table: string, field: string): string[] {
  return matrix.world.all.get(table)!.map((row) => (row[field] as string | null)?.split(" ")[0]).filter((word) => word !== undefined);
}

test("search: each planted word of each searched text", async () => {
  const words = [["Project", "title"], ["Project", "summary"], ["Task", "title"], ["Note", "body"], ["Note", "hush"]].flatMap(([table, field]) => wordsOf(table!, field!));
  await matrix.together(matrix.identities.flatMap((who) => [
    ...words.map((word) => () => expectRows({ matrix, who, table: project }, `search=${word}`, found(who, word))),
    () => checkRanking(who),
  ]));
  expect(matrix.report()).toEqual([]);
}, timeLimitMs);

/** Without an order of one's own the best come first; counted and shown are the same. */
async function checkRanking(who: Who): Promise<void> {
  const rows = found(who, "lantern");
  const answer = await matrix.ask(who, "/Project?select=id&search=lantern", { headers: { prefer: "count=exact" } });
  if (!matrix.status(answer, 200)) return;
  matrix.same(answer, (answer.json as Row[]).map((row) => row["id"]).toSorted(), rows.map((row) => row["id"]).toSorted());
  matrix.same(answer, answer.headers.get("content-range")!.split("/")[1], String(rows.length));
  const grouped = await matrix.ask(who, "/Project?select=stage,count()&search=lantern");
  if (matrix.status(grouped, 200)) matrix.same(grouped, (grouped.json as Row[]).reduce((sum, row) => sum + Number(row["count"]), 0), rows.length);
}

interface Spot { readonly lat: number; readonly lon: number }

test("near: each place, told or hidden", async () => {
  const work = matrix.identities.flatMap((who) => ["at", "hideout"].flatMap((name) => matrix.world.rows("Project").map((row) => async () => {
    const spot = (row[name] ?? { lat: 10.5, lon: 20.5 }) as Spot;
    const field = fieldOf(project, name);
    const query = `near=${name}:${spot.lat},${spot.lon},5`;
    if (!matrix.oracle.exists(who, field)) return void matrix.status(await matrix.ask(who, `/Project?${query}`), 400, "UNKNOWN_FIELD");
    const near = matrix.oracle.visible(who, project).filter((other) => (matrix.oracle.value(who, field, other) as Spot | null)?.lat === spot.lat);
    await expectRows({ matrix, who, table: project }, query, near);
    const everywhere = await matrix.ask(who, `/Project?select=id&near=${name}:${spot.lat},${spot.lon},9000000`);
    const placed = matrix.oracle.visible(who, project).filter((other) => matrix.oracle.value(who, field, other) !== null);
    if (matrix.status(everywhere, 200)) matrix.same(everywhere, (everywhere.json as Row[]).map((other) => other["id"]).toSorted(), placed.map((other) => other["id"]).toSorted());
    if (near.length > 0) matrix.same(everywhere, (everywhere.json as Row[])[0]!["id"], row["id"]);
  })));
  await matrix.together(work);
  expect(matrix.report()).toEqual([]);
}, timeLimitMs);

test("similar: each vector, told or hidden", async () => {
  const work = matrix.identities.flatMap((who) => ["shape", "aura"].flatMap((name) => matrix.world.rows("Project").map((row) => async () => {
    const vector = (row[name] ?? [10.5, 1, 2]) as number[];
    const field = fieldOf(project, name);
    const answer = await matrix.ask(who, `/Project?select=id&similar=${name}:[${vector.join(",")}]`);
    if (!matrix.oracle.exists(who, field)) return void matrix.status(answer, 400, "UNKNOWN_FIELD");
    const placed = matrix.oracle.visible(who, project).filter((other) => matrix.oracle.value(who, field, other) !== null);
    if (!matrix.status(answer, 200)) return;
    matrix.same(answer, (answer.json as Row[]).map((other) => other["id"]).toSorted(), placed.map((other) => other["id"]).toSorted());
    const nearest = placed.find((other) => Bun.deepEquals(matrix.oracle.value(who, field, other), vector));
    if (nearest !== undefined) matrix.same(answer, (answer.json as Row[])[0]!["id"], nearest["id"]);
    const short = await matrix.ask(who, `/Project?similar=${name}:[1,2]`);
    matrix.status(short, 400);
  })));
  await matrix.together(work);
  for (const who of matrix.identities) {
    const [unnamed, place] = [await matrix.ask(who, "/Project?select=id&similar=[10,1,2]"), await matrix.ask(who, "/Project?select=id&near=10,20,100")];
    // Where the other one is hidden there is only one, and nothing to choose.
    matrix.status(unnamed, matrix.oracle.exists(who, fieldOf(project, "aura")) ? 400 : 200);
    matrix.status(place, matrix.oracle.exists(who, fieldOf(project, "hideout")) ? 400 : 200);
  }
  expect(matrix.report()).toEqual([]);
  console.log(`matrix of ranked reads: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
