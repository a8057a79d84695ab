// The subscriptions of one session that it shares with others: which group each belongs to, by the rights that its client has now.
import type { Identity } from "../../access/identity.ts";
import { AmbitError } from "../../base/error.ts";
import { Member, type SharedGroup, type SharedReceiver } from "./shared-group.ts";
import type { SharedGroups } from "./shared-groups.ts";
import type { SubscriptionOptions } from "./subscription.ts";
import type { TopicSource } from "./topic-source.ts";

interface Share { readonly filter: string; readonly options: SubscriptionOptions; group: SharedGroup | null; member: Member }

export interface ShareRequest {
  readonly options: SubscriptionOptions;
  readonly identity: Identity;
  readonly sources: readonly TopicSource[];
  /** Resolves when it is durable. */
  store(): Promise<void>;
}

export class SessionShares {
  readonly #receiver: SharedReceiver;
  readonly #groups: SharedGroups;
  readonly #shares = new Map<string, Share>();
  /** Of connections: what began in an earlier one does not go on. */
  #generation = 0;
  #isEnded = false;

  constructor(receiver: SharedReceiver, groups: SharedGroups) {
    this.#receiver = receiver;
    this.#groups = groups;
  }

  get size(): number {
    return this.#shares.size;
  }

  has(filter: string): boolean {
    return this.#shares.has(filter);
  }

  /** As it stands in the data file. */
  restore(filter: string, options: SubscriptionOptions): void {
    this.#shares.set(filter, { filter, options, group: null, member: new Member(this.#receiver, options) });
  }

  /** Its client is away: what comes waits for it, too. */
  joinAway(identity: Identity): void {
    for (const share of this.#shares.values()) this.#join(share, identity);
  }

  /** Rejects with what refuses it. Nothing is given to it before `release`. */
  async subscribe(filter: string, { options, identity, sources, store }: ShareRequest): Promise<void> {
    const generation = this.#generation;
    this.#groups.requireRoom(filter, identity);
    const group = this.#groups.of(filter, identity);
    const member = new Member(this.#receiver, options);
    group.add(member);
    try {
      await group.ready;
      await store();
      if (generation === this.#generation) group.follow(sources);
    } catch (error) {
      group.remove(member);
      throw error;
    }
    if (this.#isEnded) return group.remove(member);
    const before = this.#shares.get(filter);
    before?.group?.remove(before.member);
    this.#shares.set(filter, { filter, options, group, member });
  }

  release(filter: string): void {
    const share = this.#shares.get(filter);
    share?.group?.enter(share.member);
  }

  /** False: there was none. */
  unsubscribe(filter: string): boolean {
    const share = this.#shares.get(filter);
    share?.group?.remove(share.member);
    return this.#shares.delete(filter);
  }

  /** Its client is there, or has other rights now. `sourcesOf` throws what refuses it. */
  resume(identity: Identity, sourcesOf: (filter: string) => readonly TopicSource[]): void {
    const generation = ++this.#generation;
    for (const share of this.#shares.values()) {
      void this.#resume(share, identity, () => (generation === this.#generation ? sourcesOf(share.filter) : null)).catch((error: unknown) => {
        // Perhaps again, when its rights change.
        share.group?.leave(share.member);
        if (!(error instanceof AmbitError) || error.status >= 500) this.#receiver.fail(error);
      });
    }
  }

  roomMade(): void {
    for (const { group } of this.#shares.values()) group?.roomMade();
  }

  detach(): void {
    this.#generation++;
    for (const { group, member } of this.#shares.values()) group?.leave(member);
  }

  end(): void {
    this.#isEnded = true;
    this.#generation++;
    for (const { group, member } of this.#shares.values()) group?.remove(member);
    this.#shares.clear();
  }

  async #resume(share: Share, identity: Identity, sources: () => readonly TopicSource[] | null): Promise<void> {
    const group = this.#join(share, identity);
    const { member } = share;
    await group.ready;
    // Asked in the turn in which it follows.
    const found = this.#shares.get(share.filter) === share && share.member === member ? sources() : null;
    if (found === null) return;
    group.follow(found);
    group.enter(member);
  }

  #join(share: Share, identity: Identity): SharedGroup {
    const group = this.#groups.of(share.filter, identity);
    if (share.group === group) return group;
    const { group: before, member } = share;
    share.group = group;
    share.member = new Member(this.#receiver, share.options);
    group.add(share.member);
    before?.remove(member);
    return group;
  }
}
