// The hub against a plain model of it: who comes, goes, publishes, shows a state or is replaced by a reload, at random, in one turn or in
// several. Each subscriber must have been told exactly what the model says, in order. AMBIT_TEST_SIZE=long goes on for longer.
import { afterEach, expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import type { Value } from "../base/value.ts";
import type { ChannelFrame, ChannelSubscription } from "./channel-frame.ts";
import { openApp, user, type OpenApp } from "./testing/open-app.ts";

const STEPS = process.env["AMBIT_TEST_SIZE"] === "long" ? 40_000 : 2_000;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 20_261_122);

const SCHEMA = `type Board @channel(key: "id", presence: true) @export
  @allow(to: ["all"], do: [SUBSCRIBE, PUBLISH])
  @allow(to: ["some"], do: [SUBSCRIBE], where: "record.number > 50 || record.by == auth.subject")
{ id: ID! number: Int! by: ID @createdBy }`;
const KEYS = ["a", "b", "c"];

interface Entry { readonly subject: string; state: Value }

/** One subscription, with what it was told and what it should have been. */
class Listener {
  readonly heard: number[] = [];
  readonly due: number[] = [];
  /** By subject and state: names of connections are the hub's own. */
  present: Map<string, { subject: string; state: Value }> | null = null;
  renewed = false;
  subscription: ChannelSubscription | null = null;

  readonly key: string | null;
  readonly connection: { readonly subject: string; readonly role: string };

  constructor(key: string | null, connection: Listener["connection"]) {
    this.key = key;
    this.connection = connection;
  }

  take(frame: ChannelFrame): void {
    if (frame.op === "message") this.heard.push(...frame.messages.map(({ values }) => values["number"] as number));
    if (frame.op === "snapshot") this.present = new Map((JSON.parse(frame.rows) as ({ connection: string } & Entry)[]).map(({ connection, subject, state }) => [connection, { subject, state }]));
    if (frame.op !== "change") return;
    for (const change of frame.changes) {
      const name = JSON.parse(change.key) as string;
      if (this.present!.has(name) === (change.type === "enter")) throw new Error(`${change.type} of ${name}`);
      if (change.type === "leave") this.present!.delete(name);
      else {
        const { subject, state } = JSON.parse(change.record) as Entry;
        this.present!.set(name, { subject, state });
      }
    }
  }

  fail(): void { throw new Error("it ended"); }
  renew(): void { this.renewed = true; }
}

let app: OpenApp | null = null;
afterEach(async () => { await app?.close(); app = null; });

test(`what is told is what the model says (seed ${SEED})`, async () => {
  app = openApp(SCHEMA);
  const { catalog, access } = app;
  const channel = catalog.channels.get("Board")!;
  const random = seededRandom(SEED);
  const below = (count: number): number => Math.floor(random.next() * count);
  const one = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;
  const connections = Array.from({ length: 6 }, (_, index) => ({ subject: `u${index % 4}`, role: index % 2 === 0 ? "all" : "some" }));
  /** What each connection shows, by topic, while it is there. */
  const shown = new Map<object, Map<string, Value>>();
  let listeners: Listener[] = [];
  let serving: Pick<OpenApp, "dispatcher" | "as"> = app;
  let count = 0;

  const follow = (listener: Listener, reset: boolean): void => {
    const { key, connection } = listener;
    listener.renewed = false;
    listener.subscription = serving.dispatcher.channels.subscribe({ channel, key, connection: key === null ? null : connection, resumed: false }, access.rights(user(connection.subject, connection.role)), listener, reset ? "reload" : null);
    if (key === null) return;
    const states = shown.get(connection) ?? new Map<string, Value>();
    shown.set(connection, states);
    if (!states.has(key) || reset) states.set(key, null);
  };
  const leave = (listener: Listener): void => {
    listener.subscription!.close();
    listeners = listeners.filter((other) => other !== listener);
    if (listener.key !== null && !listeners.some(({ key, connection }) => key === listener.key && connection === listener.connection)) shown.get(listener.connection)!.delete(listener.key);
  };
  const publish = (): void => {
    const [key, { subject }, number] = [one(KEYS), one(connections), ++count % 100];
    void serving.as(user(subject, "all")).send({ kind: "publish", channel: "Board", key, input: { number } });
    for (const listener of listeners) if ((listener.key ?? key) === key && (listener.connection.role === "all" || number > 50 || listener.connection.subject === subject)) listener.due.push(number);
  };
  const turn = async (): Promise<void> => {
    await new Promise<void>((resolve) => { setImmediate(resolve); });
    for (const listener of listeners) {
      expect(listener.heard).toEqual(listener.due);
      listener.heard.length = listener.due.length = 0;
      if (listener.key === null) continue;
      const there = connections.filter((connection) => shown.get(connection)?.has(listener.key!)).map((connection) => [connection.subject, shown.get(connection)!.get(listener.key!)]);
      expect([...listener.present!.values()].map(({ subject, state }) => [subject, state]).map((pair) => JSON.stringify(pair)).toSorted()).toEqual(there.map((pair) => JSON.stringify(pair)).toSorted());
    }
  };

  for (let step = 0; step < STEPS; step++) {
    const dice = below(100);
    if (dice < 20 && listeners.length < 20) {
      const listener = new Listener(one([...KEYS, null]), one(connections));
      listeners.push(listener);
      follow(listener, false);
    } else if (dice < 35 && listeners.length > 0) leave(one(listeners));
    else if (dice < 65) publish();
    else if (dice < 78) {
      const listener = listeners.find(({ key }) => key !== null);
      if (listener === undefined) continue;
      const state = one<Value>([null, 1, "x", { typing: true }]);
      listener.subscription!.setPresence(state);
      shown.get(listener.connection)!.set(listener.key!, state);
    } else if (dice < 80) {
      const before = serving;
      serving = app.reloaded();
      before.dispatcher.channels.close(serving.dispatcher.channels);
      expect(listeners.every(({ renewed }) => renewed)).toBe(true);
      for (const listener of listeners) follow(listener, true);
    } else await turn();
  }
  await turn();
  while (listeners.length > 0) leave(listeners[0]!);
  await turn();
  expect(serving.dispatcher.channels.stats()).toMatchObject({ subscriptions: 0, topics: 0 });
}, 120_000);
