// What subscriptions of /graphql tell: selections, windows, groups, single records, rules, resuming, bounds; over a WebSocket and as events.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { within } from "../processes/app-process.ts";
import { startGraphqlApp, tokenOf, type GraphqlApp } from "./graphql-app.ts";
import { comesTrue, WAIT_MS } from "../processes/waits.ts";

let app: GraphqlApp;
beforeAll(async () => { app = await startGraphqlApp("socketSubscriptions: 4, subscriptionRows: 6, graphqlFollowedLength: 1000"); });
afterAll(() => app?.stop());
beforeEach(async () => {
  await app.ask("mutation { removePartList(filter: { id: { is: NOT_NULL } }) { affected } removeItemList(filter: { sku: { is: NOT_NULL } }) { affected } }", {}, "staff");
});

type Message = { readonly type: string; readonly id?: string; readonly payload?: { readonly data?: Readonly<Record<string, Told>>; readonly errors?: readonly { readonly extensions: { readonly code: string } }[] } & readonly { readonly extensions: { readonly code: string } }[] };
interface Told { readonly op: string; readonly position: string; readonly rows: readonly unknown[] | null; readonly changes: readonly unknown[] | null; readonly reason: string | null }

/** One connection; the messages that come over it, in order. */
class Subscriber {
  readonly messages: Message[] = [];
  readonly #socket: WebSocket;
  #taken = 0;
  #wake = (): void => {};

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener("message", ({ data }) => {
      this.messages.push(JSON.parse(data as string) as Message);
      this.#wake();
    });
  }

  static async open(role: string | null): Promise<Subscriber> {
    const socket = new WebSocket(`${app.url.replace("http", "ws")}/graphql`, "graphql-transport-ws");
    const subscriber = new Subscriber(socket);
    await within(WAIT_MS, "open", new Promise<void>((resolve) => { socket.addEventListener("open", () => resolve()); }));
    subscriber.send({ type: "connection_init", payload: tokenOf(role) });
    expect(await subscriber.next()).toEqual({ type: "connection_ack" });
    return subscriber;
  }

  send(message: object): void { this.#socket.send(JSON.stringify(message)); }
  subscribe(id: string, query: string, variables: object = {}): void { this.send({ type: "subscribe", id, payload: { query, variables } }); }
  close(): void { this.#socket.close(); }

  async next(): Promise<Message> {
    while (this.#taken >= this.messages.length) await within(WAIT_MS, "the next message", new Promise<void>((resolve) => { this.#wake = resolve; }));
    return this.messages[this.#taken++]!;
  }

  /** Of the next message, which tells an event. */
  async told(): Promise<Told> {
    const { type, payload } = await this.next();
    if (type !== "next") throw new Error(`${type}: ${JSON.stringify(payload)}`);
    return Object.values(payload!.data!)[0]!;
  }

  async refused(): Promise<string> {
    const { type, payload } = await this.next();
    return `${type} ${payload?.[0]?.extensions.code}`;
  }
}

async function following<Outcome>(role: string | null, query: string, test: (subscriber: Subscriber) => Promise<Outcome>, variables: object = {}): Promise<Outcome> {
  const subscriber = await Subscriber.open(role);
  try {
    subscriber.subscribe("s", query, variables);
    return await test(subscriber);
  } finally {
    subscriber.close();
  }
}

let serial = 0;
async function create(id: string, more: object = {}): Promise<void> {
  const { errors } = await app.ask("mutation($input: ItemInput!) { createItem(input: $input) { id } }", { input: { id, sku: `S-${++serial}`, title: `Item ${id}`, status: "LIVE", price: 10, ...more } }, "staff");
  expect(errors).toBeUndefined();
}

async function patch(id: string, values: object): Promise<void> {
  const { errors } = await app.ask("mutation($id: ID!, $patch: ItemPatch!) { updateItem(id: $id, patch: $patch) { id } }", { id, patch: values }, "staff");
  expect(errors).toBeUndefined();
}

describe("what is told", () => {
  test("rows and records as they were selected: aliases, fragments, relations, __typename, another name for the key", async () => {
    await create("a", { price: 5 });
    const query = `subscription Watch($least: Money) {
      changes: itemList(filter: { price: { gte: $least } }) { __typename what: op rows { ...row } list: rows { id } changes { __typename how: type key record { ...row } } }
    }
    fragment row on Item { __typename title cost: price spot { lat } parts(filter: { name: { eq: "nut" } }) { name } more @include(if: false) }`;
    await following("staff", query, async (subscriber) => {
      const row = { __typename: "Item", title: "Item a", cost: 5, spot: null, parts: [] };
      expect(await subscriber.told()).toEqual({ __typename: "ItemEvent", what: "SNAPSHOT", rows: [row], list: [{ id: "a" }], changes: null } as never);
      await app.ask("mutation { createPart(input: { id: 1, name: \"nut\", itemId: \"a\" }) { id } }", {}, "staff");
      expect(await subscriber.told()).toEqual({ __typename: "ItemEvent", what: "CHANGE", rows: null, list: null, changes: [{ __typename: "ItemChange", how: "UPDATE", key: "a", record: { ...row, parts: [{ name: "nut" }] } }] } as never);
      await patch("a", { price: 1 });
      expect((await subscriber.told()).changes).toEqual([{ __typename: "ItemChange", how: "LEAVE", key: "a", record: null }]);
    }, { least: 3 });
  });

  test("a window keeps its size; one commit is one event", async () => {
    await following(null, "subscription { itemList(order: [{ price: DESC }], limit: 2) { op rows { id } changes { type key } } }", async (subscriber) => {
      expect(await subscriber.told()).toEqual({ op: "SNAPSHOT", rows: [], changes: null } as never);
      await app.ask("mutation($inputs: [ItemInput!]!) { createItemList(inputs: $inputs) { affected } }", { inputs: [1, 2, 3].map((price) => ({ id: `w${price}`, sku: `W-${price}`, title: "W", status: "LIVE", price })) }, "staff");
      expect((await subscriber.told()).changes).toEqual([{ type: "ENTER", key: "w3" }, { type: "ENTER", key: "w2" }]);
      await app.ask("mutation { removeItem(id: \"w3\") { id } }", {}, "staff");
      expect((await subscriber.told()).changes).toEqual([{ type: "LEAVE", key: "w3" }, { type: "ENTER", key: "w1" }]);
    });
  });

  test("groups are told anew; one record comes, changes and goes", async () => {
    const subscriber = await Subscriber.open("staff");
    subscriber.subscribe("g", "subscription { itemAggregate(order: [{ status: ASC }]) { op rows { count by { status } total: sum { price } } } }");
    expect((await subscriber.told()).rows).toEqual([]);
    subscriber.subscribe("r", "subscription { item(id: \"one\") { op rows { title } changes { type record { title } } } }");
    expect(await subscriber.told()).toEqual({ op: "SNAPSHOT", rows: [], changes: null } as never);
    await create("one", { price: 7 });
    const told = [await subscriber.next(), await subscriber.next()].sort((left, right) => left.id!.localeCompare(right.id!)).map(({ payload }) => Object.values(payload!.data!)[0]);
    expect(told).toEqual([{ op: "SNAPSHOT", rows: [{ count: 1, by: { status: "LIVE" }, total: { price: 7 } }] }, { op: "CHANGE", rows: null, changes: [{ type: "ENTER", record: { title: "Item one" } }] }] as never);
    subscriber.send({ type: "complete", id: "g" });
    await app.ask("mutation { removeItem(id: \"one\") { id } }", {}, "staff");
    expect((await subscriber.told()).changes).toEqual([{ type: "LEAVE", record: null }]);
    subscriber.close();
  });

  test("a key that is a number, nothing selected of records, an empty selection of rows", async () => {
    await create("a");
    await following(null, "subscription { partList { op rows { __typename } changes { type key } } }", async (subscriber) => {
      expect((await subscriber.told()).rows).toEqual([]);
      await app.ask("mutation { createPart(input: { id: 7, name: \"x\", itemId: \"a\" }) { id } }", {}, "staff");
      expect((await subscriber.told()).changes).toEqual([{ type: "ENTER", key: 7 }]);
    });
    await following(null, "subscription { itemList { op } }", async (subscriber) => {
      expect(await subscriber.told()).toEqual({ op: "SNAPSHOT" } as never);
      await patch("a", { title: "b" });
      await create("b");
      expect(await subscriber.told()).toEqual({ op: "CHANGE" } as never);
    });
  });
});

describe("rules", () => {
  test("a caller sees what a query would show them, and a record that leaves their sight by its key alone", async () => {
    await following(null, "subscription { itemList { rows { id title } changes { type key record { id title price } } } }", async (subscriber) => {
      await subscriber.told();
      await create("hidden", { status: "DRAFT", title: "CANARY", price: 4711 });
      await create("shown");
      expect((await subscriber.told()).changes).toEqual([{ type: "ENTER", key: "shown", record: { id: "shown", title: "Item shown", price: 10 } }]);
      await patch("hidden", { title: "CANARY 2" });
      await patch("shown", { status: "DRAFT", title: "CANARY 3" });
      expect((await subscriber.told()).changes).toEqual([{ type: "LEAVE", key: "shown", record: null }]);
      expect(JSON.stringify(subscriber.messages)).not.toMatch(/CANARY|4711/);
    });
  });

  test("what a caller may not read does not exist for them", async () => {
    const subscriber = await Subscriber.open(null);
    for (const query of ["subscription { noteList { op } }", "subscription { itemList { rows { cost } } }", "subscription { itemList(filter: { cost: { gt: 1 } }) { op } }", "subscription { onlyRestList { op } }", "subscription { hiddenList { op } }"]) {
      subscriber.subscribe("s", query);
      expect([query, await subscriber.refused()]).toEqual([query, "error INVALID_DOCUMENT"]);
    }
    subscriber.close();
  });

  test("a rule over the caller: by one document each hears of their own records alone", async () => {
    const query = "subscription { noteList { rows { id } changes { type key } } }";
    const [mine, all] = [await Subscriber.open("owner"), await Subscriber.open("administrator")];
    for (const subscriber of [mine, all]) {
      subscriber.subscribe("s", query);
      await subscriber.told();
    }
    for (const [id, ownerId] of [["theirs", "other"], ["mine", "owner"]] as const) {
      await app.running.tables.commit((session) => session.write({ kind: "create", table: "Note", input: { id, ownerId } as never, onConflict: null }, { dialect: "wire", authority: null, sent: null }), { actor: "test", requestId: "notes" });
    }
    expect((await mine.told()).changes).toEqual([{ type: "ENTER", key: "mine" }]);
    expect([(await all.told()).changes, (await all.told()).changes]).toEqual([[{ type: "ENTER", key: "theirs" }], [{ type: "ENTER", key: "mine" }]]);
    for (const subscriber of [mine, all]) subscriber.close();
  });
});

test("who comes again with a position goes on from there, or hears why not", async () => {
  const query = "subscription($since: String, $least: Money = 0) { itemList(filter: { price: { gte: $least } }, since: $since) { op position reason rows { id } changes { type key } } }";
  const { position } = await following(null, query, (subscriber) => subscriber.told());
  await create("while-away");
  await create("another");
  await following(null, query, async (subscriber) => {
    expect([(await subscriber.told()).changes, (await subscriber.told()).changes]).toEqual([[{ type: "ENTER", key: "while-away" }], [{ type: "ENTER", key: "another" }]]);
  }, { since: position });
  await following(null, query, async (subscriber) => {
    expect([await subscriber.told(), (await subscriber.told()).op]).toMatchObject([{ op: "RESET", reason: "query", position: null, rows: null }, "SNAPSHOT"]);
  }, { since: position, least: 1 });
  await following(null, query, async (subscriber) => expect((await subscriber.told()).reason).toBe("query"), { since: "nonsense" });
});

describe("refusals", () => {
  const rows: readonly (readonly [name: string, query: string, code: string])[] = [
    ["rows and record that differ under one name", "subscription { itemList { rows { x: title } changes { record { x: sku } } } }", "INVALID_DOCUMENT"],
    ["relations that differ under one name", "subscription { itemList { rows { parts(limit: 1) { id } } changes { record { parts(limit: 2) { id } } } } }", "INVALID_DOCUMENT"],
    ["groups that differ under one name", "subscription { itemAggregate { a: rows { x: sum { price } } b: rows { x: max { price } } } }", "INVALID_DOCUMENT"],
    ["another field under the key's name", "subscription { itemList { rows { id: title } } }", "NOT_LIVE"],
    ["two fields", "subscription { a: itemList { op } b: itemList { op } }", "INVALID_DOCUMENT"],
    ["introspection", "subscription { __typename }", "INVALID_DOCUMENT"],
    ["no field at all", "subscription { itemList @skip(if: true) { op } }", "INVALID_DOCUMENT"],
    ["a page further on", "subscription { itemList(after: \"x\") { op } }", "INVALID_DOCUMENT"],
    ["a value that does not fit", "subscription { itemList(filter: { at: { eq: \"soon\" } }) { op } }", "BAD_FILTER_VALUE"],
    ["a negative limit", "subscription { itemList(limit: -1) { op } }", "MALFORMED_QUERY"],
    ["a variable that is missing", "subscription($id: ID!) { item(id: $id) { op } }", "INVALID_DOCUMENT"],
    ["@transaction", "subscription @transaction { itemList { op } }", "INVALID_DOCUMENT"],
    ["what is no document", "subscription {", "MALFORMED_DOCUMENT"],
    ["too deep", `subscription { itemList { rows ${"{ maker { items ".repeat(15)}{ id } ${"} } ".repeat(15)} } }`, "DOCUMENT_TOO_LARGE"],
    ["many aliases", `subscription { itemList { rows { ${Array.from({ length: 200 }, (_, index) => `a${index}: id`).join(" ")} } } }`, "DOCUMENT_TOO_LARGE"],
  ];
  test.each(rows)("%s", async (_name, query, code) => {
    await following("staff", query, async (subscriber) => expect(await subscriber.refused()).toBe(`error ${code}`));
    const response = await fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", accept: "text/event-stream", ...tokenOf("staff") }, body: JSON.stringify({ query }) });
    const text = await response.text();
    expect([response.status, text.startsWith("event: next\ndata: {\"errors\":["), text.includes(`"code":"${code}"`), text.endsWith("event: complete\ndata: \n\n")]).toEqual([200, true, true, true]);
  });

  test("a subscription that is asked for as JSON, and events for a batch", async () => {
    const ask = (body: unknown, accept: string): Promise<Response> => fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", accept }, body: JSON.stringify(body) });
    const plain = await ask({ query: "subscription { itemList { op } }" }, "application/graphql-response+json");
    expect([plain.status, ((await plain.json()) as { errors: { extensions: { code: string } }[] }).errors[0]!.extensions.code]).toEqual([406, "NOT_ACCEPTABLE"]);
    expect((await ask([{ query: "{ itemList { total } }" }], "text/event-stream")).status).toBe(406);
    const link = await fetch(`${app.url}/graphql?query=${encodeURIComponent("mutation { boomItem(id: \"a\") }")}`, { headers: { accept: "text/event-stream" } });
    expect(link.status).toBe(405);
  });

  test("a document and its variables are kept, so they are short", async () => {
    await following(null, "subscription($id: [ID!]) { itemList(filter: { id: { in: $id } }) { op } }", async (subscriber) => expect(await subscriber.refused()).toBe("error DOCUMENT_TOO_LARGE"), { id: ["x".repeat(1_000)] });
  });

  test("too many rows, too many operations", async () => {
    await app.ask("mutation($inputs: [ItemInput!]!) { createItemList(inputs: $inputs) { affected } }", { inputs: [1, 2, 3, 4, 5, 6, 7].map((price) => ({ sku: `M-${price}`, title: "W", status: "LIVE", price })) }, "staff");
    const subscriber = await Subscriber.open(null);
    subscriber.subscribe("many", "subscription { itemList { op } }");
    expect(await subscriber.refused()).toBe("error TOO_MANY_ROWS");
    for (const id of ["a", "b", "c", "d"]) {
      subscriber.subscribe(id, "subscription { itemList(limit: 1) { op } }");
      expect((await subscriber.told()).op).toBe("SNAPSHOT");
    }
    subscriber.subscribe("e", "subscription { itemList(limit: 1) { op } }");
    expect(await subscriber.refused()).toBe("error OVERLOADED");
    subscriber.close();
    await comesTrue(() => app.running.live.stats().subscriptions === 0);
    expect(app.running.live.stats()).toMatchObject({ subscriptions: 0, queries: 0 });
  });
});

test("equal subscriptions of many connections are one query, and numbers are in the metrics", async () => {
  const subscribers = await Promise.all(Array.from({ length: 10 }, () => Subscriber.open(null)));
  for (const subscriber of subscribers) {
    subscriber.subscribe("s", "subscription { itemList { op rows { id } changes { record { id title } } } }");
    await subscriber.told();
  }
  expect(app.running.live.stats()).toMatchObject({ subscriptions: 10, queries: 1 });
  await create("shared");
  for (const subscriber of subscribers) expect((await subscriber.told()).changes).toEqual([{ record: { id: "shared", title: "Item shared" } }]);
  const metrics = await (await fetch(`${app.url}/metrics`, { headers: tokenOf("administrator") })).text();
  expect(metrics).toMatch(/^ambit_graphql_sockets_open 10$/m);
  for (const subscriber of subscribers) subscriber.close();
});
