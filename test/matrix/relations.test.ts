// Every relation, for every identity, in every form: embedded, inner, spread, renamed, nested, filtered, ordered, counted, grouped.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { exported } from "./oracle.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";
import { checkRelation } from "./relation-checks.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());

test("each relation, both ways, and each field behind it", async () => {
  const work = matrix.different.flatMap((who) => exported.filter((table) => matrix.oracle.mayEver(who, table, "R"))
    .flatMap((table) => table.relations.map((relation) => () => checkRelation({ matrix, who, table }, relation))));
  await matrix.together(work);
  expect(matrix.report()).toEqual([]);
  console.log(`matrix of relations: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
