// Clients of other people, unchanged, against a running app: graphql-ws, graphql-sse, urql. What their protocols promise holds: queries, mutations,
// subscriptions, coming again after the connection or the server was lost.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from "@urql/core";
import { createClient as createSocketClient, type Client as SocketClient } from "graphql-ws";
import { EventSource } from "eventsource";
import { createClient as createEventClient, type Client as EventClient } from "graphql-sse";
import { within } from "../processes/app-process.ts";
import { startGraphqlApp, type GraphqlApp } from "./graphql-app.ts";
import { WAIT_MS } from "../processes/waits.ts";

let app: GraphqlApp;
beforeAll(async () => { app = await startGraphqlApp(); });
afterAll(() => app?.stop());

let closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing) close();
  closing = [];
});

interface Event { readonly op: string; readonly position: string | null; readonly reason: string | null; readonly rows: readonly unknown[] | null; readonly changes: readonly unknown[] | null }
interface Result { readonly data?: Readonly<Record<string, unknown>> | null; readonly errors?: readonly unknown[] }

const followed = "subscription($since: String) { makerList(order: [{ name: ASC }], since: $since) { op position reason rows { id name } changes { type key record { id name } } } }";

/** The results of one subscription, in order. */
class Results {
  readonly #all: Result[] = [];
  #taken = 0;
  #wake = (): void => {};
  outcome: string | null = null;

  readonly sink = {
    next: (result: unknown): void => { this.#all.push(result as Result); this.#wake(); },
    error: (error: unknown): void => { this.outcome = JSON.stringify(error); this.#wake(); },
    complete: (): void => { this.outcome ??= "complete"; this.#wake(); },
  };

  async next(): Promise<Event> {
    while (this.#taken >= this.#all.length) {
      if (this.outcome !== null) throw new Error(`ended: ${this.outcome}`);
      await this.#woken();
    }
    return Object.values(this.#all[this.#taken++]!.data!)[0] as Event;
  }

  async ended(): Promise<string> {
    while (this.outcome === null) await this.#woken();
    return this.outcome;
  }

  #woken(): Promise<void> {
    return within(WAIT_MS, "the next result", new Promise<void>((resolve) => { this.#wake = resolve; }));
  }
}

interface Subscriber { subscribe(request: { query: string; variables?: Record<string, unknown> }, sink: never): () => void }

function subscribed(client: Subscriber, query: string, variables: Record<string, unknown> = {}): Results & { readonly stop: () => void } {
  const results = new Results();
  const stop = client.subscribe({ query, variables }, results.sink as never);
  closing.push(stop);
  return Object.assign(results, { stop });
}

async function asked(client: Subscriber, query: string, variables: Record<string, unknown> = {}): Promise<Result> {
  return within(WAIT_MS, "the answer", new Promise<Result>((resolve, reject) => {
    let result: Result | null = null;
    client.subscribe({ query, variables }, { next: (value: Result) => { result = value; }, error: reject, complete: () => resolve(result!) } as never);
  }));
}

function overSockets(authorization: string | null = "Bearer key-staff"): SocketClient {
  const client = createSocketClient({
    url: () => `${app.url.replace("http", "ws")}/graphql`, retryWait: () => new Promise((resolve) => { setTimeout(resolve, 20); }), retryAttempts: 20,
    ...(authorization === null ? {} : { connectionParams: { authorization } }),
  });
  closing.push(() => void client.dispose());
  return client;
}

function overEvents(): EventClient {
  const client = createEventClient({ url: () => `${app.url}/graphql`, headers: { authorization: "Bearer key-staff" }, retry: () => new Promise((resolve) => { setTimeout(resolve, 20); }), retryAttempts: 20 });
  closing.push(() => client.dispose());
  return client;
}

let number = 0;
const newMaker = (): { id: string; name: string } => ({ id: `maker-${++number}`, name: `Maker ${number}` });
const create = "mutation($input: MakerInput!) { createMaker(input: $input) { id name } }";

for (const [name, open] of [["graphql-ws", overSockets], ["graphql-sse", overEvents]] as const) {
  describe(name, () => {
    test("queries and mutations", async () => {
      const client = open() as Subscriber;
      const input = newMaker();
      expect(await asked(client, create, { input })).toEqual({ data: { createMaker: input } });
      expect(await asked(client, "query($id: ID!) { maker(id: $id) { name } none: maker(id: \"no\") { id } }", { id: input.id })).toEqual({ data: { maker: { name: input.name }, none: null } });
      expect(await asked(client, "mutation { removeMaker(id: \"no\") { id } }")).toMatchObject({ data: { removeMaker: null }, errors: [{ path: ["removeMaker"], extensions: { code: "NOT_FOUND", status: 404 } }] });
    });

    test("a subscription: a snapshot, then changes in order, until the client has enough", async () => {
      const client = open() as Subscriber;
      const events = subscribed(client, followed);
      const snapshot = await events.next();
      expect(snapshot).toMatchObject({ op: "SNAPSHOT", reason: null, changes: null });
      const input = newMaker();
      await app.ask(create, { input }, "staff");
      expect(await events.next()).toMatchObject({ op: "CHANGE", rows: null, changes: [{ type: "ENTER", key: input.id, record: input }] });
      await app.ask("mutation($id: ID!) { removeMaker(id: $id) { id } }", { id: input.id }, "staff");
      const { position, changes } = await events.next();
      expect(changes).toEqual([{ type: "LEAVE", key: input.id, record: null }]);
      events.stop();
      expect(await events.ended()).toBe("complete");
      const later = newMaker();
      await app.ask(create, { input: later }, "staff");
      expect(await subscribed(client, followed, { since: position }).next()).toMatchObject({ op: "CHANGE", changes: [{ type: "ENTER", key: later.id, record: later }] });
    });

    test("what is wrong with a document ends it alone", async () => {
      const client = open() as Subscriber;
      const wrong = subscribed(client, "subscription { nothing { op } }");
      const told = name === "graphql-ws" ? await wrong.ended() : JSON.stringify(await new Promise((resolve) => { client.subscribe({ query: "subscription { nothing { op } }" }, { next: resolve, error: resolve, complete() {} } as never); }));
      expect(told).toContain("INVALID_DOCUMENT");
      expect(await asked(client, "{ maker(id: \"no\") { id } }")).toEqual({ data: { maker: null } });
    });

    test("a reload of the app: what is followed begins anew", async () => {
      const events = subscribed(open() as Subscriber, followed);
      await events.next();
      await app.running.reload({ typeCheck: false });
      const next = await events.next();
      const snapshot = next.op === "RESET" ? await events.next() : next;
      expect(snapshot.op).toBe("SNAPSHOT");
      const input = newMaker();
      await app.ask(create, { input }, "staff");
      expect(await events.next()).toMatchObject({ op: "CHANGE", changes: [{ type: "ENTER", key: input.id }] });
    });
  });
}

test("a client whose connection is cut comes again by itself", async () => {
  const sockets: WebSocket[] = [];
  class Watched extends WebSocket {
    constructor(url: string, protocol: string) {
      super(url, protocol);
      sockets.push(this);
    }
  }
  const client = createSocketClient({ url: `${app.url.replace("http", "ws")}/graphql`, webSocketImpl: Watched, retryWait: async () => {}, connectionParams: { authorization: "Bearer key-staff" } });
  closing.push(() => void client.dispose());
  const events = subscribed(client, followed);
  expect((await events.next()).op).toBe("SNAPSHOT");
  sockets[0]!.close(4499, "cut");
  expect((await events.next()).op).toBe("SNAPSHOT");
  expect(sockets.length).toBe(2);
});

test("urql with its own transports", async () => {
  const sockets = overSockets();
  const client = new Client({
    url: `${app.url}/graphql`, preferGetMethod: false, fetchOptions: { headers: { authorization: "Bearer key-staff" } },
    exchanges: [cacheExchange, fetchExchange, subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({ subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query: query!, variables: variables as Record<string, unknown> }, sink as never) }) }),
    })],
  });
  const input = newMaker();
  expect((await client.mutation(create, { input }).toPromise()).data).toMatchObject({ createMaker: input });
  expect((await client.query("query($id: ID!) { maker(id: $id) { name } }", { id: input.id }).toPromise()).data).toMatchObject({ maker: { name: input.name } });
  const results = new Results();
  closing.push(client.subscription(followed, {}).subscribe((result) => results.sink.next(result)).unsubscribe);
  expect((await results.next()).op).toBe("SNAPSHOT");
  const other = newMaker();
  await client.mutation(create, { input: other }).toPromise();
  expect(await results.next()).toMatchObject({ op: "CHANGE", changes: [{ type: "ENTER", key: other.id }] });
});

test("urql by events over the same address", async () => {
  const client = new Client({ url: `${app.url}/graphql`, preferGetMethod: false, fetchSubscriptions: true, fetchOptions: { headers: { authorization: "Bearer key-staff" } }, exchanges: [fetchExchange] });
  const results = new Results();
  closing.push(client.subscription(followed, {}).subscribe((result) => results.sink.next(result)).unsubscribe);
  expect((await results.next()).op).toBe("SNAPSHOT");
  const input = newMaker();
  await app.ask(create, { input }, "staff");
  expect(await results.next()).toMatchObject({ op: "CHANGE", changes: [{ type: "ENTER", key: input.id }] });
});

test("EventSource, which sends no headers: a ticket in the address", async () => {
  const { ticket } = await (await fetch(`${app.url}/auth/ticket`, { method: "POST", headers: { authorization: "Bearer key-owner" } })).json() as { ticket: string };
  const parameters = new URLSearchParams({ query: "subscription($text: String) { noteList(filter: { text: { eq: $text } }) { op rows { id } changes { type record { ownerId } } } }", variables: "{\"text\":\"told\"}", ticket });
  const source = new EventSource(`${app.url}/graphql?${parameters.toString()}`);
  closing.push(() => source.close());
  const results = new Results();
  source.addEventListener("next", ({ data }) => results.sink.next(JSON.parse(data as string)));
  expect(await results.next()).toEqual({ op: "SNAPSHOT", rows: [], changes: null } as never);
  await app.ask("mutation { createNote(input: { text: \"told\" }) { id } }", {}, "owner");
  expect(await results.next()).toEqual({ op: "CHANGE", rows: null, changes: [{ type: "ENTER", record: { ownerId: "owner" } }] } as never);
});
