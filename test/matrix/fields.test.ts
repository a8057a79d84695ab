// Every field of every table, for every identity, in every part of a query: select, filters, JSON paths, order, groups, aggregates.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { checkField } from "./field-checks.ts";
import { exported } from "./oracle.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());

test("each field, readable or not, wherever a query names it", async () => {
  const work = matrix.different.flatMap((who) => exported.filter((table) => matrix.oracle.mayEver(who, table, "R"))
    .flatMap((table) => table.fields.map((field) => () => checkField({ matrix, who, table }, field))));
  await matrix.together(work);
  expect(matrix.report()).toEqual([]);
  console.log(`matrix of fields: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
