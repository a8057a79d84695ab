// One identity that subscribes to every channel over one wire, to one topic of each or to all topics: what it was refused, what it heard, who it saw there.
import { connected, type TestClient } from "../mqtt/mqtt-clients.ts";
import { within } from "../processes/app-process.ts";
import { EventClient, type Frame } from "../scenarios/live-clients.ts";
import { channels, type ChannelModel, type Message, type Person } from "./channel-model.ts";

export const wires = ["SSE", "WS", "GRAPHQL", "MQTT"] as const;
export type Wire = (typeof wires)[number];
export type Scope = "topic" | "all";

/** Of one channel. */
export class Heard {
  readonly messages: Message[] = [];
  /** By the name of the connection: whose it is. */
  readonly present = new Map<string, unknown>();
  isBegun = false;
  /** Why it is followed no more, or never was. */
  ended: string | null = null;
}

const WAIT_MS = 20_000;
const STREAM_MS = 3_600_000;

export abstract class ChannelFollower {
  readonly who: Person;
  readonly scope: Scope;
  readonly url: string;
  abstract readonly wire: Wire;
  readonly heard: ReadonlyMap<ChannelModel, Heard> = new Map(channels.map((model) => [model, new Heard()]));

  constructor(who: Person, scope: Scope, url: string) {
    this.who = who;
    this.scope = scope;
    this.url = url;
  }

  /** Resolves when it is said of each channel whether it is followed. */
  abstract begin(): Promise<void>;
  abstract close(): Promise<void> | void;

  keyOf(model: ChannelModel): unknown { return this.scope === "all" ? null : model.messages[0]![model.key]; }

  protected get headers(): Record<string, string> { return this.who.token === null ? {} : { authorization: `Bearer ${this.who.token}` }; }

  protected pathOf(model: ChannelModel): string {
    const key = this.keyOf(model);
    return key === null ? `/${model.path}` : `/${model.path}/${String(key)}`;
  }

  protected take(model: ChannelModel, frame: Frame): void {
    const heard = this.heard.get(model)!;
    const op = frame.op.toLowerCase();
    if (op === "snapshot") {
      heard.isBegun = true;
      heard.present.clear();
      for (const { connection, subject } of frame.rows ?? []) heard.present.set(String(connection), subject);
    } else if (op === "change") {
      for (const { type, key, record } of frame.changes!) {
        if (type.toLowerCase() === "leave") heard.present.delete(String(key));
        else heard.present.set(String(key), record!["subject"]);
      }
    } else if (op === "message") heard.messages.push(...frame.messages!);
    else if (op === "error") heard.ended = frame.problem!.code;
  }

  protected end(reason: string): void {
    for (const heard of this.heard.values()) heard.ended ??= reason;
  }

  protected async begun(): Promise<void> {
    await within(WAIT_MS, `${this.who.name} over ${this.wire}`, (async () => { while ([...this.heard.values()].some(({ isBegun, ended }) => !isBegun && ended === null)) await Bun.sleep(2); })());
  }
}

class SocketFollower extends ChannelFollower {
  readonly wire = "WS";
  #socket: WebSocket | null = null;

  async begin(): Promise<void> {
    const socket = this.#socket = new WebSocket(`${this.url.replace(/^http/, "ws")}/ws`, { headers: this.headers } as never);
    socket.addEventListener("message", ({ data }) => {
      const frame = JSON.parse(data as string) as Frame;
      const model = channels.find(({ name }) => name === frame.id);
      if (model === undefined) this.end(frame.problem?.code ?? frame.op);
      else this.take(model, frame);
    });
    socket.addEventListener("close", () => this.end("closed"));
    await within(WAIT_MS, "open", new Promise<void>((resolve) => { socket.addEventListener("open", () => resolve()); }));
    for (const model of channels) socket.send(JSON.stringify({ op: "subscribe", id: model.name, query: this.pathOf(model) }));
    await this.begun();
  }

  close(): void { this.#socket?.close(); }
}

class EventFollower extends ChannelFollower {
  readonly wire = "SSE";
  readonly #clients: EventClient[] = [];

  async begin(): Promise<void> {
    await Promise.all(channels.map(async (model) => {
      const heard = this.heard.get(model)!;
      const client = await EventClient.open(this.url + this.pathOf(model), this.headers);
      this.#clients.push(client);
      if (client.response.status === 200) void this.#read(model, client);
      else heard.ended = (await client.response.json() as { code: string }).code;
    }));
    await this.begun();
  }

  async #read(model: ChannelModel, client: EventClient): Promise<void> {
    try {
      for (;;) {
        const { event, data } = await client.next(STREAM_MS);
        this.take(model, event === "message" ? { op: "message", messages: [data as unknown as Message] } : data);
      }
    } catch {
      this.heard.get(model)!.ended ??= "closed";
    }
  }

  close(): void { for (const client of this.#clients) client.close(); }
}

class GraphqlFollower extends ChannelFollower {
  readonly wire = "GRAPHQL";
  #socket: WebSocket | null = null;

  async begin(): Promise<void> {
    const socket = this.#socket = new WebSocket(`${this.url.replace(/^http/, "ws")}/graphql`, "graphql-transport-ws");
    const acknowledged = new Promise<void>((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        const message = JSON.parse(data as string) as { type: string; id: string; payload?: { data?: { it: Frame }; errors?: readonly { extensions: { code: string } }[] } | readonly { extensions: { code: string } }[] };
        if (message.type === "connection_ack") return resolve();
        const model = channels.find(({ name }) => name === message.id)!;
        const { payload } = message;
        if (payload !== undefined && "data" in payload && payload.data !== undefined) return this.take(model, payload.data.it);
        this.heard.get(model)!.ended ??= Array.isArray(payload) ? (payload as { extensions: { code: string } }[])[0]!.extensions.code : (payload as { errors?: readonly { extensions: { code: string } }[] } | undefined)?.errors?.[0]?.extensions.code ?? message.type;
      });
      socket.addEventListener("close", () => this.end("closed"));
    });
    await within(WAIT_MS, "open", new Promise<void>((resolve) => { socket.addEventListener("open", () => resolve()); }));
    socket.send(JSON.stringify({ type: "connection_init", payload: this.headers }));
    await within(WAIT_MS, "connection_ack", acknowledged);
    for (const model of channels) {
      const [key, fields] = [this.keyOf(model), Object.keys(Object.assign({}, ...model.messages) as object)];
      const given = key === null ? "" : `(${model.key}: ${model.isNumbered ? String(key) : `"${String(key)}"`})`;
      const presence = model.hasPresence ? " rows { connection subject } changes { type key record { subject } }" : "";
      socket.send(JSON.stringify({ type: "subscribe", id: model.name, payload: { query: `subscription { it: ${model.name.toLowerCase()}${given} { op messages { ${fields.join(" ")} text by }${presence} } }` } }));
    }
    await this.begun();
  }

  close(): void { this.#socket?.close(); }
}

class MqttFollower extends ChannelFollower {
  readonly wire = "MQTT";
  #client: TestClient | null = null;

  async begin(): Promise<void> {
    const { token, name } = this.who;
    const client = this.#client = await connected(Number(new URL(this.url).port), { protocol: "ws", path: "/mqtt", protocolVersion: 5, clientId: `${this.scope}-${name}`, keepalive: 0, ...(token === null ? {} : { username: "x", password: token }) });
    client.client.on("message", (topic, payload) => {
      const model = channels.find(({ path }) => path === topic.split("/")[0])!;
      this.take(model, { op: "message", messages: [JSON.parse(payload.toString()) as Message] });
    });
    client.client.on("close", () => this.end("closed"));
    for (const model of channels) {
      const heard = this.heard.get(model)!;
      await client.subscribe(this.scope === "all" ? `${model.path}/+` : this.pathOf(model).slice(1), 1).then(() => "SUBSCRIBED", () => "REFUSED").then((outcome) => {
        heard.isBegun = outcome === "SUBSCRIBED";
        heard.ended = heard.isBegun ? null : outcome;
        return outcome;
      });
    }
  }

  async close(): Promise<void> { await this.#client?.end(true); }
}

export function channelFollower(wire: Wire, { who, scope, url }: { readonly who: Person; readonly scope: Scope; readonly url: string }): ChannelFollower {
  switch (wire) {
    case "SSE": return new EventFollower(who, scope, url);
    case "WS": return new SocketFollower(who, scope, url);
    case "GRAPHQL": return new GraphqlFollower(who, scope, url);
    case "MQTT": return new MqttFollower(who, scope, url);
  }
}
