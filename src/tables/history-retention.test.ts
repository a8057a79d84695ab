import { afterEach, expect, test } from "bun:test";
import { create, openTables, remove, update, type OpenTables } from "./testing/open-tables.ts";
import { historyTrim } from "../storage/history-retention.ts";
import { readHistoryStart } from "../storage/history-tables.ts";

const DAY = 86_400_000;
let open: OpenTables;
afterEach(() => open.close());

/** Pages of two, so that none of them is the last by chance. */
async function trim(limit = 2): Promise<number> {
  const trimming = historyTrim(open.catalog, open.clock.now());
  let pages = 0;
  do pages++; while (await open.storage.commit((connection) => trimming.page(connection, limit)) && pages < 1_000);
  return pages;
}
const endings = (table: string): unknown[] => open.storage.reader.values(`SELECT "$ending", "id" FROM "${table}$history" ORDER BY rowid`).map((row) => row.join(" "));

test("each kind of ending has its own time; what the trash keeps longer does not keep the rest", async () => {
  open = openTables(`type Both @table(history: "P2D", trash: "P5D") { id: ID! @primaryKey n: Int }
    type Trash @table(trash: "P5D") { id: ID! @primaryKey n: Int }
    type Past @table(history: "P2D") { id: ID! @primaryKey n: Int }`);
  for (const table of ["Both", "Trash", "Past"]) {
    await open.writeAll(["a", "b", "c"].map((id) => create(table, { id, n: 0 })));
    for (const id of ["a", "b", "c"]) await open.write(update(table, id, { n: 1 }));
    await open.write(remove(table, "a"));
  }
  expect([endings("Both"), endings("Trash"), endings("Past")]).toEqual([["update a", "update b", "update c", "delete a"], ["delete a"], ["update a", "update b", "update c", "delete a"]]);
  open.clock.advance(2 * DAY);
  await trim();
  expect(endings("Both").length + endings("Past").length).toBe(8);
  const before = readHistoryStart(open.storage.reader, "Both")!;
  open.clock.advance(1);
  await open.write(update("Both", "b", { n: 2 }));
  await trim();
  expect([endings("Both"), endings("Trash"), endings("Past")]).toEqual([["delete a", "update b"], ["delete a"], []]);
  const after = readHistoryStart(open.storage.reader, "Both")!;
  expect(after.position).toBeGreaterThan(before.position);
  expect(open.storage.reader.values(`SELECT count(*) FROM "$moment"`)).toEqual([[1]]);
  open.clock.advance(3 * DAY);
  await trim();
  expect([endings("Both"), endings("Trash")]).toEqual([[], []]);
});

test("pages go through everything, however much is kept between", async () => {
  open = openTables(`type Item @table(history: "P1D", trash: "P9D") { id: ID! @primaryKey n: Int }`);
  const ids = Array.from({ length: 9 }, (_, index) => `i${index}`);
  await open.writeAll(ids.map((id) => create("Item", { id })));
  await open.writeAll(ids.map((id) => remove("Item", id)));
  await open.writeAll(ids.map((id) => create("Item", { id })));
  await open.writeAll(ids.map((id) => update("Item", id, { n: 1 })));
  open.clock.advance(DAY + 1);
  expect(await trim()).toBeGreaterThan(9);
  expect(endings("Item").sort()).toEqual(ids.map((id) => `delete ${id}`));
});
