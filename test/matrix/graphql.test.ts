// /graphql for every identity: schema, records, lists, fields, relations and writes, with every hidden value as a canary.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { exported } from "./oracle.ts";
import { askGraphql, checkGraphqlField, checkGraphqlRelation, checkRows, checkSchema } from "./graphql-checks.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";
import { differences } from "./stored-rows.ts";
import { tables } from "./tables.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());

/** In the short size the identities take turns. */
function taken<Item>(turn: number, turns: number, items: readonly Item[]): Item[] {
  return items.filter((_, index) => matrix.width > 2 || (index + turn) % turns === 0);
}

test("the schema is what the identity may ever read and write", async () => {
  await matrix.together(matrix.identities.map((who) => () => checkSchema(matrix, who)));
  expect(matrix.report()).toEqual([]);
}, timeLimitMs);

test("records and lists", async () => {
  for (const who of matrix.different) await matrix.together(exported.map((table) => () => checkRows({ matrix, who, table })));
  expect(matrix.report()).toEqual([]);
}, timeLimitMs);

test("fields in every place that names them", async () => {
  for (const [turn, who] of matrix.different.entries()) await matrix.together(taken(turn, 5, exported.flatMap((table) => table.fields.map((field) => () => checkGraphqlField({ matrix, who, table }, field)))));
  expect(matrix.report()).toEqual([]);
}, timeLimitMs);

test("relations, both ways", async () => {
  for (const [turn, who] of matrix.different.entries()) await matrix.together(taken(turn, 3, exported.flatMap((table) => table.relations.map((relation) => () => checkGraphqlRelation({ matrix, who, table }, relation)))));
  expect(matrix.report()).toEqual([]);
  console.log(`matrix of graphql: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);

test("what one may not write is refused as over REST, and tells nothing", async () => {
  for (const who of matrix.different) {
    for (const table of tables.filter(({ path }) => path !== null)) {
      if (!matrix.oracle.mayEver(who, table, "D") || !matrix.oracle.mayEver(who, table, "R")) continue;
      for (const row of matrix.world.all.get(table.name)!) {
        const isThere = !matrix.world.ghosts.get(table.name)!.includes(row) && matrix.oracle.sees(who, table, row);
        // Only those that nothing may delete: the data stay.
        if (isThere && matrix.oracle.may(who, table, row, "D")) continue;
        const answer = await askGraphql(matrix, who, `mutation($id: ${table.key.type}!) { remove${table.name}(${table.key.name}: $id) { __typename } }`, { id: row[table.key.name] });
        matrix.checks += 1;
        if (answer.code !== (isThere ? "FORBIDDEN" : "NOT_FOUND")) matrix.fail(answer, isThere ? "FORBIDDEN" : "NOT_FOUND");
      }
    }
  }
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
}, timeLimitMs);
