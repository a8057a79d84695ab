// All connections and sessions: who continues which session, what is kept of those whose client has gone, wills, and the end of everything
// at a stop. One for the process: it outlives reloads of the app.
import type { Identity } from "../../access/identity.ts";
import { isLapsed } from "../../access/identity-lease.ts";
import type { Clock } from "../../base/clock.ts";
import { AmbitError } from "../../base/error.ts";
import { describeError, type Log } from "../../base/log.ts";
import type { Random } from "../../base/random.ts";
import type { MqttGroups } from "../../resources/mqtt-groups.ts";
import type { MqttSessions, SessionRows } from "../../resources/mqtt-sessions.ts";
import { createRequestIds } from "../http/request-id.ts";
import { ChannelKeeper } from "./channel-keeper.ts";
import type { Agreement } from "./connect.ts";
import { Connection, type ConnectionOwner, type Entered } from "./connection.ts";
import { OutboxTurn, type SocketWire } from "./outbox.ts";
import { REASON } from "./reason-codes.ts";
import { Session } from "./session.ts";
import { ownerOf, sessionName } from "./session-name.ts";
import { SharedGroups } from "./shared-groups.ts";
import type { MqttApp } from "./topic-source.ts";
import type { Will } from "./will.ts";

export interface BrokerParts {
  readonly current: () => MqttApp;
  readonly store: MqttSessions;
  readonly groups: MqttGroups;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What was acknowledged is stored so often; what is lost of it by a crash is told again. */
const POSITIONS_MS = 1_000;
const SWEEP_MS = 5_000;
const NONE: ReadonlySet<number> = new Set();

export class Broker implements ConnectionOwner {
  readonly clock: Clock;
  readonly log: Log;
  readonly turn = new OutboxTurn();
  readonly #parts: BrokerParts;
  readonly #ids: ReturnType<typeof createRequestIds>;
  readonly #connections = new Set<Connection>();
  readonly #sessions = new Map<string, Session>();
  /** Names of those in the data file. */
  readonly #stored = new Set<string>();
  /** The last one who asked for a name: one after the other. */
  readonly #entering = new Map<string, Promise<unknown>>();
  /** Those that wait. */
  readonly #wills = new Map<Session, { readonly cancel: () => void; readonly publish: () => void }>();
  readonly #moved = new Set<Session>();
  readonly #keeper: ChannelKeeper;
  readonly #groups: SharedGroups;
  readonly #ready: Promise<void>;
  #endKeeping = (): void => {};
  readonly #counts = { published: 0, delivered: 0, dropped: 0 };
  #cancelSweep = (): void => {};
  #cancelPositions: (() => void) | null = null;
  #work = new Set<Promise<unknown>>();
  #isStopping = false;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.clock = parts.clock;
    this.log = parts.log;
    this.#ids = createRequestIds(parts.random);
    this.#keeper = new ChannelKeeper({ app: () => this.app(), dropped: () => this.counted("dropped") });
    this.#groups = new SharedGroups({
      store: parts.groups, keeper: this.#keeper, clock: parts.clock, app: () => this.app(), dropped: () => this.counted("dropped"), track: (work) => this.#track(work),
    });
    this.#ready = this.#recover();
    this.#ready.catch(() => {});
    this.#sweepLater();
  }

  stats(): Readonly<Record<string, number>> {
    let subscriptions = 0;
    for (const connection of this.#connections) subscriptions += connection.subscriptions;
    const { published, delivered, dropped } = this.#counts;
    return { connections: this.#connections.size, sessions: this.#stored.size, groups: this.#groups.size, subscriptions, publishedTotal: published, deliveredTotal: delivered, droppedTotal: dropped };
  }

  /** An app serves now, or another one. */
  served(): void {
    this.#endKeeping();
    this.#endKeeping = this.app().onStore(this.#keeper);
  }

  /** Null: no more are taken. */
  connect(wire: SocketWire): Connection | null {
    if (this.#isStopping || this.#connections.size >= this.app().limits.mqttConnections) return null;
    const connection = new Connection(wire, this);
    this.#connections.add(connection);
    return connection;
  }

  /** Lets what is under way finish for `drainMs`. */
  async stop(drainMs: number): Promise<void> {
    this.#isStopping = true;
    this.#cancelSweep();
    for (const session of this.#wills.keys()) this.#takeBackWill(session);
    for (const connection of this.#connections) connection.disconnect(REASON.shuttingDown, "the server stops");
    this.#cancelPositions?.();
    this.#groups.stop();
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => { cancel = this.clock.schedule(drainMs, resolve); });
    while (this.#work.size > 0 && await Promise.race([Promise.allSettled(this.#work).then(() => true), late.then(() => false)]));
    cancel();
  }

  app(): MqttApp {
    return this.#parts.current();
  }

  nextId(): string {
    return this.#ids.of(null);
  }

  counted(what: "published" | "delivered" | "dropped", count = 1): void {
    this.#counts[what] += count;
  }

  async enter(connection: Connection, agreement: Agreement, identity: Identity): Promise<Entered> {
    await this.#ready;
    const name = sessionName(identity, agreement.client);
    const before = this.#entering.get(name);
    const entered = (before ?? Promise.resolve()).then(() => this.#enter(name, connection, agreement, identity), () => this.#enter(name, connection, agreement, identity));
    this.#entering.set(name, entered);
    try {
      return await entered;
    } catch (error) {
      const session = this.#sessions.get(name);
      if (session?.connection === connection) session.detach();
      throw error;
    } finally {
      if (this.#entering.get(name) === entered) this.#entering.delete(name);
    }
  }

  left(connection: Connection, session: Session | null, will: { readonly will: Will; readonly identity: Identity } | null): void {
    this.#connections.delete(connection);
    if (session === null || session.connection !== connection) return;
    session.detach();
    if (will !== null) this.#willLater(session, will);
    const isKept = session.expiryMs > 0 && !session.isBroken;
    if (!isKept) {
      session.end();
      this.#sessions.delete(session.name);
    }
    if (session.expiryMs <= 0) this.#keeper.remove(session.name);
    if (!this.#stored.has(session.name)) return;
    if (session.expiryMs <= 0) this.#stored.delete(session.name);
    this.#track(this.#parts.store.end({ name: session.name, client: session.client, expiryMs: session.expiryMs, identity: session.standing }, session.positions()));
  }

  async #enter(name: string, connection: Connection, { client, isClean, expiryMs }: Agreement, identity: Identity): Promise<Entered> {
    const { store } = this.#parts;
    const earlier = this.#sessions.get(name);
    const holder = (earlier?.connection ?? null) as Connection | null;
    holder?.disconnect(REASON.takenOver, "another connection has the session now");
    // It was still on its way in: it leaves before it has begun.
    if (holder !== null && earlier?.connection === holder) this.left(holder, earlier, null);
    const wasThere = this.#sessions.get(name);
    if (isClean && wasThere !== undefined) this.#forget(wasThere);
    const known = this.#sessions.get(name);
    let session = this.#create(name, client);
    session.become(identity, this.app());
    const { standing } = session;
    let isOther = false;
    /** In the commit: what is published after it is stored for this connection. */
    const begin = (before: SessionRows | null): void => {
      if (before !== null && known !== undefined) session = known;
      else if (before !== null) session.restore(before.subscriptions);
      session.expiryMs = expiryMs;
      isOther = (session === known ? session.become(identity, this.app()) : before !== null) || isOther;
      this.#sessions.set(name, session);
      session.claim(connection, before);
      this.#interested(session);
    };
    let rows: SessionRows | null = null;
    if (expiryMs > 0 || (this.#stored.has(name) && !isClean)) {
      rows = await store.begin({ name, client, expiryMs, identity: standing }, { owner: ownerOf(identity), isClean, used: known?.outgoing.used ?? NONE, begun: begin });
      this.#stored.add(name);
    } else {
      begin(null);
      if (this.#stored.delete(name)) await store.forget(name);
    }
    // It had ended before its client came back.
    if (known !== undefined && known !== session) known.end();
    this.#takeBackWill(session);
    return { session, isPresent: rows !== null, attach: () => session.attach(connection, rows, isOther) };
  }

  async #recover(): Promise<void> {
    for (const { session: { name, client, identity, expiryMs }, subscriptions } of await this.#parts.store.recover()) {
      this.#stored.add(name);
      const session = this.#create(name, client);
      session.expiryMs = expiryMs;
      session.recall(identity);
      session.restore(subscriptions);
      this.#sessions.set(name, session);
      this.#interested(session);
      session.joinAway();
    }
    await this.#groups.recovered();
  }

  #create(name: string, client: string): Session {
    return new Session({
      name, client, store: this.#parts.store, groups: this.#groups,
      onMoved: (session) => this.#positionsLater(session), onChanged: (session) => this.#interested(session), onDropped: () => this.counted("dropped"),
    });
  }

  /** Of what is said on channels while its client is away, and what must not be lost on its way. */
  #interested(session: Session): void {
    const { name, identity, self } = session;
    if (!session.isStored || identity === null || this.#sessions.get(name) !== session) return;
    this.#keeper.set({ name, identity, self, filters: session.filters(), receiver: session.connection === null ? null : session,
      keep: (writes, message) => this.#parts.store.keepIn(writes, name, message) });
  }

  #forget(session: Session): void {
    this.#keeper.remove(session.name);
    session.end();
    this.#sessions.delete(session.name);
    const will = this.#wills.get(session);
    will?.cancel();
    will?.publish();
  }

  #takeBackWill(session: Session): void {
    this.#wills.get(session)?.cancel();
    this.#wills.delete(session);
  }

  /** A will waits as long as it says, but not longer than its session; who comes back in time takes it back. */
  #willLater(session: Session, { will, identity }: { readonly will: Will; readonly identity: Identity }): void {
    const delayMs = Math.min(will.delayMs, session.expiryMs);
    const publish = (): void => {
      this.#wills.delete(session);
      this.#track(this.#publishWill(will, identity));
    };
    if (delayMs <= 0) publish();
    else if (!this.#isStopping) this.#wills.set(session, { publish, cancel: this.clock.schedule(delayMs, publish) });
  }

  async #publishWill(will: Will, identity: Identity): Promise<void> {
    const { topic, payload, retain, properties } = will;
    // Whose token has ended has no rights any more.
    if (isLapsed(identity, this.clock.now())) return;
    try {
      this.counted("published");
      await this.app().publish({ topic, payload, retain, properties, identity, requestId: this.nextId(), effect: {}, isOnce: false, origin: { sender: this, qos: will.qos, expiresAtMs: null } });
    } catch (error) {
      // Nobody is there to be told.
      this.log.warn("will-refused", { topic, ...(error instanceof AmbitError ? { code: error.code } : describeError(error)) });
    }
  }

  #positionsLater(session: Session): void {
    this.#moved.add(session);
    this.#cancelPositions ??= this.clock.schedule(POSITIONS_MS, () => {
      this.#cancelPositions = null;
      for (const moved of this.#moved) {
        const moves = moved.takeMoves();
        if (moves.length > 0) this.#track(this.#parts.store.change(moved.name, moves));
      }
      this.#moved.clear();
    });
  }

  #sweepLater(): void {
    this.#cancelSweep = this.clock.schedule(SWEEP_MS, () => {
      this.#track(this.#sweep().finally(() => { if (!this.#isStopping) this.#sweepLater(); }));
    });
  }

  async #sweep(): Promise<void> {
    if (this.#stored.size === 0) return;
    const names = await this.#parts.store.expire();
    for (const name of names) {
      const session = this.#sessions.get(name);
      // Who entered since has a session of its own.
      if (session !== undefined && session.connection === null && !this.#entering.has(name)) this.#forget(session);
      if (session?.connection === null || session === undefined) this.#stored.delete(name);
    }
    // There may be more.
    if (names.length > 0 && !this.#isStopping) await this.#sweep();
  }

  #track(work: Promise<unknown>): void {
    const tracked = work.catch((error: unknown) => {
      this.log.warn("mqtt-session-not-stored", error instanceof AmbitError ? { code: error.code } : describeError(error));
    }).finally(() => this.#work.delete(tracked));
    this.#work.add(tracked);
  }
}
