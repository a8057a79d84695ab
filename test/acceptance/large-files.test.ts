// Large files through a real process: memory stays flat on the way up and down, for one and for many, and for clients that read slowly or
// go away in the middle.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { startApp, type AppProcess } from "../processes/app-process.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { comesTrue } from "../processes/waits.ts";

const BYTES = process.env["AMBIT_TEST_SIZE"] === "long" ? 1_000_000_000 : 100_000_000;
/** Far below what the file would need: the rest is what the allocator keeps, some more for a file that takes longer. */
const GROWTH_BYTES = process.env["AMBIT_TEST_SIZE"] === "long" ? 160_000_000 : 64_000_000;
const PIECE = Buffer.alloc(65_536, "abcdefgh");
const scratch = scratchFolder();
const headers = { authorization: "Bearer key-ann" };
let app: AppProcess;
let data = "";

beforeAll(async () => {
  const folder = scratch.app({
    "schema.graphql": `type Film @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey file: Blob! }`,
    "config.yaml": "auth: { keys: [{ token: key-ann, subject: ann, roles: [clerk] }] }\nlimits: { fileBytes: 2000MB, uploads: 4, uploadMs: 60000, idleS: 3 }\n",
  });
  data = scratch.free("data");
  app = await startApp(folder, { data });
  // What one upload loads and warms is not what it grows by.
  await upload(1_000_000);
});
afterAll(async () => {
  await app?.stop();
  scratch.remove();
});

function pieces(bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return new ReadableStream<Uint8Array>({
    pull(controller) {
      if (left <= 0) return controller.close();
      controller.enqueue(new Uint8Array(PIECE.subarray(0, Math.min(left, PIECE.length))));
      left -= PIECE.length;
    },
  });
}

function hashOf(bytes: number): string {
  const hash = createHash("sha256");
  for (let left = bytes; left > 0; left -= PIECE.length) hash.update(PIECE.subarray(0, Math.min(left, PIECE.length)));
  return hash.digest("hex");
}

async function upload(bytes: number): Promise<{ url: string; hash: string; size: number }> {
  const sent = await fetch(`${app.url}/files/Film/file`, { method: "POST", headers, body: pieces(bytes) });
  const file = await sent.json() as { url: string; hash: string; size: number };
  expect([sent.status, file.size]).toEqual([201, bytes]);
  return file;
}

/** Resident bytes of the server. */
const resident = (): number => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${app.pid}/status`, "utf8"))![1]) * 1_024;

/** How much more than before it held at any time meanwhile. */
async function growthDuring(work: () => Promise<void>): Promise<number> {
  const before = resident();
  let most = before;
  const watch = setInterval(() => { most = Math.max(most, resident()); }, 20);
  try {
    await work();
  } finally {
    clearInterval(watch);
  }
  return most - before;
}

test(`${BYTES} bytes up and down`, async () => {
  let file = { url: "", hash: "", size: 0 };
  const up = await growthDuring(async () => { file = await upload(BYTES); });
  expect(file.hash).toBe(hashOf(BYTES));
  await fetch(`${app.url}/Film/large`, { method: "PUT", headers: { ...headers, "content-type": "application/json" }, body: JSON.stringify({ file: file.url }) });
  const down = await growthDuring(async () => {
    const got = await fetch(app.url + file.url, { headers });
    const hash = createHash("sha256");
    for await (const piece of got.body!) hash.update(piece);
    expect(hash.digest("hex")).toBe(file.hash);
  });
  console.log(`grew by ${Math.round(up / 1e6)} MB on the way up, ${Math.round(down / 1e6)} MB on the way down`);
  expect(up).toBeLessThan(GROWTH_BYTES);
  expect(down).toBeLessThan(GROWTH_BYTES);
  const part = await fetch(app.url + file.url, { headers: { ...headers, range: `bytes=${BYTES - 16}-` } });
  expect([part.status, (await part.text()).length]).toEqual([206, 16]);
}, 300_000);

test("clients that read nothing hold little", async () => {
  const { url } = (await (await fetch(`${app.url}/Film/large`, { headers })).json() as { file: { url: string } }).file;
  const sockets = Array.from({ length: 8 }, () => connect(app.port, "127.0.0.1"));
  const growth = await growthDuring(async () => {
    for (const socket of sockets) {
      socket.pause();
      socket.on("error", () => {});
      socket.write(`GET ${url} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer key-ann\r\n\r\n`);
    }
    await Bun.sleep(1_500);
  });
  for (const socket of sockets) socket.destroy();
  console.log(`grew by ${Math.round(growth / 1e6)} MB`);
  expect(growth).toBeLessThan(GROWTH_BYTES);
}, 120_000);

test("more than limits.uploads at once are refused; who goes away leaves nothing", async () => {
  const slow = Array.from({ length: 4 }, () => {
    const socket = connect(app.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write("POST /files/Film/file HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer key-ann\r\nContent-Length: 1000000\r\n\r\nfirst bytes");
    return socket;
  });
  const incoming = join(data, "files", "incoming");
  await comesTrue(() => readdirSync(incoming).length >= 4);
  expect(readdirSync(incoming).length).toBe(4);
  const refused = await fetch(`${app.url}/files/Film/file`, { method: "POST", headers, body: "one more" });
  expect([refused.status, (await refused.json() as { code: string }).code]).toEqual([503, "OVERLOADED"]);
  for (const socket of slow) socket.destroy();
  await comesTrue(() => readdirSync(incoming).length === 0);
  expect(readdirSync(incoming)).toEqual([]);
  await upload(1_000);
}, 120_000);

test("a client that stops sending is cut off", async () => {
  const socket = connect(app.port, "127.0.0.1");
  const closed = new Promise<void>((resolve) => { socket.on("close", () => resolve()); });
  socket.on("error", () => {});
  socket.write("POST /files/Film/file HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer key-ann\r\nContent-Length: 1000000\r\n\r\nfirst bytes");
  await closed;
  const incoming = join(data, "files", "incoming");
  await comesTrue(() => readdirSync(incoming).length === 0);
  expect(readdirSync(incoming)).toEqual([]);
}, 120_000);
