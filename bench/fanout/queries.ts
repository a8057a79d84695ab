// (c) of bench/fanout: 100,000 live queries with filters of their own over one table, while 1,000 records a second change. Each change that a query
// must hear of is worked out here and awaited; what counts is how late it comes, that this does not grow, and how much of a core it takes.
import type { Socket } from "bun";
import { cpuSeconds, startAmbit } from "./fanout-sides.ts";
import { quantile } from "./figures.ts";
import { clientFrame, webSocketWire } from "./wires.ts";
import { residentBytes, type Place } from "../rest/sides.ts";

const QUERIES = Number(process.env["BENCH_QUERIES"] ?? 100_000);
const CHANGES_PER_SECOND = Number(process.env["BENCH_CHANGES"] ?? 1_000);
const SOCKETS = 1_000;
const RECORDS = 2_000;
const CATEGORIES = 20;
const PRICES = 100_000;
/** As wide as lets about four queries hear of a price. */
const WIDTH = 4;
const TURN_MS = 10;
const WRITERS = 50;
const PORT = 9161;

interface Item { id: string; category: number; price: number }
interface Change { readonly type: "enter" | "update" | "leave"; readonly key: string; readonly record?: Item & { readonly sentMs: number } }

export async function measureQueries({ place, seconds }: { readonly place: Place; readonly seconds: number }): Promise<void> {
  const running = await startAmbit(place, PORT);
  try {
    const items = await fill();
    const bench = new QueryBench(items);
    const began = performance.now();
    const before = residentBytes(running.pid);
    await bench.subscribe();
    const [openedMs, after] = [performance.now() - began, residentBytes(running.pid)];
    console.log(`\n${QUERIES} live queries over ${SOCKETS} sockets: begun in ${Math.round(openedMs)} ms (${(openedMs * 1_000 / QUERIES).toFixed(0)} microseconds each), ${Math.round(after / 1e6)} MB, ${((after - before) / QUERIES / 1_000).toFixed(1)} kB each\n`);
    console.log("| part | changes a second | told a second | p50 | p99 | worst | of a core | memory |\n| --- | --- | --- | --- | --- | --- | --- | --- |");
    for (const part of ["warming up", "first half", "second half"]) {
      const [cpu, start] = [cpuSeconds(running.pid), performance.now()];
      const { changes, lateMs } = await bench.change(part === "warming up" ? 2 : seconds / 2);
      const elapsed = (performance.now() - start) / 1_000;
      const share = (cpuSeconds(running.pid) - cpu) / elapsed;
      console.log(`| ${part} | ${Math.round(changes / elapsed)} | ${Math.round(lateMs.length / elapsed)} | ${quantile(lateMs, 0.5).toFixed(1)} ms | ${quantile(lateMs, 0.99).toFixed(1)} ms | ${quantile(lateMs, 1).toFixed(1)} ms | ${share.toFixed(2)} | ${Math.round(residentBytes(running.pid) / 1e6)} MB |`);
    }
    bench.check();
    console.log("Every change came to each query that it concerns, once, and to no other.");
    bench.close();
  } finally {
    await running.stop();
  }
}

/** As a writer reads them back. */
async function fill(): Promise<Item[]> {
  const items = Array.from({ length: RECORDS }, (_, number): Item => ({ id: `i${number}`, category: number % CATEGORIES, price: (number * 7_919) % PRICES }));
  const answer = await call("POST", "/Item", items.map((item) => ({ ...item, name: `Item ${item.id}`, sentMs: 0 })));
  if (answer.status !== 201) throw new Error(await answer.text());
  return items;
}

function call(method: string, path: string, body: unknown): Promise<Response> {
  return fetch(`http://127.0.0.1:${PORT}${path}`, { method, headers: { "content-type": "application/json", authorization: "Bearer writer-key" }, body: JSON.stringify(body) });
}

class QueryBench {
  readonly #items: readonly Item[];
  readonly #sockets: Socket<undefined>[] = [];
  /** What of each is awaited, by query and record and time. */
  readonly #awaited = new Map<string, number>();
  #late: number[] = [];
  #heard = 0;
  #failure: Error | null = null;
  #writes = 0;

  constructor(items: readonly Item[]) {
    this.#items = items;
  }

  async subscribe(): Promise<void> {
    const wire = webSocketWire({ path: "/ws", token: "reader-key", subscribe: null, publishText: (_topic, text) => text });
    for (let socket = 0; socket < SOCKETS; socket++) {
      let rest: Buffer = Buffer.alloc(0);
      const opened = await Bun.connect<undefined>({
        hostname: "127.0.0.1", port: PORT,
        socket: {
          data: (_socket, chunk) => {
            rest = rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([rest, chunk]);
            let from = 0;
            for (let piece = wire.piece(rest, from); piece !== null; piece = wire.piece(rest, from)) {
              this.#hear(rest.subarray(piece.start, piece.end));
              from = piece.end;
            }
            rest = rest.subarray(from);
          },
          error: (_socket, error) => { this.#failure = error; },
        },
      });
      opened.write(wire.opening[0]!.send);
      this.#sockets.push(opened);
      const wanted = this.#heard + 1 + QUERIES / SOCKETS;
      const frames = Array.from({ length: QUERIES / SOCKETS }, (_, index) => clientFrame(JSON.stringify({ op: "subscribe", id: String(socket * QUERIES / SOCKETS + index), query: queryOf(socket * QUERIES / SOCKETS + index) })));
      await this.#until(() => this.#heard >= wanted - QUERIES / SOCKETS);
      opened.write(Buffer.concat(frames));
      await this.#until(() => this.#heard >= wanted);
    }
  }

  /** Resolves when everything has been heard of. */
  async change(seconds: number): Promise<{ readonly changes: number; readonly lateMs: readonly number[] }> {
    this.#late = [];
    const [begun, before] = [performance.now(), this.#writes];
    const end = begun + seconds * 1_000;
    const under: Promise<void>[] = Array.from({ length: WRITERS }, () => Promise.resolve());
    while (performance.now() < end) {
      const due = Math.max(0, Math.floor((performance.now() - begun) / 1_000 * CHANGES_PER_SECOND) - (this.#writes - before));
      for (const lane of under.keys()) {
        const count = Math.floor(due / WRITERS) + (lane < due % WRITERS ? 1 : 0);
        // Each record is changed by one lane alone, one after the other.
        under[lane] = under[lane]!.then(() => this.#write(lane, count));
        this.#writes += count;
      }
      await Bun.sleep(TURN_MS);
      if (this.#failure !== null) throw this.#failure;
    }
    await Promise.all(under);
    await this.#until(() => this.#awaited.size === 0);
    return { changes: this.#writes - before, lateMs: this.#late };
  }

  check(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  close(): void {
    for (const socket of this.#sockets) socket.terminate();
  }

  async #write(lane: number, count: number): Promise<void> {
    for (let number = 0; number < count; number++) {
      const item = this.#items[(Math.floor(Math.random() * RECORDS / WRITERS) * WRITERS + lane) % RECORDS]!;
      const before = { ...item };
      item.price = Math.floor(Math.random() * PRICES);
      const sentMs = performance.now();
      for (const query of new Set([...concerned(before), ...concerned(item)])) {
        const [was, is] = [matches(query, before), matches(query, item)];
        if (was || is) this.#awaited.set(`${query} ${is ? (was ? "update" : "enter") : "leave"} ${item.id} ${is ? sentMs : ""}`, sentMs);
      }
      const answer = await call("PATCH", `/Item/${item.id}`, { price: item.price, sentMs });
      if (answer.status !== 204 && answer.status !== 200) throw new Error(await answer.text());
      await answer.arrayBuffer();
    }
  }

  #hear(payload: Buffer): void {
    this.#heard++;
    if (payload[0] !== 0x7b) return;
    const frame = JSON.parse(payload.toString()) as { readonly op: string; readonly id: string; readonly changes?: readonly Change[] };
    if (frame.op === "snapshot") return;
    if (frame.op !== "change") {
      this.#failure ??= new Error(payload.toString());
      return;
    }
    for (const { type, key, record } of frame.changes!) {
      const name = `${frame.id} ${type} ${key} ${record === undefined ? "" : record.sentMs}`;
      const sentMs = this.#awaited.get(name);
      if (sentMs === undefined || !this.#awaited.delete(name)) this.#failure ??= new Error(`nobody awaited ${name}`);
      else this.#late.push(performance.now() - sentMs);
    }
  }

  async #until(done: () => boolean): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!done()) {
      if (this.#failure !== null) throw this.#failure;
      if (performance.now() > deadline) throw new Error(`not heard: ${[...this.#awaited.keys()].slice(0, 3).join("; ")}`);
      await Bun.sleep(1);
    }
  }
}

/** Half ask for prices alone, half for those of a category. */
function queryOf(number: number): string {
  const low = Math.floor(number / 2) * 2 % PRICES;
  const prices = `price=gte.${low}&price=lt.${low + width(number)}&select=id,price,sentMs`;
  return number % 2 === 0 ? `/Item?${prices}` : `/Item?category=eq.${categoryOf(number)}&${prices}`;
}

function width(number: number): number {
  return number % 2 === 0 ? WIDTH : WIDTH * CATEGORIES;
}

function categoryOf(number: number): number {
  return Math.floor(number / 2) % CATEGORIES;
}

function matches(number: number, { price, category }: Item): boolean {
  const low = Math.floor(number / 2) * 2 % PRICES;
  return price >= low && price < low + width(number) && (number % 2 === 0 || category === categoryOf(number));
}

/** Queries near that price, whether they match or not. */
function concerned({ price }: Item): number[] {
  const found: number[] = [];
  const most = Math.floor((QUERIES - 1) / 2);
  for (let half = Math.max(0, Math.floor((price - WIDTH * CATEGORIES) / 2)); half <= Math.min(most, Math.floor(price / 2) + 1); half++) found.push(half * 2, half * 2 + 1);
  return found;
}
