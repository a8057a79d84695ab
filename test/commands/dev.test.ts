// `ambit dev`: a saved file is live at once; data and connections stay, and a change with errors changes nothing but what it says.
import { afterAll, afterEach, beforeEach, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type AppProcess, spawnApp, startApp, within } from "../processes/app-process.ts";
import { httpCaller, type HttpCaller } from "../processes/http-caller.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { WAIT_MS } from "../processes/waits.ts";

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const schema = `
type Note @table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE]) {
  id: ID! @primaryKey
  text: String!
  shout(waitsFor: String!): Note! @action @allow(to: ["public"])
}
type Endpoints { hello: String! @http(method: GET, path: "/hello") @allow(to: ["public"]) }
`;
const resources = (word: string): string => `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints, type Args } from "ambit";
export class Note extends Table("Note") {
  async shout({ waitsFor }: Args<"Note.shout">) {
    const text = this.text.toUpperCase();
    await fetch(waitsFor);
    return this.update({ text });
  }
}
export const Endpoints = endpoints({ async hello() { return ${JSON.stringify(word)}; } });
`;

/** Reloading under load takes its time. */
const config = "limits: { transactionMs: PT30S }\n";

let folder: string;
let app: AppProcess;
let caller: HttpCaller;
beforeEach(async () => {
  folder = scratch.app({ "schema.graphql": schema, "resources.ts": resources("first"), "config.yaml": config });
  app = await startApp(folder, { command: "dev", data: scratch.free("data"), temporary: scratch.path });
  caller = httpCaller(() => app.url, null);
});
afterEach(() => app.kill());

type Event = Readonly<Record<string, unknown>>;

/** Saves files and waits for what dev says; answers what was printed with it. */
async function save(files: Readonly<Record<string, string>>, outcome: "reloaded" | "reload-refused"): Promise<Event[]> {
  const from = app.events.length;
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  await within(WAIT_MS, outcome, app.event((event) => event["event"] === outcome, from));
  return app.events.slice(from);
}

const hello = async (): Promise<string> => (await caller.get("/hello")).json<string>();

test("code, tables and rules that were saved answer the next request; the data is still there", async () => {
  await caller.put("/Note/a", { text: "kept" });
  expect(await hello()).toBe("first");
  await save({ "resources.ts": resources("second") }, "reloaded");
  expect(await hello()).toBe("second");
  const wider = schema.replace("text: String!", "text: String! @length(max: 5)\n  colour: String @default(value: \"blue\") @indexed").replace("type Endpoints", `type Tag @table @export @allow(to: ["public"], do: [READ, CREATE]) { id: ID! @primaryKey }\ntype Endpoints`);
  await save({ "schema.graphql": wider }, "reloaded");
  expect((await caller.get("/Note/a")).json()).toEqual({ id: "a", text: "kept", colour: "blue" });
  expect((await caller.post("/Tag", { id: "t" })).status).toBe(201);
  expect((await caller.patch("/Note/a", { text: "too long" })).status).toBe(400);
  expect((await caller.get("/Note?colour=eq.blue&select=id")).json()).toEqual([{ id: "a" }]);
  expect(readFileSync(join(folder, ".ambit", "types.d.ts"), "utf8")).toContain("colour");
});

test("a broken change is refused with its problems, and the app before it goes on serving", async () => {
  await caller.put("/Note/a", { text: "kept" });
  const broken: [string, Readonly<Record<string, string>>, string, RegExp][] = [
    ["syntax of the schema", { "schema.graphql": `${schema}\ntype {` }, "schema.graphql", /SYNTAX/],
    ["an unknown directive", { "schema.graphql": schema.replace("@export", "@exprot") }, "schema.graphql", /UNKNOWN_DIRECTIVE/],
    ["syntax of the code", { "schema.graphql": schema, "resources.ts": "export const = 1;" }, "resources.ts", /./],
    ["a type error in the code", { "resources.ts": resources("third").replace("{ text }", "{ text: 5 }") }, "resources.ts", /./],
    ["a body that is missing", { "resources.ts": resources("third").replace("hello", "hallo") }, "resources.ts", /./],
    ["a setting that is unknown", { "resources.ts": resources("first"), "config.yaml": "htpp: {}\n" }, "config.yaml", /CONFIG/],
  ];
  for (const [name, files, file, code] of broken) {
    const printed = await save(files, "reload-refused");
    const problems = printed.filter((event) => event["severity"] === "error");
    expect([name, problems.length > 0, problems[0]?.["file"]]).toEqual([name, true, file]);
    expect(String(problems[0]!["code"])).toMatch(code);
    expect([name, await hello(), (await caller.get("/Note/a")).status]).toEqual([name, "first", 200]);
  }
  await save({ "config.yaml": config, "schema.graphql": schema, "resources.ts": resources("mended") }, "reloaded");
  expect(await hello()).toBe("mended");
});

test("a change that the data does not fit is told, and the app before it goes on serving", async () => {
  await caller.put("/Note/a", { text: "kept" });
  const from = app.events.length;
  writeFileSync(join(folder, "schema.graphql"), schema.replace("text: String!", "text: String!\n  must: Int!"));
  await within(WAIT_MS, "the refusal", app.event((event) => event["code"] === "MIGRATION_NEEDED", from));
  await within(WAIT_MS, "what goes on", app.event((event) => event["event"] === "reload-refused", from));
  expect((await caller.get("/Note/a")).json()).toEqual({ id: "a", text: "kept" });
  await save({ "schema.graphql": schema, "resources.ts": resources("again") }, "reloaded");
  expect(await hello()).toBe("again");
});

/** One connection that is kept: sends a request, resolves to the answer's last line. */
function ask(socket: Socket, path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const read = (bytes: Buffer): void => {
      text += bytes.toString();
      const [head, body] = text.split("\r\n\r\n");
      const length = /content-length: (\d+)/i.exec(head!)?.[1];
      if (length === undefined || body === undefined || Buffer.byteLength(body) < Number(length)) return;
      socket.off("data", read);
      resolve(body);
    };
    socket.on("data", read).once("error", reject).once("close", () => reject(new Error("the connection was closed")));
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  });
}

test("connections live through a reload, and requests under way finish with the code they began with", async () => {
  await caller.put("/Note/a", { text: "quiet" });
  const socket = connect(app.port, "127.0.0.1");
  expect(await ask(socket, "/hello")).toBe(`"first"`);
  let go = (): void => {};
  const going = new Promise<void>((resolve) => { go = resolve; });
  let arrived = (): void => {};
  const arriving = new Promise<void>((resolve) => { arrived = resolve; });
  await using gate = Bun.serve({ hostname: "127.0.0.1", port: 0, idleTimeout: 60, async fetch() { arrived(); await going; return new Response("go"); } });
  const shouting = caller.post("/Note/a/shout", { waitsFor: gate.url.href });
  await arriving;
  await save({ "resources.ts": resources("second") }, "reloaded");
  expect(await ask(socket, "/hello")).toBe(`"second"`);
  // The app that serves now has read the record before the old one's commit.
  expect((await caller.get("/Note/a")).json()).toEqual({ id: "a", text: "quiet" });
  go();
  expect((await shouting).json()).toEqual({ id: "a", text: "QUIET" });
  expect((await caller.get("/Note/a")).json()).toEqual({ id: "a", text: "QUIET" });
  expect((await caller.get("/Note?id=eq.a")).json()).toEqual([{ id: "a", text: "QUIET" }]);
  expect((await caller.patch("/Note/a", { text: "third" }, { prefer: "return=representation" })).json()).toEqual({ id: "a", text: "third" });
  socket.destroy();
});

test("several saves in a row end with the last one", async () => {
  for (let count = 0; count < 8; count++) {
    writeFileSync(join(folder, "resources.ts"), resources(`save ${count}`));
    await Bun.sleep(30);
  }
  const last = async (): Promise<void> => { while (await hello() !== "save 7") await Bun.sleep(50); };
  await within(WAIT_MS, "the last save", last());
});

test("an app with errors is waited for, and started when it is mended", async () => {
  const other = scratch.app({ "schema.graphql": schema.replace("@export", "@exprot"), "resources.ts": resources("first") });
  const waiting = spawnApp(other, { command: "dev", data: scratch.free("data"), temporary: scratch.path });
  try {
    await within(WAIT_MS, "the problem", waiting.process.event((event) => event["code"] === "UNKNOWN_DIRECTIVE"));
    // The watch begins right after.
    await Bun.sleep(200);
    writeFileSync(join(other, "schema.graphql"), schema);
    await waiting.started;
    expect(await httpCaller(() => waiting.process.url, null).get("/hello").then((answer) => answer.json<string>())).toBe("first");
    expect(await within(WAIT_MS, "exit after SIGTERM", waiting.process.stop())).toBe(0);
  } finally {
    await waiting.process.kill();
  }
});
