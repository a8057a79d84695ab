// Records as topics, for every identity: what is retained is what the oracle shows, a retained message is a PUT and an empty one a DELETE by the
// same rules, and refusals tell nothing that is hidden.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import { connected, type TestClient } from "../mqtt/mqtt-clients.ts";
import type { Who } from "./identities.ts";
import { Matrix, timeLimitMs, type Answer } from "./matrix-server.ts";
import type { Row, TableModel } from "./model.ts";
import { creations } from "./created-rows.ts";
import { exported } from "./oracle.ts";
import { inKeyOrder, refusal } from "./record-checks.ts";
import { differences, restore, storedRow, withoutComputed } from "./stored-rows.ts";
import { tables } from "./tables.ts";
import { judge, ownPut } from "./write-checks.ts";
import { WriteOracle } from "./write-oracle.ts";

let matrix: Matrix;
let writes: WriteOracle;
beforeAll(async () => {
  matrix = await Matrix.start();
  writes = new WriteOracle(matrix.world);
});
afterAll(() => matrix?.stop());
afterEach(() => {
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
});

type Properties = { readonly properties?: { readonly reasonString?: string; readonly userProperties?: { readonly problem?: string } }; readonly reasonCode?: number };

async function withClient(who: Who, use: (client: TestClient) => Promise<void>): Promise<void> {
  const client = await connected(matrix.app.mqtt.port!, { protocolVersion: 5, clientId: `matrix-${who.name}`, ...(who.token === null ? {} : { username: "x", password: who.token }) });
  try {
    await use(client);
  } finally {
    await client.end(true);
  }
}

const topicOf = (table: TableModel, key: unknown): string => `${table.path}/${encodeURIComponent(String(key))}`;

/** What is retained at a filter; null: refused. */
async function retained(client: TestClient, filter: string): Promise<Map<string, Row> | null> {
  const before = client.received.length;
  try {
    await client.client.subscribeAsync(filter, { qos: 0 });
  } catch {
    return null;
  }
  // Retained messages come before the answer to what is asked next.
  await client.client.unsubscribeAsync(filter);
  return new Map(client.received.slice(before).map(({ topic, json }) => [topic, json as Row]));
}

test("what is retained: of everything, of each table, of each record", async () => {
  await matrix.together(matrix.identities.map((who) => () => withClient(who, async (client) => {
    const all = new Map<string, Row>();
    for (const table of tables) {
      const path = table.path ?? table.name;
      const refused = table.path === null || refusal(matrix, who, table) !== null;
      const views = refused ? [] : inKeyOrder(table, matrix.oracle.visible(who, table)).map((row): [string, Row] => [topicOf(table, row[table.key.name]), matrix.oracle.view(who, table, row)]);
      for (const [topic, view] of views) all.set(topic, view);
      expectRetained(who, `${path}/+`, { told: await retained(client, `${path}/+`), wanted: refused ? null : new Map(views) });
      for (const [index, row] of [...matrix.world.all.get(table.name)!, { [table.key.name]: table.key.type === "ID" ? "nowhere" : "987654" }].entries()) {
        if (matrix.width <= 2 && index % 2 > 0) continue;
        const topic = topicOf({ ...table, path }, row[table.key.name]);
        expectRetained(who, topic, { told: await retained(client, topic), wanted: refused ? null : new Map(views.filter(([one]) => one === topic)) });
      }
    }
    expectRetained(who, "#", { told: await retained(client, "#"), wanted: all });
  })));
  console.log(`matrix of MQTT, retained: ${matrix.checks} checks`);
}, timeLimitMs);

function expectRetained(who: Who, filter: string, { told, wanted }: { told: Map<string, Row> | null; wanted: Map<string, Row> | null }): void {
  matrix.checks += 1;
  const label = `${who.name} subscribes to ${filter}`;
  if (!Bun.deepEquals(told, wanted, true)) matrix.fail(`${label}: ${JSON.stringify(told === null ? null : [...told])?.slice(0, 400)}`, JSON.stringify(wanted === null ? null : [...wanted])?.slice(0, 400) ?? "");
  if (told !== null) matrix.searchText([who], label, JSON.stringify([...told]));
}

/** The acknowledgement as an answer. */
async function publish(who: Who, client: TestClient, { topic, body, known = [] }: { topic: string; body: Row | null; known?: readonly unknown[] }): Promise<Answer> {
  const told: Properties[] = [];
  const note = (packet: Properties & { cmd: string }): void => { if (packet.cmd === "puback") told.push(packet); };
  client.client.on("packetreceive", note as never);
  await client.publish(topic, body ?? "", { qos: 1 }).catch(() => {});
  client.client.off("packetreceive", note as never);
  const [packet] = told;
  const text = packet?.properties?.userProperties?.problem ?? "";
  const problem = text === "" ? null : JSON.parse(text) as { status: number; code: string };
  const label = `${who.name} publishes ${topic} ${JSON.stringify(body)?.slice(0, 300)}`;
  const answer: Answer = { status: problem?.status ?? ((packet?.reasonCode ?? 0) < 0x80 ? 204 : 500), headers: new Headers(), text: `${text} ${packet?.properties?.reasonString ?? ""}`, json: problem, code: problem?.code ?? null, label };
  matrix.requests += 1;
  matrix.searchAnswer(who, answer, `/${topic} ${JSON.stringify(body)} ${JSON.stringify(known)}`);
  return answer;
}

/** In the short size every third record. */
const chosen = (table: TableModel): Row[] => matrix.world.all.get(table.name)!.filter((row, index) => !matrix.world.ghosts.get(table.name)!.includes(row) && (index % 3 === 0 || matrix.width > 2));

test("a retained message puts what one sees, and leaves what one may not change", async () => {
  for (const who of matrix.identities) {
    await withClient(who, async (client) => {
      for (const table of exported) {
        for (const row of chosen(table)) {
          const { body, reasons, after } = ownPut(matrix, who, table, row);
          const answer = await publish(who, client, { topic: topicOf(table, row[table.key.name]), body });
          if (!judge(matrix, answer, reasons, 204)) continue;
          matrix.same(answer, storedRow(matrix, table, row[table.key.name]), withoutComputed(table, after));
          if (!Bun.deepEquals(after, row)) await restore(matrix);
        }
      }
    });
  }
}, timeLimitMs);

test("a retained message creates what a PUT would, and nothing that is in no table", async () => {
  for (const who of matrix.identities) {
    await withClient(who, async (client) => {
      for (const table of exported) {
        for (const [index, body] of creations(matrix, who, table).entries()) {
          const key = body[table.key.name];
          if ((index % 4 > 0 && matrix.width <= 2) || matrix.world.all.get(table.name)!.some((row) => row[table.key.name] === key)) continue;
          const reasons = new Set(writes.create(who, table, body));
          const answer = await publish(who, client, { topic: topicOf(table, key), body });
          if (!judge(matrix, answer, reasons, 204)) continue;
          matrix.same(answer, storedRow(matrix, table, key), withoutComputed(table, writes.made(who, table, body)));
          await restore(matrix);
        }
      }
      for (const topic of ["Cellar/x", "Note/x", "Org/x", "nosuch/x"]) {
        const answer = await publish(who, client, { topic, body: { id: "x", word: "x" } });
        matrix.status(answer, 404, "NOT_FOUND");
      }
    });
  }
}, timeLimitMs);

test("an empty retained message removes what one may remove; what is hidden is as gone", async () => {
  for (const who of matrix.identities) {
    await withClient(who, async (client) => {
      for (const table of exported) {
        for (const row of chosen(table)) {
          const reasons = new Set(writes.remove(who, table, row));
          const isHidden = reasons.delete("NOT_FOUND");
          const answer = await publish(who, client, { topic: topicOf(table, row[table.key.name]), body: null });
          if (!judge(matrix, answer, reasons, 204)) continue;
          matrix.same(answer, storedRow(matrix, table, row[table.key.name]), isHidden ? withoutComputed(table, row) : null);
          if (!isHidden) await restore(matrix);
        }
      }
    });
  }
  console.log(`matrix of MQTT: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
