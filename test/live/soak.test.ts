// Subscribers of a real server that is killed again and again, that come and go and sometimes do not read: what each has rebuilt from
// its frames is in the end what the tables hold, and no frame ever missed or doubled a change: counters go up by one with each event, whatever
// happens in between. What waits for slow readers stays within bounds. AMBIT_TEST_SIZE=long goes on for longer.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seededRandom } from "../../src/base/random.ts";
import { startApp, type AppProcess } from "../processes/app-process.ts";
import { EventClient, RawSocket, Rebuilt, type Frame, type Row } from "../scenarios/live-clients.ts";
import { comesTrue } from "../processes/waits.ts";

const LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const KILLS = LONG ? 12 : 2;
const ROUND_MS = LONG ? 5_000 : 2_000;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_121);

const schema = `
type Item @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["guest"], do: [READ], where: "record.open") {
  id: ID! @primaryKey
  open: Boolean! @default(value: false)
  price: Int! @default(value: 0) @indexed
  text: String
  shelfId: ID @indexed
  shelf: Shelf @relationship(from: "shelfId")
}
type Counter @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE]) { id: ID! @primaryKey n: Int! text: String }
type Shelf @table @export @allow(to: ["clerk", "guest"], do: [READ]) @allow(to: ["clerk"], do: [CREATE]) { id: ID! @primaryKey items: [Item!]! @relationship(to: "shelfId") }
`;
const QUEUE_BYTES = 60_000;
const TEXT_MAX = 20_000;
/** So that what is not read fills what the system buffers by itself. */
const LONG_TEXT_MAX = 100_000;
const ITEMS = 15;
const COUNTERS = 3;
/** What may wait for one client: the queue, a frame that it had room for, and a snapshot, in both of which are at most all records. */
const WAITING_MAX = QUEUE_BYTES + 2 * (ITEMS * (TEXT_MAX + 500) + COUNTERS * (LONG_TEXT_MAX + 500));
const config = `auth:
  keys:
    - { token: key-clerk, subject: clerk, roles: [clerk] }
    - { token: key-guest, subject: guest, roles: [guest] }
limits: { connectionQueueBytes: ${QUEUE_BYTES}, heartbeatMs: 200, resumeEntries: 1000 }
`;
type Query = readonly [role: string, path: string, graphql: string, selection: string];
const WHOLE = "id open price text shelfId";
/** The same as REST and GraphQL say it. */
const queries: readonly Query[] = [
  ["clerk", "/Item?select=id,open,price", "itemList", "id open price"], ["guest", "/Item", "itemList", WHOLE], ["clerk", "/Item?price=gt.5&select=id,text", "itemList(filter: { price: { gt: 5 } })", "id text"],
  ["clerk", "/Item?order=price.desc&limit=4", "itemList(order: [{ price: DESC }], limit: 4)", WHOLE], ["guest", "/Shelf?select=id,items(id,price)", "shelfList", "id items { id price }"], ["clerk", "/Item/i3", "item(id: \"i3\")", WHOLE],
  ["clerk", "/Item", "itemList", WHOLE],
  ["clerk", "/Counter?select=id,n", "counterList", "id n"], ["clerk", "/Counter", "counterList", "id n text"], ["clerk", "/Counter?n=gte.0", "counterList(filter: { n: { gte: 0 } })", "id n text"],
];

const work = mkdtempSync(join(tmpdir(), "ambit-soak-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

const random = seededRandom(SEED);
const below = (count: number): number => Math.floor(random.next() * count);

interface Server { url: string; port: number }

type Over = "SSE" | "WS" | "GRAPHQL";

/** Follows one query for ever, however often it is cut off. */
class Subscriber {
  readonly role: string;
  readonly query: string;
  readonly state = new Rebuilt();
  readonly #server: Server;
  readonly over: Over;
  readonly #document: string;
  #close: () => void = () => {};
  #raw: RawSocket | null = null;
  #isHeld = false;
  #isOver = false;
  problem: unknown = null;
  connections = 0;
  gaps = 0;
  counted = 0;

  constructor(over: Over, [role, query, field, selection]: Query, server: Server) {
    const since = field.endsWith(")") ? `${field.slice(0, -1)}, since: $since)` : `${field}(since: $since)`;
    this.#document = `subscription($since: String) { told: ${since} { op position rows { ${selection} } changes { type key record { ${selection} } } } }`;
    this.over = over;
    this.role = role;
    this.query = query;
    this.#server = server;
  }

  async run(): Promise<void> {
    while (!this.#isOver && this.problem === null) {
      try {
        await (this.over === "SSE" ? this.#events() : this.over === "WS" ? this.#socket() : this.#graphql());
      } catch {
        // The server is not there just now.
      }
      await Bun.sleep(20);
    }
  }

  stop(): void {
    this.#isOver = true;
    this.#close();
  }

  cut(): void { this.#close(); }

  /** Does not read for a while. */
  stall(): void {
    const socket = this.#raw;
    socket?.pause();
    setTimeout(() => { if (!this.#isHeld) socket?.resume(); }, 1_000);
  }

  /** Does not read until `release`. */
  async hold(): Promise<void> {
    this.#isHeld = true;
    while (this.#raw === null) await Bun.sleep(20);
    this.#raw.pause();
  }

  release(): void {
    this.#isHeld = false;
    this.#raw?.resume();
  }

  #apply(frame: Frame): void {
    if (frame.op === "gap") this.gaps++;
    try {
      if (this.query.startsWith("/Counter")) this.#count(frame);
      this.state.apply(frame);
    } catch (error) {
      this.problem ??= new Error(`${this.over} ${this.query}: ${String(error)}`);
    }
  }

  /** One more with each event; a snapshot may leave some out, and never goes back. */
  #count(frame: Frame): void {
    const before = (id: unknown): number => Number(this.state.rows.get(JSON.stringify(id))?.["n"] ?? -1);
    for (const row of frame.op === "snapshot" ? frame.rows! : []) if (Number(row["n"]) < before(row["id"])) throw new Error(`${String(row["id"])} went back from ${before(row["id"])} to ${String(row["n"])}`);
    for (const { key, record } of frame.op === "change" ? frame.changes! : []) {
      this.counted++;
      if (Number(record?.["n"]) !== before(key) + 1) throw new Error(`${String(key)} went from ${before(key)} to ${String(record?.["n"])}`);
    }
  }

  async #events(): Promise<void> {
    const { position } = this.state;
    const client = await EventClient.open(this.#server.url + this.query, { authorization: `Bearer key-${this.role}`, ...(position === null ? {} : { "last-event-id": position }) });
    this.#close = () => client.close();
    if (client.response.status !== 200) return;
    this.connections++;
    let entry: Frame[] = [];
    try {
      for (;;) {
        const { data, id, event } = await client.next();
        entry.push(data);
        if (id === null && event !== "reset" && event !== "gap") continue;
        for (const frame of entry) this.#apply(frame);
        if (id !== null) this.state.position = id;
        entry = [];
      }
    } finally {
      client.close();
    }
  }

  async #socket(): Promise<void> {
    const socket = await RawSocket.open(this.#server.port, `key-${this.role}`);
    await this.#during(socket, () => {
      socket.onFrame = (frame) => {
        if (frame.op === "error") this.problem ??= frame;
        this.#apply(frame);
      };
      socket.send({ op: "subscribe", id: "q", query: this.query, since: this.state.position });
    });
  }

  async #graphql(): Promise<void> {
    const socket = await RawSocket.open(this.#server.port, `key-${this.role}`, { path: "/graphql", protocol: "graphql-transport-ws" });
    await this.#during(socket, () => {
      socket.onFrame = (message) => {
        const { type, payload } = message as unknown as { type: string; payload?: { data: { told: Told } } };
        if (type === "connection_ack") socket.send({ type: "subscribe", id: "q", payload: { query: this.#document, variables: { since: this.state.position } } });
        else if (type === "next") this.#apply(frameOf(payload!.data.told));
        else this.problem ??= message;
      };
      socket.send({ type: "connection_init" });
    });
  }

  async #during(socket: RawSocket, begin: () => void): Promise<void> {
    this.connections++;
    await new Promise<void>((resolve) => {
      this.#close = () => socket.close();
      this.#raw = socket;
      socket.onEnd = resolve;
      begin();
    });
    this.#raw = null;
  }
}

interface Told { readonly op: string; readonly position: string | null; readonly rows: readonly Row[] | null; readonly changes: readonly { readonly type: string; readonly key: unknown; readonly record: Row | null }[] | null }

/** An event of a subscription as the frame that it stands for. */
function frameOf({ op, position, rows, changes }: Told): Frame {
  return {
    op: op.toLowerCase(), ...(position === null ? {} : { position }), ...(rows === null ? {} : { rows }),
    ...(changes === null ? {} : { changes: changes.map(({ type, key, record }) => ({ type: type.toLowerCase(), key, ...(record === null ? {} : { record }) })) }),
  };
}

async function write(server: Server): Promise<void> {
  const id = `i${below(ITEMS)}`;
  const fields = { open: random.next() < 0.5, price: below(12), text: "x".repeat(below(TEXT_MAX)), shelfId: `s${below(3)}` };
  const send = (method: string, path: string, body?: object): Promise<Response> => fetch(server.url + path, {
    method, headers: { "content-type": "application/json", authorization: "Bearer key-clerk" }, ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const choice = below(10);
  try {
    const response = await (choice < 5 ? send("PUT", `/Item/${id}`, fields) : choice < 7 ? send("PATCH", `/Item?price=gt.${below(10)}`, { open: fields.open, text: fields.text })
      : choice < 9 ? send("DELETE", `/Item/${id}`) : send("POST", "/batch", { operations: [{ method: "PUT", path: `/Item/${id}`, body: fields }, { method: "DELETE", path: `/Item?price=eq.${below(10)}` }] }));
    await response.text();
  } catch {
    // Killed.
  }
}

/** Adds one to a record again and again; after an answer that was lost it looks how far it came. */
class Counting {
  readonly #server: Server;
  readonly #id: string;
  #known: number | null = -1;

  constructor(server: Server, id: string) {
    this.#server = server;
    this.#id = id;
  }

  async next(): Promise<void> {
    const headers = { "content-type": "application/json", authorization: "Bearer key-clerk" };
    const url = `${this.#server.url}/Counter/${this.#id}`;
    try {
      this.#known ??= (await (await fetch(url, { headers })).json() as { n?: number }).n ?? -1;
      const n = this.#known + 1;
      this.#known = null;
      const answer = await fetch(url, { method: "PUT", headers, body: JSON.stringify({ n, text: "y".repeat(below(LONG_TEXT_MAX)) }) });
      await answer.text();
      if (answer.ok) this.#known = n;
    } catch {
      // Killed.
    }
  }
}

/** Bytes that clients have not taken yet. */
async function waiting(server: Server): Promise<number> {
  const metrics = await (await fetch(`${server.url}/metrics`)).text();
  return ["sockets", "streams", "graphql_sockets"].reduce((sum, kind) => sum + Number(new RegExp(`^ambit_${kind}_waiting_bytes (\\d+)$`, "m").exec(metrics)![1]), 0);
}

async function truth(server: Server, { role, query }: Subscriber): Promise<Map<string, Row>> {
  const [path, rest = ""] = query.split("?");
  const response = await fetch(server.url + (path === "/Item/i3" ? `/Item?id=eq.i3&${rest}` : query), { headers: { authorization: `Bearer key-${role}` } });
  return new Map((await response.json() as Row[]).map((row) => [JSON.stringify(row["id"]), row]));
}

const sorted = (rows: ReadonlyMap<string, Row>): unknown => [...rows].sort(([left], [right]) => (left < right ? -1 : 1));

test(`subscribers know what is stored, through ${KILLS} kills`, async () => {
  const data = join(work, "data");
  writeFileSync(join(work, "schema.graphql"), schema);
  writeFileSync(join(work, "config.yaml"), config);
  let app: AppProcess = await startApp(work, { data });
  const server: Server = { url: app.url, port: app.port };
  try {
    for (const id of ["s0", "s1", "s2"]) await fetch(`${server.url}/Shelf`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-clerk" }, body: JSON.stringify({ id }) });
    const counters = Array.from({ length: COUNTERS }, (_, index) => new Counting(server, `c${index}`));
    let mostWaiting = 0;
    const subscribers = queries.flatMap((query) => [new Subscriber("SSE", query, server), new Subscriber("WS", query, server), new Subscriber("GRAPHQL", query, server)]);
    const running = subscribers.map((subscriber) => subscriber.run());
    for (let kill = 0; kill <= KILLS; kill++) {
      const end = Date.now() + ROUND_MS;
      while (Date.now() < end) {
        await Promise.all([write(server), write(server), write(server), ...counters.map((counter) => counter.next())]);
        mostWaiting = Math.max(mostWaiting, await waiting(server));
        const one = subscribers[below(subscribers.length)]!;
        const choice = below(60);
        if (choice === 0) one.cut();
        else if (choice < 8) one.stall();
      }
      if (kill === KILLS) break;
      await Promise.all([app.kill(), write(server), write(server), ...counters.map((counter) => counter.next())]);
      app = await startApp(work, { data });
      Object.assign(server, { url: app.url, port: app.port });
    }
    // One that does not read at all: what waits for it grows to its bound, and no further.
    const slow = subscribers.find(({ over, query }) => over === "WS" && query === "/Counter")!;
    await slow.hold();
    for (let beyond = 0, count = 0; beyond < 20 && count < 1_000; count++) {
      await counters[count % COUNTERS]!.next();
      const now = await waiting(server);
      mostWaiting = Math.max(mostWaiting, now);
      if (now > 0) beyond++;
    }
    expect(mostWaiting).toBeGreaterThan(0);
    slow.release();
    const log = `seed ${SEED}`;
    for (const subscriber of subscribers) {
      const expected = sorted(await truth(server, subscriber));
      await comesTrue(() => Bun.deepEquals(sorted(subscriber.state.rows), expected));
      expect([log, subscriber.query, subscriber.problem, sorted(subscriber.state.rows)]).toEqual([log, subscriber.query, null, expected]);
      expect(subscriber.connections).toBeGreaterThan(KILLS);
    }
    // Otherwise it shows little: some went on from where they were, some were too slow.
    expect(subscribers.some(({ state, connections }) => state.snapshots < connections)).toBe(true);
    expect(subscribers.some(({ gaps }) => gaps > 0)).toBe(true);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    expect(metrics).toContain(`ambit_live_subscriptions ${subscribers.length}\n`);
    expect(subscribers.every(({ query, counted }) => !query.startsWith("/Counter?select") || counted > KILLS)).toBe(true);
    expect(mostWaiting).toBeLessThan(subscribers.length * WAITING_MAX);
    console.log(`${log}: at most ${mostWaiting} bytes waited, ${subscribers.reduce((sum, { counted }) => sum + counted, 0)} events were counted, ${subscribers.reduce((sum, { gaps }) => sum + gaps, 0)} gaps`);
    for (const subscriber of subscribers) subscriber.stop();
    await Promise.all(running);
    await Bun.sleep(200);
    expect(await (await fetch(`${server.url}/metrics`)).text()).toContain("ambit_live_subscriptions 0");
    expect(await app.stop()).toBe(0);
  } finally {
    await app[Symbol.asyncDispose]();
  }
}, 300_000);
