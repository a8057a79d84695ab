import { expect, test } from "bun:test";
import type { RecordValues } from "../base/value.ts";
import { appOf, openedStorage } from "../storage/testing/storage-fixture.ts";
import { fieldWriters, type WrittenFields } from "./field-writers.ts";
import { appendEntry } from "./log.ts";

const app = appOf(`type Note @table { id: ID! @primaryKey text: String title: String read: Int } type Other @table { id: ID! @primaryKey text: String }`);

function opened() {
  const { storage } = openedStorage();
  storage.prepareCatalog(app.catalog, app.book);
  let position = 0;
  const append = async (actor: string | null, changes: readonly (readonly [id: string, old: RecordValues | null, present: RecordValues, table?: string])[]): Promise<void> => {
    position = await storage.commit((connection) => appendEntry(connection, { time: "2026-01-31T12:00:00.000Z", actor, requestId: "r", changes: changes.map(([id, old, present, table = "Note"]) => ({ table, id, old, new: present, cause: "write" })) }));
  };
  const writers = (id: string, fields: readonly string[], more: Partial<WrittenFields> = {}): string[] => [...fieldWriters(storage.reader, [{ table: "Note", id, fields, position, ...more }])].sort();
  return { storage, append, writers };
}

const note = (text: string, more: RecordValues = {}): RecordValues => ({ id: "n", text, title: null, read: 0, ...more });

test("whoever wrote it last, whatever others changed of the record since; each field has its own", async () => {
  const { append, writers } = opened();
  await append("author", [["n", null, note("first")]]);
  await append("editor", [["n", note("first"), note("second")]]);
  await append("titler", [["n", note("second"), note("second", { title: "t" })]]);
  await append("reader", [["n", note("second", { title: "t" }), note("second", { title: "t", read: 1 })]]);
  expect([writers("n", ["text"]), writers("n", ["title"]), writers("n", ["text", "title"]), writers("n", ["read"])]).toEqual([["editor"], ["titler"], ["editor", "titler"], ["reader"]]);
});

test("others, text that looks like an entry, and nobody are not taken for them; a deleted record that came again is its maker's", async () => {
  const { append, writers } = opened();
  await append("author", [["n", null, note("mine")]]);
  await append("quoting", [["m", null, note(`{"table":"Note","id":"n","cause":"write"`, { id: "m" })]]);
  await append("other", [["n", null, { id: "n", text: "x" }, "Other"]]);
  await append("reader", [["n", note("mine"), note("mine", { read: 1 })]]);
  expect(writers("n", ["text"])).toEqual(["author"]);
  await append(null, [["n", note("mine", { read: 1 }), note("of the runtime", { read: 1 })]]);
  expect(writers("n", ["text"])).toEqual([]);
  await append("again", [["n", null, note("new")]]);
  expect(writers("n", ["text"])).toEqual(["again"]);
});

test("of what the log does not tell any more, whoever changed the record last", async () => {
  const { storage, append, writers } = opened();
  await append("author", [["n", null, note("mine")]]);
  await append("reader", [["n", note("mine"), note("mine", { read: 1 })]]);
  await storage.commit((connection) => { connection.run(`DELETE FROM "$log" WHERE "position" = 1`); });
  expect([writers("n", ["text"]), writers("n", ["text"], { position: 1 })]).toEqual([["reader"], []]);
});
