// Lists that come from memory, over HTTP and with many clients: each reads its own writes, the ETag moves with the rows, 304 never lies.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { keysFor, startTestApp, type StartedApp } from "./started-app.ts";

const schema = `
type Note @table @export @allow(to: ["writer"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["reader"], do: [READ], where: "record.board.open") {
  id: Int! @primaryKey
  owner: String! @indexed
  count: Int! @default(value: 0)
  boardId: Int!
  board: Board! @relationship(from: "boardId", onDelete: CASCADE)
}
type Board @table @export @allow(to: ["reader"], do: [READ]) @allow(to: ["writer"], do: [READ, CREATE, UPDATE, DELETE]) { id: Int! @primaryKey open: Boolean! @default(value: true) }`;

const clients = 8;
const rounds = process.env["AMBIT_TEST_SIZE"] === "long" ? 400 : 30;

let app: StartedApp;
beforeAll(async () => {
  app = await startTestApp({ schema, config: keysFor("writer", "reader") });
  await send("POST", "/Board", { id: 1 });
  await send("POST", "/Note", Array.from({ length: clients * 3 }, (_, id) => ({ id, owner: `c${id % clients}`, boardId: 1 })));
});
afterAll(() => app.stop());

async function send(method: string, path: string, body: unknown = undefined, as = "writer", headers: Record<string, string> = {}): Promise<{ status: number; etag: string; text: string }> {
  const response = await fetch(app.url + path, { method, headers: { authorization: `Bearer key-${as}`, "content-type": "application/json", ...headers }, body: body === undefined ? null : JSON.stringify(body) });
  return { status: response.status, etag: response.headers.get("etag") ?? "", text: await response.text() };
}

test("each client finds what it has written, in each list that has it", async () => {
  const client = async (index: number): Promise<void> => {
    for (let round = 1; round <= rounds; round++) {
      expect((await send("PATCH", `/Note/${index}`, { count: round })).status).toBe(204);
      const lists = [`/Note?owner=eq.c${index}&id=lt.${clients}&select=count`, `/Note?id=eq.${index}&select=count,board(open)`, `/Note?select=count.sum()&owner=eq.c${index}`];
      for (const [at, path] of [...lists.entries(), ...lists.entries(), ...lists.entries()]) {
        const { text } = await send("GET", path, undefined, at % 2 === 0 ? "writer" : "reader");
        expect(text).toContain(at === 2 ? `"sum":${round}` : `"count":${round}`);
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, index) => client(index)));
}, 120_000);

test("a rule's record closes and opens the lists of those whom it concerns, and of nobody else", async () => {
  const path = "/Note?select=id&limit=5";
  for (const open of [false, true, false, true]) {
    await send("PATCH", "/Board/1", { open });
    for (let time = 0; time < 3; time++) {
      expect(JSON.parse((await send("GET", path, undefined, "reader")).text)).toHaveLength(open ? 5 : 0);
      expect(JSON.parse((await send("GET", path)).text)).toHaveLength(5);
    }
  }
});

test("If-None-Match is answered by the rows as they are now", async () => {
  const path = "/Note?owner=eq.c1&select=id,count";
  for (let round = 0; round < 5; round++) {
    const first = await send("GET", path);
    for (let time = 0; time < 3; time++) expect(await send("GET", path, undefined, "writer", { "if-none-match": first.etag })).toMatchObject({ status: 304, etag: first.etag });
    await send("PATCH", "/Note/1", { count: 1_000 + round });
    expect((await send("GET", path, undefined, "writer", { "if-none-match": first.etag })).status).toBe(200);
  }
});

test("1,000 reads and writes at once, from many connections: whoever asks after a write was answered finds it, in each list", async () => {
  const total = process.env["AMBIT_TEST_SIZE"] === "long" ? 10_000 : 1_000;
  const records = [1, 2, 3];
  const [sent, answered] = [new Map<number, number>(), new Map<number, number>()];
  const lists = (id: number): string[] => [`/Note?id=eq.${id}&select=count`, `/Note?id=in.(${id},99)&select=count&order=count.desc`, `/Note?select=count&id=eq.${id}&limit=1`];
  let done = 0;
  let seen = 0;
  const writer = async (id: number): Promise<void> => {
    for (; done < total; done++) {
      const count = (sent.get(id) ?? 10_000) + 1;
      sent.set(id, count);
      expect((await send("PATCH", `/Note/${id}`, { count })).status).toBe(204);
      answered.set(id, count);
    }
  };
  const reader = async (index: number): Promise<void> => {
    for (let turn = index; done < total; done++, turn++) {
      const id = records[turn % records.length]!;
      const atLeast = answered.get(id) ?? 0;
      const response = await send("GET", lists(id)[turn % 3 === 0 ? 0 : index % 3]!, undefined, turn % 2 === 0 ? "writer" : "reader");
      const { count } = (JSON.parse(response.text) as readonly { readonly count: number }[])[0]!;
      expect(count).toBeGreaterThanOrEqual(atLeast);
      expect(count).toBeLessThanOrEqual(sent.get(id) ?? 10_000);
      seen++;
    }
  };
  await Promise.all([...records.map(writer), ...Array.from({ length: 12 }, (_, index) => reader(index))]);
  expect(done).toBeGreaterThanOrEqual(total);
  expect(seen).toBeGreaterThan(total / 4);
}, 120_000);

test("Server-Timing says whether a list came from memory, by who asks, until a commit touches it", async () => {
  const path = "/Note?owner=eq.c3&select=id,count";
  const timing = async (as: string): Promise<string> => {
    const response = await fetch(app.url + path, { headers: { authorization: `Bearer key-${as}` } });
    await response.text();
    return /cache;desc=(\w+)/.exec(response.headers.get("server-timing") ?? "")?.[1] ?? "";
  };
  const seen: string[] = [];
  for (const as of ["writer", "writer", "reader", "reader"]) seen.push(await timing(as));
  await send("PATCH", "/Note/3", { count: 77 });
  for (const as of ["writer", "reader", "writer"]) seen.push(await timing(as));
  expect(seen).toEqual(["miss", "hit", "miss", "hit", "miss", "miss", "hit"]);
});

test("the metrics say how many came from memory", async () => {
  const response = await fetch(`${app.url}/metrics`);
  const found = /^ambit_answers_found (\d+)$/m.exec(await response.text());
  expect(Number(found?.[1])).toBeGreaterThan(clients * rounds);
});
