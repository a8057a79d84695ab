// Property: what a query answers about a moment later is what it answered at that moment, whatever happened since.
import { expect, test } from "bun:test";
import type { RecordValues } from "../base/value.ts";
import { seededRandom } from "../base/random.ts";
import { logHead } from "../changes/log.ts";
import { positionText } from "../changes/wire-position.ts";
import { readEpoch } from "../storage/epoch.ts";
import { recordCodec } from "../storage/record-codec.ts";
import { historyTrim } from "../storage/history-retention.ts";
import { administrator, openApp, user, type OpenApp } from "./testing/open-app.ts";

const sdl = `
type Box @table(history: "P90D", trash: "P30D") @export @allow(to: ["public"], do: [READ], where: "record.live") {
  id: ID! @primaryKey
  name: String! @indexed(fold: true)
  live: Boolean! @default(value: true)
  weight: Decimal @indexed
  lasts: Duration
  big: Long @indexed
  ratio: Float
  at: Place @indexed(type: GEO)
  list: [Int!]
  hidden: Int @allow(to: ["staff"], do: [READ])
  shout: String @computed(rule: "upper(record.name)")
  things: [Thing!]! @relationship(to: "boxId")
  labels: [Label!]! @relationship(through: "BoxLabel")
}
type Place { lat: Float! lon: Float! }
type Thing @table(history: "P90D", trash: "P30D", expiration: "PT1H") @export @allow(to: ["public"], do: [READ], where: "record.n != 3") {
  id: Int! @primaryKey
  n: Int
  boxId: ID
  box: Box @relationship(from: "boxId", onDelete: CASCADE)
  otherId: ID
  other: Box @relationship(from: "otherId", onDelete: SET_NULL)
}
type Label @table(history: "P90D") @export @allow(to: ["public"], do: [READ]) { id: ID! @primaryKey name: String! @indexed(unique: true) }
type BoxLabel @table(history: "P90D") @export @allow(to: ["public"], do: [READ]) @indexed(fields: ["boxId", "labelId"], unique: true) { id: ID! @primaryKey boxId: ID! box: Box! @relationship(from: "boxId", onDelete: CASCADE) labelId: ID! label: Label! @relationship(from: "labelId", onDelete: CASCADE) }`;

const queries: readonly (readonly [string, string])[] = [
  ["Box", "order=id"], ["Thing", "order=id"], ["Label", "order=name"],
  ["Box", "select=id,name,things(id,n,other(name)),labels(name)&order=name.desc&things.order=n.desc&labels.order=name"],
  ["Thing", "select=id,box!inner(name)&box.live=eq.true&order=id"], ["Box", "select=id,things!inner()&things.n=gt.1&order=id"], ["Thing", "select=id,...box(box:name)&order=id"],
  ["Box", "weight=gte.1.5&order=weight.desc,id&limit=3"], ["Box", "name=ilike.*A*&select=shout&order=id"], ["Box", "big=in.(9007199254740993,2)&order=id"], ["Box", "lasts=gt.PT59S&order=id"],
  ["Box", "near=0,0,300000&select=id"], ["Box", "list=cs.{2}&order=id"], ["Box", "select=live,count(),big.max(),weight.sum()&order=live"], ["Box", "select=id,labels!inner()&labels.name=eq.x&order=id"],
  ["Box", "or=(weight.is.null,ratio.lt.0.5)&order=id"], ["Thing", "boxId=eq.b1&order=n.nullsfirst,id&limit=2&offset=1"], ["Box", "things=is.null&select=id&order=id"],
];

/** Former versions as they are kept, without their own beginnings. */
function keptVersions({ storage, catalog }: OpenApp): string[] {
  return [...catalog.tables.values()].flatMap((table) => {
    const { columns, decode } = recordCodec(table, catalog);
    return storage.reader.values(`SELECT "$until", "$ending", ${columns} FROM "${table.sqlName}$history"`).map(([until, ending, ...row]) => versionText(table.name, until as number, ending === "update", decode(row).values));
  }).sort();
}

/** The same from the log, which knows both images of each change. */
function endedInLog(app: OpenApp): string[] {
  return app.entries().flatMap(({ position, changes }) => changes.flatMap(({ table, old, new: image }) => (old === null ? [] : [versionText(table, position, image !== null, old)]))).sort();
}

function versionText(table: string, until: number, replaced: boolean, values: RecordValues): string {
  const fields = Object.entries(values).sort(([left], [right]) => (left < right ? -1 : 1));
  return JSON.stringify([table, until, replaced, fields], (_key, value: unknown) => (typeof value === "bigint" ? `${value}n` : value));
}

const rounds = process.env["AMBIT_TEST_SIZE"] === "long" ? 300 : 30;
const seed = Number(process.env["AMBIT_SEED"] ?? 20_261_121);

test(`asof gives what was answered then (seed ${seed})`, async () => {
  const app = openApp(sdl);
  const random = seededRandom(seed);
  const pick = <Item>(...items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)]!;
  const readers = [administrator, user("r")].map((identity) => app.as(identity));
  const answers = async (reader: (typeof readers)[number], moment: string): Promise<string[]> =>
    Promise.all(queries.map(async ([table, query]) => JSON.stringify((await reader.list(table, query + moment)).body)));
  const moments: { readonly name: string; readonly answers: readonly (readonly string[])[] }[] = [];
  const boss = app.as(administrator);
  const box = (): string => pick("b1", "b2", "b3", "b4");
  const place = (): unknown => pick(null, { lat: 0, lon: 1 }, { lat: 1, lon: 0.5 }, { lat: 50, lon: 8 });
  const boxInput = (): object => ({ name: pick("Ant", "bee", "Äffin", "cat"), live: pick(true, true, false), weight: pick(null, "1.5", "1.50", "10", "-2"), lasts: pick(null, "PT1M", "PT59S", "P1D"), big: pick(null, "9007199254740993", "2"), ratio: pick(null, 0.25, 1), at: place(), list: pick(null, [1, 2], [3]), hidden: pick(1, 2) });
  const steps: readonly (() => Promise<unknown>)[] = [
    () => boss.create("Box", { id: box(), ...boxInput() }, { onConflict: { fields: null, resolution: "merge" } }),
    () => boss.create("Box", [{ id: "b1", ...boxInput() }, { id: box(), ...boxInput() }], { onConflict: { fields: null, resolution: "ignore" } }),
    () => boss.create("Thing", { id: pick(1, 2, 3, 4, 5, 6), n: pick(null, 1, 2, 3), boxId: pick(null, box()), otherId: pick(null, box()) }, { onConflict: { fields: null, resolution: "merge" } }),
    () => boss.update("Box", box(), boxInput()),
    () => boss.updateMany("Thing", "n=gt.0", { n: pick(1, 2, 3) }),
    () => boss.remove("Box", box()),
    () => boss.removeMany("Thing", `n=eq.${pick(1, 2, 3)}`),
    () => boss.send({ kind: "restore", table: "Box", id: box(), returning: null }),
    () => boss.create("Label", { id: pick("x", "y"), name: pick("x", "y") }),
    () => boss.create("BoxLabel", { id: pick("1", "2", "3"), boxId: box(), labelId: pick("x", "y") }),
    () => boss.remove("Label", pick("x", "y")),
    async () => { app.clock.advance(pick(60_000, 1_800_000)); },
  ];
  const allowed = new Set(["NOT_FOUND", "UNIQUE_VIOLATION", "REFERENCE_VIOLATION", "CONFLICT"]);
  for (let round = 0; round < rounds; round++) {
    app.clock.advance(1 + Math.floor(random.next() * 1_000));
    await pick(...steps)().catch((error: { code?: string }) => { if (!allowed.has(error.code ?? "")) throw error; });
    const sweeps = random.next();
    if (sweeps < 0.2) app.tables.start();
    else if (sweeps < 0.4) app.tables.stop();
    await app.clock.advance(0);
    // A commit of the same millisecond may come after.
    app.clock.advance(1);
    const { reader } = app.storage;
    const now = await Promise.all(readers.map((one) => answers(one, "")));
    const time = `&asof=${new Date(app.clock.now()).toISOString()}`;
    moments.push({ name: time, answers: now });
    // Alone the position does not say what has expired since.
    if (random.next() < 0.3) {
      const position = `&asof=${positionText(readEpoch(reader), logHead(reader))}`;
      moments.push({ name: position, answers: await Promise.all(readers.map((one) => answers(one, position))) });
    }
  }
  expect(keptVersions(app)).toEqual(endedInLog(app));
  await app.storage.commit((connection) => historyTrim(app.catalog, app.clock.now()).page(connection, 1_000));
  const seen = new Set(moments.map((moment) => JSON.stringify(moment.answers)));
  expect(seen.size).toBeGreaterThan(rounds / 6);
  for (const moment of moments) {
    const later = await Promise.all(readers.map((one) => answers(one, moment.name)));
    for (const [who, texts] of later.entries()) {
      for (const [index, text] of texts.entries()) expect(text, `seed ${seed} ${moment.name} ${queries[index]!.join("?")} reader ${who}`).toBe(moment.answers[who]![index]!);
    }
  }
  await app.close();
}, 600_000);
