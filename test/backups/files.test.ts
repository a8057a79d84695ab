// Copies of data with files: a backup, an export and what a restore puts aside have the contents beside them, and give them back.
import { afterAll, expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ambitHere } from "../processes/ambit-here.ts";
import { startApp, type AppProcess } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const schema = `
type Page @table(history: "P9D") @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  file: Blob
  more: [Blob!]
}`;
const app = scratch.app({ "schema.graphql": schema, "config.yaml": "auth: { keys: [{ token: key-ann, subject: ann, roles: [clerk] }] }\n" });
const headers = { authorization: "Bearer key-ann" };

async function put(url: string, id: string, ...texts: readonly string[]): Promise<string[]> {
  const urls: string[] = [];
  for (const [index, text] of texts.entries()) {
    const field = index === 0 ? "file" : "more";
    const sent = await fetch(`${url}/files/Page/${field}?name=${id}.txt`, { method: "POST", headers, body: text });
    urls.push((await sent.json() as { url: string }).url);
  }
  const done = await fetch(`${url}/Page/${id}`, { method: "PUT", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify({ file: urls[0], more: urls.slice(1) }) });
  expect(done.status).toBeLessThan(300);
  return urls;
}

const read = async (url: string, file: string): Promise<string> => {
  const got = await fetch(url + file, { headers });
  return got.ok ? got.text() : String(got.status);
};
const reads = (url: string, files: readonly string[]): Promise<string[]> => Promise.all(files.map((file) => read(url, file)));
const contents = (folder: string): number => (existsSync(folder) ? readdirSync(folder).filter((name) => name.length === 2).flatMap((prefix) => readdirSync(join(folder, prefix))).length : 0);

test("a backup has the files, a restore brings them back, and what it puts aside keeps its own", async () => {
  const data = scratch.free("data");
  const backup = join(scratch.free("backups"), "..", "monday.db");
  let running: AppProcess = await startApp(app, { data });
  const first = await put(running.url, "a", "one", "two", "two");
  await put(running.url, "a", "one again");
  await (await fetch(`${running.url}/files/Page/file`, { method: "POST", headers, body: "nobody's" })).json();
  expect((await ambitHere(["backup", backup, app, "--data", data])).code).toBe(0);
  // Former versions have theirs; what nothing refers to stays behind.
  expect(contents(`${backup}.files`)).toBe(3);
  expect((await ambitHere(["backup", backup, app, "--data", data])).code).not.toBe(0);
  const second = await put(running.url, "b", "later");
  await running.stop();
  expect((await ambitHere(["restore", backup, app, "--data", data])).code).toBe(0);
  const [kept] = readdirSync(data).filter((name) => /^before-restore-.*\.db$/.test(name));
  expect(contents(join(data, `${kept!}.files`))).toBe(4);
  running = await startApp(app, { data });
  expect(await reads(running.url, [...first, ...second])).toEqual(["one", "two", "two", "404"]);
  await running.stop();

  // Into another place, from the backup alone.
  const other = scratch.free("data");
  expect((await ambitHere(["restore", backup, app, "--data", other])).code).toBe(0);
  running = await startApp(app, { data: other });
  expect(await reads(running.url, first)).toEqual(["one", "two", "two"]);
  await running.stop();

  // Back to what was put aside, even if the files there are gone.
  rmSync(join(data, "files"), { recursive: true });
  expect((await ambitHere(["restore", join(data, kept!), app, "--data", data])).code).toBe(0);
  running = await startApp(app, { data });
  expect(await reads(running.url, [...first, ...second])).toEqual(["one", "two", "two", "later"]);
  await running.stop();

  rmSync(`${backup}.files`, { recursive: true });
  const empty = scratch.free("data");
  const refused = await ambitHere(["restore", backup, app, "--data", empty]);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("contents of files are missing")]);
  expect(existsSync(join(empty, "data.db"))).toBe(false);
}, 120_000);

test("a backup of damaged files is none", async () => {
  const data = scratch.free("data");
  const running = await startApp(app, { data });
  await put(running.url, "a", "one");
  await running.stop();
  const folder = join(data, "files");
  for (const prefix of readdirSync(folder).filter((name) => name.length === 2)) rmSync(join(folder, prefix), { recursive: true });
  const target = scratch.free("damaged.db");
  const refused = await ambitHere(["backup", target, app, "--data", data]);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("missing or not whole")]);
  expect([existsSync(target), existsSync(`${target}.files`)]).toEqual([false, false]);
}, 120_000);

test("an export has the files of its records, and an import takes them, at rest and through a running app", async () => {
  const data = scratch.free("data");
  let running = await startApp(app, { data });
  const urls = await put(running.url, "a", "one", "two");
  await put(running.url, "old", "gone");
  await put(running.url, "old", "here");
  await running.stop();
  const source = scratch.free("export");
  expect((await ambitHere(["export", source, app, "--data", data])).code).toBe(0);
  expect(contents(join(source, "files"))).toBe(3);
  for (const runs of [false, true]) {
    const target = scratch.free("data");
    const serving = runs ? await startApp(app, { data: target }) : null;
    const done = await ambitHere(["import", source, app, "--data", target, "--json"]);
    expect([done.err, done.objects()]).toEqual(["", [{ event: "imported", created: 2, replaced: 0, unchanged: 0 }]]);
    expect((await ambitHere(["import", source, app, "--data", target, "--json"])).objects()).toEqual([{ event: "imported", created: 0, replaced: 0, unchanged: 2 }]);
    running = serving ?? await startApp(app, { data: target });
    expect(await reads(running.url, urls)).toEqual(["one", "two"]);
    await put(running.url, "a", "newer");
    await running.stop();
  }
  const folder = join(source, "files");
  const [prefix] = readdirSync(folder);
  const [hash] = readdirSync(join(folder, prefix!));
  writeFileSync(join(folder, prefix!, hash!), "something else");
  const refused = await ambitHere(["import", source, app, "--data", scratch.free("data")]);
  expect([refused.code, refused.err]).toEqual([2, expect.stringContaining("is not the content that its name says")]);
  rmSync(folder, { recursive: true });
  const lacking = await ambitHere(["import", source, app, "--data", scratch.free("data")]);
  expect([lacking.code, lacking.err]).toEqual([1, expect.stringContaining("is not there")]);
}, 120_000);
