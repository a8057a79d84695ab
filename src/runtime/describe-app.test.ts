// The description of an app is one bounded answer, however large the app is.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ANSWER_LENGTH_MAX, describeApp, SECTIONS } from "./describe-app.ts";
import { loadApp, type LoadedApp } from "./load-app.ts";

const root = mkdtempSync(join(tmpdir(), "ambit-describe-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

async function app(schema: string): Promise<LoadedApp> {
  const directory = mkdtempSync(join(root, "app-"));
  writeFileSync(join(directory, "schema.graphql"), schema);
  return loadApp(directory, { environment: {}, typeCheck: false });
}

const tables = (count: number): string => Array.from({ length: count }, (_, index) => `type T${index} @table @export @allow(do: [READ], where: "record.name == 'x'") { id: ID! @primaryKey name: String @indexed ${Array.from({ length: 30 }, (__, field) => `f${field}: Int`).join(" ")} }`).join("\n");

describe("an answer of one piece", () => {
  test("a small app is told whole", async () => {
    const description = describeApp(await app(tables(3)), null);
    expect(Object.keys(description)).toEqual([...SECTIONS]);
    expect(description.tables).toHaveLength(3);
  });

  test("channels, what is told as events alone, and where sockets are taken", async () => {
    const loaded = await app(`type Ticker @table @export(over: [SSE]) @allow(do: [READ]) { id: ID! @primaryKey }
type Board @channel(key: "boardId", presence: true) @export(over: [REST, SSE, WS]) @allow(do: [SUBSCRIBE], where: "record.boardId == '42'") { boardId: ID! text: String! @default(value: "x") }`);
    const { channels, routes } = describeApp(loaded, null);
    expect(channels).toEqual([{
      name: "Board", topic: "Board/{boardId}", over: ["REST", "SSE", "WS"], presence: true, fields: { boardId: "ID!", text: "String!; default-value" },
      allow: ["authenticated: SUBSCRIBE where record.boardId == '42'"],
    }]);
    expect(routes).toEqual(["GET /Ticker", "GET /Ticker/{id}", "GET POST /Board", "GET POST /Board/{boardId}", "WebSocket /ws"]);
  });

  test("jobs, with how they are repeated and when they come, and where runs are told", async () => {
    const { jobs, routes } = describeApp(await app('type Jobs { close(day: Date, more: Int = 1): Boolean @retry(times: 2, delay: "PT5S") @every(cron: "0 3 * * *", zone: "Europe/Berlin", catchUp: true) plain: Int }'), null);
    expect(jobs).toEqual([
      { name: "close", arguments: { day: "Date", more: "Int" }, result: "Boolean", retry: "2 times, EXPONENTIAL from PT5S", schedules: ["0 3 * * * Europe/Berlin; overlap SKIP; catches up"] },
      { name: "plain", arguments: {}, result: "Int", retry: "5 times, EXPONENTIAL from PT1S", schedules: [] },
    ]);
    expect(routes).toEqual(["GET DELETE /runs/{id}"]);
  });

  test("a large one is cut, and says so", async () => {
    const small = await app(tables(1));
    const many = new Map(Array.from({ length: 600 }, (_, index) => [`T${index}`, small.catalog.tables.get("T0")!]));
    const description = describeApp({ ...small, catalog: { ...small.catalog, tables: many } }, null);
    expect(JSON.stringify(description).length).toBeLessThan(ANSWER_LENGTH_MAX + 1_000);
    expect(description.cut).toEqual({ tables: "150 of 600" });
    expect(description.tables).toHaveLength(150);
    expect(description.routes).toHaveLength(1_203);
  });

  test("one section has the whole answer for itself", async () => {
    const loaded = await app(tables(3));
    for (const section of SECTIONS) expect(describeApp(loaded, null, section)).toEqual({ [section]: describeApp(loaded, null)[section] });
  });
});
