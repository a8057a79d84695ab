// What waits for groups of MQTT clients that share a subscription, and how far each was told: it belongs to the group until a member has
// it. Knows nothing of the wire; holds nothing in memory.
import type { Limits } from "../base/limits.ts";
import {
  addGroupMessage, beginGroup, groupNames, moveGroup, readGroupMessages, removeGroup, removeGroupMessage, type GroupMessageRow,
} from "../storage/mqtt-tables.ts";
import type { Storage } from "../storage/open-storage.ts";
import type { WriteSession } from "../tables/write-session.ts";

export type { GroupMessageRow };

export interface GroupParts { readonly storage: Storage; readonly limits: () => Limits }

export class MqttGroups {
  readonly #parts: GroupParts;

  constructor(parts: GroupParts) {
    this.#parts = parts;
  }

  names(): string[] {
    return groupNames(this.#parts.storage.reader);
  }

  /** It is there from now on. How far it was told, as JSON; null: it is new. */
  begin(name: string): Promise<string | null> {
    return this.#parts.storage.commit((connection) => beginGroup(connection, name));
  }

  /** In the commit of what is published. False: too much waits for the group. */
  keepIn({ connection }: WriteSession, name: string, message: Omit<GroupMessageRow, "number">): boolean {
    const { mqttQueueMessages, mqttQueueBytes } = this.#parts.limits();
    return addGroupMessage(connection, name, message, { messages: mqttQueueMessages, bytes: mqttQueueBytes });
  }

  /** The next ones after that number. */
  read(name: string, number: number, limit: number): GroupMessageRow[] {
    return readGroupMessages(this.#parts.storage.reader, name, number, limit);
  }

  /** A member has them. */
  remove(name: string, numbers: readonly number[]): Promise<void> {
    return this.#parts.storage.commit((connection) => { for (const number of numbers) removeGroupMessage(connection, name, number); });
  }

  move(name: string, positions: string): Promise<void> {
    return this.#parts.storage.commit((connection) => moveGroup(connection, name, positions));
  }

  /** Nobody is in it any more. */
  end(name: string): Promise<void> {
    return this.#parts.storage.commit((connection) => removeGroup(connection, name));
  }
}
