// Records and lists of every table for every identity: direct, by query, in every format, in pages, with conditions on their versions.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { exported } from "./oracle.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";
import { checkLists, checkRecords } from "./record-checks.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());

test("each record, visible or not, by its key", async () => {
  for (const who of matrix.identities) await matrix.together(exported.map((table) => () => checkRecords(matrix, who, table)));
  expect(matrix.report()).toEqual([]);
  console.log(`matrix of records: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);

test("lists: whole, counted, paged, in every format", async () => {
  for (const who of matrix.identities) await matrix.together(exported.map((table) => () => checkLists(matrix, who, table)));
  expect(matrix.report()).toEqual([]);
  console.log(`matrix of records and lists: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
