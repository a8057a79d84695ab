// The copy of a query: changes applied, rows in the order of the server, whatever their values.
import { expect, test } from "bun:test";
import { compareText, LiveRows, rowOrder, type Row } from "./live-rows.ts";

const facts = { key: "id", order: { big: "number", took: "server" } } as const;
const ids = (rows: LiveRows): unknown[] => rows.rows.map((row) => row["id"]);

function rowsIn(query: Row, rows: readonly Row[]): LiveRows {
  const live = new LiveRows("id", rowOrder(query, facts));
  live.replace(rows);
  return live;
}

test("by the fields that were asked for, nulls where the server has them, the key last", () => {
  const rows = [{ id: "c", price: 1 }, { id: "a", price: null }, { id: "b", price: 1 }, { id: "d", price: 5 }];
  expect(ids(rowsIn({ order: { price: "asc" } }, rows))).toEqual(["b", "c", "d", "a"]);
  expect(ids(rowsIn({ order: { price: "desc" } }, rows))).toEqual(["a", "d", "c", "b"]);
  expect(ids(rowsIn({ order: [{ price: "desc.nullslast" }, { id: "desc" }] }, rows))).toEqual(["d", "c", "b", "a"]);
  expect(ids(rowsIn({}, rows))).toEqual(["a", "b", "c", "d"]);
});

test("whole and decimal numbers that came as text", () => {
  const order = ["-9223372036854775808", "-10", "-9.5", "-9", "0", "0.00", "0.1", "0.10", "9", "10", "9223372036854775807"];
  const shuffled = order.map((big, index) => ({ id: index, big })).sort((left, right) => (left.big < right.big ? -1 : 1));
  expect(rowsIn({ order: { big: "asc" } }, shuffled).rows.map((row) => row["big"])).toEqual(order);
});

test("text by code points, as its bytes compare", () => {
  const texts = ["", "A", "Z", "a", "aa", "ä", "\u{ffff}", "\u{1f600}", "\u{1f600}a"];
  expect([...texts].reverse().sort(compareText)).toEqual(texts);
  expect(texts.map((text) => Buffer.from(text).toString("hex"))).toEqual([...texts].map((text) => Buffer.from(text).toString("hex")).sort());
});

test("what only the server can put in order stays where it came", () => {
  const rows = [{ id: "b" }, { id: "a" }];
  for (const query of [{ search: "x" }, { near: {} }, { similar: {} }, { order: { took: "asc" } }, { order: { shelf: { name: "asc" } } }]) {
    const live = rowsIn(query, rows);
    live.apply([{ type: "enter", key: "0", record: { id: "0" } }, { type: "update", key: "b", record: { id: "b", x: 1 } }, { type: "leave", key: "a" }]);
    expect(live.rows).toEqual([{ id: "b", x: 1 }, { id: "0" }]);
  }
});

test("changes, told twice or for what is not there, leave the same state", () => {
  const live = rowsIn({ order: { price: "asc" } }, [{ id: "a", price: 1 }, { id: "b", price: 2 }, { id: "c", price: 3 }]);
  const changes = [{ type: "update", key: "a", record: { id: "a", price: 9 } }, { type: "leave", key: "b" }, { type: "enter", key: "d", record: { id: "d", price: 2 } }, { type: "leave", key: "x" }] as const;
  for (let count = 0; count < 2; count++) {
    live.apply(changes);
    expect(live.rows).toEqual([{ id: "d", price: 2 }, { id: "c", price: 3 }, { id: "a", price: 9 }]);
  }
  const before = live.rows;
  live.apply([]);
  expect(live.rows).toBe(before);
  live.replace([{ count: 3 }, { count: 4 }]);
  expect(live.rows).toEqual([{ count: 3 }, { count: 4 }]);
});

test("many random changes end in the state that a plain map has", () => {
  let state = 7;
  const below = (count: number): number => (state = (state * 48_271) % 2_147_483_647) % count;
  const live = rowsIn({ order: { price: "desc" } }, []);
  const plain = new Map<string, Row>();
  for (let count = 0; count < 2_000; count++) {
    const id = `k${below(50)}`;
    if (below(4) === 0) {
      live.apply([{ type: "leave", key: id }]);
      plain.delete(id);
    } else {
      const record = { id, price: below(10) === 0 ? null : below(20) };
      live.apply([{ type: plain.has(id) ? "update" : "enter", key: id, record }]);
      plain.set(id, record);
    }
  }
  const price = (row: Row): number => (row["price"] === null ? Infinity : row["price"] as number);
  expect(live.rows).toEqual([...plain.values()].sort((left, right) => price(right) - price(left) || compareText(String(right["id"]), String(left["id"]))));
});
