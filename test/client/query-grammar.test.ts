// A typed query of the client finds what the same object finds in code of the app: whatever is in its values, they stay values.
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Client } from "../../client/index.ts";
import { seededRandom } from "../../src/base/random.ts";
import type { StartedApp } from "../scenarios/started-app.ts";
import { clientOf, startClientApp } from "./client-app.ts";

const COUNT = process.env["AMBIT_TEST_SIZE"] === "long" ? 5_000 : 400;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_122);
const random = seededRandom(SEED);
const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)]!;

const texts = ["", " ", "a", "b,c", "d)e", "(f", '"g"', "h\\i", "j.k", "null", "eq.5", "not.eq.a", "{l,m}", "[n]", "o&p=q", "r+s", "t%u", "ü𝄞\u{ffff}", "*v*", "100%", "it's", "\n", "$1", ",", "\\", '"', "{", "in.(a)"];
const patterns = texts.filter((text) => !text.endsWith("\\"));
const numbers = [-3, 0, 1, 2, 7];
const bigs = ["-9007199254740993", "0", "9007199254740993", "12"];

let app: StartedApp;
let client: Client;
beforeAll(async () => {
  app = await startClientApp();
  client = clientOf(app.url);
  await client.from("Shelf").create({ id: "s1", name: "x,y", room: 1 });
  await client.from("Shelf").create({ id: "s2", name: null, room: 2 });
  const batch = client.batch();
  for (let index = 0; index < 60; index++) {
    const maybe = <Value>(value: Value): Value | null => (random.next() < 0.2 ? null : value);
    batch.from("Item").create({
      id: `i${index}`, title: maybe(texts[index % texts.length]!), price: maybe(pick(numbers)), big: maybe(BigInt(pick(bigs))), exact: maybe(pick(["1.50", "-2", "10"])), open: random.next() < 0.5, order: maybe(pick(numbers)),
      at: maybe(new Date(Date.UTC(2026, 0, 1 + index))), tags: [pick(texts), pick(texts)], attributes: maybe({ a: pick(texts), $ref: pick(numbers) }), place: maybe({ lat: pick(numbers), lon: 1.5 }), shelfId: pick([null, "s1", "s2"]),
    });
  }
  await batch.send();
});
afterAll(async () => {
  client.close();
  await app.stop();
});

function condition(depth: number): Record<string, unknown> {
  const choice = Math.floor(random.next() * (depth > 0 ? 19 : 15));
  const compare = (values: readonly unknown[]): unknown => pick([pick(values), null, { eq: pick(values) }, { neq: pick(values) }, { gt: pick(values) }, { lte: pick(values), neq: pick(values) }, { in: [pick(values), pick(values)] }, { not: { in: [pick(values)] } }, { in: [] },
    { isdistinct: pick(values) }, { is: "null" }, { is: "not_null" }, { not: { gte: pick(values) } }, { eq: { any: [pick(values), pick(values)] } }, { neq: { all: [pick(values)] } }, { neq: null }]);
  switch (choice) {
    case 0: case 1: case 2: return { title: compare(texts) };
    case 3: return { title: pick([{ like: "%a%" }, { like: `*${pick(patterns)}*` }, { ilike: pick(patterns) }, { like: { any: ["a%", pick(patterns)] } }, { match: "^[a-z]," }]) };
    case 4: case 5: return { price: compare(numbers) };
    case 6: return { big: compare(bigs) };
    case 7: return { exact: compare(["1.5", "-2.00", "9.999"]) };
    case 8: return { open: pick([true, false, { is: true }, { neq: true }]) };
    case 9: return { and: [{ order: compare(numbers) }] };
    case 10: return { tags: pick([{ cs: [pick(texts)] }, { ov: [pick(texts), pick(texts)] }, { cd: texts }, { eq: [pick(texts), pick(texts)] }, { not: { cs: [pick(texts)] } }]) };
    case 11: return { attributes: pick([{ cs: { a: pick(texts) } }, null, { is: "not_null" }, { cs: { $ref: 1 } }]) };
    case 12: return { place: pick([{ lat: { gt: pick(numbers) } }, { lat: pick(numbers), lon: 1.5 }, null, { not: { lat: { lt: 1 } } }]) };
    case 13: return { at: pick([{ gt: "2026-01-10T00:00:00.000Z" }, { lte: "2026-02-01T00:00:00Z" }]) };
    case 14: return { shelf: pick([null, {}, { name: "x,y" }, { room: { gt: 1 }, name: null }]) };
    case 15: return { shelf: { items: { price: compare(numbers) }, or: [{ room: 1 }, { items: null }] } };
    case 16: return { or: [condition(depth - 1), condition(depth - 1)] };
    case 17: return { and: [condition(depth - 1), { ...condition(depth - 1), ...condition(depth - 1) }] };
    default: return { not: condition(depth - 1) };
  }
}

test(`${COUNT} random queries find the same as in code`, async () => {
  let found = 0;
  for (let index = 0; index < COUNT; index++) {
    const order = pick([undefined, { price: "desc" }, { title: "asc.nullsfirst", id: "desc" }, [{ shelf: { room: "desc" } }, { order: "asc" }]]);
    const query = { ...condition(2), ...condition(2), ...(order === undefined ? {} : { order }), ...(random.next() < 0.3 ? { limit: 5, offset: 1 } : {}) };
    const expected = await client.call("inCode", { query: JSON.stringify(query) });
    const rows = await client.from("Item").find(query as Record<string, unknown>);
    expect({ seed: SEED, query, ids: rows.map((row) => row["id"]) }).toEqual({ seed: SEED, query, ids: expected as unknown[] });
    expect(rows.every((row) => !Object.keys(row).some((name) => name.startsWith("$")))).toBe(true);
    found += rows.length;
  }
  expect(found).toBeGreaterThan(COUNT);
}, 120_000);

test("dates, bigints and bytes are handed in as what they are", async () => {
  expect((await client.from("Item").find({ at: { lt: new Date(Date.UTC(2026, 0, 4)) }, order: { at: "asc" } })).every((row) => String(row["at"]) < "2026-01-04")).toBe(true);
  expect(await client.from("Item").count({ big: 9007199254740993n })).toBe((await client.from("Item").find({ big: "9007199254740993" })).length);
});

test("what is no query is refused before anything is sent", () => {
  const query = (wrong: Record<string, unknown>): string => {
    try {
      client.from("Item").live(wrong);
    } catch (error) {
      return (error as { code: string }).code;
    }
    return "none";
  };
  for (const wrong of [{ title: undefined }, { title: { eq: undefined } }, { title: {} }, { or: [] }, { or: {} }, { not: [] }, { or: [{}] }, { order: "title" }, { order: { title: "down" } }, { select: "id" }, { asof: "2026-01-01" }]) {
    expect([wrong, query(wrong)]).toEqual([wrong, "MALFORMED_QUERY"]);
  }
});
