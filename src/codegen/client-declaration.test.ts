// The types of an app for its clients, by the compiler: what is right passes, each wrong line is an error; and it is strict itself.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compileSchema } from "../schema/compile-schema.ts";
import { clientDeclaration } from "./client-declaration.ts";

const schema = `
"""What is sold."""
type Product @table @export(name: "products") @allow(to: ["public"], do: [READ]) @allow(to: ["clerk"], do: [CREATE, UPDATE]) {
  id: ID! @primaryKey
  title: String!
  number: Long!
  price: Money! @currency(code: "EUR") @default(value: 0)
  cost: Money @currency(code: "EUR") @allow(to: ["clerk"], do: [READ])
  took: Duration
  sold: Int! @default(value: 0) @readOnly
  hidden: String @internal
  kind: Kind! @default(value: A)
  place: Place
  image: Blob
  picture(file: Blob!): Product! @action @allow(to: ["clerk"])
  tags: [String!]! @default(value: [])
  stock: [Stock!]! @relationship(to: "productId")
  sell(quantity: Int! = 1): Product! @action @allow(to: ["clerk"])
  count(kind: Kind!): Int! @action(on: TABLE) @allow(to: ["clerk"])
}
type Place { lat: Float! lon: Float! }
enum Kind { A B }
type Stock @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey productId: ID! product: Product! @relationship(from: "productId", onDelete: CASCADE) available: Int! }
type Secret @table @allow(to: ["clerk"], do: [READ]) { id: ID! @primaryKey canary: String }
type App @table @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey Json: String }
type Board @channel(key: "boardId") @export(name: "boards") @allow(to: ["public"], do: [SUBSCRIBE, PUBLISH]) { boardId: ID! text: String! at: DateTime @createdTime }
type Endpoints {
  best(kind: Kind): [Product!]! @page @http(method: GET, path: "/best") @allow(to: ["public"])
  mine: Product @http(method: POST, path: "/mine") @allow(to: ["public"])
}
`;

/** Each line that is wrong says so. */
const use = `
import { connect } from "ambit/client";
import { app, type Product } from "./client.ts";
const client = connect({ url: "http://x", app });
const products = client.from("products");
const one: Product | null = await products.get("a");
const rows = await products.find({ title: { like: "a%" }, number: 5n, stock: { available: { gt: 1 } }, or: [{ kind: "A" }, { not: { kind: { in: ["B"] } } }], order: { price: "desc" }, limit: 3 });
const title: string = rows[0]!.title, number: string = rows[0]!.number, cost: number | null | undefined = rows[0]!.cost;
const some = await products.find({ select: ["id", { stock: ["available", { product: { select: ["title"], price: 3 } }] }] });
const available: number = some[0]!.stock[0]!.available, inner: string | undefined = some[0]!.stock[0]!.product?.title;
const live = products.live({ select: ["title"] }, { onRows: (all) => all[0]!.title.length, onChange: (changes) => changes?.map((change) => (change.type === "leave" ? null : change.row.title)) });
for await (const all of live) all[0]!.title.trim();
await products.create({ title: "x", number: 1n, place: { lat: 1, lon: 2 } });
await products.update("a", { price: 3 }, { ifVersion: "v1" });
const sold: Product = await products.act("a", "sell");
await products.act("a", "sell", { quantity: 2 });
const count: number = await products.call("count", { kind: "A" });
const page = await client.call("best", { limit: 3 });
const next: string | null = page.next, best: string = page.rows[0]!.title;
await client.call("mine");
const batch = client.batch();
const planned = batch.from("products").create({ title: "y", number: 2 });
batch.from("products").update(planned.ref("id"), { tags: ["new"] });
const board = client.channel("boards", 42);
await board.publish({ text: "hello" });
for await (const message of board.listen()) message.text.trim() + message.at;
const loose = connect({ url: "http://x" });
const anything: unknown = (await loose.from("whatever").find({ some: { gt: 1 }, order: { a: "asc" } }))[0]!["x"];

client.from("Product"); // wrong
client.from("Secret"); // wrong
await products.find({ titel: "x" }); // wrong
await products.find({ price: { gt: "x" } }); // wrong
await products.find({ kind: "C" }); // wrong
await products.find({ select: ["titel"] }); // wrong
some[0]!.title; // wrong
rows[0]!.stock; // wrong
rows[0]!.hidden; // wrong
await products.create({ title: "x" }); // wrong
await products.create({ title: "x", number: 1, sold: 3 }); // wrong
await products.update("a", { id: "b" }); // wrong
await products.act("a", "count", { kind: "A" }); // wrong
await products.call("count"); // wrong
await products.act("a", "sell", { quantity: "2" }); // wrong
client.call("nope"); // wrong
await board.publish({ txt: "x" }); // wrong
client.channel("Board", 1); // wrong
void [one, title, number, cost, available, inner, sold, count, next, best, anything];
`;

const work = mkdtempSync(join(tmpdir(), "ambit-client-types-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));
const root = join(import.meta.dir, "..", "..");

test("what the compiler takes and what it refuses", () => {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text: schema, values: {} });
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  const text = clientDeclaration(catalog);
  expect(text).not.toContain("canary");
  writeFileSync(join(work, "client.ts"), text);
  writeFileSync(join(work, "use.ts"), `${use.trim()}\n`);
  const options = { target: "esnext", module: "preserve", moduleResolution: "bundler", lib: ["esnext", "dom", "dom.iterable"], types: [], strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true, allowImportingTsExtensions: true,
    paths: { "ambit/client": [join(root, "client", "index.ts")] } };
  writeFileSync(join(work, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["use.ts"] }));
  const run = Bun.spawnSync([join(root, "node_modules", ".bin", "tsc"), "-p", work, "--pretty", "false"], { cwd: work });
  const output = run.stdout.toString();
  const wrong = [...new Set([...output.matchAll(/^use\.ts\((\d+),/gm)].map((match) => Number(match[1])))].sort((left, right) => left - right);
  const meant = use.trim().split("\n").flatMap((line, index) => (line.endsWith("// wrong") ? [index + 1] : []));
  expect({ wrong, output }).toEqual({ wrong: meant, output });
  expect(output.split("\n").filter((line) => line !== "" && !line.startsWith("use.ts") && !line.startsWith(" "))).toEqual([]);
}, 120_000);

test("what it knows at run time: keys, relations, order, which calls read", () => {
  const { catalog } = compileSchema({ file: "schema.graphql", text: schema, values: {} });
  const facts = JSON.parse(/AppFacts<\$App> = ([\s\S]*);\n$/.exec(clientDeclaration(catalog))![1]!) as unknown;
  expect(facts).toEqual({
    tables: {
      products: { key: "id", relations: { stock: "Stock" }, order: { number: "number", took: "server", place: "server", image: "server", tags: "server" } },
      Stock: { key: "id", relations: { product: "products" } }, App: { key: "id" },
    },
    endpoints: { best: { safe: true, page: true } },
  });
});

test("files are their description to readers and their url to writers; what takes files is not there", () => {
  const text = clientDeclaration(compileSchema({ file: "schema.graphql", text: schema }).catalog);
  expect(text).toContain("readonly image: $File | null;");
  expect(text).toContain("readonly image?: $FileInput | null;");
  expect(text).not.toContain("picture");
});
