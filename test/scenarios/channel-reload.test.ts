// A reload with other files: rules of channels count anew for who is connected, and what is no longer declared ends.
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { startApp } from "../../src/runtime/start-app.ts";
import { EventClient, SocketClient, type Frame } from "./live-clients.ts";
import { keysFor } from "./started-app.ts";

const room = (guest: string, fields = ""): string => `type Room @channel(key: "name", presence: true) @export @allow(to: ["host"], do: [SUBSCRIBE, PUBLISH]) ${guest} { name: ID! text: String! ${fields} }
type Item @table @export @allow(to: ["host"], do: [READ]) { id: ID! @primaryKey }`;
const token = (name: string): Record<string, string> => ({ authorization: `Bearer key-${name}` });

async function until(client: SocketClient, is: (frame: Frame) => boolean): Promise<Frame> {
  for (;;) {
    const frame = await client.next();
    if (is(frame)) return frame;
  }
}

test("rules, fields and channels that change under connections", async () => {
  const directory = mkdtempSync(join(tmpdir(), "ambit-reload-"));
  const write = (schema: string): void => writeFileSync(join(directory, "schema.graphql"), schema);
  write(room(`@allow(to: ["guest"], do: [SUBSCRIBE])`));
  writeFileSync(join(directory, "config.yaml"), keysFor("host", "guest"));
  const app = await startApp({
    directory, dataDirectory: join(directory, "data"), port: 0, environment: {}, adminToken: null, development: false, seed: null,
    clock: systemClock(), random: systemRandom(), log: silentLog(), forbidOutbound: true, onFatal: (error) => { throw error; },
  });
  const publish = async (message: object): Promise<number> =>
    (await fetch(`${app.url}/Room/a`, { method: "POST", headers: { "content-type": "application/json", ...token("host") }, body: JSON.stringify(message) })).status;
  try {
    const [host, guest] = [await SocketClient.open(app.url, token("host")), await SocketClient.open(app.url, token("guest"))];
    for (const client of [host, guest]) expect(await client.ask({ op: "subscribe", id: "r", query: "/Room/a" })).toMatchObject({ op: "snapshot" });
    const stream = await EventClient.open(`${app.url}/Room/a`, token("host"));

    // What only some messages may be told of is asked of each from now on; and the message has another field.
    write(room(`@allow(to: ["guest"], do: [SUBSCRIBE], where: "record.open")`, "open: Boolean! @default(value: true)"));
    expect((await app.reload({ typeCheck: false })).filter(({ severity }) => severity === "error")).toEqual([]);
    // Event streams end, and their clients come again.
    await stream.ended();
    for (const client of [host, guest]) expect(await until(client, ({ op }) => op === "reset")).toMatchObject({ reason: "reload" });
    expect([await publish({ text: "closed", open: false }), await publish({ text: "open" })]).toEqual([204, 204]);
    expect((await until(guest, ({ op }) => op === "message")).messages).toEqual([{ name: "a", text: "open", open: true }]);

    // No longer allowed: told so, and gone for the others.
    write(room("", "open: Boolean! @default(value: true)"));
    await app.reload({ typeCheck: false });
    expect((await until(guest, ({ op }) => op === "error")).problem).toMatchObject({ code: "FORBIDDEN" });
    await until(host, ({ op }) => op === "reset");
    expect((await until(host, ({ op }) => op === "snapshot")).rows).toMatchObject([{ subject: "host" }]);
    await publish({ text: "for hosts" });
    expect((await until(host, ({ op }) => op === "message")).messages).toMatchObject([{ text: "for hosts" }]);

    // No longer declared.
    write("type Item @table @export @allow(to: [\"host\"], do: [READ]) { id: ID! @primaryKey }");
    await app.reload({ typeCheck: false });
    expect((await until(host, ({ op }) => op === "error")).problem).toMatchObject({ code: "NOT_FOUND" });
    expect(await publish({ text: "nowhere" })).toBe(404);
    expect(JSON.stringify(guest.frames.items)).not.toMatch(/closed|for hosts/);
    expect(app.channels.stats()).toMatchObject({ subscriptions: 0, topics: 0 });
    host.close();
    guest.close();
  } finally {
    await app.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}, 120_000);
