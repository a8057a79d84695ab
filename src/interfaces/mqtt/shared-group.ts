// One subscription that several clients share: each message goes to one of those who are there, in turn. Messages of channels wait in the
// data file, changes of records in the log, until a member has them; what a member leaves behind unacknowledged is another's.
import type { AmbitError } from "../../base/error.ts";
import type { ChannelFrame, ChannelSubscription } from "../../resources/channel-frame.ts";
import type { GroupMessageRow } from "../../resources/mqtt-groups.ts";
import { messageOf, originOf } from "./channel-messages.ts";
import { Following, type FollowingOwner, type Told } from "./following.ts";
import type { RecordMessage } from "./frame-messages.ts";
import type { Message } from "./message.ts";
import type { Flight } from "./outgoing.ts";
import { storedMessage } from "./stored-message.ts";
import type { SubscriptionOptions } from "./subscription.ts";
import type { ChannelSource, RecordSource, TopicSource } from "./topic-source.ts";

/** The session of a member. */
export interface SharedReceiver {
  isFull(): boolean;
  /** It may be sent one more before it acknowledges one. */
  readonly hasWindow: boolean;
  deliver(message: Message, how: { readonly retain: boolean; readonly identifier: number | null }): void;
  fly(flights: readonly Flight[]): void;
  renew(): void;
  fail(error: unknown): void;
}

export class Member {
  readonly receiver: SharedReceiver;
  readonly options: SubscriptionOptions;
  /** Sent, or about to be, and not acknowledged. */
  readonly given = new Set<Pending>();

  constructor(receiver: SharedReceiver, options: SubscriptionOptions) {
    this.receiver = receiver;
    this.options = options;
  }

  hasRoom(qos: number): boolean {
    return !this.receiver.isFull() && (Math.min(qos, this.options.qos) === 0 || this.receiver.hasWindow);
  }
}

interface Pending {
  readonly message: Message;
  /** In the data file; null: it is a change of a record. */
  readonly number: number | null;
  readonly change: { readonly told: Told; readonly following: Following } | null;
  isSent: boolean;
}

export interface GroupOwner {
  /** The next that wait after that number. */
  read(group: SharedGroup, number: number, limit: number): readonly GroupMessageRow[];
  /** Whether its members may still be told it. */
  isVisible(group: SharedGroup, row: GroupMessageRow): boolean;
  /** They have arrived. Resolves when they are forgotten. */
  arrived(group: SharedGroup, numbers: readonly number[]): Promise<void>;
  moved(group: SharedGroup): void;
  dropped(): void;
  /** Others are in it now; nobody: it has ended. */
  changed(group: SharedGroup): void;
}

const READ_AT_ONCE = 100;

export class SharedGroup {
  readonly name: string;
  /** When it stands in the data file. */
  readonly ready: Promise<void>;
  readonly #owner: GroupOwner;
  readonly #members = new Set<Member>();
  /** Those who are there. */
  #here: Member[] = [];
  #turn = 0;
  #qos: 0 | 1 = 0;
  #positions: Readonly<Record<string, string>> = {};
  /** It begins with what happens from now on; one that was there before a start goes on. */
  #isNew = true;
  readonly #followings = new Map<string, Following>();
  #channels: ChannelSubscription[] = [];
  #isFollowing = false;
  #waiting: Pending[] = [];
  /** Up to there messages were read from the data file. */
  #read = 0;
  #hasStored = true;
  /** Have arrived, and may still stand there. */
  readonly #done = new Set<number>();
  #unforgotten: number[] = [];
  #isGoing = false;

  /** `begun`: resolves to how far it was told, as JSON. */
  constructor(name: string, owner: GroupOwner, begun: Promise<string | null>) {
    this.name = name;
    this.#owner = owner;
    this.ready = this.#begin(begun);
    this.ready.catch(() => {});
  }

  /** The highest of its members. */
  get qos(): 0 | 1 {
    return this.#qos;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Its client may be away. */
  add(member: Member): void {
    this.#members.add(member);
    this.#changed();
  }

  /** For good. */
  remove(member: Member): void {
    this.leave(member);
    if (this.#members.delete(member)) this.#changed();
  }

  /** Follows these, if nobody does. Throws what following throws. */
  follow(sources: readonly TopicSource[]): void {
    if (this.#isFollowing) return;
    this.#closeChannels();
    const names = new Set(sources.map(({ name }) => name));
    for (const [name, following] of this.#followings) {
      if (names.has(name)) continue;
      following.stop();
      this.#followings.delete(name);
    }
    try {
      for (const source of sources) {
        if (source.kind === "channel") this.#channels.push(this.#followChannel(source));
        else this.#followRecords(source);
      }
    } catch (error) {
      this.#rest();
      throw error;
    }
    this.#isFollowing = true;
    for (const following of this.#followings.values()) following.release();
  }

  /** Its client is there. */
  enter(member: Member): void {
    if (!this.#here.includes(member)) this.#here.push(member);
    this.#go();
  }

  /** Its client has gone: others get what it has not acknowledged. */
  leave(member: Member): void {
    this.#here = this.#here.filter((other) => other !== member);
    const given = [...member.given];
    member.given.clear();
    for (const pending of given) {
      if (pending.isSent && pending.change !== null) pending.change.told.unsent++;
      pending.isSent = false;
    }
    this.#waiting = [...given, ...this.#waiting];
    if (this.#here.length === 0) this.#rest();
    else this.#go();
  }

  /** A member may have room again. */
  roomMade(): void {
    if (this.#waiting.length > 0 || this.#hasStored || this.#isParked()) this.#go();
  }

  /** What was acknowledged, by source, as JSON. */
  positions(): string {
    const found: Record<string, string> = { ...this.#positions };
    for (const [name, { acknowledged }] of this.#followings) if (acknowledged !== null) found[name] = acknowledged;
    return JSON.stringify(found);
  }

  async #begin(begun: Promise<string | null>): Promise<void> {
    const positions = await begun;
    this.#isNew = positions === null;
    this.#positions = JSON.parse(positions ?? "{}") as Record<string, string>;
  }

  #changed(): void {
    this.#qos = [...this.#members].some(({ options }) => options.qos > 0) ? 1 : 0;
    this.#owner.changed(this);
  }

  /** Nobody is there: all that waits is told again from where it is kept. */
  #rest(): void {
    this.#isFollowing = false;
    this.#closeChannels();
    for (const following of this.#followings.values()) following.pause();
    this.#waiting = [];
    this.#read = 0;
    this.#hasStored = true;
  }

  #closeChannels(): void {
    for (const channel of this.#channels) channel.close();
    this.#channels = [];
  }

  /** Of an app that is no longer served: its members come again, and what waits is judged again. */
  #renew(): void {
    this.#isFollowing = false;
    const numbers = this.#waiting.flatMap(({ number }) => (number === null ? [] : [number]));
    if (numbers.length > 0) {
      this.#read = Math.min(...numbers) - 1;
      this.#hasStored = true;
    }
    this.#waiting = [];
    for (const following of this.#followings.values()) following.pause();
    for (const { receiver } of this.#here) receiver.renew();
  }

  #fail(error: AmbitError): void {
    this.#isFollowing = false;
    for (const { receiver } of this.#here) receiver.fail(error);
  }

  #followChannel(source: ChannelSource): ChannelSubscription {
    return source.follow({
      take: (frame) => this.#takeFrame(frame, source.topics),
      fail: (error) => this.#fail(error),
      renew: () => this.#renew(),
    });
  }

  #followRecords(source: RecordSource): void {
    let following = this.#followings.get(source.name);
    if (following === undefined) {
      const owner: FollowingOwner = {
        isFull: () => this.#waiting.length > 0 || !this.#here.some((member) => member.hasRoom(1)),
        send: (messages, _isRetained, told) => this.#takeRecords(created, messages, told),
        moved: () => this.#owner.moved(this),
        parked: () => {},
        renew: () => this.#renew(),
        fail: (error) => this.#fail(error),
      };
      const created = new Following(source, owner, this.#positions[source.name] ?? null);
      this.#followings.set(source.name, following = created);
    }
    following.begin(source, this.#isNew && following.acknowledged === null);
  }

  #takeFrame(frame: ChannelFrame, topics: string): void {
    if (frame.op !== "message") return;
    for (const told of frame.messages) {
      if (Math.min(this.#qos, originOf(told)?.origin.qos ?? 2) > 0) this.#hasStored = true;
      else {
        const member = this.#next(0);
        if (member === null) this.#owner.dropped();
        else member.receiver.deliver(messageOf(told, topics), { retain: false, identifier: member.options.identifier });
      }
    }
    this.#go();
  }

  #takeRecords(following: Following, messages: readonly RecordMessage[], told: Told): void {
    for (const { message } of messages) this.#waiting.push({ message, number: null, change: { told, following }, isSent: false });
    this.#go();
  }

  /** Gives what there is to whoever has room. */
  #go(): void {
    if (this.#isGoing || !this.#isFollowing || this.#here.length === 0) return;
    this.#isGoing = true;
    try {
      do this.#give(); while (this.#waiting.length === 0 && this.#readMore());
      if (this.#waiting.length === 0) for (const following of this.#followings.values()) if (this.#here.some((member) => member.hasRoom(1))) following.unpark();
      this.#give();
    } finally {
      this.#isGoing = false;
    }
  }

  #give(): void {
    let count = 0;
    for (; count < this.#waiting.length; count++) {
      const member = this.#next(1);
      if (member === null) break;
      this.#hand(this.#waiting[count]!, member);
    }
    if (count > 0) this.#waiting = this.#waiting.slice(count);
  }

  /** False: there is nothing more, or no room for it. */
  #readMore(): boolean {
    if (!this.#hasStored || !this.#here.some((member) => member.hasRoom(1))) return false;
    const rows = this.#owner.read(this, this.#read, READ_AT_ONCE);
    this.#hasStored = rows.length === READ_AT_ONCE;
    for (const row of rows) {
      this.#read = row.number;
      if (this.#done.has(row.number)) continue;
      const pending: Pending = { message: storedMessage(row), number: row.number, change: null, isSent: false };
      if (this.#owner.isVisible(this, row)) this.#waiting.push(pending);
      else this.#settle(pending);
    }
    return rows.length > 0;
  }

  /** Whose turn it is among those with room. */
  #next(qos: number): Member | null {
    for (let tried = 0; tried < this.#here.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#here.length;
      const member = this.#here[this.#turn]!;
      if (member.hasRoom(qos)) return member;
    }
    return null;
  }

  #hand(pending: Pending, member: Member): void {
    const { message, change } = pending;
    const { qos, identifier, retainAsPublished } = member.options;
    const retain = change !== null && retainAsPublished;
    const sent = (): void => {
      pending.isSent = true;
      if (change !== null) change.told.unsent--;
    };
    if (qos === 0) {
      member.receiver.deliver(message, { retain, identifier });
      sent();
      return this.#settle(pending);
    }
    member.given.add(pending);
    const arrived = (): void => {
      // Another has it by now.
      if (!member.given.delete(pending)) return;
      this.#settle(pending);
      this.#go();
    };
    member.receiver.fly([{ message, qos: 1, retain, identifier, packet: 0, isStored: false, isShared: true, isRepeated: false, isReleased: false, told: { sent: () => { if (member.given.has(pending)) sent(); }, arrived } }]);
  }

  #settle({ number, change }: Pending): void {
    change?.following.arrived(change.told);
    if (number === null) return;
    this.#done.add(number);
    this.#unforgotten.push(number);
    if (this.#unforgotten.length > 1) return;
    queueMicrotask(() => {
      const numbers = this.#unforgotten;
      this.#unforgotten = [];
      void this.#forget(numbers);
    });
  }

  async #forget(numbers: readonly number[]): Promise<void> {
    await this.#owner.arrived(this, numbers);
    for (const gone of numbers) this.#done.delete(gone);
  }

  #isParked(): boolean {
    for (const { isParked } of this.#followings.values()) if (isParked) return true;
    return false;
  }
}
