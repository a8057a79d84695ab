// Every single write: each identity, record and field, with values of its own and such that rules, references and unique fields look at.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { exported } from "./oracle.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";
import type { Row, TableModel } from "./model.ts";
import { creations } from "./created-rows.ts";
import { differences } from "./stored-rows.ts";
import { checkCreate, checkRemove, checkUpdates, valuesFor } from "./write-checks.ts";
import { WriteOracle } from "./write-oracle.ts";

let matrix: Matrix;
let writes: WriteOracle;
beforeAll(async () => {
  matrix = await Matrix.start();
  writes = new WriteOracle(matrix.world);
});
afterAll(() => matrix?.stop());

/** In the short size every fifth record of the longer tables, every other one of the wide one. */
function rowsOf(table: TableModel): readonly Row[] {
  const all = matrix.world.all.get(table.name)!;
  const step = matrix.width > 2 ? 1 : table.fields.length > 30 ? 2 : all.length > 12 ? 5 : 1;
  return all.filter((_, index) => index % step === 0);
}

test("PATCH of each field of each record", async () => {
  for (const who of matrix.identities) {
    for (const table of exported) {
      const writing = { matrix, writes, who, table };
      await checkUpdates(rowsOf(table).flatMap((row) => [
        ...table.fields.flatMap((field) => valuesFor(writing, field, row).map((value) => ({ writing, row, patch: { [field.name]: value } }))),
        { writing, row, patch: { nosuch: 1 } },
      ]));
    }
  }
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
  console.log(`matrix of updates: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);

test("DELETE of each record", async () => {
  for (const who of matrix.identities) {
    for (const table of exported) {
      for (const [index, row] of rowsOf(table).entries()) await checkRemove({ matrix, writes, who, table }, row, index % 2 === 1);
    }
  }
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
}, timeLimitMs);

test("POST of records that rules, references and unique fields look at", async () => {
  for (const who of matrix.identities) {
    for (const table of exported) {
      for (const body of creations(matrix, who, table)) await checkCreate({ matrix, writes, who, table }, body);
    }
  }
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
  console.log(`matrix of single writes: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
