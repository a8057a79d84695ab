// The file cannot grow any more while requests are under way: what was answered with success is there after the next start, what was
// not is told as unknown or refused, and the process ends instead of going on. The limit is one of the operating system (ulimit -f).
import { afterAll, expect, test } from "bun:test";
import { compileSchema } from "../../src/schema/compile-schema.ts";
import { startApp } from "../processes/app-process.ts";
import { type HttpAnswer, httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { crashConfig, crashResources, crashSchema, writerKey } from "./crash-app.ts";
import { DataCheck } from "./data-check.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

/** In blocks of 512 or 1,024 bytes, as the shell counts them. */
const FILE_BLOCKS = 3_000;
const AT_ONCE = 20;
const BATCHES_MAX = 500;

test("a file that cannot grow: nothing acknowledged is lost, nothing else is half there", async () => {
  const folder = scratch.app({ "schema.graphql": crashSchema, "resources.ts": crashResources, "config.yaml": crashConfig });
  const data = scratch.free("data");
  const full = await startApp(folder, { data, temporary: scratch.path, fileBlocks: FILE_BLOCKS });
  const caller = httpCaller(() => full.url, writerKey);
  await caller.post("/Folder", { id: "f", owner: "o" });
  const acknowledged: string[] = [];
  const counts: Record<string, number> = {};
  for (let batch = 0; batch < BATCHES_MAX && (counts["none"] ?? 0) === 0; batch++) {
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, async (_, index) => {
      const pair = [`${batch}-${index}-a`, `${batch}-${index}-b`];
      const rows = pair.map((id) => ({ id, owner: "o", folderId: "f", code: id, title: "word ".repeat(200), place: { lat: 1, lon: 1 } }));
      const answer: HttpAnswer | null = await caller.post("/Note", rows).catch(() => null);
      if (answer?.status === 201) acknowledged.push(...pair);
      return answer;
    }));
    for (const answer of answers) {
      const name = answer === null ? "none" : `${answer.status}${answer.code === null ? "" : ` ${answer.code}`}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
  }
  expect(await full.exited).toBe(1);
  expect(counts["201"]).toBeGreaterThan(0);
  expect(counts["503 COMMIT_UNKNOWN"]).toBeGreaterThan(0);
  expect(Object.keys(counts).filter((name) => !["201", "503 COMMIT_UNKNOWN", "503 UNAVAILABLE", "none"].includes(name))).toEqual([]);
  const check = new DataCheck(compileSchema({ file: "schema.graphql", text: crashSchema }).catalog, data);
  check.run();

  await using again = await startApp(folder, { data, temporary: scratch.path });
  const present = new Set((await httpCaller(() => again.url, writerKey).get("/Note?select=id")).json<{ id: string }[]>().map(({ id }) => id));
  expect(acknowledged.filter((id) => !present.has(id))).toEqual([]);
  // Of each request both or none.
  expect([...present].filter((id) => !present.has(id.endsWith("a") ? `${id.slice(0, -1)}b` : `${id.slice(0, -1)}a`))).toEqual([]);
  expect((await httpCaller(() => again.url, writerKey).post("/Folder", { id: "after", owner: "o" })).status).toBe(201);
});
