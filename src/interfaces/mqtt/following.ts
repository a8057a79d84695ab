// One source that a client follows by one of its filters: turns frames into messages, knows how far the client was told and what it has
// acknowledged, and lets go when the client is slow: it goes on from there, by the log, when there is room.
import type { AmbitError } from "../../base/error.ts";
import type { LiveFrame, LiveSink, LiveSubscription } from "../../resources/live-frame.ts";
import { frameMessages, goneMessage, type RecordMessage } from "./frame-messages.ts";
import type { RecordSource } from "./topic-source.ts";

export interface FollowingOwner {
  /** Too much waits for the client. */
  isFull(): boolean;
  /** `isRetained`: the state as it is, not news. `done`, once all have arrived, or at once. */
  send(messages: readonly RecordMessage[], isRetained: boolean, told: Told): void;
  /** What was acknowledged has moved. */
  moved(): void;
  /** It let go, until there is room. */
  parked(): void;
  renew(): void;
  fail(error: AmbitError): void;
}

/** Of one frame. */
export interface Told {
  readonly position: string;
  /** Messages of it that have not arrived; 0: all have. */
  left: number;
  /** And that have never been sent. */
  unsent: number;
  /** They are forgotten here, because they are told again. */
  isVoid: boolean;
}

type PlacedFrame = Extract<LiveFrame, { op: "snapshot" | "change" }>;

/** Before a position: all of the state there has not arrived yet. */
const BEGUN = "~";

export class Following implements LiveSink {
  readonly #owner: FollowingOwner;
  #source: RecordSource;
  /** Up to there all was given to the connection; null: nothing yet. */
  #taken: string | null = null;
  /** Up to there all has arrived. */
  #acked: string | null = null;
  /** Where the state was as it is told, until all of that has arrived; what has gone since then the client may have. */
  #begunAt: string | null = null;
  readonly #told: Told[] = [];
  /** Keys that the client has. */
  readonly #known = new Set<string>();
  #live: LiveSubscription | null = null;
  /** While it begins: nothing is sent before all of the filter has begun. */
  #held: PlacedFrame[] | null = null;
  #isParked = false;
  /** The first snapshot is not sent. */
  #skipsFirst = false;

  /** `stored`: of the one before a restart, as it said. */
  constructor(source: RecordSource, owner: FollowingOwner, stored: string | null) {
    this.#source = source;
    this.#owner = owner;
    if (stored?.startsWith(BEGUN) === true) this.#begunAt = stored.slice(BEGUN.length);
    else this.#taken = this.#acked = stored;
  }

  get name(): string {
    return this.#source.name;
  }

  get acknowledged(): string | null {
    return this.#acked;
  }

  /** What is kept of it for a restart; null: nothing. */
  get kept(): string | null {
    return this.#acked ?? (this.#begunAt === null ? null : BEGUN + this.#begunAt);
  }

  get isParked(): boolean {
    return this.#isParked;
  }

  /** Holds back what comes until `release`. `source`: of the app that serves now. Answers how many records it begins with. Throws what following does. */
  begin(source: RecordSource, skipsFirst = false): number {
    this.#live?.close();
    this.#live = null;
    this.#source = source;
    this.#skipsFirst = skipsFirst;
    this.#held = [];
    this.#isParked = false;
    try {
      if (this.#taken === null && this.#begunAt !== null) this.#knowGoneSince(this.#begunAt);
      this.#live = source.follow(this.#taken, this);
    } catch (error) {
      this.#held = null;
      throw error;
    }
    const [first] = this.#held;
    if (first?.op === "snapshot") this.#begunAt ??= first.position;
    return this.#held.reduce((count, frame) => (frame.op === "snapshot" ? frameMessages(frame, source.topics, source.primaryKey).length : count), 0);
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    held.forEach((frame, index) => { if (!this.#isParked) this.#deliver(frame, index === 0); });
  }

  /** After `take` let go: goes on. */
  unpark(): void {
    if (!this.#isParked) return;
    this.#isParked = false;
    const live = this.#source.follow(this.#taken, this);
    if (this.#isParked) live.close();
    else this.#live = live;
  }

  /** The client has gone. What was never sent is told again when it comes back. */
  pause(): void {
    this.stop();
    const first = this.#told.findIndex(({ unsent }) => unsent > 0);
    if (first < 0) return;
    this.#taken = first === 0 ? this.#acked : this.#told[first - 1]!.position;
    for (const told of this.#told.splice(first)) told.isVoid = true;
  }

  /** Of one that it takes the place of. */
  inherit(before: Following): void {
    for (const key of before.#known) this.#known.add(key);
    this.#begunAt = before.#acked ?? before.#begunAt ?? this.#begunAt;
  }

  /** Whoever follows now has other rights: what was told before is told anew as far as they go. */
  restart(): void {
    this.stop();
    for (const told of this.#told.splice(0)) told.isVoid = true;
    this.#taken = null;
    this.#acked = null;
    this.#begunAt = null;
  }

  stop(): void {
    this.#live?.close();
    this.#live = null;
    this.#held = null;
  }

  /** The client may not see any of it any more. */
  forgetAll(): void {
    this.stop();
    const gone = [...this.#known].map((key) => goneMessage(this.#source.topics, key));
    this.#known.clear();
    this.#taken = null;
    this.#send(gone, false, "");
  }

  take(frame: LiveFrame): void {
    if (frame.op === "reset" || frame.op === "gap" || this.#isParked) return;
    if (this.#held !== null) return void this.#held.push(frame);
    if (this.#owner.isFull()) return this.#park();
    this.#deliver(frame, false);
  }

  fail(error: AmbitError): void {
    this.#live = null;
    this.#owner.fail(error);
  }

  renew(): void {
    this.#live = null;
    this.#owner.renew();
  }

  /** A message of that frame has arrived. */
  arrived(told: Told): void {
    told.left--;
    if (!told.isVoid) this.#settle();
  }

  /** All of that frame has arrived, or will whatever happens here. */
  stored(told: Told): void {
    told.left = 0;
    told.unsent = 0;
    this.#settle();
  }

  /** The client may have been told of them before a restart. Where the log no longer reaches so far back, nobody knows. */
  #knowGoneSince(position: string): void {
    const { topics, primaryKey } = this.#source;
    const gone = (frame: LiveFrame): void => {
      if (frame.op === "change") for (const { key, isThere } of frameMessages(frame, topics, primaryKey)) if (!isThere) this.#known.add(key);
    };
    this.#source.follow(position, { take: gone, fail() {}, renew() {} }).close();
  }

  #park(): void {
    this.#isParked = true;
    this.#owner.parked();
    this.#live?.close();
    this.#live = null;
  }

  #deliver(frame: PlacedFrame, isFirst: boolean): void {
    const { topics, primaryKey } = this.#source;
    const skipped = isFirst && this.#skipsFirst && frame.op === "snapshot";
    const messages = frameMessages(frame, topics, primaryKey);
    const gone = frame.op === "snapshot" ? this.#missing(messages) : [];
    for (const { key, isThere } of messages) {
      if (isThere) this.#known.add(key);
      else this.#known.delete(key);
    }
    if (gone.length > 0) this.#send(gone, false, null);
    this.#send(skipped ? [] : messages, frame.op === "snapshot", frame.position);
  }

  /** What the client has and the snapshot has not. */
  #missing(messages: readonly RecordMessage[]): RecordMessage[] {
    if (this.#known.size === 0) return [];
    const there = new Set(messages.map(({ key }) => key));
    const gone = [...this.#known].filter((key) => !there.has(key)).map((key) => goneMessage(this.#source.topics, key));
    this.#known.clear();
    return gone;
  }

  /** `position` null: the frame has more. */
  #send(messages: readonly RecordMessage[], isRetained: boolean, position: string | null): void {
    const told: Told = { position: position ?? this.#taken ?? "", left: messages.length, unsent: messages.length, isVoid: false };
    this.#told.push(told);
    if (position !== null) this.#taken = position === "" ? null : position;
    if (messages.length > 0) this.#owner.send(messages, isRetained, told);
    this.#settle();
  }

  #settle(): void {
    let count = 0;
    while (count < this.#told.length && this.#told[count]!.left === 0) count++;
    if (count === 0) return;
    const last = this.#told[count - 1]!.position;
    this.#told.splice(0, count);
    const before = this.#acked;
    this.#acked = last === "" ? null : last;
    if (this.#acked !== null) this.#begunAt = null;
    if (this.#acked !== before) this.#owner.moved();
  }
}
