// Mutations that wait until they are answered: in order, one at a time, each under a key of its own, so that none is carried out twice.
// Knows nothing of tables. What is kept through `storage` outlives the page; all else ends with it.
import { AmbitError, closed } from "./ambit-error.ts";
import { backOffMs } from "./back-off.ts";
import type { Environment } from "./environment.ts";
import type { HttpSender, WireAnswer, WireRequest } from "./http-sender.ts";
import { tell } from "./tell.ts";

export interface StoredMutation extends WireRequest {
  /** The Idempotency-Key. */
  readonly key: string;
  /** Their order, and when it was made: milliseconds since the epoch. */
  readonly at: number;
  /** When it was sent first; null: not yet. The server remembers its key for a day from then. */
  readonly sentAt: number | null;
}

/** Where mutations are kept. Each by itself, so that several pages may use one. */
export interface MutationStorage {
  load(): Promise<readonly StoredMutation[]> | readonly StoredMutation[];
  put(mutation: StoredMutation): Promise<void> | void;
  remove(key: string): Promise<void> | void;
}

export type Settled = { readonly mutation: StoredMutation; readonly status: number; readonly body: unknown } | { readonly mutation: StoredMutation; readonly error: AmbitError };

export interface OfflineOptions {
  /** How many may wait; more are refused with QUEUE_FULL. 1,000. */
  readonly limit?: number;
  /** Without one, what waits is lost when the page or process ends. One for each account. */
  readonly storage?: MutationStorage;
  /** What has been sent is sent again for so long only. A little less than the server's `limits.idempotencyMs`: 23 hours. */
  readonly keptMs?: number;
  /** Told of each mutation that is over, those of an earlier page, too, whose promises nobody holds any more. */
  onSettled?(settled: Settled): void;
  /** How many wait. */
  onPending?(count: number): void;
  /** Why they wait, with each try that failed: DISCONNECTED, or INVALID_TOKEN, for which a client with another token is needed. */
  onWaiting?(error: AmbitError): void;
}

interface Waiting {
  mutation: StoredMutation;
  /** An earlier page made it, and another one may send it, too. */
  readonly isInherited: boolean;
  /** It is where it outlives the page; false: that failed. */
  kept: Promise<boolean>;
  tries: number;
  resolve(answer: WireAnswer): void;
  reject(error: unknown): void;
  /** Lets go of the caller's signal. */
  leave(): void;
}

const LIMIT = 1_000;
const KEPT_MS = 23 * 3_600_000;
/** Of what the server takes up and does not get done. */
const TIRED_AFTER = 8;
const TIRING = new Set(["TRANSACTION_CONFLICT", "TRANSACTION_TIMEOUT"]);
/** Refusals that say nothing about the request. */
const INVALID_TOKEN = "INVALID_TOKEN";
const TRANSIENT = new Set([0, 408, 429, 502, 503, 504]);

export class MutationQueue {
  readonly #sender: HttpSender;
  readonly #environment: Environment;
  readonly #options: OfflineOptions;
  #waiting: Waiting[] = [];
  #lastAt = 0;
  #loading: Promise<void>;
  #unreadable: unknown = null;
  #isRunning = false;
  #isClosed = false;
  #wake: (() => void) | null = null;

  constructor(sender: HttpSender, environment: Environment, options: OfflineOptions) {
    this.#sender = sender;
    this.#environment = environment;
    this.#options = options;
    this.#loading = this.#load();
  }

  /** How many wait. */
  get pending(): number {
    return this.#waiting.length;
  }

  /** Resolves when the mutation is answered; rejects with what the server refused it by, and with what is wrong here. */
  async send(request: WireRequest, { key, signal }: { readonly key?: string | undefined; readonly signal?: AbortSignal | undefined } = {}): Promise<WireAnswer> {
    await this.#loading;
    if (this.#isClosed) throw closed();
    if (this.#unreadable !== null) throw storageFailed("What waits from before cannot be read.", this.#unreadable);
    signal?.throwIfAborted();
    if (this.#waiting.length >= (this.#options.limit ?? LIMIT)) {
      throw new AmbitError({ status: 0, code: "QUEUE_FULL", message: `${this.#waiting.length} mutations wait already.`, fix: "Wait for a connection, or raise offline.limit.", retry: true });
    }
    const mutation: StoredMutation = { ...request, key: key ?? this.#environment.key(), at: this.#nextAt(), sentAt: null };
    return new Promise<WireAnswer>((resolve, reject) => {
      const withdraw = (): void => this.#withdraw(waiting, signal!.reason);
      const waiting: Waiting = { mutation, isInherited: false, tries: 0, resolve, reject, kept: Promise.resolve(true), leave: () => signal?.removeEventListener("abort", withdraw) };
      this.#waiting.push(waiting);
      signal?.addEventListener("abort", withdraw);
      this.#told();
      waiting.kept = this.#keep(waiting);
      void this.#run();
    });
  }

  /** There may be a connection again. */
  wake(): void {
    this.#wake?.();
  }

  close(): void {
    this.#isClosed = true;
    for (const { reject } of this.#waiting) reject(closed());
    this.#waiting = [];
    this.#wake?.();
  }

  async #load(): Promise<void> {
    let stored: readonly StoredMutation[] = [];
    try {
      stored = await this.#options.storage?.load() ?? [];
    } catch (error) {
      this.#unreadable = error;
    }
    const nobody = (): void => {};
    this.#waiting = [...stored].sort((left, right) => left.at - right.at).map((mutation) => ({ mutation, isInherited: true, tries: 0, resolve: nobody, reject: nobody, leave: nobody, kept: Promise.resolve(true) }));
    this.#lastAt = this.#waiting.at(-1)?.mutation.at ?? 0;
    if (this.#waiting.length === 0) return;
    this.#told();
    void this.#run();
  }

  #nextAt(): number {
    return this.#lastAt = Math.max(this.#lastAt + 1, this.#environment.now());
  }

  /** Puts it where it outlives the page. Refuses the mutation, which then is not sent, if that fails. */
  async #keep(waiting: Waiting): Promise<boolean> {
    try {
      await this.#options.storage?.put(waiting.mutation);
      return true;
    } catch (error) {
      this.#drop(waiting);
      waiting.reject(storageFailed("The mutation could not be kept, and was not sent.", error));
      return false;
    }
  }

  async #run(): Promise<void> {
    if (this.#isRunning) return;
    this.#isRunning = true;
    for (let head = this.#waiting[0]; head !== undefined && !this.#isClosed; head = this.#waiting[0]) await this.#attempt(head);
    this.#isRunning = false;
  }

  async #attempt(head: Waiting): Promise<void> {
    try {
      if (!await head.kept) return;
      await this.#aboutToSend(head);
      // Refused or withdrawn meanwhile.
      if (this.#waiting[0] !== head) return;
      const { method, path, headers, body, key } = head.mutation;
      const answer = await this.#sender.send({ method, path, body, headers: { ...headers, "idempotency-key": key } });
      await this.#settle(head, { mutation: head.mutation, status: answer.status, body: answer.body });
      head.resolve(answer);
    } catch (error) {
      const told = error instanceof AmbitError ? error : new AmbitError({ status: 0, code: "DISCONNECTED", message: "The request could not be made.", retry: true }, { cause: error });
      head.tries++;
      if (!isOver(told, head.tries)) {
        tell(() => this.#options.onWaiting?.(told));
        return this.#pause(backOffMs(head.tries, () => this.#environment.random(), told.retryAfterMs ?? 0));
      }
      await this.#settle(head, { mutation: head.mutation, error: told });
      head.reject(told);
    }
  }

  /** What is sent for the first time is kept as such before it goes: after a day nobody could tell whether it was carried out. */
  async #aboutToSend(head: Waiting): Promise<void> {
    if (head.isInherited && head.tries === 0 && !await this.#isStillKept(head)) return this.#drop(head);
    const now = this.#environment.now();
    const { sentAt } = head.mutation;
    if (sentAt !== null && now - sentAt > (this.#options.keptMs ?? KEPT_MS)) {
      throw new AmbitError({ status: 409, code: "OUTCOME_UNKNOWN", message: "It was sent so long ago that the server has forgotten its key.", fix: "Look whether it was carried out, then send it as a new one." });
    }
    if (sentAt !== null) return;
    head.mutation = { ...head.mutation, sentAt: now };
    await this.#keep(head);
  }

  /** Where another page has sent it meanwhile, it is over, or what that page keeps of it counts. */
  async #isStillKept(head: Waiting): Promise<boolean> {
    const stored = await this.#options.storage?.load() ?? [];
    const kept = stored.find(({ key }) => key === head.mutation.key);
    if (kept !== undefined) head.mutation = kept;
    return kept !== undefined;
  }

  async #settle(head: Waiting, settled: Settled): Promise<void> {
    try {
      await this.#options.storage?.remove(head.mutation.key);
    } catch {
      // It stays there: the next page sends it again, and gets the same answer.
    }
    this.#drop(head);
    tell(() => this.#options.onSettled?.(settled));
  }

  /** What has been sent is not taken back. */
  #withdraw(waiting: Waiting, reason: unknown): void {
    if (waiting.mutation.sentAt !== null || !this.#waiting.includes(waiting)) return;
    this.#drop(waiting);
    void Promise.resolve(this.#options.storage?.remove(waiting.mutation.key)).catch(() => {});
    waiting.reject(reason);
  }

  #drop(waiting: Waiting): void {
    waiting.leave();
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    this.#told();
  }

  #told(): void {
    tell(() => this.#options.onPending?.(this.#waiting.length));
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#environment.schedule(delayMs, () => this.#wake?.());
      this.#wake = () => {
        this.#wake = null;
        cancel();
        resolve();
      };
    });
  }
}

function storageFailed(message: string, cause: unknown): AmbitError {
  return new AmbitError({ status: 0, code: "STORAGE_FAILED", message, fix: "See the cause: there may be no room, or no access." }, { cause });
}

function isOver(error: AmbitError, tries: number): boolean {
  if (TIRING.has(error.code)) return tries >= TIRED_AFTER;
  return !error.retry && error.code !== INVALID_TOKEN && !(TRANSIENT.has(error.status) && (error.status !== 0 || error.code === "DISCONNECTED"));
}
