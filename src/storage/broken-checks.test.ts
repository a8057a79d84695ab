// Rules that are added to records which are there: those must satisfy them.
import { expect, test } from "bun:test";
import type { RecordValues } from "../base/value.ts";
import { recordCodec } from "./record-codec.ts";
import { appOf, openedStorage, tableOf } from "./testing/storage-fixture.ts";

const schema = (checks: string, field = "") => `
type Team @table { id: ID! @primaryKey size: Int }
type Item @table ${checks} { id: ID! @primaryKey a: Int ${field} state: String teamId: ID team: Team @relationship(from: "teamId") until: DateTime @expiresAt twice: Int @computed(rule: "record.a * 2") }`;

/** Null: started; else the messages of MIGRATION_NEEDED. */
async function start(rows: readonly RecordValues[], ...schemas: readonly string[]): Promise<string[] | null> {
  const { storage } = openedStorage();
  try {
    const [first, ...later] = schemas.map(appOf);
    storage.prepareCatalog(first!.catalog, first!.book);
    await storage.commit((connection) => {
      for (const [name, records] of [["Team", [{ id: "t", size: 3 }]], ["Item", rows]] as const) {
        const codec = recordCodec(tableOf(first!, name), first!.catalog);
        records.forEach((values, index) => connection.run(codec.insertSql, ...codec.encode({ until: null, ...values }, index + 1, (values as RecordValues)["until"] as string | null ?? null)));
      }
    });
    for (const { catalog, book } of later) storage.prepareCatalog(catalog, book);
    return null;
  } catch (error) {
    return (error as { extras: { details: { message: string }[] } }).extras.details.map(({ message }) => message);
  } finally {
    await storage.close();
  }
}

const items = [{ id: "1", a: 5, teamId: "t" }, { id: "2", a: null, state: "closed" }];
const check = (rule: string) => `@check(rule: "${rule}")`;

for (const rule of ["record.a == null || record.a > 4", "record.twice == null || record.twice == 10", "old == null", "old != null", "old == null || old.id == record.id", "record.team.size == null || record.team.size == 3"]) {
  test(`a rule that holds may be added: ${rule}`, async () => {
    expect(await start(items, schema(""), schema(check(rule)))).toBeNull();
  });
}

for (const [rule, count] of [["record.a == null || record.a > 5", 1], ["record.team.size == null || record.team.size > 3", 1], ["false", 2]] as const) {
  test(`a rule that does not hold is refused: ${rule}`, async () => {
    expect(await start(items, schema(""), schema(check(rule)))).toEqual([`Item has a new rule, ${rule}, that does not hold in ${count} records.`]);
  });
}

test("a rule on a field is named with it; a changed rule is a new one", async () => {
  const field = (least: number) => schema("", "").replace("a: Int", `a: Int @check(rule: "record.a == null || record.a > ${least}")`);
  expect(await start(items, field(4), field(3))).toBeNull();
  expect(await start(items, field(4), field(5))).toEqual(["Item.a has a new rule, record.a == null || record.a > 5, that does not hold in 1 records."]);
});

test("expired records and empty tables hold nothing against a rule", async () => {
  expect(await start([{ id: "1", a: 5, until: "2000-01-01T00:00:00.000Z" }], schema(""), schema(check("false")))).toBeNull();
  expect(await start([], schema(""), schema(check("false")))).toBeNull();
});

test("more rows than are read at once", async () => {
  const many = Array.from({ length: 1_201 }, (_, index) => ({ id: `i${index}`, a: index }));
  expect(await start(many, schema(""), schema(check("record.a == null || record.a < 1000")))).toEqual(["Item has a new rule, record.a == null || record.a < 1000, that does not hold in 201 records."]);
});
