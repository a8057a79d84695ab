// Whatever a provider sends, in whichever format: the run ends as the table says, and nothing is done before an answer was accepted. The same
// rows through every format, whole and as a stream, against a server that sends bytes.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readRun } from "../../src/storage/decision-rows.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { wireFormats, type WireFormat } from "./wire-formats.ts";
import { CANARY, wireRows, type WireRow } from "./wire-scripts.ts";
import { wireServer, type WireServer } from "./wire-server.ts";

const decisionOf = ({ name }: WireFormat, deadline: string, prefix = ""): string => `
  """Refund."""
  ${prefix}${name}(orderId: ID!): Refund! @decision(mode: ENFORCE, model: "${name}", deadline: "${deadline}") @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @mayRead(name: "lines", query: "Line?sku=eq.{?sku: String}&select=sku", max: 20)
    @mayWrite(operation: "Credit.create", fields: ["amount"], where: "args.amount > 0", set: { orderId: "order.id" }, max: 600)
    @effect(operation: "Order.update", set: { id: "order.id", refunded: "order.refunded + out.amount" })
    @bound(name: "cap", rule: "out.amount >= 0 && out.amount <= order.total", tell: "Not more than was paid.")
    @fallback(value: { action: ASK_HUMAN, amount: 0, reason: "no decision" })`;

const schema = `
enum RefundAction { REFUND ASK_HUMAN }
type Refund { action: RefundAction! amount: Int! reason: String! }
type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey total: Int! refunded: Int! @default(value: 0) }
type Line @table @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey sku: String! @indexed }
type Credit @table @allow(to: ["support"], do: [READ, CREATE]) { id: ID! @primaryKey orderId: ID! @indexed amount: Int! }
type Decisions {${wireFormats.map((wire) => decisionOf(wire, "PT20S") + decisionOf(wire, "PT0.5S", "hasty_")).join("")}
}`;

/** As in production, and with the guard of tests between. */
type Way = "plain" | "guarded";
const apps = new Map<Way, StartedApp>();
let server: WireServer;
beforeAll(async () => {
  server = wireServer();
  const models = wireFormats.map(({ name, provider, isStream }) => `  ${name}: { provider: ${provider}, model: m, url: "http://127.0.0.1:${server.port}/${name}/v1", key: key-of-CANARY, stream: ${isStream} }\n`).join("");
  const files = { schema, config: `${keysFor("support")}models:\n${models}limits: { modelAttempts: 2, modelFailures: 100000 }\n` };
  for (const way of ["plain", "guarded"] as const) apps.set(way, await startTestApp(files, { modelsOutbound: way === "plain" }));
});
afterAll(async () => {
  await Promise.all([...apps.values()].map((app) => app.stop()));
  server?.stop();
});

let orders = 0;

async function through(wire: WireFormat, { script, isHasty = false }: WireRow, app: StartedApp) {
  const id = `o${++orders}`;
  const options = { dialect: "wire", authority: null, sent: null } as const;
  await app.running.tables.commit((session) => { session.write({ kind: "create", table: "Order", input: { id, total: 100 }, onConflict: null }, options); }, { actor: "test", requestId: "seed" });
  server.received.delete(wire.name);
  server.respond.set(wire.name, (_request, count) => script(wire, count));
  const response = await fetch(`${app.url}/decide/${isHasty ? "hasty_" : ""}${wire.name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify({ orderId: id }) });
  const shown = await fetch(`${app.url}/runs/${response.headers.get("ambit-run")}`, { headers: { authorization: "Bearer key-support" } });
  expect(shown.status).toBe(200);
  const text = await response.text() + await shown.text();
  const run = readRun(app.running.storage.reader, response.headers.get("ambit-run")!)!;
  const { refunded } = app.running.tables.get("Order", id)!.values;
  const credits = app.running.storage.reader.query(`SELECT COUNT(*) AS n FROM "Credit" WHERE "orderId" = ?1`).all(id)[0]!["n"] as number;
  return { wire, status: response.status, text, headers: JSON.stringify([...response.headers]), run, refunded, credits, received: server.received.get(wire.name) ?? [] };
}

/** Where it matters who fetches. */
const ofFetch = /^a good answer|^byte|^closed|^reset|^never|^a byte now|unfold|^a header of|to http|to \/again/;
const rows = wireRows.flatMap((row) => [["plain", row.name, row] as const, ...(ofFetch.test(row.name) ? [["guarded", row.name, row] as const] : [])]);

test.each(rows)("%s: %s", async (way, _, row) => {
  const app = apps.get(way)!;
  const logged = app.log.length;
  const wires = wireFormats.filter((wire) => row.not?.(wire) !== true);
  const outcomes = await Promise.all(wires.map((wire) => through(wire, row, app)));
  const isDecided = typeof row.ends === "number";
  expect(outcomes.map(({ wire, status, run: { state, reason }, refunded, received }) => ({ wire: wire.name, status, state, reason, refunded, requests: received.length }))).toEqual(wires.map((wire) => ({
    wire: wire.name, status: 200, state: isDecided ? "DECIDED" : "FELL_BACK", reason: isDecided ? null : row.ends as string, refunded: isDecided ? Number(row.ends) : 0, requests: row.requests,
  })));
  for (const { wire, text, headers, credits, received } of outcomes) {
    if (!isDecided) expect(credits).toBe(0);
    if (row.told !== undefined) expect(wire.results(received.at(-1)!.body)).toEqual([row.told]);
    // Nobody's words but ours: not the provider's, no key, no name of a bound.
    for (const words of [CANARY, "key-of-CANARY", "cap"]) expect(text + headers).not.toContain(words);
  }
  const lines = app.log.slice(logged).join("\n");
  for (const words of [CANARY, "key-of-CANARY", "bound:cap", '"cap"']) expect(lines).not.toContain(words);
  expect(lines.includes('"event":"model-usage"')).toBe(row.isFlagged === true);
}, 120_000);

test("after all of it a good answer is one", async () => {
  for (const app of apps.values()) for (const wire of wireFormats) expect((await through(wire, wireRows[0]!, app)).run.state).toBe("DECIDED");
});

test("no key and no words of a provider's errors are kept", () => {
  for (const { directory } of apps.values()) {
    const files = readdirSync(join(directory, "data"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(0);
    for (const { parentPath, name } of files) {
      const bytes = readFileSync(join(parentPath, name));
      for (const words of [CANARY, "key-of-CANARY"]) expect([name, words, bytes.includes(words)]).toEqual([name, words, false]);
    }
  }
});
