// Sends what the outbox holds, at least once, and notes what came back. One process has the data, so what is under way is known in memory
// alone: after a crash all that was not noted as finished is sent again, with the same key. Outlives a reload of the app.
import { backOffMs } from "../base/back-off.ts";
import type { Clock } from "../base/clock.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { AmbitError } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import { describeError, type Log } from "../base/log.ts";
import type { Random } from "../base/random.ts";
import type { OutgoingRequest } from "../resources/outgoing-request.ts";
import type { Outbox } from "../resources/send-request.ts";
import type { Connection } from "../storage/connection.ts";
import type { Storage } from "../storage/open-storage.ts";
import { cancelDelivery, countUnfinished, dueDeliveries, dueOfHost, findDelivery, nextDelivery, noteStep, replayDelivery, waitingHosts, type Delivery, type DeliveryStep } from "../storage/outbox.ts";
import { answerJson, attemptDelivery, type Attempt, type CallOut } from "./delivery-attempt.ts";
import { HostBreaker } from "./host-breaker.ts";

/** As the served app has it by now. */
export interface SenderSettings {
  readonly limits: Limits;
  readonly secrets: Readonly<Record<string, string>>;
  readonly mailUrl: string | null;
  readonly call: CallOut;
  readonly callMail: CallOut;
  /** Tells the endpoint of `then`; `settle` runs in the commit of what it writes. */
  tell(delivery: Delivery, request: OutgoingRequest, settle: (connection: Connection, now: string) => void): Promise<void>;
}

export interface SenderOptions {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly settings: () => SenderSettings;
}

export interface OutboxSender extends Outbox {
  start(): void;
  /** Takes up nothing more, and waits for what is under way as long as `drainMs`; what is not noted by then is sent again after the next start. */
  stop(drainMs: number): Promise<void>;
  stats(): { readonly unfinished: number; readonly underWay: number; readonly delivered: number; readonly failedAttempts: number; readonly dead: number; readonly hostsLeftAlone: number };
}

/** Looked at in one go, beside those under way. */
const WINDOW_ROWS = 128;
const WINDOW_HOSTS = 100;
/** Timers of the platform do not go further than some weeks. */
const WAIT_MAX_MS = 3_600_000;

export function createOutboxSender(options: SenderOptions): OutboxSender {
  return new Sender(options);
}

class Sender implements OutboxSender {
  readonly #options: SenderOptions;
  readonly #hosts: HostBreaker;
  readonly #underWay = new Map<number, Promise<void>>();
  readonly #counts = { delivered: 0, failedAttempts: 0, dead: 0 };
  readonly #attempts = new Set<AbortController>();
  #unfinished: number;
  #state: "waiting" | "running" | "stopped" = "waiting";
  #isAwake = false;
  /** Of a stop that took too long: nobody hears any more what comes back. */
  #isGivenUp = false;
  /** Hosts are gone through in turn, where one of them has more than is looked at. */
  #lastHost = "";
  #cancelTimer: () => void = () => {};

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#hosts = new HostBreaker(() => options.settings().limits);
    this.#unfinished = countUnfinished(options.storage.reader);
  }

  get unfinished(): number {
    return this.#unfinished;
  }

  added(): void {
    this.#unfinished++;
    this.#wake();
  }

  start(): void {
    if (this.#state !== "waiting") return;
    this.#state = "running";
    this.#wake();
  }

  async stop(drainMs: number): Promise<void> {
    if (this.#state === "stopped") return;
    this.#state = "stopped";
    this.#cancelTimer();
    const cancel = this.#options.clock.schedule(drainMs, () => {
      this.#isGivenUp = true;
      for (const attempt of this.#attempts) attempt.abort();
    });
    await Promise.all(this.#underWay.values());
    cancel();
  }

  async replay(number: number): Promise<boolean> {
    const { storage, clock } = this.#options;
    const isReplayed = await storage.commit((connection) => replayDelivery(connection, number, clock.now()));
    if (isReplayed) this.added();
    return isReplayed;
  }

  async cancel(number: number): Promise<boolean> {
    const { storage, clock } = this.#options;
    const isCancelled = await storage.commit((connection) => cancelDelivery(connection, number, dateTimeOf(clock.now())));
    if (isCancelled) this.#finished("dead");
    return isCancelled;
  }

  stats(): ReturnType<OutboxSender["stats"]> {
    return { unfinished: this.#unfinished, underWay: this.#underWay.size, ...this.#counts, hostsLeftAlone: this.#hosts.openCount(this.#options.clock.now()) };
  }

  /** Once, however many were committed in this turn. */
  #wake(): void {
    if (this.#isAwake || this.#state !== "running") return;
    this.#isAwake = true;
    queueMicrotask(() => {
      this.#isAwake = false;
      if (this.#state === "running") this.#startDue();
    });
  }

  #startDue(): void {
    const { storage: { reader }, clock, settings } = this.#options;
    const nowMs = clock.now();
    const { outboxConcurrency } = settings().limits;
    const window = WINDOW_ROWS + this.#underWay.size;
    const oldest = dueDeliveries(reader, nowMs, window);
    for (const { number, host } of oldest) this.#beginIf(number, host, nowMs);
    // Hosts that are busy or left alone must not hide the others.
    const hasMore = oldest.length === window && this.#underWay.size < outboxConcurrency && this.#startByHost(nowMs);
    this.#waitForNext(nowMs, hasMore);
  }

  /** True: there are hosts that nobody has looked at yet. */
  #startByHost(nowMs: number): boolean {
    const { storage: { reader }, settings } = this.#options;
    const hosts = waitingHosts(reader, this.#lastHost, WINDOW_HOSTS);
    for (const host of hosts) {
      this.#lastHost = host;
      if (!this.#hosts.mayStart(host, nowMs)) continue;
      for (const number of dueOfHost(reader, host, nowMs, settings().limits.outboxPerHost + this.#underWay.size)) this.#beginIf(number, host, nowMs);
    }
    if (hosts.length < WINDOW_HOSTS) this.#lastHost = "";
    return this.#lastHost !== "";
  }

  #waitForNext(nowMs: number, hasMore: boolean): void {
    this.#cancelTimer();
    const times = [hasMore ? nowMs : null, nextDelivery(this.#options.storage.reader, nowMs), this.#hosts.nextOpening(nowMs)].filter((atMs) => atMs !== null);
    if (times.length === 0) return;
    this.#cancelTimer = this.#options.clock.schedule(Math.min(Math.max(Math.min(...times) - nowMs, 0), WAIT_MAX_MS), () => this.#wake());
  }

  #beginIf(number: number, host: string, nowMs: number): void {
    if (this.#underWay.size >= this.#options.settings().limits.outboxConcurrency || this.#underWay.has(number) || !this.#hosts.mayStart(host, nowMs)) return;
    this.#hosts.started(host);
    this.#underWay.set(number, this.#work(number, host));
  }

  async #work(number: number, host: string): Promise<void> {
    let isHealthy: boolean | null = null;
    try {
      isHealthy = await this.#carryOut(number);
    } catch (error) {
      this.#options.log.error("outbox-failed", describeError(error));
      // Nothing could be noted: not again at once.
      await this.#pause();
    }
    this.#underWay.delete(number);
    this.#hosts.ended(host, isHealthy, this.#options.clock.now());
    this.#wake();
  }

  /** Whether the host works; null: nobody knows. */
  async #carryOut(number: number): Promise<boolean | null> {
    const delivery = findDelivery(this.#options.storage.reader, number);
    if (delivery === null || delivery.dueMs === null) return null;
    const request = delivery.request as unknown as OutgoingRequest;
    if (delivery.state === "answered") {
      await this.#tell(delivery, request);
      return null;
    }
    const attempt = await this.#attempt(delivery, request);
    if (this.#isGivenUp && !attempt.isDelivered) return null;
    await this.#note(delivery, request, attempt);
    return attempt.isHealthy;
  }

  async #attempt(delivery: Delivery, request: OutgoingRequest): Promise<Attempt> {
    const { clock, settings } = this.#options;
    const { limits, secrets, mailUrl, call, callMail } = settings();
    const running = new AbortController();
    this.#attempts.add(running);
    const cancel = clock.schedule(limits.outboxMs, () => running.abort(new Error(`no answer within ${limits.outboxMs} ms`)));
    try {
      return await attemptDelivery(delivery, request, {
        call, callMail, secrets, mailUrl, nowMs: clock.now(), answerBytes: limits.outboxAnswerBytes, headerBytes: limits.headerBytes, signal: running.signal,
      });
    } finally {
      cancel();
      this.#attempts.delete(running);
    }
  }

  async #note(delivery: Delivery, request: OutgoingRequest, attempt: Attempt): Promise<void> {
    const { storage, clock } = this.#options;
    const attempts = delivery.attempts + 1;
    const nowMs = clock.now();
    const step = this.#stepAfter(request, attempt, { attempts, nowMs });
    const isNoted = await storage.commit((connection) => noteStep(connection, delivery, step));
    if (!attempt.isDelivered) this.#counts.failedAttempts++;
    // It was cancelled meanwhile.
    if (!isNoted) return;
    if (step.state === "delivered" || step.state === "dead") this.#finished(step.state);
    if (step.state === "dead") this.#sayDead(delivery, attempt.problem);
  }

  #stepAfter(request: OutgoingRequest, attempt: Attempt, { attempts, nowMs }: { readonly attempts: number; readonly nowMs: number }): DeliveryStep {
    const { limits } = this.#options.settings();
    const now = dateTimeOf(nowMs);
    const { isDelivered, isFinal, problem, retryAfterMs } = attempt;
    const answer = answerJson(attempt, attempts);
    if (!isDelivered && !isFinal && attempts < (request.attempts ?? limits.outboxAttempts)) {
      const waitMs = Math.min(Math.max(this.#backOff(attempts), retryAfterMs ?? 0), limits.outboxDelayMaxMs);
      return { state: "waiting", attempts, dueMs: nowMs + waitMs, answer, problem, now };
    }
    // The endpoint's own failures are counted anew.
    if (request.then !== null) return { state: "answered", attempts: 0, dueMs: nowMs, answer, problem, now };
    return { state: isDelivered ? "delivered" : "dead", attempts, dueMs: null, answer, problem, now };
  }

  async #tell(delivery: Delivery, request: OutgoingRequest): Promise<void> {
    const { storage, clock, settings, log } = this.#options;
    const { isDelivered, attempts } = tellable(delivery);
    const state = isDelivered ? "delivered" : "dead";
    const { answer, problem } = delivery;
    try {
      await settings().tell(delivery, request, (connection, now) => {
        const isNoted = noteStep(connection, delivery, { state, attempts, dueMs: null, answer, problem, now });
        if (!isNoted) throw new AmbitError(409, "CONFLICT", "The answer has been told already.");
      });
    } catch (error) {
      const told = delivery.attempts + 1;
      const isOver = told >= settings().limits.outboxAttempts;
      const why = `${request.then!.call} failed: ${error instanceof AmbitError ? error.code : String(error)}`;
      const nowMs = clock.now();
      const step: DeliveryStep = { state: isOver ? "dead" : "answered", attempts: told, dueMs: isOver ? null : nowMs + this.#backOff(told), answer, problem: why, now: dateTimeOf(nowMs) };
      log.warn("outbox-answer-untold", { number: delivery.number, endpoint: request.then!.call, problem: why });
      if (await storage.commit((connection) => noteStep(connection, delivery, step)) && isOver) this.#finished("dead");
      return;
    }
    this.#finished(state);
    if (state === "dead") this.#sayDead(delivery, problem);
  }

  #backOff(failures: number): number {
    const { settings, random } = this.#options;
    const { outboxDelayMs, outboxDelayMaxMs } = settings().limits;
    return backOffMs({ kind: "EXPONENTIAL", delayMs: outboxDelayMs, maxMs: outboxDelayMaxMs }, failures, random);
  }

  #finished(state: "delivered" | "dead"): void {
    this.#unfinished--;
    this.#counts[state]++;
    this.#wake();
  }

  #sayDead({ number, host }: Delivery, problem: string | null): void {
    this.#options.log.warn("outbox-dead-letter", { number, host, problem });
  }

  #pause(): Promise<void> {
    const { clock, settings } = this.#options;
    return new Promise((resolve) => {
      if (this.#state === "stopped") resolve();
      else clock.schedule(settings().limits.outboxDelayMs, resolve);
    });
  }
}

function tellable({ answer }: Delivery): { readonly isDelivered: boolean; readonly attempts: number } {
  const { delivered, attempts } = answer as unknown as { readonly delivered: boolean; readonly attempts: number };
  return { isDelivered: delivered, attempts };
}
