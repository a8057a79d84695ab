// Property: from a random schema to another, in one commit and beside live writes, the same records come out; what stayed is as it was, what
// stands in the file is as if the table had been created so, and the new version differs if and only if records look different.
import { expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { appendEntry, logHead } from "../changes/log.ts";
import type { MigrationApproval } from "./migration-functions.ts";
import { recordCodec } from "./record-codec.ts";
import { type App, type OpenedStorage, appOf, openedStorage, tableOf, temporaryDirectory } from "./testing/storage-fixture.ts";

const count = process.env["AMBIT_TEST_SIZE"] === "long" ? 400 : 12;
const RECORDS = 60;

interface FieldPlan { readonly name: string; readonly from: string | null; readonly type: string; readonly required: boolean; readonly extra: string }

const samples: Readonly<Record<string, (index: number) => Value>> = {
  Int: (index) => index, Long: (index) => BigInt(index) + 9007199254740993n, Float: (index) => index + 0.5, String: (index) => `Text ${index}`, Boolean: (index) => index % 2 === 0,
  Decimal: (index) => `${index}.50`, DateTime: (index) => `2026-01-0${(index % 9) + 1}T00:00:00.000Z`, Duration: (index) => `PT${index + 1}S`, JSON: (index) => ({ a: [index] }), "[Int!]": (index) => [index, 1],
  Kind: (index) => (index % 2 === 0 ? "A" : "B"), Inner: (index) => ({ n: BigInt(index), t: null }),
};
const types = Object.keys(samples);
const extras: Readonly<Record<string, readonly string[]>> = {
  String: ["@indexed", "@indexed(unique: true, fold: true)", "@indexed(type: TEXT)", ""], Int: ["@indexed", "@indexed(unique: true)", ""], Decimal: ["@indexed", ""], Duration: ["@indexed", ""], DateTime: ["@expiresAt", ""],
};

const schema = (fields: readonly FieldPlan[], head: string): string => `enum Kind { A B } type Inner { n: Long t: String } type Parent @table { id: Int! @primaryKey }
  type Item @table ${head} { id: ID! @primaryKey ${fields.map(({ name, from, type, required, extra }) => `${name}: ${type}${required ? "!" : ""} ${extra} ${from === null ? "" : `@renamed(from: "${from}")`}`).join(" ")}
  parentId: Int parent: Parent @relationship(from: "parentId") sum: Int @computed(rule: "record.parentId == null ? 0 : record.parentId + 1", stored: true) }`;

class Dice {
  readonly #random: ReturnType<typeof seededRandom>;
  constructor(seed: number) { this.#random = seededRandom(seed); }
  below(sides: number): number { return Math.floor(this.#random.next() * sides); }
  chance(part: number): boolean { return this.#random.next() < part; }
  pick<Item>(items: readonly Item[]): Item { return items[this.below(items.length)]!; }
  shuffled<Item>(items: readonly Item[]): Item[] { return items.map((item) => ({ item, key: this.#random.next() })).sort((left, right) => left.key - right.key).map(({ item }) => item); }
}

function field(dice: Dice, name: string, expires: boolean): FieldPlan {
  const type = dice.pick(types);
  const extra = dice.pick(extras[type] ?? [""]);
  return { name, from: null, type, required: dice.chance(0.4), extra: extra === "@expiresAt" && !expires ? "" : extra };
}

function changed(dice: Dice, before: readonly FieldPlan[]): FieldPlan[] {
  const after = before.flatMap((one): FieldPlan[] => {
    const fate = dice.below(8);
    if (fate === 0) return [];
    if (fate === 1) return [{ ...one, name: `${one.name}r`, from: one.name }];
    if (fate === 2) return [{ ...field(dice, one.name, false), name: one.name }];
    if (fate === 3) return [{ ...one, required: !one.required, extra: dice.pick((extras[one.type] ?? [""]).filter((extra) => extra !== "@expiresAt")) }];
    return [one];
  });
  return dice.shuffled([...after, ...(dice.chance(0.6) ? [field(dice, "fresh", false)] : [])]);
}

function recordOf(fields: readonly FieldPlan[], index: number): RecordValues {
  const parentId = index % 3 === 0 ? null : index % 5;
  const values: { [name: string]: Value } = { id: `i${String(index).padStart(3, "0")}` };
  for (const { name, type, required } of fields) values[name] = !required && index % 4 === 3 ? null : samples[type]!(index);
  return { ...values, parentId, sum: parentId === null ? 0 : parentId + 1 };
}

async function filled(app: App, records: readonly RecordValues[], migrateInPlaceRows: number): Promise<OpenedStorage> {
  const opened = openedStorage(temporaryDirectory(), { migrateInPlaceRows, migrateBatchRows: 20 });
  opened.storage.prepareCatalog(app.catalog, app.book);
  await opened.storage.commit((connection) => {
    for (let id = 0; id < 5; id++) connection.run(`INSERT INTO Parent (id, "$version") VALUES (?1, 1)`, id);
    const { insertSql, encode } = recordCodec(tableOf(app, "Item"), app.catalog);
    for (const values of records) connection.run(insertSql, ...encode(values, 1, null));
    appendEntry(connection, { time: "2026-01-01T00:00:00.000Z", actor: null, requestId: "r", changes: [] });
  });
  return opened;
}

function found({ storage }: OpenedStorage, app: App): { values: RecordValues; version: number; expires: string | null }[] {
  const codec = recordCodec(tableOf(app, "Item"), app.catalog);
  return storage.reader.values(`SELECT ${codec.columns} FROM Item ORDER BY id`).map((row) => codec.decode(row));
}

function structure({ storage }: OpenedStorage): unknown {
  return {
    columns: storage.reader.values(`SELECT name, type, "notnull", pk FROM pragma_table_xinfo('Item') ORDER BY name`),
    indexes: storage.reader.values(`SELECT il."unique", il.partial, group_concat(ii.name, ',') FROM pragma_index_list('Item') il, pragma_index_info(il.name) ii WHERE il.origin = 'c' GROUP BY il.name ORDER BY 1, 3`),
    references: storage.reader.values("SELECT * FROM pragma_foreign_key_list('Item')"),
    beside: storage.reader.values("SELECT type, name FROM sqlite_schema WHERE (tbl_name LIKE 'Item%') AND type IN ('table', 'trigger') ORDER BY 1, 2"),
  };
}

/** Companions hold what the fields do. */
function isComplete({ storage }: OpenedStorage, fields: readonly FieldPlan[]): unknown {
  const folded = fields.filter(({ extra }) => extra.includes("fold")).map(({ name }) => storage.reader.values(`SELECT count(*) FROM Item WHERE "${name}$fold" IS NOT lower("${name}")`)[0]![0]);
  const exact = fields.filter(({ type }) => type === "Decimal" || type === "Duration").map(({ name }) => storage.reader.values(`SELECT count(*) FROM Item WHERE ("${name}" IS NULL) <> ("${name}$key" IS NULL)`)[0]![0]);
  const text = fields.filter(({ extra }) => extra.includes("TEXT")).map(({ name }) => storage.reader.values(`SELECT (SELECT count(*) FROM Item WHERE "${name}" IS NOT NULL) - (SELECT count(*) FROM "Item$text" WHERE "Item$text" MATCH '"${name}" : text')`)[0]![0]);
  return [...folded, ...exact, ...text, ...storage.reader.values("PRAGMA integrity_check")[0]!].filter((one) => one !== 0 && one !== "ok");
}

test(`random changes, ${count} of them`, async () => {
  for (let seed = 1; seed <= count; seed++) {
    const dice = new Dice(seed);
    const before = Array.from({ length: 5 }, (_, index) => field(dice, `f${index}`, index === 0));
    const after = changed(dice, before);
    const [head, nextHead] = [dice.pick(["", `(expiration: "P9D")`]), dice.pick(["", `(expiration: "P9D")`])];
    const [old, next] = [appOf(schema(before, "").replace("type Item @table", `type Item @table${head}`)), appOf(schema(after, "").replace("type Item @table", `type Item @table${nextHead}`))];
    const label = `seed ${seed}: ${JSON.stringify({ before, after, head, nextHead })}`;
    const records = Array.from({ length: RECORDS }, (_, index) => recordOf(before, index));
    const give = (record: RecordValues): RecordValues => {
      const index = Number(String(record["id"]).slice(1));
      const asked = after.filter(({ name, from, type, required }) => {
        const source = before.find((one) => one.name === (from ?? name));
        return source === undefined || source.type !== type || (required && record[name] === null);
      });
      return Object.fromEntries(asked.map(({ name, type }) => [name, samples[type]!(index + 1_000)]));
    };
    const approval: MigrationApproval = { functions: new Map([["Item", give]]), calls: true, destroy: new Set(before.map(({ name }) => `Item.${name}`)) };
    const [small, large, fresh] = [await filled(old, records, 1_000), await filled(old, records, 10), await filled(next, [], 1_000)];
    small.storage.prepareCatalog(next.catalog, next.book, approval);
    const again = appOf(schema(after, "").replace("type Item @table", `type Item @table${nextHead}`));
    await large.storage.fillShadows({ ...again, approval });
    large.storage.prepareCatalog(again.catalog, again.book, approval);
    const [one, other] = [found(small, next), found(large, again)];
    expect({ label, values: other.map(({ values }) => values) }).toEqual({ label, values: one.map(({ values }) => values) });
    expect({ label, expires: other.map(({ expires }) => expires) }).toEqual({ label, expires: one.map(({ expires }) => expires) });
    for (const [index, { values }] of one.entries()) {
      for (const { name, from, type, required } of after) {
        const source = before.find((plan) => plan.name === (from ?? name));
        const kept = source?.type === type ? records[index]![source.name]! : null;
        if (kept !== null) expect([label, values[name]]).toEqual([label, kept]);
        else if (required) expect([label, values[name]]).not.toEqual([label, null]);
      }
    }
    for (const opened of [small, large]) {
      expect({ label, structure: structure(opened) }).toEqual({ label, structure: structure(fresh) });
      expect({ label, wrong: isComplete(opened, after) }).toEqual({ label, wrong: [] });
    }
    const look = (fields: readonly FieldPlan[]): string[] => fields.map(({ name, type }) => `${name} ${type}`).sort();
    const isSame = JSON.stringify(look(before)) === JSON.stringify(look(after));
    if (!isSame) expect([label, one[0]!.version, logHead(small.storage.reader)]).toEqual([label, 2, 2]);
    for (const opened of [small, large, fresh]) await opened.storage.close();
  }
}, count * 5_000);
