// What somebody new to it does to a schema that has data already: each edit is refused with a fix, and the fix, applied by a machine,
// passes `ambit check` and starts on the data, of which nothing is lost.
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TextEdit } from "../../src/base/diagnostic.ts";
import { main } from "../../src/cli/main.ts";
import { applyEdits } from "../../src/schema/apply-edits.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { startTestData } from "./start-data.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const before = `"""What there is to do."""
type Task @table @export
  @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE])
{
  id: ID! @primaryKey
  title: String! @indexed(type: TEXT)
  note: String
  estimate: Int
  state: State! @default(value: OPEN)
  ownerId: ID
  doneAt: DateTime
}

enum State { OPEN DONE LATER }

type Person @table @export @allow(to: ["public"], do: [READ, CREATE]) {
  id: ID! @primaryKey
  name: String!
  mail: String
}
`;

const seed = `export default {
  Task: [
    { id: "t1", title: "Write", note: "soon", estimate: -3, state: "LATER", ownerId: "p1" },
    { id: "t2", title: "Write", note: null, estimate: 5, state: "DONE", ownerId: "nobody", doneAt: "2026-01-01T00:00:00Z" },
  ],
  Person: [{ id: "p1", name: "Ann", mail: "ann@example.org" }],
};
`;

type Edit = readonly [from: string, to: string];
const edits: readonly (readonly [name: string, edits: readonly Edit[], told: string])[] = [
  ["a new required field", [["  note: String\n", "  note: String\n  due: Date!\n"]], "Task.due is new and required"],
  ["a new name for a field, and nothing else", [["title: String!", "headline: String!"]], "Task.title was removed"],
  ["a new name for a type, and nothing else", [["type Person @table", "type Member @table"]], "Person was removed"],
  ["another type for a field", [["estimate: Int", "estimate: String"]], "Task.estimate changed its type from Int to String"],
  ["a field taken out", [["  doneAt: DateTime\n", ""]], "Task.doneAt was removed"],
  ["a value taken out of an enum", [["OPEN DONE LATER", "OPEN DONE"]], "Task.state lost the value LATER"],
  ["unique, where values are shared", [["title: String! @indexed(type: TEXT)", "title: String! @indexed(type: TEXT) @indexed(unique: true)"]], "Task.title became unique"],
  ["a check that some records do not pass", [["  estimate: Int\n", `  estimate: Int @check(rule: "record.estimate == null || record.estimate >= 0")\n`]], "Task.estimate has a new rule"],
  ["required, where some have nothing", [["note: String\n", "note: String!\n"]], "Task.note became required, and 1 records have none"],
  ["a relation over keys that lead nowhere", [["  ownerId: ID\n", `  ownerId: ID\n  owner: Person @relationship(from: "ownerId")\n`]], "Task has 1 records that refer to missing records of Person"],
  ["four of these at once", [["title: String!", "headline: String!"], ["estimate: Int", "estimate: String"], ["  doneAt: DateTime\n", ""], ["note: String\n", "note: String!\n  due: Date!\n"]], "Task.title was removed"],
];

async function ambit(...words: string[]): Promise<{ code: number; objects: Record<string, unknown>[] }> {
  let out = "";
  const code = await main([...words, "--json"], { HOME: process.env["HOME"] }, { out: (text) => { out += text; }, err: (text) => { out += text; }, terminal: false });
  return { code, objects: out.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, unknown>) };
}

async function seeded(): Promise<{ folder: string; schema: string }> {
  const folder = scratch.app({ "schema.graphql": before, "seed.ts": seed });
  await startTestData(folder, "seed.ts");
  return { folder, schema: join(folder, "schema.graphql") };
}

for (const [name, changes, told] of edits) {
  test(name, async () => {
    const { folder, schema } = await seeded();
    const wrong = changes.reduce((text, [from, to]) => {
      expect(text).toContain(from);
      return text.replace(from, to);
    }, before);
    writeFileSync(schema, wrong);
    expect((await ambit("check", folder)).code).toBe(0);
    const plan = await ambit("migrate", "plan", folder);
    const differences = plan.objects.filter(({ event }) => event === "difference") as { message: string; fix: string; edits: TextEdit[] }[];
    expect(plan.code).toBe(1);
    expect(differences.some(({ message }) => message.startsWith(told)), JSON.stringify(differences)).toBe(true);
    for (const { message, fix, edits: some } of differences) expect([message, fix.length > 20, some.length > 0]).toEqual([message, true, true]);
    const refused = await ambit("migrate", "apply", folder);
    expect([refused.code, refused.objects.at(-1)!["code"]]).toEqual([1, "MIGRATION_NEEDED"]);
    const all = new Map(differences.flatMap((one) => one.edits).map((edit) => [JSON.stringify(edit), edit]));
    writeFileSync(schema, applyEdits(wrong, [...all.values()]));
    const checked = await ambit("check", folder);
    // That anybody may write is no matter of migrations.
    expect([checked.code, checked.objects.filter(({ code }) => code !== "OPEN_TO_PUBLIC")]).toEqual([0, []]);
    const ready = await ambit("migrate", "apply", folder);
    expect([ready.code, ready.objects.at(-1)]).toMatchObject([0, { event: "applied", ready: true, snapshot: null }]);
  });
}

test("a fix that is a function instead", async () => {
  const { folder, schema } = await seeded();
  writeFileSync(schema, before.replace("  note: String\n", "  note: String\n  due: Date!\n"));
  const plan = await ambit("migrate", "plan", folder);
  const fix = String(plan.objects.find(({ event }) => event === "difference")!["fix"]);
  const sample = /export const Migrations = .*\}\) \}\)/.exec(fix)![0].replace("...", `"2026-12-24"`);
  writeFileSync(join(folder, "resources.ts"), `/// <reference path="./.ambit/types.d.ts" />\nimport { migrations } from "ambit";\n${sample};\n`);
  const { code, objects } = await ambit("check", folder);
  expect([code, objects.filter((one) => one["code"] !== "OPEN_TO_PUBLIC")]).toEqual([0, []]);
  expect((await ambit("migrate", "apply", folder)).code).toBe(0);
});

const misspelt: readonly (readonly [name: string, edit: Edit, code: string, message: string])[] = [
  ["a directive that does not exist", ["title: String!", `headline: String! @rename(from: "title")`], "UNKNOWN_DIRECTIVE", "@rename"],
  ["renamed, and the old one still there", ["title: String!", `title: String!\n  headline: String @renamed(from: "title")`], "DUPLICATE_NAME", "The field Task.headline is renamed from title, which is still there."],
  ["two heirs", ["title: String! @indexed(type: TEXT)", `one: String @renamed(from: "title")\n  two: String @renamed(from: "title")`], "DUPLICATE_NAME", "The field Task.two is renamed from title, and so is one."],
  ["renamed from itself", ["title: String!", `title: String! @renamed(from: "title")`], "DUPLICATE_NAME", "The field Task.title is renamed from its own name."],
];

for (const [name, [from, to], code, message] of misspelt) {
  test(`check tells, with an edit: ${name}`, async () => {
    const folder = scratch.app({ "schema.graphql": before.replace(from, to) });
    const { code: exit, objects } = await ambit("check", folder);
    expect([exit, objects.map((one) => one["code"])]).toEqual([1, [code]]);
    expect(String(objects[0]!["message"])).toContain(message);
    const fixed = applyEdits(before.replace(from, to), objects[0]!["edits"] as TextEdit[]);
    writeFileSync(join(folder, "schema.graphql"), fixed);
    expect((await ambit("check", folder)).code).toBe(0);
  });
}
