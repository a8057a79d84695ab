// Rules that ask for other records: what they read of the environment around them reaches the statement, whatever kind of object it is.
import { expect, test } from "bun:test";
import type { Value } from "../base/value.ts";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import type { Environment, Expression } from "../expression/expression.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import type { Connection } from "../storage/connection.ts";
import { createRecordSource } from "./record-source.ts";

const schema = `
type Board @table { id: ID! @primaryKey }
type Member @table { id: ID! @primaryKey boardId: ID! until: DateTime @expiresAt }`;

const { catalog } = compileSchema({ file: "schema.graphql", text: schema });
const { book } = compileCatalogExpressions(catalog);
const text = { kind: "string" } as const;
const column = (row: string, table: string, field: string): Expression => ({ op: "field", type: text, row, table, path: [], field, within: [] });

/** Works its time out only when asked, as those of hot reads do. */
class LateEnvironment implements Environment {
  readonly rows = { record: { id: "b1" } };
  readonly variables = { auth: { subject: "ann" } as Value };
  readonly source = null;
  get now(): string { return "2026-01-01T00:00:00.000Z"; }
}

test("an environment without members of its own loses neither its time nor its rows", () => {
  const asked: unknown[][] = [];
  const connection = { query: () => ({ values: (...parameters: unknown[]) => { asked.push(parameters); return [[1]]; } }) } as unknown as Connection;
  const source = createRecordSource({ catalog, book, connection: () => connection, get: () => null });
  const where: Expression = { op: "compare", comparison: "eq", left: column("m", "Member", "boardId"), right: column("record", "Board", "id") };
  expect(source.exists("Member", "m", where, new LateEnvironment())).toBe(true);
  expect(asked[0]).toContain("2026-01-01T00:00:00.000Z");
  expect(asked[0]).toContain("b1");
});
