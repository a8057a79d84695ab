// Ranked text search: order, weights, hits across relations, and hits that count only where the text may be read.
import { expect, test } from "bun:test";
import type { Expression } from "../expression/expression.ts";
import type { Plan, SearchClause } from "../query/plan.ts";
import { planDatabase, type PlanDatabase } from "./testing/plan-database.ts";

const schema = `
type Post @table(expiration: "P1D") @export @search(fields: ["title", "body", "comments.text", "tags.label"], weights: [10, 1, 1, 5]) {
  id: Int! @primaryKey title: String body: String secret: String open: Boolean comments: [Comment!]! @relationship(to: "postId") tags: [Tag!]! @relationship(through: "PostTag") }
type Comment @table(expiration: "P1D") @export { id: ID! @primaryKey postId: Int! @indexed post: Post! @relationship(from: "postId") text: String visible: Boolean }
type Tag @table @export { id: ID! @primaryKey label: String }
type PostTag @table(expiration: "P1D") @export { id: ID! @primaryKey postId: Int! @indexed tagId: ID! @indexed post: Post! @relationship(from: "postId") tag: Tag! @relationship(from: "tagId") }`;

const gone = "2020-01-01T00:00:00.000Z";

function posts(): PlanDatabase {
  const database = planDatabase(schema);
  database.insert("Post",
    { id: 1, title: "Apple pie", body: "with cream", open: true }, { id: 2, title: "Cream", body: "an apple a day", open: false }, { id: 3, title: "Nothing", body: null, open: null },
    { id: 4, title: "Apple", body: "expired", $expires: gone });
  database.insert("Comment", { id: "c1", postId: 3, text: "I like apple juice", visible: true }, { id: "c2", postId: 3, text: "and \u00c9clairs", visible: false }, { id: "c3", postId: 1, text: "expired plum", $expires: gone });
  database.insert("Tag", { id: "t1", label: "dessert" });
  database.insert("PostTag", { id: "l1", postId: 1, tagId: "t1" }, { id: "l2", postId: 2, tagId: "t1", $expires: gone });
  return database;
}

function ids(database: PlanDatabase, plan: Plan): number[] {
  return (database.rows({ ...plan, select: database.plan("Post?select=id").select }) as { id: number }[]).map(({ id }) => id);
}

const cases: readonly (readonly [string, number[]])[] = [
  ["apple", [1, 2, 3]], ["cream", [2, 1]], ["dessert", [1]], ["\u00e9clair*", []], ["eclairs", [3]], ["plum", []], ["expired", []], ["apple -pie", [2, 3]], ["\"apple pie\"", [1]], ["juice or day", [2, 3]],
  ["apple eclairs", []], ["pie cream", [1]], ["zzz", []], ["!!!", []],
];

for (const [words, expected] of cases) {
  test(`search=${words}`, () => {
    const database = posts();
    const found = ids(database, database.plan(`Post?search=${encodeURIComponent(words)}`));
    expect(found.toSorted()).toEqual(expected.toSorted());
    // A word in the title weighs more than one in the body.
    const own = found.filter((id) => id < 3);
    if (words === "apple" || words === "cream") expect(own).toEqual(expected.slice(0, 2));
  });
}

test("another order, filters, pages and counts apply to hits", () => {
  const database = posts();
  expect(ids(database, database.plan("Post?search=apple&order=id.desc"))).toEqual([3, 2, 1]);
  expect(ids(database, database.plan("Post?search=apple&order=id.desc&limit=1&offset=1"))).toEqual([2]);
  expect(ids(database, database.plan("Post?search=apple&open=is.true"))).toEqual([1]);
  expect(database.read({ ...database.plan("Post?search=apple&limit=1"), count: "exact" }).total).toBe(3);
  expect(database.read({ ...database.plan("Post?search=apple&limit=1"), count: "planned" }).total).toBe(3);
  expect(database.get("Post?search=apple&select=count()")).toEqual([{ count: 3 }]);
});

function maskedPaths(plan: Plan, masks: Readonly<Record<string, Expression>>): Plan {
  const search = plan.search as SearchClause;
  return { ...plan, search: { ...search, paths: search.paths.map((path) => ({ ...path, visibleWhen: masks[path.path.join(".")] ?? null })) } };
}

function isTrue(table: string, field: string): Expression {
  return { op: "compare", comparison: "eq", left: { op: "field", type: { kind: "bool" }, row: "record", table, path: [], field, within: [] }, right: { op: "literal", type: { kind: "bool" }, value: true } };
}

test("a hit counts only where the row that holds the text shows it", () => {
  const database = posts();
  const search = (words: string, masks: Readonly<Record<string, Expression>>): number[] => ids(database, maskedPaths(database.plan(`Post?search=${words}`), masks)).toSorted();
  expect(search("eclairs", { "comments.text": isTrue("Comment", "visible") })).toEqual([]);
  expect(search("juice", { "comments.text": isTrue("Comment", "visible") })).toEqual([3]);
  expect(search("apple", { title: isTrue("Post", "open"), body: isTrue("Post", "open") })).toEqual([1, 3]);
  expect(search("cream", { title: isTrue("Post", "open") })).toEqual([1]);
  expect(search("pie+cream", { body: isTrue("Post", "open") })).toEqual([1]);
});

test("what is hidden neither makes nor prevents a hit", () => {
  const database = posts();
  // Post 2 has cream in its title and apple in its body, and is not open.
  const hidden = maskedPaths(database.plan("Post?search=cream+-apple"), { body: isTrue("Post", "open") });
  expect(ids(database, hidden)).toEqual([2]);
  const shown = maskedPaths(database.plan("Post?search=cream+-apple"), {});
  expect(ids(database, shown)).toEqual([]);
});

test("more masks than are told apart never show what is hidden", () => {
  const fields = ["a", "b", "c", "d", "e"];
  const database = planDatabase(`type Doc @table @export @search(fields: [${fields.map((field) => `"${field}"`).join(", ")}]) { id: Int! @primaryKey ${fields.map((field) => `${field}: String ${field}Open: Boolean`).join(" ")} }`);
  for (let bits = 0; bits < 32; bits++) {
    database.insert("Doc", { id: bits, ...Object.fromEntries(fields.flatMap((field, index) => [[field, `word${field}`], [`${field}Open`, (bits >> index & 1) === 1]])) });
  }
  for (const [index, field] of fields.entries()) {
    const plan = maskedPaths(database.plan(`Doc?search=word${field}&limit=100`), Object.fromEntries(fields.map((name) => [name, isTrue("Doc", `${name}Open`)])));
    const found = (database.rows({ ...plan, select: database.plan("Doc?select=id").select }) as { id: number }[]).map(({ id }) => id);
    const open = Array.from({ length: 32 }, (_, bits) => bits).filter((bits) => (bits >> index & 1) === 1);
    expect(found.every((id) => open.includes(id))).toBe(true);
    if (index < 3) expect(found.toSorted((a, b) => a - b)).toEqual(open);
  }
});

test("search inside a statement: in embeds of a plan made by code", () => {
  const database = posts();
  const outer = database.plan("Comment?select=id,post(id)&order=id");
  const inner = database.plan("Post?search=apple&select=id");
  const plan: Plan = { ...outer, select: outer.select.map((item) => (item.kind === "embed" ? { ...item, plan: { ...inner, limit: null } } : item)) };
  expect(database.rows(plan)).toEqual([{ id: "c1", post: { id: 3 } }, { id: "c2", post: { id: 3 } }]);
});

test("the words are looked up in the index, and their rows by key", () => {
  const database = posts();
  const steps = database.steps(database.plan("Post?search=apple"));
  expect(steps.filter((step) => step.startsWith("SCAN") && !step.includes("VIRTUAL TABLE") && !/^SCAN (\(|t\d+$)/.test(step))).toEqual([]);
  expect(steps).toContain("SEARCH t0 USING INTEGER PRIMARY KEY (rowid=?)");
});
