// Who asks how often: counters of all rates, and of what is under way, for the whole process; a reload keeps them. Also the refusal that
// every limit answers with.
import { addressGroup } from "../base/address-group.ts";
import type { Clock } from "../base/clock.ts";
import { fault, type AmbitError } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { RateMeter, type Rate, type RateQuestion, type RateVerdict } from "../base/rate-meter.ts";
import type { Identity } from "../access/identity.ts";
import type { Sender } from "../access/sender.ts";

const MINUTE_MS = 60_000;

export interface UsageMeterParts { readonly clock: Clock; readonly limits: () => Limits; readonly seed: number }

export class UsageMeter {
  readonly #parts: UsageMeterParts;
  readonly #rates: RateMeter;
  readonly #underWay = new Map<string, number>();

  constructor(parts: UsageMeterParts) {
    this.#parts = parts;
    this.#rates = new RateMeter(parts.seed);
  }

  stats(): { readonly counters: number } {
    return { counters: this.#rates.size };
  }

  /**
   * One request against the limits of config.yaml: of its address, of who asks, of the key that they came with. Answers what is left of
   * the scarcest; null: nothing limits it. Throws TOO_MANY_REQUESTS.
   */
  admit(sender: Sender): RateVerdict | null {
    const { requestsPerMinute, addressRequestsPerMinute } = this.#parts.limits();
    const { identity } = sender;
    if (requestsPerMinute === 0 && addressRequestsPerMinute === 0 && identity.rate === undefined) return null;
    const questions: RateQuestion[] = [];
    const ask = (limit: string, who: string, rate: Rate): void => { questions.push({ limit, who, rate, cost: 1 }); };
    if (addressRequestsPerMinute > 0) ask("address", addressGroup(sender.address), { count: addressRequestsPerMinute, windowMs: MINUTE_MS });
    const who = whoOf(identity);
    if (requestsPerMinute > 0 && !isExempt(identity)) ask("requests", who ?? `address ${addressGroup(sender.address)}`, { count: requestsPerMinute, windowMs: MINUTE_MS });
    if (identity.rate !== undefined && identity.credential !== undefined) ask("key", identity.credential, identity.rate);
    return this.take(questions);
  }

  /** Throws TOO_MANY_REQUESTS. */
  take(questions: readonly RateQuestion[]): RateVerdict | null {
    if (questions.length === 0) return null;
    const { clock, limits } = this.#parts;
    const verdict = this.#rates.take(questions, clock.now(), limits().rateCounters);
    if (verdict !== null && !verdict.isWithin) throw tooManyRequests(verdict);
    return verdict;
  }

  /** Throws TOO_MANY_REQUESTS where nothing is left; spends nothing. */
  require(question: RateQuestion): void {
    const { clock, limits } = this.#parts;
    const verdict = this.#rates.look(question, clock.now(), limits().rateCounters);
    if (!verdict.isWithin) throw tooManyRequests(verdict);
  }

  /** Whether there is enough or not. */
  spend(question: RateQuestion): void {
    const { clock, limits } = this.#parts;
    this.#rates.spend(question, clock.now(), limits().rateCounters);
  }

  /** What was taken for nothing. */
  giveBack(questions: readonly RateQuestion[]): void {
    for (const question of questions) this.spend({ ...question, cost: -question.cost });
  }

  /** What it answers is called at the end. Throws TOO_MANY_REQUESTS. */
  enter(name: string, most: number): () => void {
    const count = this.#underWay.get(name) ?? 0;
    if (count >= most) throw fault("TOO_MANY_REQUESTS", "Too many of these are under way at once.", { details: { atOnce: most }, retryAfterS: 1 });
    this.#underWay.set(name, count + 1);
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      const left = this.#underWay.get(name)! - 1;
      if (left === 0) this.#underWay.delete(name);
      else this.#underWay.set(name, left);
    };
  }
}

/** Whose counter it is; null: nobody is signed in. */
export function whoOf({ kind, subject, tenant }: Identity): string | null {
  return kind === "subject" ? `subject ${JSON.stringify([tenant, subject])}` : null;
}

/** Those who keep the app going are not slowed down by what protects it. */
export function isExempt({ kind }: Identity): boolean {
  return kind === "administrator" || kind === "system";
}

function tooManyRequests(verdict: RateVerdict): AmbitError {
  const { rate } = verdict.question;
  const message = `More than ${rate.count} in ${windowText(rate)}.`;
  const details = { limit: rate.count, windowSeconds: rate.windowMs / 1_000 };
  if (verdict.waitMs === Number.POSITIVE_INFINITY) return fault("TOO_MANY_REQUESTS", message, { details, headers: rateHeaders(verdict), fix: "Send fewer at once." });
  const retryAfterS = Math.max(1, Math.ceil(verdict.waitMs / 1_000));
  // Also where there are no headers: in an answer of GraphQL, a frame, an operation of a batch.
  return fault("TOO_MANY_REQUESTS", message, { details: { ...details, retryAfterSeconds: retryAfterS }, headers: rateHeaders(verdict), retryAfterS });
}

function windowText({ windowMs }: Rate): string {
  return windowMs === 1_000 ? "a second" : windowMs === MINUTE_MS ? "a minute" : windowMs === 900_000 ? "15 minutes" : windowMs === 3_600_000 ? "an hour" : "a day";
}

/** `RateLimit` and `RateLimit-Policy` as the IETF's draft has them. */
export function rateHeaders({ question: { limit, rate }, remaining, resetMs }: RateVerdict): Record<string, string> {
  const name = JSON.stringify(limit.replaceAll(/[^\w. #-]/g, ""));
  return {
    "ratelimit-policy": `${name};q=${rate.count};w=${Math.ceil(rate.windowMs / 1_000)}`,
    ratelimit: `${name};r=${remaining};t=${Math.ceil(resetMs / 1_000)}`,
  };
}
