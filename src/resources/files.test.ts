// Files and records below the wire: what a record lets go of goes in its time, whatever took it; names may change; tenants stay apart.
import { afterEach, expect, test } from "bun:test";
import { subjectIdentity } from "../access/identities.ts";
import { createLog } from "../base/log.ts";
import { FILES_FOLDER, diskFiles } from "../storage/disk-files.ts";
import { FileStore } from "../storage/file-store.ts";
import { seededRandom } from "../base/random.ts";
import { createFileSweeper } from "../tables/file-sweeper.ts";
import { defaultLimits } from "../base/limits.ts";
import { join } from "node:path";
import { openApp, refusal, user, type Caller, type OpenApp } from "./testing/open-app.ts";

const rules = `@export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE])`;
const schema = `
type Folder @table ${rules} { id: ID! @primaryKey }
type Doc @table(trash: "P30D") ${rules} {
  id: ID! @primaryKey
  file: Blob
  pages: [Blob!]
  until: DateTime @expiresAt
  folderId: ID
  folder: Folder @relationship(from: "folderId", onDelete: CASCADE)
}
type Plain @table ${rules} { id: ID! @primaryKey file: Blob }
type Own @table(tenant: "org") ${rules} { id: ID! @primaryKey org: ID! file: Blob }`;

const DAY_MS = 86_400_000;
const apps: OpenApp[] = [];
afterEach(async () => { for (const app of apps.splice(0)) await app.close(); });

function opened(sdl = schema, directory?: string): { app: OpenApp; clerk: Caller } {
  const app = openApp(sdl, directory === undefined ? {} : { directory });
  apps.push(app);
  return { app, clerk: app.as(user("ann", "clerk")) };
}

async function upload(as: Caller, place: readonly [string, string], text: string): Promise<{ url: string; hash: string }> {
  const { status, body } = await as.send({ kind: "upload", table: place[0], field: place[1], content: new Blob([text]).stream(), length: null, name: null });
  expect(status).toBe(201);
  return body as { url: string; hash: string };
}

async function read(as: Caller, { url }: { url: string }): Promise<string> {
  try {
    const { result } = await as.send({ kind: "file", id: url.slice("/files/".length), link: null });
    return await new Response(await result.file!.open({ start: 0, end: result.file!.value.size })).text();
  } catch (error) {
    return (error as { code: string }).code;
  }
}

/** What `days` later is still noted, by url. */
async function after(app: OpenApp, days: number): Promise<string[]> {
  app.clock.advance(days * DAY_MS);
  const store = new FileStore({ directory: app.directory, content: diskFiles(join(app.directory, FILES_FOLDER)), random: seededRandom(3), clock: app.clock });
  await createFileSweeper({ storage: app.storage, store, clock: app.clock, log: createLog({ clock: app.clock, sink: () => {} }), catalog: () => app.catalog, limits: () => defaultLimits }).sweep();
  return app.storage.reader.values(`SELECT '/files/' || "id" FROM "$file" ORDER BY 1`).map(([url]) => String(url));
}

test("an update, a deletion, a cascade and an expiry let go; what is still referred to stays", async () => {
  const { app, clerk } = opened();
  app.tables.start();
  const plain = (text: string): ReturnType<typeof upload> => upload(clerk, ["Plain", "file"], text);
  const [kept, updated, deleted, lone] = [await plain("kept"), await plain("updated"), await plain("deleted"), await plain("lone")];
  const [inCascade, inExpiry, page] = [await upload(clerk, ["Doc", "file"], "cascade"), await upload(clerk, ["Doc", "file"], "expired"), await upload(clerk, ["Doc", "pages"], "page")];
  await clerk.create("Plain", [{ id: "kept", file: kept.url }, { id: "updated", file: updated.url }, { id: "deleted", file: deleted.url }]);
  await clerk.create("Folder", { id: "f" });
  await clerk.create("Doc", [{ id: "c", file: inCascade.url, pages: [page.url], folderId: "f" }, { id: "e", file: inExpiry.url, until: "2026-01-01T01:00:00Z" }]);
  await clerk.update("Plain", "updated", { file: null });
  await clerk.remove("Plain", "deleted");
  await clerk.remove("Folder", "f");
  expect(await read(clerk, kept)).toBe("kept");
  const soon = await after(app, 0.5);
  expect(soon).toHaveLength(7);
  expect(soon).toContain(lone.url);
  await Bun.sleep(50);
  // The cascade's are in the trash, for thirty days.
  for (const days of [1.1, 2]) expect(await after(app, days)).toEqual([kept.url, inCascade.url, page.url].sort());
  expect([await read(clerk, kept), await read(clerk, inExpiry)]).toEqual(["kept", "NOT_FOUND"]);
});

test("a table and a field get other names; a field that is dropped lets go", async () => {
  const { app, clerk } = opened();
  const file = await upload(clerk, ["Plain", "file"], "renamed");
  const waiting = await upload(clerk, ["Plain", "file"], "waiting");
  await clerk.create("Plain", { id: "a", file: file.url });
  await apps.pop()!.close(true);
  const renamed = schema.replace(`type Plain @table ${rules} { id: ID! @primaryKey file: Blob }`, `type Paper @table ${rules} @renamed(from: "Plain") { id: ID! @primaryKey scan: Blob @renamed(from: "file") }`);
  const again = opened(renamed, app.directory);
  expect(await read(again.clerk, file)).toBe("renamed");
  expect((await again.clerk.create("Paper", { id: "b", scan: waiting.url })).status).toBe(201);
  expect(await after(again.app, 3)).toHaveLength(2);
});

test("several records in one request take each its own; two that want the same are refused together", async () => {
  const { clerk } = opened();
  const [one, two] = [await upload(clerk, ["Plain", "file"], "one"), await upload(clerk, ["Plain", "file"], "two")];
  expect(await refusal(clerk.create("Plain", [{ id: "a", file: one.url }, { id: "b", file: one.url }]))).toMatchObject({ code: "VALIDATION_FAILED", where: "file" });
  expect((await clerk.create("Plain", [{ id: "a", file: one.url }, { id: "b", file: two.url }])).status).toBe(201);
  expect([await read(clerk, one), await read(clerk, two)]).toEqual(["one", "two"]);
});

test("tenants: nobody takes or reads another's, and who is of none takes none of theirs", async () => {
  const { app } = opened();
  const [first, second] = ["t1", "t2"].map((tenant) => app.as(subjectIdentity({ subject: "ann", roles: ["clerk"], tenant }))) as [Caller, Caller];
  const file = await upload(first, ["Own", "file"], "of the first");
  expect((await refusal(second.create("Own", { id: "a", file: file.url }))).code).toBe("VALIDATION_FAILED");
  expect((await first.create("Own", { id: "a", file: file.url })).status).toBe(201);
  expect([await read(first, file), await read(second, file), await read(app.as(user("ann", "clerk")), file)]).toEqual(["of the first", "NOT_FOUND", "NOT_FOUND"]);
});
