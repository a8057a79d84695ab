// The check of the kill test notices each kind of damage that it is there for.
import { Database } from "bun:sqlite";
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { compileSchema } from "../../src/schema/compile-schema.ts";
import { registerSqlFunctions } from "../../src/storage/sql-functions.ts";
import { startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { crashConfig, crashResources, crashSchema, writerKey } from "./crash-app.ts";
import { DataCheck } from "./data-check.ts";

const scratch = scratchFolder();
const { catalog } = compileSchema({ file: "schema.graphql", text: crashSchema });
const data = scratch.free("data");
beforeAll(async () => {
  const app = await startApp(scratch.app({ "schema.graphql": crashSchema, "resources.ts": crashResources, "config.yaml": crashConfig }), { data, temporary: scratch.path });
  const caller = httpCaller(() => app.url, writerKey);
  await caller.post("/Folder", { id: "f", owner: "o" });
  for (const id of ["n1", "n2"]) {
    const made = await caller.post("/Note", { id, owner: "o", folderId: "f", code: id, title: `Old ${id}`, place: { lat: 1, lon: 2 } });
    expect(made.status).toBe(201);
  }
  await caller.patch("/Note/n1", { title: "New title" });
  await app.kill();
});
afterAll(() => scratch.remove());

/** The check of a copy that `damage` was done to. */
function checkOf(damage: string): () => void {
  const copy = scratch.free("copy");
  cpSync(data, copy, { recursive: true });
  const database = new Database(join(copy, "data.db"));
  registerSqlFunctions(database);
  database.run("PRAGMA foreign_keys = OFF");
  database.exec(damage);
  database.close(true);
  return () => new DataCheck(catalog, copy).run();
}

test("what was only killed is sound", () => expect(checkOf("SELECT 1")).not.toThrow());

const damages: readonly [string, string][] = [
  ["a lost record", `DELETE FROM "Note" WHERE id = 'n2'`],
  ["a lost parent", `DELETE FROM "Folder"`],
  ["a changed value", `UPDATE "Note" SET "hits" = 7 WHERE id = 'n2'`],
  ["a wrong version", `UPDATE "Note" SET "$version" = "$version" + 1 WHERE id = 'n2'`],
  ["a record that no entry knows", `INSERT INTO "Account" ("id", "balance", "$version") VALUES ('x', 1, 1)`],
  ["a lost last entry", `DELETE FROM "$log" WHERE "position" = (SELECT max("position") FROM "$log")`],
  ["a lost entry", `DELETE FROM "$log" WHERE "position" = 2`],
  ["a word that is not in the text", `DELETE FROM "Note$text" WHERE rowid = 1; INSERT INTO "Note$text" (rowid, "title") VALUES (1, 'New other')`],
  ["a text without words", `DELETE FROM "Note$text" WHERE rowid = 1`],
  ["a place elsewhere", `UPDATE "Note$geo$place" SET minLat = 5, maxLat = 6 WHERE row = 1`],
  ["a place too many", `INSERT INTO "Note$geo$place" VALUES (99, 1, 1, 1, 1)`],
];
for (const [name, damage] of damages) test(`${name} is noticed`, () => expect(checkOf(damage)).toThrow());
