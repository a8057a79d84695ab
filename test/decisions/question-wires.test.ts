// Whatever an endpoint that answers questions sends, in whichever format: the run ends as the table says, and nothing is done before all was answered. The
// same rows through every format, against a server that sends bytes.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readRun } from "../../src/storage/decision-rows.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { questionFormats, type QuestionFormat } from "./question-formats.ts";
import { questionRows, type QuestionRow } from "./question-scripts.ts";
import { CANARY } from "./wire-scripts.ts";
import { wireServer, type WireServer } from "./wire-server.ts";

const decisionOf = ({ name }: QuestionFormat, deadline: string, prefix = ""): string => `
  """Judge."""
  ${prefix}${name}(orderId: ID!): Judgement! @decision(mode: ENFORCE, kind: JUDGE, model: "${name}", deadline: "${deadline}") @export @allow(to: ["support"])
    @context(name: "order", query: "Order/{input.orderId}")
    @effect(operation: "Order.update", set: { id: "order.id", level: "out.level" })
    @bound(name: "cap", rule: "out.action != 'REFUND' || out.level <= order.total", tell: "Not for that much.")
    @fallback(value: { action: ASK_HUMAN, urgent: false, level: 1 })`;

const schema = `
enum Action { REFUND VOUCHER ASK_HUMAN }
type Judgement { action: Action! urgent: Boolean! level: Int! @range(min: 1, max: 5) }
type Order @table @export @allow(to: ["support"], do: [READ]) { id: ID! @primaryKey total: Int! level: Int }
type Decisions {${questionFormats.map((wire) => decisionOf(wire, "PT20S") + decisionOf(wire, "PT0.5S", "hasty_")).join("")}
}`;

let app: StartedApp;
let server: WireServer;
beforeAll(async () => {
  server = wireServer();
  const models = questionFormats.map(({ name, provider }) => `  ${name}: { provider: ${provider}, model: m, kind: decisions, url: "http://127.0.0.1:${server.port}/${name}/v1", key: key-of-CANARY }\n`).join("");
  app = await startTestApp({ schema, config: `${keysFor("support")}models:\n${models}limits: { modelAttempts: 2, modelFailures: 100000 }\n` });
});
afterAll(async () => {
  await app?.stop();
  server?.stop();
});

let orders = 0;

async function through(wire: QuestionFormat, { script, isHasty = false }: QuestionRow) {
  const id = `o${++orders}`;
  await app.running.tables.commit((session) => { session.write({ kind: "create", table: "Order", input: { id, total: 4 }, onConflict: null }, { dialect: "wire", authority: null, sent: null }); }, { actor: "test", requestId: "seed" });
  server.received.delete(wire.name);
  server.respond.set(wire.name, (_request, count) => script(wire, count));
  const response = await fetch(`${app.url}/decide/${isHasty ? "hasty_" : ""}${wire.name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify({ orderId: id }) });
  const run = readRun(app.running.storage.reader, response.headers.get("ambit-run")!)!;
  return { wire, status: response.status, text: await response.text() + JSON.stringify([...response.headers]), run, level: app.running.tables.get("Order", id)!.values["level"] ?? null, received: server.received.get(wire.name) ?? [] };
}

test.each(questionRows.map((row) => [row.name, row] as const))("%s", async (_, row) => {
  const logged = app.log.length;
  const wires = questionFormats.filter((wire) => row.not?.(wire) !== true);
  const outcomes = await Promise.all(wires.map((wire) => through(wire, row)));
  const isDecided = typeof row.ends === "number";
  expect(outcomes.map(({ wire, status, run: { state, reason }, level, received }) => ({ wire: wire.name, status, state, reason, level, requests: received.length }))).toEqual(wires.map((wire) => ({
    wire: wire.name, status: 200, state: isDecided ? "DECIDED" : "FELL_BACK", reason: isDecided ? null : String(row.ends), level: isDecided ? Number(row.ends) : 1, requests: row.requests,
  })));
  for (const { wire, text, received } of outcomes) {
    for (const { path, body } of received) {
      expect(path).toBe(`/${wire.name}/v1/decisions`);
      expect(wire.asked(body).questions.map(({ name, type, values }) => [name, type, values.join(" ")])).toEqual([["action", "choice", "REFUND VOUCHER ASK_HUMAN"], ["urgent", "predicate", ""], ["level", "score", "1 2 3 4 5"]]);
    }
    if (row.told !== undefined) expect(wire.asked(received.at(-1)!.body).state.at(-1)).toBe(row.told);
    for (const words of [CANARY, "key-of-CANARY", "cap"]) expect(text).not.toContain(words);
  }
  const lines = app.log.slice(logged).join("\n");
  for (const words of [CANARY, "key-of-CANARY", "bound:cap"]) expect(lines).not.toContain(words);
  expect(lines.includes('"event":"model-usage"')).toBe(row.isFlagged === true);
}, 120_000);

test("after all of it a good answer is one", async () => {
  for (const wire of questionFormats) expect((await through(wire, questionRows[0]!)).run.state).toBe("DECIDED");
});

test("no key and no words of a provider's errors are kept", () => {
  const files = readdirSync(join(app.directory, "data"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(0);
  for (const { parentPath, name } of files) for (const words of [CANARY, "key-of-CANARY"]) expect([name, words, readFileSync(join(parentPath, name)).includes(words)]).toEqual([name, words, false]);
});
