// Random kill -9 while texts are written and embedded by a provider that now and then fails: in the end each record has the vector of the text that
// it has, and of none other.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { seededRandom } from "../../src/base/random.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { DIMENSIONS, startEmbeddingServer, vectorsOf } from "./embedding-server.ts";
import { until } from "../processes/waits.ts";

const KILLS = process.env["AMBIT_TEST_SIZE"] === "long" ? 100 : 4;
const RECORDS = 30;
const WORDS = ["red", "blue", "tree", "boat", "bread", "lake", "stone", "bird"];

const server = startEmbeddingServer();
const scratch = scratchFolder();
afterAll(async () => {
  scratch.remove();
  await server.stop();
});

const files = {
  "schema.graphql": `type Note @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey text: String meaning: Vector @embed(from: ["text"]) @indexed(type: VECTOR) }`,
  "config.yaml": `models:\n  embedding: { provider: openai-compatible, url: "${server.url}", model: words, dimensions: ${DIMENSIONS} }\nlimits: { embeddingDelayMs: 10, embeddingDelayMaxMs: 50, embeddingTexts: 7 }\nauth:\n  keys:\n    - { token: key-of-the-clerk, subject: clerk, roles: [clerk] }\n`,
};

test(`${KILLS} kills while texts are embedded`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} kills at the same moments)`);
  const random = seededRandom(seed);
  const pick = (count: number): number => Math.floor(random.next() * count);
  server.behaves(() => (random.next() < 0.2 ? new Response("", { status: 500 }) : null));
  const folder = scratch.app(files);
  const data = scratch.free("data");
  let app: AppProcess = await startApp(folder, { data });
  const caller = httpCaller(() => app.url, "key-of-the-clerk");
  const write = async (): Promise<void> => {
    try {
      for (;;) {
        const id = `n${pick(RECORDS)}`;
        const text = pick(8) === 0 ? null : Array.from({ length: 1 + pick(4) }, () => WORDS[pick(WORDS.length)]!).join(" ");
        await (pick(10) === 0 ? caller.send("DELETE", `/Note/${id}`) : caller.send("PUT", `/Note/${id}`, { text }));
        await Bun.sleep(1);
      }
    } catch (error) {
      // The server is gone.
      if (!(error instanceof Error) || !/connect|socket|closed|reset|refused/i.test(error.message)) throw error;
    }
  };
  for (let kill = 0; kill < KILLS; kill++) {
    if (kill > 0) app = await startApp(folder, { data });
    const writing = [write(), write()];
    await Bun.sleep(30 + random.next() * 250);
    await app.kill();
    await Promise.all(writing);
  }
  server.behaves(() => null);
  app = await startApp(folder, { data });
  await until(async () => /^ambit_embeddings_waiting 0$/m.test(await (await fetch(`${app.url}/metrics`)).text()), "none waits");
  const notes = (await caller.get("/Note?limit=1000")).json<{ id: string; text: string | null; meaning: readonly number[] | null }[]>();
  expect(notes.length).toBeGreaterThan(0);
  for (const { id, text, meaning } of notes) expect([seed, id, meaning]).toEqual([seed, id, text === null ? null : (await vectorsOf([text]))[0]!]);
  await app.stop();
}, 600_000);
