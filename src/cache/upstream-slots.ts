// How many calls of one source run at once; the others wait for their turn, in order, and not for ever.
import type { Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";

export interface SlotLimits { readonly atOnce: number; readonly waiting: number; readonly waitMs: number }

export class UpstreamSlots {
  readonly #clock: Clock;
  readonly #name: string;
  readonly #queue = new Set<() => void>();
  #running = 0;

  constructor(name: string, clock: Clock) {
    this.#name = name;
    this.#clock = clock;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Each must be given back with `release`, once. Throws OVERLOADED or SOURCE_TIMEOUT. */
  async take({ atOnce, waiting, waitMs }: SlotLimits): Promise<void> {
    if (this.#running < atOnce) {
      this.#running++;
      return;
    }
    if (this.#queue.size >= waiting) throw fault("OVERLOADED", `Too many requests wait for the source of ${this.#name}.`, { retryAfterS: 1 });
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#clock.schedule(waitMs, () => {
        this.#queue.delete(go);
        reject(fault("SOURCE_TIMEOUT", `The source of ${this.#name} was too busy to be asked.`, { retryAfterS: 1 }));
      });
      const go = (): void => {
        cancel();
        resolve();
      };
      this.#queue.add(go);
    });
  }

  /** Whoever waits longest takes its place. */
  release(): void {
    for (const go of this.#queue) {
      this.#queue.delete(go);
      go();
      return;
    }
    this.#running--;
  }
}
