import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { connect, type Connection } from "./connection.ts";
import { admitRun, decisionDdl } from "./decision-rows.ts";
import { addCommitment, addNegotiation, dueCommitments, moveCommitment, negotiationDdl, staleRounds } from "./negotiation-rows.ts";

function opened(): Connection {
  const connection = connect(new Database(":memory:"), 50);
  for (const sql of [...decisionDdl, ...negotiationDdl]) connection.execute(sql);
  return connection;
}

test("what is due is found by its time, whatever there is of decisions that are no more", () => {
  const connection = opened();
  const add = (id: string, decision: string, dueMs: number): void => addCommitment(connection, { id, offer: id, negotiation: "n", decision, tenant: null, principal: "p", terms: "{}", dueMs, about: null, madeMs: 0 });
  for (let count = 0; count < 10; count++) add(`gone-${count}`, "gone", 1);
  add("second", "haggle", 5);
  add("first", "swap", 4);
  add("later", "haggle", 50);
  add("kept", "haggle", 3);
  moveCommitment(connection, "kept", { from: "ACTIVE", to: "KEPT", nowMs: 3 });
  const due = (decisions: readonly string[], limit = 5): string[] => dueCommitments(connection, decisions, { nowMs: 10, limit }).map(({ id }) => id);
  expect([due(["haggle", "swap"]), due(["swap", "haggle"], 1), due(["haggle"]), due([])]).toEqual([["first", "second"], ["first"], ["second"], []]);
});

test("rounds whose runs wait, as for people, hide none whose run is gone or over", () => {
  const connection = opened();
  const round = (id: string, movedMs: number, state: string | null): void => {
    const run = `run-of-${id}`;
    addNegotiation(connection, { id, decision: "haggle", tenant: null, principal: "p", caller: "{}", input: "{}", exclusive: null, state: "OPEN", round: 1, counter: null, pending: run, movedMs });
    if (state !== null) admitRun(connection, { id: run, name: "haggle", version: "1", parent: null, tenant: null, caller: "{}", principal: "p", subject: null, admittedMs: 0, leaseMs: 0, key: null, callback: null, arm: null }, { state, admission: "{}" });
  };
  for (let count = 0; count < 10; count++) round(`waits-${count}`, 1, "AWAITING_APPROVAL");
  round("goes-on", 1, "REASONING");
  round("over", 3, "REASONING");
  connection.execute(`UPDATE "$decision" SET "ended" = 3 WHERE "id" = 'run-of-over'`);
  round("gone", 2, null);
  round("young", 20, null);
  expect(staleRounds(connection, 10, 5)).toEqual([{ id: "gone", run: "run-of-gone" }, { id: "over", run: "run-of-over" }]);
});
