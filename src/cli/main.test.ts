// Whatever goes wrong in a command is an error object and an exit code, never a raw stack alone and never 0.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "./main.ts";

const root = mkdtempSync(join(tmpdir(), "ambit-main-"));
const EVENTS = ["unhandledRejection", "uncaughtException"] as const;
const before = EVENTS.map((event) => process.listeners(event as "uncaughtException"));
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
  // `start` listens for stray failures, which in other tests must not go unseen.
  EVENTS.forEach((event, index) => process.listeners(event as "uncaughtException").filter((listener) => !before[index]!.includes(listener)).forEach((listener) => process.off(event, listener)));
});

async function run(...words: string[]): Promise<{ code: number; objects: { code?: string; message?: string }[]; err: string }> {
  let [out, err] = ["", ""];
  const code = await main([...words, "--json"], {}, { out: (text) => { out += text; }, err: (text) => { err += text; }, terminal: false });
  return { code, objects: out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as { code?: string; message?: string }), err };
}

describe("a command that fails", () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  const app = join(root, "app");
  mkdirSync(app);
  writeFileSync(join(app, "schema.graphql"), "type A @table { id: ID! @primaryKey }\n");

  test("init onto a file", async () => expect(await run("init", file)).toMatchObject({ code: 2, objects: [{ code: "USAGE", message: `${file} is no folder.` }] }));

  test("start with data where none can be", async () => {
    expect(await run("start", app, "--port", "0", "--data", join(file, "data"))).toMatchObject({ code: 2, objects: [{ code: "USAGE", message: expect.stringContaining("No data can be kept in") }] });
  });

  test("start on an address that is not this machine's", async () => {
    writeFileSync(join(app, "config.yaml"), "http: { host: 203.0.113.7 }\n");
    expect(await run("start", app, "--port", "0")).toMatchObject({ code: 1, objects: [{ code: "CONFIG", message: expect.stringContaining("The app cannot listen on 203.0.113.7:0") }] });
  });

  test("explain of a code that is not Ambit's", async () => {
    expect(await run("explain", "UNIQUE_VIOLATON")).toMatchObject({ code: 2, objects: [{ code: "USAGE", fix: "ambit explain UNIQUE_VIOLATION" }] });
    expect(await run("explain", "OVER_BUDGET")).toMatchObject({ code: 2, objects: [{ code: "USAGE", fix: expect.stringContaining("resources.ts") }] });
  });

  test("call with a method that does not exist", async () => {
    expect(await run("call", "BREW", "/A")).toMatchObject({ code: 2, objects: [{ code: "USAGE", message: "BREW is no method." }] });
    expect(await run("call", "pots", "/A")).toMatchObject({ code: 2, objects: [{ code: "USAGE", message: "pots is no method. Did you mean POST?" }] });
  });

  test("by a fault that nobody foresaw", async () => {
    const odd = join(root, "odd");
    mkdirSync(join(odd, "schema.graphql"), { recursive: true });
    const { code, objects, err } = await run("check", odd);
    expect({ code, objects }).toMatchObject({ code: 1, objects: [{ code: "INTERNAL", message: expect.stringMatching(/^ambit check failed: /) }] });
    expect(err).toContain("at ");
  });
});
