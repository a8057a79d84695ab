// kill -9 under concurrent batches, plain and with code: each is there as a whole or not at all, what was acknowledged is there, and
// sending it again with its key makes it exactly one.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { seededRandom } from "../../src/base/random.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 30 : 3;
const CLIENTS = 8;
const RECORDS = 6;

const files = {
  "schema.graphql": `
type Group @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey size: Int! @default(value: 0) }
type Part @table @export @allow(to: ["clerk"], do: [READ, CREATE]) { id: ID! @primaryKey groupId: ID! @indexed group: Group! @relationship(from: "groupId") number: Int! }
type Endpoints { nothing: Boolean @http(path: "/nothing") @allow(to: ["clerk"]) }`,
  "resources.ts": `/// <reference path="./.ambit/types.d.ts" />
import { endpoints } from "ambit";
export const Endpoints = endpoints({ async nothing() { await new Promise((done) => setTimeout(done, 2)); return null; } });
`,
  "config.yaml": "auth:\n  keys:\n    - { token: key-of-the-clerk, subject: clerk, roles: [clerk] }\n",
};

const scratch = scratchFolder();
afterAll(() => scratch.remove());

test(`${KILLS} kills under batches`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} kills at the same moments)`);
  const random = seededRandom(seed);
  const folder = scratch.app(files);
  const data = scratch.free("data");
  let app: AppProcess | null = null;
  const caller = httpCaller(() => app!.url, "key-of-the-clerk");
  const acknowledged = new Set<string>();
  const sent = new Set<string>();
  const send = async (id: string): Promise<boolean> => {
    sent.add(id);
    const parts = Array.from({ length: RECORDS }, (_, number) => ({ method: "POST", path: "/Part", body: { id: `${id}-${number}`, groupId: id, number } }));
    const operations = [...(id.endsWith("c") ? [{ method: "POST", path: "/nothing" }] : []), ...parts, { method: "POST", path: "/Group", body: { id } }, { method: "PATCH", path: `/Group/${id}`, body: { size: RECORDS } }];
    const answer = await caller.send("POST", "/batch", { operations }, { "idempotency-key": id });
    if (answer.status === 200) acknowledged.add(id);
    return answer.status === 200;
  };
  const work = async (client: number, kill: number): Promise<void> => {
    try {
      for (let number = 0; ; number++) expect(await send(`k${kill}-${client}-${number}${client % 2 === 0 ? "c" : ""}`)).toBe(true);
    } catch (error) {
      // The server is gone.
      if (!(error instanceof Error) || !/connect|socket|closed|reset|refused/i.test(error.message)) throw error;
    }
  };
  for (let kill = 0; kill < KILLS; kill++) {
    app = await startApp(folder, { data });
    const before = acknowledged.size;
    const working = Array.from({ length: CLIENTS }, (_, client) => work(client, kill));
    while (acknowledged.size === before) await Bun.sleep(5);
    await Bun.sleep(random.next() * 300);
    await app.kill();
    await Promise.all(working);
    expect(acknowledged.size).toBeGreaterThan(before);
    app = await startApp(folder, { data });
    const groups = new Map((await caller.get("/Group?select=id,size")).json<{ id: string; size: number }[]>().map(({ id, size }) => [id, size]));
    const parts = new Map((await caller.get("/Part?select=groupId,count()")).json<{ groupId: string; count: number }[]>().map(({ groupId, count }) => [groupId, count]));
    const wrong = [...new Set([...groups.keys(), ...parts.keys(), ...acknowledged])].filter((id) => groups.get(id) !== RECORDS || parts.get(id) !== RECORDS);
    expect([seed, wrong]).toEqual([seed, []]);
    // Some of them are there without having been acknowledged.
    for (const id of [...sent].filter((one) => !acknowledged.has(one))) expect([id, await send(id)]).toEqual([id, true]);
    const again = (await caller.get("/Part?select=groupId,count()")).json<{ groupId: string; count: number }[]>();
    expect([seed, again.filter(({ count }) => count !== RECORDS), again.length]).toEqual([seed, [], sent.size]);
    await app.stop();
  }
}, 600_000);
