// Fetches that are under way: one for each record, however many wait for it. A change that is told meanwhile overtakes it, so that
// what it brings is not taken for newer than it is.

export interface Flight<End> {
  readonly table: string;
  readonly key: string;
  readonly end: Promise<End>;
}

export class Flights<End> {
  readonly #flights = new Map<string, Flight<End>>();

  get size(): number {
    return this.#flights.size;
  }

  find(name: string): Flight<End> | undefined {
    return this.#flights.get(name);
  }

  /** `fly` is told whether it was overtaken, at any time. */
  start(name: string, { table, key }: { readonly table: string; readonly key: string }, fly: (isOvertaken: () => boolean) => Promise<End>): Flight<End> {
    const isOvertaken = (): boolean => this.#flights.get(name) !== flight;
    // In a turn of its own, so that the flight is known when it begins.
    const end = Promise.resolve().then(() => fly(isOvertaken)).finally(() => { if (!isOvertaken()) this.#flights.delete(name); });
    const flight: Flight<End> = { table, key, end };
    // Whoever waits hears of a failure; perhaps nobody does.
    end.catch(() => {});
    this.#flights.set(name, flight);
    return flight;
  }

  overtakeAll(): void {
    this.#flights.clear();
  }

  /** Of all tenants. `key` null: all of the table. */
  overtake(table: string, key: string | null): void {
    for (const [name, flight] of this.#flights) if (flight.table === table && (key === null || flight.key === key)) this.#flights.delete(name);
  }
}
