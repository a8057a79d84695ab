// Data directories as each format left them, written by a version of that time: this version opens them, keeps a snapshot, answers what
// was answered then, and goes on. Each folder has the app, its data file and answers. A format that was released is never changed here.
import { afterAll, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { withDataFile } from "../../src/storage/backup.ts";
import { checkData } from "../../src/storage/check-data.ts";
import { DATA_FORMAT, readMeta } from "../../src/storage/system-tables.ts";
import { ambitHere } from "../processes/ambit-here.ts";
import { startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const folders = readdirSync(import.meta.dir).filter((name) => /^format-\d+$/.test(name)).sort();

test("every format before this one has its data", () => {
  expect(folders).toEqual(Array.from({ length: DATA_FORMAT - 1 }, (_, index) => `format-${index + 1}`));
});

for (const name of folders) {
  test(`data of ${name} are upgraded, answer as before, and take writes`, async () => {
    const source = join(import.meta.dir, name);
    const folder = scratch.app({});
    mkdirSync(folder, { recursive: true });
    for (const file of ["schema.graphql", "config.yaml"]) copyFileSync(join(source, file), join(folder, file));
    const data = scratch.free("data");
    mkdirSync(data);
    writeFileSync(join(data, "data.db"), gunzipSync(readFileSync(join(source, "data.db.gz"))));
    const backup = scratch.free("backup.db");
    expect((await ambitHere(["backup", backup, folder, "--data", data])).code).toBe(0);

    await using app = await startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
    const caller = httpCaller(() => app.url, "key-of-the-writer");
    for (const [path, answer] of Object.entries(JSON.parse(readFileSync(join(source, "expected.json"), "utf8")) as Record<string, unknown>)) {
      expect([path, (await caller.get(path)).json<unknown>()]).toEqual([path, answer]);
    }
    const [snapshot] = readdirSync(data).filter((file) => file.startsWith("before-format-"));
    expect(withDataFile(join(data, snapshot!), (connection) => readMeta(connection, "format"))).toBe(name.replace("format-", ""));
    const created = await caller.post("/Product", { id: "new", sku: "N1", title: "new apple", kind: "TOY", price: 1 }, { prefer: "return=representation" });
    expect(created.json<{ number: string }[]>()[0]!.number).toBe("4");
    expect((await caller.post("/Product", { sku: "a1", title: "taken", kind: "TOY", price: 1 })).code).toBe("UNIQUE_VIOLATION");
    expect((await caller.get("/Product?search=apple&select=id")).json<{ id: string }[]>().map(({ id }) => id).sort()).toEqual(["a", "new"]);
    expect(withDataFile(join(data, "data.db"), (connection) => [readMeta(connection, "format"), checkData(connection).position > 5])).toEqual([String(DATA_FORMAT), true]);

    // A backup of that time is restored by this version, too.
    expect(await app.stop()).toBe(0);
    const restored = await ambitHere(["restore", backup, folder, "--data", data, "--json"]);
    expect([restored.code, restored.objects()[0]?.["event"]]).toEqual([0, "restored"]);
    await using again = await startApp(folder, { data, temporary: scratch.path, environment: { AMBIT_LOG: "quiet" } });
    expect((await httpCaller(() => again.url, null).get("/Product?select=id&order=id")).json<unknown>()).toEqual([{ id: "a" }, { id: "b" }]);
  }, 120_000);
}
