// Short numbers that a client has given to topics, for one connection.
export class TopicAliases {
  readonly #max: number;
  readonly #topics = new Map<number, string>();

  /** 0: there are none. */
  constructor(max: number) {
    this.#max = max;
  }

  /** The topic that is meant; null: the alias is not known, or none that may be given. */
  resolve(topic: string, alias: number | undefined): string | null {
    if (alias === undefined) return topic;
    if (alias < 1 || alias > this.#max) return null;
    if (topic === "") return this.#topics.get(alias) ?? null;
    this.#topics.set(alias, topic);
    return topic;
  }
}
