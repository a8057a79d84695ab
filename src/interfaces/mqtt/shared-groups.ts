// All groups that share a subscription: one for each filter and for clients with the same subject and the same rights, so that nobody gets,
// or takes away, what is another's. A group lives as long as a session is in it.
import type { Identity } from "../../access/identity.ts";
import type { Clock } from "../../base/clock.ts";
import { fault } from "../../base/error.ts";
import type { GroupMessageRow, MqttGroups } from "../../resources/mqtt-groups.ts";
import type { ChannelKeeper } from "./channel-keeper.ts";
import { SharedGroup, type GroupOwner } from "./shared-group.ts";
import { ownerOf } from "./session-name.ts";
import type { MqttApp } from "./topic-source.ts";
import { readFilter } from "./topics.ts";

export interface SharedGroupsParts {
  readonly store: MqttGroups;
  readonly keeper: ChannelKeeper;
  readonly clock: Clock;
  app(): MqttApp;
  dropped(): void;
  /** Waited for at a stop; what fails is said. */
  track(work: Promise<unknown>): void;
}

const POSITIONS_MS = 1_000;

export class SharedGroups implements GroupOwner {
  readonly #parts: SharedGroupsParts;
  readonly #groups = new Map<string, { readonly group: SharedGroup; readonly filter: string; readonly identity: Identity }>();
  readonly #moved = new Set<SharedGroup>();
  #cancelMoves: (() => void) | null = null;

  constructor(parts: SharedGroupsParts) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#groups.size;
  }

  /** For one more group, if it would be one. Throws OVERLOADED. */
  requireRoom(filter: string, identity: Identity): void {
    if (this.#groups.has(nameOf(filter, identity))) return;
    const { mqttGroups, mqttGroupsOfSubject } = this.#parts.app().limits;
    const owner = ownerOf(identity);
    let own = 0;
    for (const known of this.#groups.values()) if (ownerOf(known.identity) === owner) own++;
    if (this.#groups.size >= mqttGroups || own >= mqttGroupsOfSubject) throw fault("OVERLOADED", "Too many groups share subscriptions.", { retryAfterS: 60 });
  }

  /** The group of that filter for such clients; somebody must be added to it at once. */
  of(filter: string, identity: Identity): SharedGroup {
    const name = nameOf(filter, identity);
    const known = this.#groups.get(name);
    if (known !== undefined) return known.group;
    const group = new SharedGroup(name, this, this.#parts.store.begin(name));
    this.#groups.set(name, { group, filter, identity });
    return group;
  }

  /** After a start, when all members that were kept are there again. */
  async recovered(): Promise<void> {
    for (const name of this.#parts.store.names()) if (!this.#groups.has(name)) await this.#parts.store.end(name);
    await Promise.all([...this.#groups.values()].map(({ group }) => group.ready));
  }

  /** How far they were told is stored before the end. */
  stop(): void {
    this.#cancelMoves?.();
    this.#storeMoves();
  }

  read(group: SharedGroup, number: number, limit: number): ReturnType<MqttGroups["read"]> {
    return this.#parts.store.read(group.name, number, limit);
  }

  isVisible({ name }: SharedGroup, row: GroupMessageRow): boolean {
    const known = this.#groups.get(name);
    return known !== undefined && this.#parts.app().isKeptVisible(row, known.identity, false);
  }

  arrived(group: SharedGroup, numbers: readonly number[]): Promise<void> {
    const done = this.#parts.store.remove(group.name, numbers);
    this.#parts.track(done);
    // What stays there is told again after a start.
    return done.catch(() => {});
  }

  moved(group: SharedGroup): void {
    this.#moved.add(group);
    this.#cancelMoves ??= this.#parts.clock.schedule(POSITIONS_MS, () => this.#storeMoves());
  }

  dropped(): void {
    this.#parts.dropped();
  }

  changed(group: SharedGroup): void {
    const known = this.#groups.get(group.name);
    if (known?.group !== group) return;
    const { keeper, store, track } = this.#parts;
    if (group.size === 0) {
      this.#groups.delete(group.name);
      keeper.remove(group.name);
      return track(store.end(group.name));
    }
    const filter = { ...readFilter(known.filter)!, group: null };
    keeper.set({
      name: group.name, identity: known.identity, self: group, receiver: null, filters: [{ filter, qos: group.qos, noLocal: false, identifier: null }],
      keep: (writes, message) => store.keepIn(writes, group.name, message),
    });
  }

  #storeMoves(): void {
    this.#cancelMoves = null;
    for (const group of this.#moved) if (this.#groups.get(group.name)?.group === group) this.#parts.track(this.#parts.store.move(group.name, group.positions()));
    this.#moved.clear();
  }
}

function nameOf(filter: string, { key }: Identity): string {
  return JSON.stringify([key, filter]);
}
