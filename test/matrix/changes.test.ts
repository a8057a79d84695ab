// Rights follow the data at once: what a change of a record, of a grant or of the time takes away is gone from every path, whatever was kept of it before.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { EPOCH_MS } from "./canary-values.ts";
import type { Who } from "./identities.ts";
import { administrator } from "./identities.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";
import type { Row } from "./model.ts";
import { inKeyOrder, keyOf, refusal } from "./record-checks.ts";
import { worldOf, type SeededWorld } from "./rows.ts";
import { differences, restore } from "./stored-rows.ts";
import { tableNamed } from "./tables.ts";
import { changed, WriteOracle } from "./write-oracle.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());

const watched = ["Project", "Task", "Note", "Crew"].map(tableNamed);
const row = (table: string, place: number): Row => matrix.world.all.get(table)![place]!;

interface Change { readonly table: string; readonly place: number; readonly patch: Row | null }

/** Each takes something away and gives something, through another record, a grant, or the record itself. */
const changes: readonly Change[] = [
  { table: "Project", place: 0, patch: { stage: "CLOSED" } },
  { table: "Project", place: 1, patch: { stage: "OPEN" } },
  { table: "Project", place: 1, patch: { ownerId: "mia" } },
  { table: "Org", place: 0, patch: { region: "US" } },
  { table: "Org", place: 1, patch: { region: "EU", bossId: "mia" } },
  { table: "Crew", place: 0, patch: null },
  { table: "Crew", place: 1, patch: { role: "VIEWER" } },
  { table: "Crew", place: 2, patch: { personId: "plain" } },
  { table: "Task", place: 0, patch: { secret: true } },
  { table: "Task", place: 0, patch: { until: new Date(EPOCH_MS - 1).toISOString() } },
  { table: "Person", place: 9, patch: { desk: "north" } },
];

test("what was read before follows every change", async () => {
  const seeded = matrix.world;
  await readAll();
  for (const change of changes) {
    matrix.setWorld(await apply(change, seeded));
    await readAll();
    matrix.setWorld(seeded);
    await restore(matrix);
    await readAll(matrix.identities.filter(({ name }) => name === "wes" || name === "anonymous"));
  }
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
}, timeLimitMs);

/** Through the wire, as somebody would. */
async function apply({ table: name, place, patch }: Change, seeded: SeededWorld): Promise<SeededWorld> {
  const table = tableNamed(name);
  const before = row(name, place);
  const path = `/${table.path}/${keyOf(table, before)}`;
  const answer = await (patch === null ? matrix.ask(administrator, path, { method: "DELETE" }) : matrix.ask(administrator, path, { method: "PATCH", body: patch }));
  matrix.status(answer, 204);
  return new WriteOracle(seeded).after(table, before[table.key.name], patch === null ? null : changed(table, before, patch));
}

/** Of those whose rights depend on records; in the long size everybody's. */
function watching(): readonly Who[] {
  return matrix.width > 2 ? matrix.identities : matrix.identities.filter(({ name }) => ["anonymous", "plain", "mia", "eve", "wes", "aud"].includes(name));
}

async function readAll(identities: readonly Who[] = watching()): Promise<void> {
  await matrix.together(identities.flatMap((who) => watched.map((table) => async () => {
    const refused = refusal(matrix, who, table);
    for (const [index, one] of matrix.world.all.get(table.name)!.entries()) {
      if (table.name === "Note" && matrix.width <= 2 && index % 3 > 0) continue;
      const answer = await matrix.ask(who, `/${table.path}/${keyOf(table, one)}`);
      const isSeen = !matrix.world.ghosts.get(table.name)!.includes(one) && matrix.oracle.sees(who, table, one);
      if (refused !== null) matrix.status(answer, refused.status, refused.code);
      else if (!isSeen) matrix.status(answer, 404, "NOT_FOUND");
      else if (matrix.status(answer, 200)) matrix.same(answer, answer.json, matrix.oracle.view(who, table, one));
    }
    if (refused !== null) return;
    const list = await matrix.ask(who, `/${table.path}`);
    if (matrix.status(list, 200)) matrix.same(list, list.json, inKeyOrder(table, matrix.oracle.visible(who, table)).map((one) => matrix.oracle.view(who, table, one)));
  })));
}

test("what was read before follows the time", async () => {
  const seeded = matrix.world;
  const laterMs = EPOCH_MS + 7_200_000;
  await readAll();
  matrix.setTime(laterMs);
  matrix.setWorld(worldOf(seeded.all, laterMs));
  // The auditor's token ends after a day, not before.
  await readAll();
  expect(matrix.world.ghosts.get("Task")!.length).toBeGreaterThan(seeded.ghosts.get("Task")!.length);
  expect(matrix.report()).toEqual([]);
  console.log(`matrix of changes: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
