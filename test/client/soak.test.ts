// Many clients of a server that is killed again and again, over connections that are cut, lose answers and are not read for a while: in the
// end each holds what is stored, and each mutation of each was carried out once. AMBIT_TEST_SIZE=long goes on for longer.
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { AmbitError, type Client, type LiveQuery } from "../../client/index.ts";
import { seededRandom } from "../../src/base/random.ts";
import { startApp, within, type AppProcess } from "../processes/app-process.ts";
import { clientOf, config, resources, schema } from "./client-app.ts";
import { openCutProxy, type CutProxy } from "./cut-proxy.ts";
import { comesTrue, WAIT_MS } from "../processes/waits.ts";

const LONG = process.env["AMBIT_TEST_SIZE"] === "long";
const KILLS = LONG ? 20 : 2;
const CLIENTS = LONG ? 60 : 12;
const ROUND_MS = LONG ? 4_000 : 1_500;
const COUNTERS = 5;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_123);
const random = seededRandom(SEED);
const below = (count: number): number => Math.floor(random.next() * count);

type Row = Readonly<Record<string, unknown>>;

const queries: readonly Row[] = [
  { order: { price: "desc" }, select: ["id", "price"] }, { price: { gt: 5 }, order: { id: "asc" } }, { order: { price: "asc" }, limit: 3 }, { shelf: { name: "even" }, order: { title: "desc" } },
  { select: ["id", { shelf: ["name"] }] }, { id: "c1" }, { title: { like: "%x%" }, order: { big: "desc" } },
];

const work = mkdtempSync(join(tmpdir(), "ambit-client-soak-"));
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** One that follows a query and changes rows; what it has done once is counted. */
class Member {
  readonly client: Client;
  readonly query: Row;
  readonly role: string;
  readonly live: LiveQuery<Row>;
  readonly raised = new Map<string, number>();
  readonly errors: string[] = [];
  gaps = 0;
  made = 0;

  constructor(url: string, index: number) {
    this.role = index % 3 === 2 ? "guest" : "clerk";
    this.query = queries[index % queries.length]!;
    this.client = clientOf(url, { token: `key-${this.role}`, offline: {}, silenceMs: 1_000, timeoutMs: 2_000 });
    this.live = this.client.from("Item").live(this.query, {
      onChange: (changes) => { if (changes === null) this.gaps++; },
      onError: ({ code }) => { this.errors.push(`live ${code}`); },
    });
  }

  act(): void {
    if (this.role !== "clerk" || this.client.pending > 20) return;
    const id = `c${below(COUNTERS)}`;
    this.made++;
    if (below(3) > 0) {
      this.raised.set(id, (this.raised.get(id) ?? 0) + 1);
      this.client.from("Item").act(id, "raise", { by: 1 }).catch((error: unknown) => this.#refused(error));
      return;
    }
    const other = `o${below(12)}`;
    const write = below(3) === 0 ? this.client.from("Item").removeAll({ id: other })
      : this.client.from("Item").upsert({ id: other, price: below(12), title: "x".repeat(below(15_000)), open: random.next() < 0.5, big: String(below(1_000)), shelfId: `s${below(2)}` });
    write.catch((error: unknown) => this.#refused(error));
  }

  #refused(error: unknown): void {
    this.errors.push(error instanceof AmbitError ? error.code : String(error));
  }
}

test(`${CLIENTS} clients, ${KILLS} kills`, async () => {
  for (const [name, text] of [["schema.graphql", schema], ["config.yaml", `${config}limits: { connectionQueueBytes: 60000, heartbeatMs: 200, resumeEntries: 300 }\n`], ["resources.ts", resources]] as const) writeFileSync(join(work, name), text);
  const data = join(work, "data");
  let app: AppProcess = await startApp(work, { data });
  const proxies: CutProxy[] = await Promise.all([1, 2, 3].map(() => openCutProxy()));
  const lead = (port: number | null): void => { for (const proxy of proxies) proxy.target = port; };
  lead(app.port);
  const direct = clientOf(app.url);
  for (const [id, name] of [["s0", "even"], ["s1", "odd"]] as const) await direct.from("Shelf").create({ id, name });
  for (let index = 0; index < COUNTERS; index++) await direct.from("Item").create({ id: `c${index}`, price: 0, open: true, shelfId: "s0" });
  const members = Array.from({ length: CLIENTS }, (_, index) => new Member(proxies[index % proxies.length]!.url, index));
  try {
    await Promise.all(members.map(({ live }) => live.ready));
    for (let kill = 0; kill <= KILLS; kill++) {
      const end = Date.now() + ROUND_MS;
      while (Date.now() < end) {
        for (let count = 0; count < 4; count++) members[below(members.length)]!.act();
        const proxy = proxies[below(proxies.length)]!;
        const choice = below(60);
        if (choice < 3) proxy.cutOne(() => random.next());
        else if (choice < 4) proxy.cut();
        else if (choice < 6) proxy.stall(600);
        else if (choice < 8) proxy.loseAnswers++;
        await Bun.sleep(5);
      }
      if (kill === KILLS) break;
      await app.kill();
      lead(null);
      for (const member of members) member.act();
      await Bun.sleep(200);
      app = await startApp(work, { data });
      lead(app.port);
    }
    for (const proxy of proxies) proxy.loseAnswers = 0;
    await within(WAIT_MS, "what waits", (async () => { while (members.some(({ client }) => client.pending > 0)) await Bun.sleep(20); })());
    const raised = new Map<string, number>();
    for (const member of members) for (const [id, count] of member.raised) raised.set(id, (raised.get(id) ?? 0) + count);
    for (const [index, member] of members.entries()) {
      const expected = await clientOf(app.url, { token: `key-${member.role}` }).from("Item").find(member.query);
      const shown = (): readonly Row[] => (member.query["order"] === undefined ? [...member.live.rows].sort((left, right) => (String(left["id"]) < String(right["id"]) ? -1 : 1)) : member.live.rows);
      await comesTrue(() => Bun.deepEquals(shown(), expected));
      expect([SEED, index, member.errors, shown()]).toEqual([SEED, index, [], expected]);
    }
    const counters = await clientOf(app.url).from("Item").find({ id: { like: "c%" }, order: { id: "asc" } });
    expect(counters.map((row) => [row["id"], row["price"]])).toEqual(Array.from({ length: COUNTERS }, (_, index) => [`c${index}`, raised.get(`c${index}`) ?? 0]));
    // Otherwise it shows little.
    expect(members.reduce((sum, { made }) => sum + made, 0)).toBeGreaterThan(CLIENTS * 5);
    expect(members.some(({ gaps }) => gaps > 1)).toBe(true);
    for (const { client } of members) client.close();
    await Bun.sleep(300);
    expect(await (await fetch(`${app.url}/metrics`)).text()).toContain("ambit_live_subscriptions 0");
    expect(await app.stop()).toBe(0);
  } finally {
    for (const { client } of members) client.close();
    await app[Symbol.asyncDispose]();
    for (const proxy of proxies) await proxy.stop();
  }
}, 600_000);
