// Budgets: reserved before, settled after, never above; sums of a day in every scope that is declared.
import { expect, test } from "bun:test";
import type { Budget } from "../../schema/decision.ts";
import { OverBudget, reservation, RunBudget, settlement } from "./budgets.ts";

const none: Budget = { per: "RUN", timeMs: null, steps: null, calls: null, tokens: null, cost: null, runs: null };
const price = { input: 3_000_000, output: 15_000_000, currency: "USD" };
const over = (run: () => void): string | null => {
  try {
    run();
    return null;
  } catch (error) {
    if (!(error instanceof OverBudget)) throw error;
    return error.budget;
  }
};

test("a request reserves the most that it may cost", () => {
  expect(reservation(1_000, 500, null)).toEqual({ tokens: 1_500, micros: 0 });
  expect(reservation(1_000, 500, price)).toEqual({ tokens: 1_500, micros: 10_500 });
});

test("it is settled at what was reported, at the reservation where that is missing or more", () => {
  const reserved = reservation(1_000, 500, price);
  expect(settlement({ input: 100, output: 10 }, reserved, price)).toEqual({ tokens: 110, micros: 450, flag: null });
  expect(settlement({ input: null, output: 10 }, reserved, price)).toEqual({ ...reserved, flag: "usage_missing" });
  expect(settlement({ input: 100, output: null }, reserved, price)).toEqual({ ...reserved, flag: "usage_missing" });
  expect(settlement({ input: 0, output: 10 }, reserved, price)).toEqual({ ...reserved, flag: "usage_missing" });
  expect(settlement({ input: 1_501, output: 0 }, reserved, price)).toEqual({ ...reserved, flag: "usage_above_reservation" });
  expect(settlement({ input: 1, output: 1_400 }, reserved, price)).toEqual({ ...reserved, flag: "usage_above_reservation" });
});

test("each limit of the run, and nothing is reserved by what is refused", () => {
  const budget = new RunBudget([{ ...none, tokens: 100, cost: { micros: 50, currency: "USD" } }], { steps: 2, calls: 1 });
  budget.reserve({ steps: 1, tokens: 60, micros: 20 });
  expect(over(() => budget.reserve({ tokens: 41 }))).toBe("tokens");
  expect(over(() => budget.reserve({ micros: 31 }))).toBe("cost");
  expect(over(() => budget.reserve({ calls: 2 }))).toBe("calls");
  budget.reserve({ steps: 1, calls: 1 });
  expect(over(() => budget.reserve({ steps: 1 }))).toBe("steps");
  expect([budget.steps, budget.calls, budget.tokens, budget.micros]).toEqual([2, 1, 60, 20]);
});

test("what is given back may be reserved again", () => {
  const budget = new RunBudget([{ ...none, tokens: 100 }], { steps: 9, calls: 9 });
  budget.reserve({ tokens: 100 });
  expect(over(() => budget.reserve({ tokens: 1 }))).toBe("tokens");
  budget.giveBack({ tokens: 70, micros: 0 });
  expect(over(() => budget.reserve({ tokens: 70 }))).toBeNull();
  expect(budget.tokens).toBe(100);
});

test("budgets of a day are none of the run, and several of the run all hold", () => {
  const budget = new RunBudget([{ ...none, per: "TENANT_DAY", tokens: 1 }, { ...none, tokens: 10 }, { ...none, tokens: 5 }], { steps: 9, calls: 9 });
  expect(over(() => budget.reserve({ tokens: 6 }))).toBe("tokens");
  expect(over(() => budget.reserve({ tokens: 5 }))).toBeNull();
});

test("what is asked for another run is of that one's budget too, and is given back to both", () => {
  const above = new RunBudget([{ ...none, tokens: 100 }], { steps: 1, calls: 1, spent: { tokens: 30, micros: 0 } });
  const below = new RunBudget([], { steps: 9, calls: 9, above });
  below.reserve({ steps: 3, tokens: 60 });
  expect([above.steps, above.tokens, below.tokens]).toEqual([0, 90, 60]);
  expect(over(() => below.reserve({ tokens: 11 }))).toBe("tokens");
  below.giveBack({ tokens: 60, micros: 0 });
  expect([above.tokens, below.tokens]).toEqual([30, 0]);
});
