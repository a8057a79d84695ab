// Files in a bucket of a real S3-compatible server, in this process: they come, are read in part, and go; and what happens when it is away.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fakeClock, type FakeClock } from "../../src/base/clock.ts";
import { startTestApp, type StartedApp } from "./started-app.ts";

const schema = `type Doc @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey file: Blob }`;
interface Server { run(): Promise<{ readonly port: number }>; close(): Promise<void> }
const S3rver = createRequire(import.meta.url)("s3rver") as new (options: object) => Server;
const headers = { authorization: "Bearer key-ann" };

let folder = "";
let server: Server;
let port = 0;
let app: StartedApp;
let clock: FakeClock;

async function openServer(wanted: number): Promise<number> {
  server = new S3rver({ port: wanted, address: "127.0.0.1", silent: true, directory: folder, configureBuckets: [{ name: "files", configs: [] }] });
  return (await server.run()).port;
}
const bucket = (): Bun.S3Client => new Bun.S3Client({ bucket: "files", endpoint: `http://127.0.0.1:${port}`, accessKeyId: "S3RVER", secretAccessKey: "S3RVER" });
const keys = async (): Promise<string[]> => ((await bucket().list({ prefix: "app/" })).contents ?? []).map(({ key }) => key);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "ambit-s3-"));
  port = await openServer(0);
  clock = fakeClock();
  app = await startTestApp({ schema, config: `
files: { driver: s3, bucket: files, endpoint: "http://127.0.0.1:${port}", region: us-east-1, accessKey: S3RVER, secretKey: S3RVER, prefix: app/, types: [text/plain, image/*] }
auth: { keys: [{ token: key-ann, subject: ann, roles: [clerk] }] }
` }, { clock });
});
afterAll(async () => {
  await app?.stop();
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function send(bytes: Uint8Array | string): Promise<{ status: number; body: { url: string; hash: string; code?: string } }> {
  const sent = await fetch(`${app.url}/files/Doc/file`, { method: "POST", headers, body: bytes });
  return { status: sent.status, body: await sent.json() as { url: string; hash: string } };
}
const put = async (id: string, file: string | null): Promise<number> => (await fetch(`${app.url}/Doc/${id}`, { method: "PUT", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify({ file }) })).status;
const read = (url: string, more: Record<string, string> = {}): Promise<Response> => fetch(app.url + url, { headers: { ...headers, ...more } });

test("up, down, in part, the same content once, and gone when nothing refers to it", async () => {
  const bytes = Buffer.alloc(12_000_000, "0123456789");
  const [first, second] = [await send(bytes), await send(bytes)];
  expect([first.status, second.status, first.body.hash]).toEqual([201, 201, createHash("sha256").update(bytes).digest("hex")]);
  expect(await keys()).toEqual([`app/${first.body.hash}`]);
  expect([await put("a", first.body.url), await put("b", second.body.url)]).toEqual([201, 201]);
  expect(createHash("sha256").update(await (await read(first.body.url)).bytes()).digest("hex")).toBe(first.body.hash);
  const part = await read(first.body.url, { range: "bytes=11999990-" });
  expect([part.status, part.headers.get("content-range"), await part.text()]).toEqual([206, "bytes 11999990-11999999/12000000", "0123456789"]);
  await put("a", null);
  const sweep = async (): Promise<void> => { for (let turn = 0; turn < 4; turn++) { clock.advance(90_000_000); await Bun.sleep(150); } };
  await sweep();
  expect([(await read(first.body.url)).status, (await read(second.body.url)).status, (await keys()).length]).toEqual([404, 200, 1]);
  await put("b", null);
  await sweep();
  expect(await keys()).toEqual([]);
}, 120_000);

test("types that are not taken", async () => {
  expect(await send(Uint8Array.of(0, 1, 2, 3))).toMatchObject({ status: 415, body: { code: "UNSUPPORTED_MEDIA_TYPE" } });
  expect((await send("text")).status).toBe(201);
});

test("an object that is gone, and a server that is away", async () => {
  const kept = (await send("kept")).body;
  await put("kept", kept.url);
  const lost = (await send("lost")).body;
  await put("lost", lost.url);
  await bucket().delete(`app/${lost.hash}`);
  expect(await (await read(lost.url)).json()).toMatchObject({ code: "DATA_DAMAGED", status: 503 });
  await server.close();
  expect(await (await read(kept.url)).json()).toMatchObject({ code: "UNAVAILABLE", status: 503 });
  expect(await send("while it is away")).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
  await openServer(port);
  expect(await (await read(kept.url)).text()).toBe("kept");
  expect((await send("while it is away")).status).toBe(201);
}, 120_000);
