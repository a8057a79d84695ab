import { expect, test } from "bun:test";
import { fault } from "../base/error.ts";
import type { Job } from "../schema/catalog.ts";
import type { RunRow } from "../storage/job-rows.ts";
import { afterFailure, type Failure } from "./after-failure.ts";

const row = { failures: 1, interruptions: 2 } as RunRow;
const retry: Job["retry"] = { times: 2, backoff: "FIXED", delayMs: 500 };
const failure = (more: Partial<Failure>): Failure => ({ row, retry, cut: null, nowMs: 1_000, maxMs: 10_000, random: { next: () => 0.5, bytes: (length) => new Uint8Array(length) }, ...more });

test("it is repeated as often as it says, then it is a dead letter, with its problem", () => {
  const problem = JSON.stringify({ code: "CONFLICT", status: 409, message: "No.", details: { a: 1 } });
  const error = fault("CONFLICT", "No.", { details: { a: 1 } });
  expect(afterFailure(error, failure({}))).toEqual({ state: "RETRY", dueMs: 1_500, problem, failures: 2, interruptions: 2 });
  expect(afterFailure(error, failure({ row: { ...row, failures: 2 } }))).toEqual({ state: "FAILED", problem, failures: 3 });
});

test("a job that is declared no more is a dead letter at once; what is no problem of ours tells nothing of itself", () => {
  expect(afterFailure(new Error("secret"), failure({ retry: null }))).toEqual({ state: "FAILED", problem: JSON.stringify({ code: "INTERNAL", status: 500, message: "The job failed." }), failures: 2 });
});

test("what came in between is not its fault", () => {
  expect(afterFailure(new Error("aborted"), failure({ cut: "cancelled" }))).toEqual({ state: "CANCELLED", problem: null, failures: 1 });
  expect(afterFailure(new Error("aborted"), failure({ cut: "stopped" }))).toMatchObject({ state: "RETRY", dueMs: 1_000, failures: 1 });
  expect(afterFailure(fault("TRANSACTION_CONFLICT", "x"), failure({ cut: "replaced" }))).toMatchObject({ state: "RETRY", dueMs: 1_000, failures: 1 });
  expect(afterFailure(new Error("own"), failure({ cut: "replaced" }))).toMatchObject({ state: "RETRY", dueMs: 1_500, failures: 2 });
});
