import { expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import { typesDeclaration, type ValueType } from "./types-declaration.ts";

const declare = (text: string, values: Record<string, ValueType> = {}, secrets: string[] = []): string => {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  expect(diagnostics.filter((diagnostic) => diagnostic.severity === "error")).toEqual([]);
  return typesDeclaration(catalog, { values, secrets });
};

const SCHEMA = `
enum Patch { OPEN CLOSED }
type Place { lat: Float! lon: Float }
input Filter { words: [String!]! limit: Int = 5 after: DateTime }
"""Ends a comment: */ and goes on."""
type Json @table {
  id: ID! @primaryKey
  big: Long!
  at: DateTime
  amount: Decimal
  place: Place
  tags: [String!]!
  kind: Patch! @default(value: OPEN)
  made: DateTime! @createdTime
  twice: Long @computed(rule: "record.big * 2")
  number: Int! @sequence
  parentId: ID
  parent: Json @relationship(from: "parentId")
  children: [Json!]! @relationship(to: "parentId")
  close(reason: String): Json! @action
}
type Endpoints { find(filter: Filter!): [Json!]! @page @http(method: POST) }
`;

test("records, inputs and conditions have the types of the schema", () => {
  const text = declare(SCHEMA, { paymentUrl: "string", seats: "number" }, ["stripe"]);
  expect(text).toContain(`export type Patch = "OPEN" | "CLOSED";`);
  expect(text).toContain("readonly big: bigint; readonly at: string | null; readonly amount: string | null; readonly place: Place | null; readonly tags: readonly string[];");
  expect(text).toContain("big: bigint | number | string; at?: string | Date | null;");
  expect(text).toContain("readonly parent?: Json | null; readonly children?: readonly Json[];");
  expect(text).toContain(`{ readonly "paymentUrl": string; readonly "seats": number; }`);
  expect(text).toContain(`readonly "stripe": string;`);
});

test("what the runtime fills is not asked for", () => {
  const input = /interface Json\$Input \{ (.*) \}/.exec(declare(SCHEMA))![1]!;
  expect(input).not.toMatch(/(made|twice|number)\??:/);
  expect(input).toMatch(/kind\?: Patch/);
  expect(input).toMatch(/id\?:/);
});

test("what is published on a channel: the runtime fills its own, and the topic may say the key", () => {
  const text = declare(`"""What is said."""
type Talk @channel(key: "room") @export @allow(do: [PUBLISH]) { room: ID! text: String! kind: String! @default(value: "a") big: Long by: ID @createdBy at: DateTime @createdTime }`);
  expect(text).toContain("/** What is said. */");
  expect(text).toContain("export interface Talk { readonly room: string; readonly text: string; readonly kind: string; readonly big: bigint | null; readonly by: string | null; readonly at: string | null; }");
  expect(text).toContain("export interface Talk$Message { room: string | number; text: string; kind?: string; big?: bigint | number | string | null; }");
  expect(text).toContain(`Talk: { told: Talk; message: Talk$Message; keyed: Omit<Talk$Message, "room"> & Partial<Pick<Talk$Message, "room">> };`);
});

test("a description cannot end its comment", () => {
  expect(declare(SCHEMA)).toContain("/** Ends a comment: *\\/ and goes on. */");
});

test("a page may be answered with its cursor", () => {
  expect(declare(SCHEMA)).toContain(`"find": { arguments: { readonly filter: Filter; readonly limit?: number | undefined; readonly after?: string | undefined; }; result: readonly Json[] | { readonly rows: readonly Json[]; readonly next: string | null } };`);
});

test("the same schema gives the same text", () => {
  expect(declare(SCHEMA)).toBe(declare(SCHEMA));
});
