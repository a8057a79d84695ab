// PUT, upserts and bulk writes: nothing of a hidden record shows, nothing that may not be changed changes, everything else does.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Who } from "./identities.ts";
import { Matrix, timeLimitMs, type Answer } from "./matrix-server.ts";
import type { Row, TableModel } from "./model.ts";
import { creations } from "./created-rows.ts";
import { exported, fieldOf } from "./oracle.ts";
import { keyOf, refusal } from "./record-checks.ts";
import { shape, type Way } from "./relation-checks.ts";
import { differences, restore, storedRow, withoutComputed } from "./stored-rows.ts";
import { tableNamed } from "./tables.ts";
import { judge, ownPut } from "./write-checks.ts";
import { WriteOracle } from "./write-oracle.ts";

let matrix: Matrix;
let writes: WriteOracle;
beforeAll(async () => {
  matrix = await Matrix.start();
  writes = new WriteOracle(matrix.world);
});
afterAll(() => matrix?.stop());
afterEach(() => {
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
});

const denial = (who: Who): string => (who.subject === null && !who.administrator ? "UNAUTHENTICATED" : "FORBIDDEN");

function isThere(row: Row, table: TableModel): boolean {
  return !matrix.world.ghosts.get(table.name)!.includes(row);
}

test("PUT of what one sees leaves what one may not change", async () => {
  for (const who of matrix.identities) {
    for (const table of exported) {
      for (const row of matrix.world.all.get(table.name)!.filter((one, index) => isThere(one, table) && (index % 3 === 0 || matrix.width > 2))) await putOwnView({ who, table, row });
    }
  }
}, timeLimitMs);

async function putOwnView({ who, table, row }: { who: Who; table: TableModel; row: Row }): Promise<void> {
  const { body, reasons, after } = ownPut(matrix, who, table, row);
  const answer = await matrix.ask(who, `/${table.path}/${keyOf(table, row)}`, { method: "PUT", body });
  if (!judge(matrix, answer, reasons, 204)) return;
  matrix.same(answer, storedRow(matrix, table, row[table.key.name]), withoutComputed(table, after));
  if (!Bun.deepEquals(after, row)) await restore(matrix);
}

test("an id that is hidden answers as one that is not there, on every verb and condition", async () => {
  const conditions = [{}, { "if-match": "*" }, { "if-match": '"v1"' }, { "if-match": '"v2"' }, { "if-none-match": "*" }, { "if-none-match": '"v1"' }] as const;
  for (const who of matrix.identities) {
    for (const table of exported) {
      const hidden = matrix.world.all.get(table.name)!.filter((row) => !isThere(row, table) || !matrix.oracle.sees(who, table, row)).slice(0, matrix.width);
      for (const row of hidden) for (const headers of conditions) await compareWithMissing(who, table, { row, headers });
    }
  }
}, timeLimitMs);

async function compareWithMissing(who: Who, table: TableModel, { row, headers }: { row: Row; headers: Readonly<Record<string, string>> }): Promise<void> {
  const path = `/${table.path}/${keyOf(table, row)}`;
  const nowhere = `/${table.path}/${table.key.type === "ID" ? "nowhere" : "987654"}`;
  for (const method of ["GET", "HEAD", "PATCH", "DELETE"]) {
    const request = { method, headers, ...(method === "PATCH" ? { body: { nosuch: 1 } } : {}) };
    compare(await matrix.ask(who, path, request), await matrix.askOnce(who, nowhere, request));
  }
  // Whoever may create none like it hears the same whether or not there is one.
  const body = creations(matrix, who, table)[0]!;
  const refused = { ...body, ...(table.name === "Project" || table.name === "Sample" ? { ownerId: "someone" } : table.name === "Scrap" ? { listed: false } : {}) };
  if (writes.create(who, table, refused).size === 0) return;
  const post = (key: unknown): Promise<Answer> => matrix.ask(who, `/${table.path}`, { method: "POST", headers, body: { ...refused, [table.key.name]: key } });
  compare(await post(row[table.key.name]), await post(body[table.key.name]));
  for (const resolution of ["merge-duplicates", "ignore-duplicates"]) {
    const upsert = (key: unknown): Promise<Answer> => matrix.ask(who, `/${table.path}`, { method: "POST", headers: { prefer: `resolution=${resolution}` }, body: { ...refused, [table.key.name]: key } });
    compare(await upsert(row[table.key.name]), await upsert(body[table.key.name]));
  }
}

function compare(answer: Answer, missing: Answer): void {
  const told = ({ status, json }: Answer): unknown => {
    const { requestId: _, ...rest } = (json ?? {}) as Record<string, unknown>;
    return { status, ...rest };
  };
  matrix.same(answer, told(answer), told(missing));
}

test("upserts: onto hidden records as a refused create, onto visible ones as an update, by keys that one sees", async () => {
  for (const who of matrix.identities) {
    for (const table of exported) {
      for (const field of table.fields.filter((one) => one === table.key || one.unique === true)) {
        for (const row of matrix.world.rows(table.name).filter((one, index) => one[field.name] !== null && (index % 2 === 0 || matrix.width > 2))) {
          for (const resolution of ["merge", "ignore"] as const) await upsertOnto(who, table, { field: field.name, row, resolution });
        }
      }
    }
  }
}, timeLimitMs);

async function upsertOnto(who: Who, table: TableModel, { field: name, row, resolution }: { field: string; row: Row; resolution: "merge" | "ignore" }): Promise<void> {
  const { oracle } = matrix;
  const field = fieldOf(table, name);
  const body: Record<string, unknown> = { ...creations(matrix, who, table)[0]!, [name]: row[name] };
  const answer = await matrix.ask(who, `/${table.path}${field === table.key ? "" : `?on_conflict=${name}`}`, { method: "POST", headers: { prefer: `resolution=${resolution}-duplicates, return=representation` }, body });
  const role = refusal(matrix, who, table, "C");
  if (role !== null) return void matrix.status(answer, role.status, role.code);
  if (!oracle.exists(who, field)) return void matrix.status(answer, 400, "UNKNOWN_FIELD");
  // A record or a key that is hidden: whatever is told is what a create is told.
  if (!oracle.sees(who, table, row) || !oracle.seesField(who, field, row)) return void judge(matrix, answer, new Set([denial(who)]), 0);
  if (resolution === "ignore") {
    if (matrix.status(answer, 200)) matrix.same(answer, answer.json, []);
    return;
  }
  const { [table.key.name]: key, ...patch } = body;
  const reasons = new Set(writes.update({ who, table, row, patch }));
  if (field !== table.key && key !== row[table.key.name]) reasons.add("READ_ONLY_FIELD");
  if (!judge(matrix, answer, reasons, 200)) return;
  await restore(matrix);
}

test("bulk PATCH and DELETE take what one may read and change, whatever the filter names", async () => {
  const harmless: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
    Org: { name: "fresh name" }, Project: { title: "fresh title" }, Task: { title: "fresh title" }, Note: { body: "fresh body" }, Person: { name: "fresh name" }, Sample: { string: "fresh" }, Scrap: { label: "fresh" },
  };
  for (const who of matrix.identities) {
    for (const [name, patch] of Object.entries(harmless)) {
      const table = tableNamed(name);
      await bulkUpdate(who, table, patch, table.name === "Org" ? matrix.world.rows("Org").slice(0, 1) : matrix.world.rows(name));
      for (const row of matrix.world.all.get(name)!.filter((_, index) => index % 4 === 0)) await bulkUpdate(who, table, patch, [row]);
      await bulkByFields(who, table, patch);
    }
    for (const table of exported) await bulkRemove(who, table);
  }
  console.log(`matrix of replacements, upserts and bulk writes: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);

test("what a write answers is selected and embedded as a read is", async () => {
  for (const who of matrix.identities) {
    for (const table of exported) {
      const row = matrix.oracle.visible(who, table).find((one) => matrix.oracle.may(who, table, one, "U", one));
      if (row === undefined) continue;
      const key = table.key.name;
      for (const relation of table.relations) {
        const embedded = `select=${key},${relation.name}(*)`;
        const request = { method: "PATCH", body: {}, headers: { prefer: "return=representation" } };
        const single = await matrix.ask(who, `/${table.path}/${keyOf(table, row)}?${embedded}`, request);
        const many = await matrix.ask(who, `/${table.path}?${embedded}&${key}=eq.${keyOf(table, row)}`, request);
        if (!matrix.oracle.relationExists(who, table, relation)) {
          for (const answer of [single, many]) matrix.status(answer, 400, "UNKNOWN_FIELD");
          continue;
        }
        const target = tableNamed(relation.table);
        const way: Way = { matrix, who, table, relation, target, rows: [] };
        const expected = { [key]: row[key], ...shape(way, row, (other) => matrix.oracle.view(who, target, other), relation.name) };
        if (matrix.status(single, 200)) matrix.same(single, single.json, expected);
        if (matrix.status(many, 200)) matrix.same(many, many.json, [expected]);
      }
    }
  }
}, timeLimitMs);

const filterOf = (table: TableModel, rows: readonly Row[]): string => `${table.key.name}=in.(${rows.map((row) => encodeURIComponent(`"${String(row[table.key.name])}"`)).join(",")})`;

async function bulkUpdate(who: Who, table: TableModel, patch: Readonly<Record<string, unknown>>, rows: readonly Row[]): Promise<void> {
  const answer = await matrix.ask(who, `/${table.path}?${filterOf(table, rows)}&select=${table.key.name}`, { method: "PATCH", body: patch, headers: { prefer: "return=representation, count=exact" } });
  const role = refusal(matrix, who, table, "U");
  if (role !== null) return void matrix.status(answer, role.status, role.code);
  // Without READ nothing can be named.
  const taken = rows.filter((row) => isThere(row, table) && matrix.oracle.sees(who, table, row) && matrix.oracle.may(who, table, row, "U", row));
  if (!matrix.status(answer, matrix.oracle.mayEver(who, table, "R") ? 200 : 400)) return;
  matrix.same(answer, (answer.json as Row[]).map((row) => row[table.key.name]).toSorted(), taken.map((row) => row[table.key.name]).toSorted());
  for (const row of rows.filter((one) => isThere(one, table))) {
    matrix.same(answer, storedRow(matrix, table, row[table.key.name]), withoutComputed(table, taken.includes(row) ? { ...row, ...patch } : row));
  }
  if (taken.length > 0) await restore(matrix);
}

/** A filter on a hidden value finds nothing to change, one on a hidden field is refused. */
async function bulkByFields(who: Who, table: TableModel, patch: Readonly<Record<string, unknown>>): Promise<void> {
  if (refusal(matrix, who, table, "U") !== null || refusal(matrix, who, table, "R") !== null) return;
  for (const field of table.fields.filter(({ type }) => type === "String" || type === "Int" || type === "Money")) {
    for (const method of ["PATCH", "DELETE"]) {
      if (refusal(matrix, who, table, method === "PATCH" ? "U" : "D") !== null) continue;
      const shown = new Set(matrix.oracle.visible(who, table).map((row) => matrix.oracle.value(who, field, row)));
      const hidden = matrix.world.rows(table.name).find((row) => row[field.name] !== null && !shown.has(row[field.name]));
      if (hidden === undefined) continue;
      const answer = await matrix.ask(who, `/${table.path}?${field.name}=eq.${encodeURIComponent(String(hidden[field.name]))}`, { method, ...(method === "PATCH" ? { body: patch } : {}), headers: { prefer: "count=exact" } });
      if (!matrix.oracle.exists(who, field)) matrix.status(answer, 400);
      else if (matrix.status(answer, 204)) matrix.same(answer, answer.headers.get("content-range"), "*/0");
    }
  }
}

async function bulkRemove(who: Who, table: TableModel): Promise<void> {
  const role = refusal(matrix, who, table, "D");
  for (const row of matrix.world.all.get(table.name)!.filter((_, index) => index % 3 === 0)) {
    const answer = await matrix.ask(who, `/${table.path}?${filterOf(table, [row])}&select=${table.key.name}`, { method: "DELETE", headers: { prefer: "return=representation" } });
    if (role !== null) {
      matrix.status(answer, role.status, role.code);
      continue;
    }
    const isTaken = isThere(row, table) && matrix.oracle.sees(who, table, row) && matrix.oracle.may(who, table, row, "D");
    const reasons = isTaken ? writes.remove(who, table, row) : new Set<string>();
    if (!matrix.oracle.mayEver(who, table, "R")) matrix.status(answer, 400);
    else if (judge(matrix, answer, reasons, 200)) {
      matrix.same(answer, answer.json, isTaken ? [{ [table.key.name]: row[table.key.name] }] : []);
      if (isTaken) await restore(matrix);
    }
  }
}
