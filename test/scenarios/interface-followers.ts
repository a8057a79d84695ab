// Whoever follows all items over one interface, as the administrator: what each was told of a step, in one form.
import { connected } from "../mqtt/mqtt-clients.ts";
import { within } from "../processes/app-process.ts";
import { FIELDS } from "./interface-drivers.ts";
import { EventClient, SocketClient, type Frame, type Row } from "./live-clients.ts";
import { adminToken, type StartedApp } from "./started-app.ts";
import { WAIT_MS } from "../processes/waits.ts";

/** `type` null: the interface does not tell entering from changing. */
export interface ToldChange { readonly type: "enter" | "update" | "leave" | null; readonly key: unknown; readonly record: Row | null }

export interface Follower {
  readonly name: string;
  /** Everything up to the end of the record MARK, without it. */
  told(): Promise<ToldChange[]>;
  close(): Promise<void> | void;
}

/** A record that comes and goes behind each step, so that a follower knows that it has heard all of it. */
export const MARK = "mark";

const authorization = `Bearer ${adminToken}`;
const SELECT = `select=${FIELDS.join(",")}`;

class Told {
  readonly #changes: ToldChange[] = [];
  #wake = (): void => {};

  add(...changes: readonly ToldChange[]): void {
    this.#changes.push(...changes);
    this.#wake();
  }

  async upToMark(): Promise<ToldChange[]> {
    const end = (): number => this.#changes.findIndex(({ key, record }) => key === MARK && record === null);
    while (end() < 0) await within(WAIT_MS, "the mark", new Promise<void>((resolve) => { this.#wake = resolve; }));
    return this.#changes.splice(0, end() + 1).filter(({ key }) => key !== MARK);
  }
}

function changesOf(frame: Frame): ToldChange[] {
  return (frame.changes ?? []).map(({ type, key, record }) => ({ type: type as ToldChange["type"], key, record: record ?? null }));
}

async function socketFollower(app: StartedApp): Promise<Follower> {
  const told = new Told();
  const client = await SocketClient.open(app.url, { authorization });
  await client.ask({ op: "subscribe", id: "all", query: `/Item?${SELECT}` });
  client.socket.addEventListener("message", ({ data }) => told.add(...changesOf(JSON.parse(data as string) as Frame)));
  return { name: "WebSocket", told: () => told.upToMark(), close: () => client.close() };
}

async function eventFollower(app: StartedApp): Promise<Follower> {
  const told = new Told();
  const client = await EventClient.open(`${app.url}/Item?${SELECT}`, { authorization });
  await client.next();
  void (async () => { for (;;) told.add(...changesOf((await client.next()).data)); })().catch(() => {});
  return { name: "events", told: () => told.upToMark(), close: () => client.close() };
}

async function graphqlFollower(app: StartedApp): Promise<Follower> {
  const told = new Told();
  const abort = new AbortController();
  const query = `subscription { itemList { op changes { type key record { ${FIELDS.join(" ")} } } } }`;
  const response = await fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", accept: "text/event-stream", authorization }, body: JSON.stringify({ query }), signal: abort.signal });
  let begun = (): void => {};
  const isBegun = new Promise<void>((resolve) => { begun = resolve; });
  void (async () => {
    let rest = "";
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split("\n\n");
      rest = blocks.pop()!;
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data === undefined) continue;
        begun();
        const { changes } = (JSON.parse(data) as { data: { itemList: Frame } }).data.itemList;
        told.add(...(changes ?? []).map(({ type, key, record }) => ({ type: type.toLowerCase() as ToldChange["type"], key, record: record ?? null })));
      }
    }
  })().catch(() => {});
  await within(WAIT_MS, "the snapshot", isBegun);
  return { name: "GraphQL", told: () => told.upToMark(), close: () => abort.abort() };
}

async function mqttFollower(app: StartedApp): Promise<Follower> {
  const told = new Told();
  const client = await connected(app.running.mqtt.port!, { protocolVersion: 5, username: "x", password: adminToken });
  client.client.on("message", (topic, payload) => {
    const record = payload.length === 0 ? null : JSON.parse(payload.toString()) as Row;
    told.add({ type: record === null ? "leave" : null, key: topic.split("/")[1], record: record === null ? null : Object.fromEntries(FIELDS.map((name) => [name, record[name] ?? null])) });
  });
  // Without what is there already.
  await client.client.subscribeAsync("Item/+", { qos: 1, rh: 2 });
  return { name: "MQTT", told: () => told.upToMark(), close: () => client.end() };
}

export async function followers(app: StartedApp): Promise<readonly Follower[]> {
  return [await socketFollower(app), await eventFollower(app), await graphqlFollower(app), await mqttFollower(app)];
}
