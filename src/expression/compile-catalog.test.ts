// All rules of an app: which environment each has, what only the whole shows, and places and edits in the schema file.
import { expect, test } from "bun:test";
import type { Diagnostic } from "../base/diagnostic.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { compileCatalogExpressions } from "./compile-catalog.ts";

interface Found { readonly at: string; readonly code: string; readonly message: string }

function check(text: string): { readonly found: readonly Found[]; readonly fixed: string } {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  expect(diagnostics).toEqual([]);
  const problems = compileCatalogExpressions(catalog).diagnostics;
  return { found: problems.map(({ position, code, message }) => ({ at: `${position.line}:${position.column}`, code, message })), fixed: apply(text, problems) };
}

function apply(text: string, problems: readonly Diagnostic[]): string {
  const lines = text.split("\n");
  const edits = problems.flatMap((problem) => problem.edits).sort((a, b) => b.start.line - a.start.line || b.start.column - a.start.column);
  for (const { start, end, text: replacement } of edits) {
    const line = lines[start.line - 1]!;
    lines[start.line - 1] = line.slice(0, start.column - 1) + replacement + line.slice(end.column - 1);
  }
  return lines.join("\n");
}

const ITEM = (directives: string, fields = ""): string => `type Item @table ${directives} {
  id: ID! @primaryKey
  price: Int!
  discount: Int
  at: DateTime! @indexed
  seen: DateTime
  note: JSON
  ownerId: ID
  owner: Owner @relationship(from: "ownerId")
  ${fields}
}
type Owner @table { id: ID! @primaryKey age: Int! name: String }`;

test("@every(input) is a map of the job's arguments, over now() and constants", () => {
  const job = (input: string): string => `type Jobs { close(day: DateTime!, kind: Kind, days: Int = 1): Boolean @every(cron: "0 3 * * *", input: "${input}") }\nenum Kind { FULL PART }`;
  expect(check(job("{'day': now() - duration('P1D'), 'kind': 'FULL', 'days': 1 + 2}")).found).toEqual([]);
  const told = (input: string): string[] => check(job(input)).found.map(({ at, code, message }) => `${at} ${code} ${message}`);
  expect(told("{'days': 1}")).toEqual(["1:105 EVERY_INPUT @every of close gives no day."]);
  expect(told("{'dya': now()}")).toEqual(["1:106 CEL_TYPE The map names dya, which does not exist."]);
  expect(told("{'day': 5}")[0]).toStartWith("1:113 CEL_TYPE");
  expect(told("{'day': now(), 'kind': 'FUL'}")[0]).toContain("CEL_TYPE");
  expect(told("now()")).toEqual(["1:105 CEL_TYPE This is no map."]);
  expect(told("{day: now()}")).toEqual([]);
  expect(told("{'day': auth.subject}")[0]).toContain("CEL_TYPE");
});

test("a sound app has no problems and every expression is in the book", () => {
  const text = ITEM(`@allow(to: ["public"], do: [READ, UPDATE], where: "record.price > 1 && record.at > now() - duration('P1D')")
    @check(rule: "record.discount == null || record.discount < record.price")`, `
    double: Int! @computed(rule: "record.price * 2")
    four: Int! @computed(rule: "record.price * 4", stored: true)
    age: Int @computed(rule: "record.owner.age + record.double")
    day: Date! @default(rule: "date(now())")
    by: String @default(rule: "auth.subject") @check(rule: "record.by == null || size(record.by) > 2")
    raise(by: Int!): Boolean @action @allow(to: ["agent"], where: "input.by < record.price && auth.tenant == 'a'")
    reset(hard: Boolean): Boolean @action(on: TABLE) @allow(to: ["agent"], where: "input.hard == true")`);
  const { catalog } = compileSchema({ file: "schema.graphql", text });
  const { book, diagnostics } = compileCatalogExpressions(catalog);
  expect(diagnostics).toEqual([]);
  const item = catalog.tables.get("Item")!;
  expect(book.of(item.allow[0]!.where!).op).toBe("and");
  expect(book.computed("Item", "double")).toMatchObject({ op: "arithmetic" });
  expect(book.computed("Item", "four")).toBeNull();
  expect(book.computed("Item", "price")).toBeNull();
  expect(item.checks.map((one) => book.of(one.rule).op)).toEqual(["or", "or"]);
  expect([...item.actions.values()].map((action) => book.of(action.allow[0]!.where!).op)).toEqual(["and", "compare"]);
});

test("each place has its own names", () => {
  const messages = (directives: string, fields = ""): string[] => check(ITEM(directives, fields)).found.map((one) => `${one.code} ${one.message}`);
  expect(messages(`@allow(to: ["public"], do: [READ], where: "old.price > 1")`)).toEqual(["CEL_TYPE There is a record before only for UPDATE."]);
  expect(messages(`@allow(to: ["public"], do: [READ], where: "input.price > 1")`)).toEqual(["CEL_TYPE There is an input only where something is called."]);
  expect(messages(`@check(rule: "auth.subject == record.ownerId")`)).toEqual(["CEL_TYPE A check is about the data, whoever writes it."]);
  expect(messages("", `x: Int @computed(rule: "auth.claims.x")`)).toEqual(["CEL_TYPE A computed field is the same for every reader."]);
  expect(messages("", `go: Boolean @action(on: TABLE) @allow(to: ["a"], where: "record.price > 1")`)).toEqual(["CEL_TYPE go is not called on a record."]);
  expect(messages("", `x: Int @default(rule: "record.owner.nam")`)).toEqual(["CEL_TYPE The field Owner.nam does not exist."]);
  expect(messages("", `x: Int @default(rule: "'a'")`)).toEqual(["CEL_TYPE Item.x must be int, but this is string."]);
});

test("now() stands where a read can know until when it holds", () => {
  const rule = (where: string): number => check(ITEM(`@allow(to: ["public"], do: [READ], where: "${where}")`)).found.length;
  for (const good of ["record.at > now()", "now() >= record.at", "record.at < now() + duration('PT1H')", "record.price > 1 || !(record.at < now() - duration('P1D'))"]) expect(rule(good)).toBe(0);
  for (const bad of ["record.seen > now()", "record.at + duration('PT1H') > now()", "year(now()) == 2026", "record.at > (record.price > 1 ? now() : record.at)", "record.at > timestamp(date(now()))", "timestamp(record.note.x) < now()"]) expect(rule(bad)).toBe(1);
  expect(check(ITEM(`@check(rule: "record.price > year(now())")`)).found).toEqual([]);
  expect(check(ITEM("", `x: Int @computed(rule: "year(now())")`)).found).toHaveLength(1);
});

test("a check over what may be null needs a guard, and the fix is one", () => {
  const nulls = (rule: string): string[] => check(ITEM(`@check(rule: "${rule}")`)).found.filter((one) => one.code === "CHECK_NULLABLE").map((one) => / whenever (.*) is null/.exec(one.message)?.[1] ?? "old");
  const guarded = [
    "record.price > 1", "record.discount == null || record.discount < record.price", "record.discount != null && record.discount < 5", "has(record.discount) && record.discount < 5",
    "record.discount < 5 || record.discount == null", "record.discount == null ? true : record.discount < 5", "has(record.discount) ? record.discount < 5 : record.price > 1", "!has(record.discount) || record.discount < 5",
    "!(record.discount != null && record.seen != null) || record.discount > 1 && record.seen < now()", "record.owner == null || record.owner.age > 3", "record.owner == null || record.owner.name == null || size(record.owner.name) > 2",
    "record.owner.name != null && record.owner.age > 3", "old == null || old.price < record.price", "old == null || old.discount == null || old.discount > 1", "record.note.a != null && record.note.a == 5", "record.discount == null", "has(record.owner)",
  ];
  for (const rule of guarded) expect({ rule, nulls: nulls(rule) }).toEqual({ rule, nulls: [] });
  const unguarded: [string, string[]][] = [
    ["record.discount < record.price", ["record.discount"]], ["record.discount == null && record.discount < 5", ["record.discount"]], ["record.discount == null || record.seen < record.at", ["record.seen"]], ["record.discount > 1 || record.discount < 0", ["record.discount"]],
    ["record.owner.age > 3", ["record.owner"]], ["record.owner == null || size(record.owner.name) > 2", ["record.owner.name"]], ["old.price < record.price", ["old"]], ["old == null || old.discount < 1", ["old.discount"]],
    ["record.note.a == 5", ["record.note"]], ["record.note == null || record.note.a == 5", ["record.note.a"]], ["record.discount + 1 > 2 && record.seen < now()", ["record.discount", "record.seen"]], ["record.discount in [1, 2]", ["record.discount"]],
  ];
  for (const [rule, expected] of unguarded) {
    expect({ rule, nulls: nulls(rule) }).toEqual({ rule, nulls: expected });
    let text = ITEM(`@check(rule: "${rule}")`);
    // A name inside another that may be null shows only when that one is guarded.
    for (let round = 0; round < 3 && check(text).found.length > 0; round++) text = check(text).fixed;
    expect(check(text).found).toEqual([]);
  }
});

test("computed fields: none from itself, stored ones from stored ones", () => {
  const codes = (fields: string): string[] => check(ITEM("", fields)).found.map((one) => `${one.code} ${one.message}`);
  expect(codes(`a: Int @computed(rule: "record.b + 1") b: Int @computed(rule: "record.a + 1")`)).toEqual(["COMPUTED_SHAPE Item.a is computed from itself.", "COMPUTED_SHAPE Item.b is computed from itself."]);
  expect(codes(`a: Int @computed(rule: "record.a + 1")`)).toEqual(["COMPUTED_SHAPE Item.a is computed from itself."]);
  expect(codes(`a: Int @computed(rule: "record.owner.age", stored: true)`)).toEqual(["COMPUTED_SHAPE A stored computed field reads another record."]);
  expect(codes(`a: Int @computed(rule: "record.owner.age") b: Int @computed(rule: "record.a", stored: true)`)).toEqual(["COMPUTED_SHAPE A stored computed field reads one that is not stored."]);
});

test("places are those of the file, through escapes and block strings", () => {
  const one = (rule: string): Found => check(`type Item @table\n  @allow(to: ["public"], do: [READ], where: ${rule}) {\n  id: ID! @primaryKey\n  title: String!\n}`).found[0]!;
  expect(one(`"record.titel == 'x'"`).at).toBe("2:53");
  expect(one(`"record.title == \\"a\\" || record.titel == \\"x\\""`).at).toBe("2:78");
  expect(one(`"""\n    record.title == "a" ||\n      record.titel == "x"\n    """`).at).toBe("4:14");
  expect(one(`"""record.titel == "x" """`).at).toBe("2:55");
});
