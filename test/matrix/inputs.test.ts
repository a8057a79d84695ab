// Names in bodies: a field or relation that does not exist for the identity is answered as one that nobody declared, whatever is sent for it.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Who } from "./identities.ts";
import { Matrix, timeLimitMs, type Answer, type Request } from "./matrix-server.ts";
import type { Row, TableModel } from "./model.ts";
import { creations } from "./created-rows.ts";
import { exported } from "./oracle.ts";
import { keyOf } from "./record-checks.ts";
import { differences } from "./stored-rows.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());

const values: readonly unknown[] = [null, 1, "x", true, 1.5, {}, [1], { lat: "x" }, "2100-01-01"];

/** Neither readable nor to be set by the verb. */
function unknownNames(who: Who, table: TableModel, verb: "C" | "U"): string[] {
  const { oracle } = matrix;
  const isUnknown = (field: TableModel["fields"][number]): boolean => !oracle.exists(who, field) && (field.kind === "internal" || !oracle.mayEver(who, { ...table, rules: field.rules ?? [] }, verb));
  return [...table.fields.filter(isUnknown).map(({ name }) => name), ...table.relations.filter((relation) => !oracle.relationExists(who, table, relation)).map(({ name }) => name)];
}

/** Suggestions may differ with the name. */
function told({ status, json }: Answer, name: string): unknown {
  const { requestId: _, fix: __, ...rest } = (json ?? {}) as Record<string, unknown>;
  return JSON.parse(JSON.stringify({ status, ...rest }).replaceAll(new RegExp(`\\b${name}\\b`, "g"), "NAME").replaceAll(/(; did| Did) you mean \w+\?/g, "").replaceAll(/\.(?=")/g, "")) as unknown;
}

async function compare(who: Who, name: string, path: string, request: (name: string) => Request): Promise<void> {
  const answer = await matrix.ask(who, path.replaceAll("NAME", name), request(name));
  const other = await matrix.ask(who, path.replaceAll("NAME", "nosuch"), request("nosuch"));
  matrix.same(answer, told(answer, name), told(other, "nosuch"));
}

test("hidden fields and relations in bodies of every kind", async () => {
  for (const who of matrix.identities) {
    for (const table of exported.filter(({ open }) => !open)) {
      const changeable = matrix.oracle.visible(who, table).find((row) => matrix.oracle.may(who, table, row, "U", row));
      if (changeable !== undefined) await matrix.together(unknownNames(who, table, "U").map((name) => () => checkUpdates(who, table, changeable, name)));
      if (matrix.oracle.mayEver(who, table, "C")) await matrix.together(unknownNames(who, table, "C").map((name) => () => checkCreates(who, table, name)));
    }
  }
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
  console.log(`matrix of inputs: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);

async function checkUpdates(who: Who, table: TableModel, row: Row, name: string): Promise<void> {
  const path = `/${table.path}/${keyOf(table, row)}`;
  const view = matrix.oracle.view(who, table, row);
  for (const value of [...values, row[name] ?? null]) {
    await compare(who, name, path, (field) => ({ method: "PATCH", body: { [field]: value } }));
    await compare(who, name, path, (field) => ({ method: "PATCH", headers: { "content-type": "application/merge-patch+json" }, body: { [field]: value } }));
    await compare(who, name, path, (field) => ({ method: "PUT", body: { ...view, [field]: value } }));
  }
  await compare(who, name, `/${table.path}?${table.key.name}=eq.${keyOf(table, row)}`, (field) => ({ method: "PATCH", body: { [field]: 1 } }));
  await compare(who, name, `${path}?select=NAME`, () => ({ method: "PATCH", headers: { prefer: "return=representation" }, body: {} }));
  await compare(who, name, `${path}?select=NAME`, () => ({ method: "DELETE", headers: { prefer: "return=representation" } }));
}

async function checkCreates(who: Who, table: TableModel, name: string): Promise<void> {
  const body = creations(matrix, who, table)[0]!;
  for (const value of values) {
    await compare(who, name, `/${table.path}`, (field) => ({ method: "POST", body: { ...body, [field]: value } }));
    await compare(who, name, `/${table.path}`, (field) => ({ method: "POST", body: [{ ...body, [field]: value }, body] }));
  }
  const csv = (field: string): string => `${[...Object.keys(body), field].join(",")}\n${[...Object.values(body), 1].join(",")}\n`;
  await compare(who, name, `/${table.path}`, (field) => ({ method: "POST", headers: { "content-type": "text/csv" }, body: csv(field) }));
  await compare(who, name, `/${table.path}`, (field) => ({ method: "POST", headers: { "content-type": "application/x-ndjson" }, body: `${JSON.stringify({ ...body, [field]: 1 })}\n` }));
  await compare(who, name, `/${table.path}?columns=${table.key.name},NAME`, (field) => ({ method: "POST", body: { ...body, [field]: 1 } }));
  await compare(who, name, `/${table.path}?on_conflict=NAME`, () => ({ method: "POST", headers: { prefer: "resolution=merge-duplicates" }, body }));
  await compare(who, name, `/${table.path}?select=NAME`, () => ({ method: "POST", headers: { prefer: "return=representation" }, body }));
}
