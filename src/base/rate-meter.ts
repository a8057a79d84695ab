// Counts how much of their rate callers have used: a token bucket for each name, kept as one number (GCRA). Bounded: where too many names
// are counted at once, newcomers share counters, so that nobody makes their own be forgotten by inventing names.

/** So much within the window, evenly or at once. */
export interface Rate { readonly count: number; readonly windowMs: number }

/** What is asked of one counter. `limit`: one of a bounded set; `who`: whose counter. */
export interface RateQuestion { readonly limit: string; readonly who: string; readonly rate: Rate; readonly cost: number }

export interface RateVerdict {
  readonly question: RateQuestion;
  readonly isWithin: boolean;
  readonly remaining: number;
  /** Until it would be within; Infinity: never, it costs more than there ever is. */
  readonly waitMs: number;
  /** Until all of it is there again. */
  readonly resetMs: number;
}

/** Looked at for each newcomer when there is no room. */
const SWEPT = 32;
const SHARED = 1_024;
/** Sums of fractions are not exact. */
const TOLERANCE_MS = 0.001;

export class RateMeter {
  readonly #seed: number;
  /** By name: the time at which the bucket is full again. In the order in which they were last looked at. */
  readonly #fullAt = new Map<string, number>();

  /** `seed`: of this process, so that nobody outside knows who shares a counter. */
  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  get size(): number {
    return this.#fullAt.size;
  }

  /** Spends of all counters, or of none when one has not enough. Answers the verdict that says the least is left. */
  take(questions: readonly RateQuestion[], nowMs: number, countersMax: number): RateVerdict | null {
    const keys = questions.map(({ limit, who }) => this.#keyOf(limit, who, { nowMs, countersMax }));
    const verdicts = questions.map((question, index) => this.#judge(question, keys[index]!, nowMs));
    const refused = verdicts.filter(({ isWithin }) => !isWithin).sort((left, right) => right.waitMs - left.waitMs)[0];
    if (refused !== undefined) return refused;
    questions.forEach(({ rate, cost }, index) => {
      const key = keys[index]!;
      this.#fullAt.set(key, nowMs + this.#missing(key, rate, nowMs) + cost * intervalOf(rate));
    });
    return verdicts.sort((left, right) => left.remaining - right.remaining)[0] ?? null;
  }

  /** As `take`, of one, without spending. */
  look(question: RateQuestion, nowMs: number, countersMax: number): RateVerdict {
    return this.#judge(question, this.#keyOf(question.limit, question.who, { nowMs, countersMax }), nowMs);
  }

  /** Whether there is enough or not, but no more than all of it; a negative cost gives back. */
  spend({ limit, who, rate, cost }: RateQuestion, nowMs: number, countersMax: number): void {
    const key = this.#keyOf(limit, who, { nowMs, countersMax });
    const missing = this.#missing(key, rate, nowMs) + cost * intervalOf(rate);
    this.#fullAt.set(key, nowMs + Math.min(Math.max(0, missing), rate.windowMs));
  }

  /** Until the bucket is full: never longer than its window, also where the clock was set back, so that nobody waits for the time to come again. */
  #missing(key: string, { windowMs }: Rate, nowMs: number): number {
    return Math.min(Math.max(0, (this.#fullAt.get(key) ?? nowMs) - nowMs), windowMs);
  }

  #judge(question: RateQuestion, key: string, nowMs: number): RateVerdict {
    const { rate, cost } = question;
    const before = this.#missing(key, rate, nowMs);
    const after = before + cost * intervalOf(rate);
    const isWithin = after <= rate.windowMs + TOLERANCE_MS;
    const filled = isWithin ? after : before;
    return {
      question, isWithin, remaining: Math.max(0, Math.floor((rate.windowMs - filled + TOLERANCE_MS) / intervalOf(rate))),
      waitMs: isWithin ? 0 : cost > rate.count ? Number.POSITIVE_INFINITY : after - rate.windowMs, resetMs: filled,
    };
  }

  #keyOf(limit: string, who: string, { nowMs, countersMax }: { readonly nowMs: number; readonly countersMax: number }): string {
    const own = `${limit}\n${who}`;
    if (this.#fullAt.has(own) || this.#fullAt.size < countersMax) return own;
    this.#sweep(nowMs);
    return this.#fullAt.size < countersMax ? own : `${limit}\r${hashOf(who, this.#seed) % SHARED}`;
  }

  /** Forgets who has not spent anything that is not there again. */
  #sweep(nowMs: number): void {
    let left = SWEPT;
    for (const [key, fullAt] of this.#fullAt) {
      if (left-- === 0) return;
      this.#fullAt.delete(key);
      if (fullAt > nowMs) this.#fullAt.set(key, fullAt);
    }
  }
}

function intervalOf({ count, windowMs }: Rate): number {
  return windowMs / count;
}

/** FNV-1a. */
function hashOf(text: string, seed: number): number {
  let hash = seed ^ 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
