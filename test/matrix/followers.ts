// One identity that follows all that it may over one interface: what it knows by what it was told, and what it was told last. What a wire looks
// like is translated here; each record that is told is searched for what its receiver may not see.
import { connected, type TestClient } from "../mqtt/mqtt-clients.ts";
import { within } from "../processes/app-process.ts";
import { EventClient, type Frame } from "../scenarios/live-clients.ts";
import { graphqlSelection, graphqlView, low } from "./graphql-checks.ts";
import type { Who } from "./identities.ts";
import type { Matrix } from "./matrix-server.ts";
import type { FieldModel, Row, TableModel } from "./model.ts";
import { exported } from "./oracle.ts";

export const interfaces = ["SSE", "WebSocket", "GraphQL", "MQTT"] as const;
export type Interface = (typeof interfaces)[number];

export const WAIT_MS = 60_000;
const STREAM_MS = 3_600_000;

/** `type` null: MQTT does not tell entering from changing. */
interface Told { readonly type: string | null; readonly key: string }

/** What is known of one table. */
export class Followed {
  readonly table: TableModel;
  readonly rows = new Map<string, Row>();
  /** Since the last look. */
  told: Told[] = [];
  /** It began anew. */
  resets: string[] = [];
  /** The code of what ended it. */
  ended: string | null = null;
  isBegun = false;
  /** Of streams that end and come again. */
  opened = 0;

  constructor(table: TableModel) { this.table = table; }

  snapshot(rows: readonly Row[]): void {
    this.rows.clear();
    for (const row of rows) this.rows.set(String(row[this.table.key.name]), row);
    this.isBegun = true;
  }

  change(type: string | null, key: string, record: Row | null): void {
    this.told.push({ type, key });
    if (record === null) this.rows.delete(key);
    else this.rows.set(key, record);
  }

  end(code: string): void {
    this.ended = code;
    this.rows.clear();
  }
}

export abstract class Follower {
  readonly matrix: Matrix;
  /** As of now: rights change. */
  who: Who;
  /** While a stream of theirs may still come again. */
  #whoBefore: Who;
  readonly followed: ReadonlyMap<string, Followed>;
  abstract readonly name: Interface;
  #wake: () => void = () => {};

  constructor(matrix: Matrix, who: Who) {
    this.matrix = matrix;
    this.who = who;
    this.#whoBefore = who;
    this.followed = new Map(exported.filter((table) => matrix.oracle.mayEver(who, table, "R")).map((table) => [table.name, new Followed(table)]));
  }

  abstract begin(): Promise<void>;
  abstract close(): Promise<void> | void;

  become(who: Who): void {
    this.#whoBefore = this.who;
    this.who = who;
  }

  /** As the wire shows a record. */
  view(table: TableModel, row: Row): Row { return this.matrix.oracle.view(this.who, table, row); }

  /** False: what it asks for is not there for it. */
  mayFollow(table: TableModel): boolean { return this.matrix.oracle.mayEver(this.who, table, "R"); }

  /** False: that never came to be. */
  async settles(isSettled: () => boolean, untilMs: number): Promise<boolean> {
    for (;;) {
      if (isSettled()) return true;
      const isOver = Date.now() > untilMs;
      await Promise.race([new Promise<void>((resolve) => { this.#wake = resolve; }), Bun.sleep(200)]);
      // What had come while the machine paused is looked at, too.
      if (isOver) return isSettled();
    }
  }

  /** Something came. `records`: what may be read of it. */
  protected came(label: string, records: unknown): void {
    this.matrix.searchText(this.name === "SSE" ? [this.who, this.#whoBefore] : [this.who], `${this.who.name} over ${this.name}: ${label}`, JSON.stringify(records ?? null));
    this.#wake();
  }

  protected frame(followed: Followed, frame: Frame): void {
    const op = frame.op.toLowerCase();
    if (op === "snapshot") followed.snapshot(frame.rows!);
    else if (op === "reset" || op === "gap") followed.resets.push(frame.reason ?? op);
    else if (op === "change") for (const { type, key, record } of frame.changes!) followed.change(type.toLowerCase(), String(key), record ?? null);
    else if (op === "error" || op === "done") followed.end(frame.problem?.code ?? op);
    // A key that leaves was known before: that is compared elsewhere.
    this.came(`${followed.table.name} ${op}`, op === "change" ? frame.changes!.filter(({ type }) => type.toLowerCase() !== "leave") : frame);
  }
}

class SocketFollower extends Follower {
  readonly name = "WebSocket";
  #socket: WebSocket | null = null;

  async begin(): Promise<void> {
    const socket = new WebSocket(`${this.matrix.app.url.replace(/^http/, "ws")}/ws`, { headers: this.matrix.headersOf(this.who) } as never);
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data as string) as Frame;
      if (frame.id !== undefined && frame.id !== null) return this.frame(this.followed.get(frame.id)!, frame);
      for (const one of this.followed.values()) one.end(frame.problem?.code ?? frame.op);
      this.came("all", frame);
    });
    await within(WAIT_MS, "open", new Promise<void>((resolve) => { socket.addEventListener("open", () => resolve()); }));
    for (const { table } of this.followed.values()) socket.send(JSON.stringify({ op: "subscribe", id: table.name, query: `/${table.path}` }));
  }

  close(): void { this.#socket?.close(); }
}

class EventFollower extends Follower {
  readonly name = "SSE";
  readonly #clients = new Map<Followed, EventClient>();
  #isClosed = false;

  async begin(): Promise<void> {
    await Promise.all([...this.followed.values()].map((followed) => this.#open(followed, null)));
  }

  async #open(followed: Followed, lastId: string | null): Promise<void> {
    const { path, name } = followed.table;
    const client = await EventClient.open(`${this.matrix.app.url}/${path}`, { ...this.matrix.headersOf(this.who), ...(lastId === null ? {} : { "last-event-id": lastId }) });
    this.#clients.set(followed, client);
    followed.opened += 1;
    if (client.response.status === 200) void this.#read(followed, client);
    else {
      followed.end((await client.response.json() as { code: string }).code);
      this.came(name, null);
    }
  }

  /** A stream whose caller is another now ends, and comes again as an EventSource does. */
  async #read(followed: Followed, client: EventClient): Promise<void> {
    try {
      for (;;) this.frame(followed, (await client.next(STREAM_MS)).data);
    } catch {
      if (!this.#isClosed) await this.#open(followed, client.lastId);
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const client of this.#clients.values()) client.close();
  }
}

class GraphqlFollower extends Follower {
  readonly name = "GraphQL";
  #socket: WebSocket | null = null;

  readonly #fields = new Map<TableModel, readonly FieldModel[]>();

  /** All fields that it has named have to be there. */
  override mayFollow(table: TableModel): boolean {
    return super.mayFollow(table) && this.#fields.get(table)!.every((field) => this.matrix.oracle.exists(this.who, field));
  }

  override view(table: TableModel, row: Row): Row {
    return graphqlView({ matrix: this.matrix, who: this.who }, this.#fields.get(table)!, row);
  }

  async begin(): Promise<void> {
    const socket = new WebSocket(`${this.matrix.app.url.replace(/^http/, "ws")}/graphql`, "graphql-transport-ws");
    this.#socket = socket;
    const acknowledged = new Promise<void>((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data as string) as { type: string; id: string; payload?: { data?: Record<string, Frame>; errors?: unknown } };
        if (message.type === "connection_ack") return resolve();
        const followed = this.followed.get(message.id)!;
        if (message.type === "next") {
          return this.frame(followed, message.payload!.data!["it"]!);
        }
        followed.end(message.type);
        this.came(message.type, message);
      });
      socket.addEventListener("close", () => {
        for (const one of this.followed.values()) one.end(one.ended ?? "closed");
        this.came("close", null);
      });
    });
    await within(WAIT_MS, "open", new Promise<void>((resolve) => { socket.addEventListener("open", () => resolve()); }));
    socket.send(JSON.stringify({ type: "connection_init", payload: this.matrix.headersOf(this.who) }));
    await within(WAIT_MS, "connection_ack", acknowledged);
    for (const { table } of this.followed.values()) {
      const known = this.matrix.oracle.fields(this.who, table);
      this.#fields.set(table, known);
      const fields = `{ ${known.map(graphqlSelection).join(" ")} }`;
      const query = `subscription { it: ${low(table)}List { op reason rows ${fields} changes { type key record ${fields} } } }`;
      socket.send(JSON.stringify({ type: "subscribe", id: table.name, payload: { query } }));
    }
  }

  close(): void { this.#socket?.close(); }
}

class MqttFollower extends Follower {
  readonly name = "MQTT";
  #client: TestClient | null = null;

  async begin(): Promise<void> {
    const { token, name } = this.who;
    const client = await connected(this.matrix.app.mqtt.port!, { protocolVersion: 5, clientId: `follower-${name}`, ...(token === null ? {} : { username: "x", password: token }) });
    this.#client = client;
    client.client.on("message", (topic, payload, packet) => {
      const [path, key] = topic.split("/") as [string, string];
      const followed = [...this.followed.values()].find(({ table }) => table.path === path)!;
      const record = payload.length === 0 ? null : JSON.parse(payload.toString()) as Row;
      followed.change(null, decodeURIComponent(key), record);
      this.came(followed.table.name, record === null ? null : [topic, record, packet.properties ?? null]);
    });
    client.client.on("close", () => {
      for (const one of this.followed.values()) one.end("closed");
      this.came("close", null);
    });
    for (const followed of this.followed.values()) {
      await client.subscribe(`${followed.table.path}/+`, 1);
      followed.isBegun = true;
      followed.told = [];
    }
  }

  async close(): Promise<void> { await this.#client?.end(true); }
}

export function followerOf(way: Interface, matrix: Matrix, who: Who): Follower {
  switch (way) {
    case "SSE": return new EventFollower(matrix, who);
    case "WebSocket": return new SocketFollower(matrix, who);
    case "GraphQL": return new GraphqlFollower(matrix, who);
    case "MQTT": return new MqttFollower(matrix, who);
  }
}
