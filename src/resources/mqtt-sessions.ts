// Sessions of MQTT clients that outlive their connections, and the process: each change of them is a commit, so that what a client was
// told is so. Knows nothing of the wire; holds nothing in memory.
import { dateTimeOf } from "../base/date-time.ts";
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import type { Limits } from "../base/limits.ts";
import type { Connection } from "../storage/connection.ts";
import type { Storage } from "../storage/open-storage.ts";
import {
  addMessage, addReceived, countSessions, countSessionsOf, endInterruptedSessions, endedSessions, hasMessage, hasRoom, movePositions, namePackets, readSession, readSessions, releaseMessage, removeMessage, removeReceived,
  removeSession, removeSubscription, renameIdentity, writeSession, writeSubscription, type MessageRow, type SessionRow, type SessionRows, type SubscriptionRow,
} from "../storage/mqtt-tables.ts";
import type { WriteSession } from "../tables/write-session.ts";

export type { MessageRow, SessionRow, SessionRows, SubscriptionRow };

/** Of one filter: how far each of its queries was told, as JSON. */
export interface Move { readonly filter: string; readonly positions: string }

/** Something of the session that changes; several of them in one commit. */
export type SessionChange =
  | { readonly kind: "subscribe"; readonly subscription: SubscriptionRow }
  | { readonly kind: "unsubscribe"; readonly filter: string }
  /** JSON of who its client is to the app that serves now. */
  | { readonly kind: "identity"; readonly identity: string }
  | ({ readonly kind: "move" } & Move)
  | { readonly kind: "message"; readonly message: MessageRow }
  | { readonly kind: "release" | "remove" | "receive" | "forget"; readonly packet: number };

export interface SessionParts { readonly storage: Storage; readonly clock: Clock; readonly limits: () => Limits }

const ENDED_AT_ONCE = 100;

export interface Beginning {
  /** With this and a comma begin the names of all sessions of its subject. */
  readonly owner: string;
  readonly isClean: boolean;
  readonly used: ReadonlySet<number>;
  begun(before: SessionRows | null): void;
}

export class MqttSessions {
  readonly #parts: SessionParts;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  /** After a start: whoever was connected has gone. Answers all sessions. */
  async recover(): Promise<ReturnType<typeof readSessions>> {
    const { reader } = this.#parts.storage;
    if (countSessions(reader) === 0) return [];
    await this.#commit((connection) => endInterruptedSessions(connection, (expiryMs) => this.#after(expiryMs)));
    return readSessions(reader);
  }

  /**
   * Its client is there. `isClean`: what was before is forgotten. Answers what was there; null: nothing. `used`: packet ids that
   * have another meaning. `begun`: called in the commit, again where it runs again: what is committed after it comes after. Throws OVERLOADED.
   */
  begin(session: SessionRow, { owner, isClean, used, begun }: Beginning): Promise<SessionRows | null> {
    return this.#commit((connection) => {
      if (!isClean) namePackets(connection, session.name, used);
      const before = isClean ? null : readSession(connection, session.name, this.#now());
      if (before === null) {
        removeSession(connection, session.name);
        const { mqttSessions, mqttSessionsOfSubject } = this.#parts.limits();
        if (countSessions(connection) >= mqttSessions) throw fault("OVERLOADED", "Too many sessions are kept.", { retryAfterS: 60 });
        if (countSessionsOf(connection, owner) >= mqttSessionsOfSubject) throw fault("OVERLOADED", "Too many sessions of this subject are kept.", { retryAfterS: 60 });
      }
      writeSession(connection, session, null);
      begun(before);
      return before;
    });
  }

  /** Its client has gone; it is kept for `expiryMs` from now on. 0: forgotten at once. */
  end(session: SessionRow, moves: readonly Move[]): Promise<void> {
    return this.#commit((connection) => {
      if (session.expiryMs <= 0) return removeSession(connection, session.name);
      for (const { filter, positions } of moves) movePositions(connection, session.name, filter, positions);
      writeSession(connection, session, this.#after(session.expiryMs));
    });
  }

  forget(name: string): Promise<void> {
    return this.#commit((connection) => removeSession(connection, name));
  }

  change(name: string, changes: readonly SessionChange[]): Promise<void> {
    return this.#commit((connection) => { for (const change of changes) apply(connection, name, change); });
  }

  /** In the commit of what a message writes, so that it never does so twice. */
  receiveIn({ connection }: WriteSession, name: string, packet: number): void {
    addReceived(connection, name, packet);
  }

  /** In the commit of what is published: for a session whose client is not there, or must not miss it. False: too much waits for it. */
  keepIn({ connection }: WriteSession, name: string, message: MessageRow): boolean {
    const { mqttQueueMessages, mqttQueueBytes } = this.#parts.limits();
    if (!hasRoom(connection, name, { messages: mqttQueueMessages, bytes: mqttQueueBytes })) return false;
    addMessage(connection, name, message);
    return true;
  }

  /** Whether such a message is stored. */
  holds(name: string, packet: number): boolean {
    return hasMessage(this.#parts.storage.reader, name, packet);
  }

  /** Forgets those that have ended; answers their names. */
  expire(): Promise<readonly string[]> {
    return this.#commit((connection) => {
      const names = endedSessions(connection, this.#now(), ENDED_AT_ONCE);
      for (const name of names) removeSession(connection, name);
      return names;
    });
  }

  #commit<Result>(work: (connection: Connection) => Result): Promise<Result> {
    return this.#parts.storage.commit(work);
  }

  #now(): string {
    return dateTimeOf(this.#parts.clock.now());
  }

  #after(expiryMs: number): string {
    return dateTimeOf(this.#parts.clock.now() + Math.min(expiryMs, this.#parts.limits().mqttSessionMs));
  }
}

function apply(connection: Connection, name: string, change: SessionChange): void {
  switch (change.kind) {
    case "subscribe": return writeSubscription(connection, name, change.subscription);
    case "identity": return renameIdentity(connection, name, change.identity);
    case "unsubscribe": return removeSubscription(connection, name, change.filter);
    case "move": return movePositions(connection, name, change.filter, change.positions);
    case "message": return addMessage(connection, name, change.message);
    case "release": return releaseMessage(connection, name, change.packet);
    case "remove": return removeMessage(connection, name, change.packet);
    case "receive": return addReceived(connection, name, change.packet);
    case "forget": return removeReceived(connection, name, change.packet);
  }
}
