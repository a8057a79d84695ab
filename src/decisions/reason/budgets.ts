// What a run may spend: reserved before each request, settled after it, in every scope that is declared. The sum of what is settled and what is
// reserved never exceeds a limit; sums over days are rows, added to as guarded increments.
import type { Connection } from "../../storage/connection.ts";
import { addToSum, readSum } from "../../storage/decision-rows.ts";
import type { Budget } from "../../schema/decision.ts";
import type { Model } from "../../models/model.ts";

export interface Spending { readonly steps: number; readonly calls: number; readonly tokens: number; readonly micros: number }

/** Which budget has nothing left: `tokens`, `cost`. */
export class OverBudget extends Error {
  override readonly name = "OverBudget";
  readonly budget: string;
  constructor(budget: string) {
    super(`the budget of ${budget} is used up`);
    this.budget = budget;
  }
}


export interface BudgetPlace { readonly tenant: string | null; readonly decision: string; readonly subject: string | null; /** Null: the run is no round of one. */ readonly negotiation: string | null; readonly day: string; /** Spends from budgets of its own. */ readonly isShadow?: boolean }

/** What a request may cost at most. */
export function reservation(requestBytes: number, maxOutputTokens: number, price: Model["price"]): { readonly tokens: number; readonly micros: number } {
  // A token is at least one byte of the request.
  const tokens = requestBytes + maxOutputTokens;
  const micros = price === null ? 0 : Math.ceil((requestBytes * price.input + maxOutputTokens * price.output) / 1_000_000);
  return { tokens, micros };
}

/** Null: as reported, within what was reserved; else the reason why it is settled at the reservation. */
export function settlement(usage: { readonly input: number | null; readonly output: number | null }, reserved: { readonly tokens: number; readonly micros: number }, price: Model["price"]): { readonly tokens: number; readonly micros: number; readonly flag: string | null } {
  // No request is of no tokens: providers' packages write 0 where nothing was reported.
  if (usage.input === null || usage.input === 0 || usage.output === null) return { ...reserved, flag: "usage_missing" };
  const tokens = usage.input + usage.output;
  const micros = price === null ? 0 : Math.ceil((usage.input * price.input + usage.output * price.output) / 1_000_000);
  return tokens > reserved.tokens || micros > reserved.micros ? { ...reserved, flag: "usage_above_reservation" } : { tokens, micros, flag: null };
}

export interface RunBudgetOptions {
  readonly steps: number;
  readonly calls: number;
  /** Of the run on whose behalf it is asked: what it costs is that one's too. */
  readonly above?: RunBudget | undefined;
  /** By whom it has asked before a crash. */
  readonly spent?: { readonly tokens: number; readonly micros: number } | undefined;
}

/** Of one run, and of whom it asks. */
export class RunBudget {
  readonly #budgets: readonly Budget[];
  readonly #above: RunBudget | undefined;
  steps = 0;
  calls = 0;
  tokens: number;
  micros: number;

  constructor(budgets: readonly Budget[], defaults: RunBudgetOptions) {
    this.#above = defaults.above;
    this.tokens = defaults.spent?.tokens ?? 0;
    this.micros = defaults.spent?.micros ?? 0;
    this.#budgets = [...budgets.filter(({ per }) => per === "RUN"), { per: "RUN", timeMs: null, steps: defaults.steps, calls: defaults.calls, tokens: null, cost: null, runs: null }];
  }

  /** Throws OverBudget; else it is reserved. */
  reserve(more: Partial<Spending>): void {
    for (const { steps, calls, tokens, cost } of this.#budgets) {
      if (steps !== null && this.steps + (more.steps ?? 0) > steps) throw new OverBudget("steps");
      if (calls !== null && this.calls + (more.calls ?? 0) > calls) throw new OverBudget("calls");
      if (tokens !== null && this.tokens + (more.tokens ?? 0) > tokens) throw new OverBudget("tokens");
      if (cost !== null && this.micros + (more.micros ?? 0) > cost.micros) throw new OverBudget("cost");
    }
    this.#above?.reserve({ tokens: more.tokens ?? 0, micros: more.micros ?? 0 });
    this.steps += more.steps ?? 0;
    this.calls += more.calls ?? 0;
    this.tokens += more.tokens ?? 0;
    this.micros += more.micros ?? 0;
  }

  /** What was reserved and not used. */
  giveBack({ tokens, micros }: { readonly tokens: number; readonly micros: number }): void {
    this.tokens -= tokens;
    this.micros -= micros;
    this.#above?.giveBack({ tokens, micros });
  }
}

/** In a commit: adds to the sums of the day, and of the negotiation. Throws OverBudget, which undoes it. Negative amounts give back. */
export function addDaily(connection: Connection, budgets: readonly Budget[], place: BudgetPlace, more: { readonly runs?: number; readonly tokens?: number; readonly micros?: number }): void {
  for (const budget of budgets) {
    const scope = scopeOf(budget, place);
    if (scope === null) continue;
    for (const [kind, limit, amount] of [["runs", budget.runs, more.runs ?? 0], ["tokens", budget.tokens, more.tokens ?? 0], ["cost", budget.cost?.micros ?? null, more.micros ?? 0]] as const) {
      if (limit === null || amount === 0) continue;
      const name = `${scope} ${kind}`;
      const period = budget.per === "NEGOTIATION" ? "" : place.day;
      if (amount > 0 && readSum(connection, name, period) + amount > limit) throw new OverBudget(kind);
      addToSum(connection, name, period, amount);
    }
  }
}

function scopeOf({ per }: Budget, { tenant, decision, subject, negotiation, isShadow = false }: BudgetPlace): string | null {
  const kind = isShadow ? "shadow budget" : "budget";
  switch (per) {
    case "RUN": return null;
    case "NEGOTIATION": return negotiation === null ? null : JSON.stringify([kind, per, tenant, decision, negotiation]);
    case "SUBJECT_DAY": return subject === null ? null : JSON.stringify([kind, per, tenant, decision, subject]);
    case "DECISION_DAY": return JSON.stringify([kind, per, tenant, decision]);
    case "TENANT_DAY": return JSON.stringify([kind, per, tenant]);
  }
}
