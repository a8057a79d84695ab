// `ambit start` as a process: what stops it from starting, what it says, and how it ends.
import { afterAll, describe, expect, test } from "bun:test";
import { connect } from "node:net";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { runAmbit } from "../processes/ambit-command.ts";
import { startApp, untilClosed, within } from "../processes/app-process.ts";
import { httpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { WAIT_MS } from "../processes/waits.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const temporary = scratch.path;

const files = {
  "schema.graphql": `
type Note @table @export @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey text: String! }
type Endpoints { slow(ms: Int!): String! @http(method: POST, path: "/slow", transaction: NONE) @allow(to: ["public"]) }`,
  "resources.ts": `/// <reference path="./.ambit/types.d.ts" />
import { endpoints } from "ambit";
export const Endpoints = endpoints({
  async slow(ctx, { ms }) {
    await new Promise((resolve) => setTimeout(resolve, ms));
    await ctx.db.Note.create({ text: "slept" });
    return "done";
  },
});
`,
};
const good = scratch.app(files);

const hasEnded = (pid: number): boolean => {
  try { process.kill(pid, 0); return false; } catch { return true; }
};

describe("refuses to start", () => {
  test("with every problem of the three files at once, exit 1", async () => {
    const broken = scratch.app({
      "schema.graphql": `type Note @table @exprot @allow(to: ["public"], do: [REED]) { id: ID! @primaryKey text: Strin! }\ntype Endpoints { slow: Int! @http(path: "/slow") }`,
      "resources.ts": `import { endpoints } from "ambit";\nexport const Endpoints = endpoints({ async other() { return 1; } });\n`,
      "config.yaml": "http: { prot: 1 }\nvalues: { key: \"${NOT_SET}\" }\n",
    });
    const { code, objects, err } = await runAmbit(["start", broken, "--port", "0", "--data", scratch.free("data"), "--json"], { temporary });
    expect(code).toBe(1);
    expect(err).toBe("");
    const problems = objects();
    for (const problem of problems) expect(problem).toEqual(expect.objectContaining({ code: expect.any(String), file: expect.any(String), line: expect.any(Number), column: expect.any(Number), fix: expect.any(String) }));
    const found = problems.map(({ file, code: name }) => `${String(file)} ${String(name)}`);
    for (const one of ["config.yaml CONFIG", "config.yaml ENVIRONMENT", "schema.graphql UNKNOWN_DIRECTIVE"]) expect(found).toContain(one);
    expect(found.some((one) => one.startsWith("resources.ts "))).toBe(true);
    expect(problems.some(({ fix }) => /Did you mean @?export/.test(String(fix)))).toBe(true);
    const shown = await runAmbit(["start", broken, "--port", "0", "--data", scratch.free("data")], { temporary });
    expect([shown.code, shown.out.includes("The app was not started.")]).toEqual([1, true]);
    expect(shown.err).toContain("schema.graphql:1:");
  });

  test("without a schema: APP_MISSING, exit 1", async () => {
    const { code, objects } = await runAmbit(["start", scratch.app({ "readme.txt": "x" }), "--json"], { temporary });
    expect([code, objects().map((one) => one["code"])]).toEqual([1, ["APP_MISSING"]]);
  });

  test("on data that another process uses: DATA_IN_USE, exit 1; the first goes on", async () => {
    const data = scratch.free("data");
    await using app = await startApp(good, { data, temporary });
    const second = await runAmbit(["start", good, "--port", "0", "--data", data, "--json"], { temporary });
    expect([second.code, second.objects().map((one) => one["code"])]).toEqual([1, ["DATA_IN_USE"]]);
    expect((await httpCaller(() => app.url, null).post("/Note", { text: "still here" })).status).toBe(201);
  });

  test("on a port that is taken: PORT_IN_USE, exit 1, and the data is free again", async () => {
    await using app = await startApp(good, { data: scratch.free("data"), temporary });
    const data = scratch.free("data");
    const second = await runAmbit(["start", good, "--port", String(app.port), "--data", data, "--json"], { temporary });
    expect([second.code, second.objects().map((one) => one["code"])]).toEqual([1, ["PORT_IN_USE"]]);
    await using third = await startApp(good, { data, temporary });
    expect(third.port).not.toBe(app.port);
  });

  test("on a port of MQTT that is taken: PORT_IN_USE names the setting", async () => {
    const taken = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
    const folder = scratch.app({ "schema.graphql": `type Note @table @export { id: ID! @primaryKey }`, "config.yaml": `mqtt: { port: ${taken.port} }\n` });
    const { code, objects } = await runAmbit(["start", folder, "--port", "0", "--data", scratch.free("data"), "--json"], { temporary });
    taken.stop(true);
    expect([code, objects().map((one) => [one["code"], one["fix"]])]).toEqual([1, [["PORT_IN_USE", "Stop it, or set another mqtt.port in config.yaml; 0 takes a free one."]]]);
  });

  test("on data that a new schema does not fit: MIGRATION_NEEDED, exit 1", async () => {
    const data = scratch.free("data");
    const first = await startApp(good, { data, temporary });
    await httpCaller(() => first.url, null).post("/Note", { text: "x" });
    expect(await first.stop()).toBe(0);
    const changed = scratch.app({ "schema.graphql": `type Note @table @export { id: ID! @primaryKey text: String! must: Int! }` });
    const { code, objects } = await runAmbit(["start", changed, "--port", "0", "--data", data, "--json"], { temporary });
    expect([code, objects().map((one) => one["code"])]).toEqual([1, ["MIGRATION_NEEDED"]]);
  });
});

describe("wrong calls are exit 2", () => {
  const calls: readonly (readonly string[])[] = [
    ["strat"], ["start", "a", "b"], ["start", "--prot", "1"], ["start", "--port", "x"], ["start", "--port", "70000"], ["start", "--port"], ["check", "--port", "1"],
    ["call"], ["call", "GET"], ["call", "GET", "Product"], ["call", "GET", "/Product", "{}", "more"], ["call", "GET", "/Product", "--role", "r"], ["explain"], ["explain", "NO_SUCH_CODE"], ["describe", "--section", "tabels"],
  ];
  for (const words of calls) {
    test(`ambit ${words.join(" ")}`, async () => {
      let out = "";
      const code = await main([...words, "--json"], {}, { out: (text) => { out += text; }, err: (text) => { out += text; }, terminal: false });
      expect(code).toBe(2);
      expect(out.trimEnd().split("\n").map((line) => (JSON.parse(line) as { code: string }).code)).toEqual(["USAGE"]);
    });
  }

  test("of the process too, while help and version are 0", async () => {
    const codes = await Promise.all([[], ["strat", "--json"], ["start", "--prot", "1"], ["--help"], ["--version"], ["start", "--help"]].map(async (words) => (await runAmbit(words, { temporary })).code));
    expect(codes).toEqual([2, 2, 2, 0, 0, 0]);
  });
});

describe("serves", () => {
  test("with --json one object per line on standard output; the log is JSON on standard error; data is private", async () => {
    const data = scratch.free("data");
    const app = await startApp(good, { data, temporary });
    const caller = httpCaller(() => app.url, null);
    expect((await caller.get("/health")).status).toBe(200);
    const made = await caller.post("/Note", { text: "secret words" }, { "x-request-id": "my-request-1" });
    expect(made.headers.get("x-request-id")).toBeTruthy();
    for (const name of readdirSync(data)) expect([name, statSync(join(data, name)).mode & 0o077]).toEqual([name, 0]);
    expect(await app.stop()).toBe(0);
    expect(app.events.length).toBe(1);
    const lines = app.log().trim().split("\n").map((line) => JSON.parse(line) as { event: string; requestId?: string });
    const logged = lines.find(({ requestId }) => requestId === made.headers.get("x-request-id"));
    expect(logged).toMatchObject({ event: "request-answered", method: "POST", route: "/Note", status: 201 });
    expect(app.log()).not.toContain("secret words");
    expect(readdirSync(data).sort()).toEqual(["data.db", "lock.db"]);
  });

  test("SIGTERM lets a slow request finish, takes no new one, exits 0", async () => {
    const data = scratch.free("data");
    const app = await startApp(good, { data, temporary });
    const caller = httpCaller(() => app.url, null);
    const slow = caller.post("/slow", { ms: 700 });
    await Bun.sleep(150);
    const stopped = app.stop();
    await untilClosed(app.port);
    expect(hasEnded(app.pid)).toBe(false);
    expect((await slow).json<string>()).toBe("done");
    expect(await within(WAIT_MS, "exit after SIGTERM", stopped)).toBe(0);
    await using again = await startApp(good, { data, temporary });
    expect((await httpCaller(() => again.url, null).get("/Note?select=text")).json()).toEqual([{ text: "slept" }]);
  });

  test("SIGTERM with idle connections ends at once", async () => {
    const app = await startApp(good, { data: scratch.free("data"), temporary });
    const sockets = Array.from({ length: 5 }, () => connect(app.port, "127.0.0.1").on("error", () => {}));
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("data", resolve).write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n"))));
    expect(await within(WAIT_MS, "exit after SIGTERM", app.stop())).toBe(0);
    for (const socket of sockets) socket.destroy();
  });

  test("kill -9 of the launcher ends the server, and the data can be opened again", async () => {
    const data = scratch.free("data");
    const app = await startApp(good, { data, temporary, launcher: true });
    expect((await httpCaller(() => app.url, null).post("/Note", { text: "kept" })).status).toBe(201);
    await app.kill();
    await within(WAIT_MS, "the server's end", untilClosed(app.port));
    await using again = await startApp(good, { data, temporary, launcher: true });
    expect((await httpCaller(() => again.url, null).get("/Note?select=text")).json()).toEqual([{ text: "kept" }]);
  });

  test("the launcher passes on signals and the exit code", async () => {
    const app = await startApp(good, { data: scratch.free("data"), temporary, launcher: true });
    expect(await within(WAIT_MS, "exit after SIGTERM", app.stop())).toBe(0);
    expect((await runAmbit(["strat"], { temporary, launcher: true })).code).toBe(2);
    expect((await runAmbit(["check", scratch.app({ "schema.graphql": "type" })], { temporary, launcher: true })).code).toBe(1);
  });

  test("what kill -9 leaves in the folder for temporary files goes with the next start", async () => {
    const folder = scratch.app({ ...files, "t/x": "" });
    const data = scratch.free("data");
    const sockets = (): string[] => readdirSync(join(folder, "t")).filter((name) => name.endsWith(".sock"));
    for (let run = 0; run < 3; run++) {
      const app = await startApp(folder, { data, temporary: join(folder, "t") });
      expect(sockets().length).toBe(1);
      await app.kill();
    }
    const last = await startApp(folder, { data, temporary: join(folder, "t") });
    expect(await last.stop()).toBe(0);
    expect(sockets()).toEqual([]);
  });
});
