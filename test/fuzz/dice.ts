// Seeded choices for generators: the same seed makes the same app, data and queries.
import { seededRandom } from "../../src/base/random.ts";

export interface Dice {
  readonly seed: number;
  /** A whole number from 0 up to, not including, `below`. */
  below(below: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<Item>(items: readonly Item[]): Item;
  /** Some of the items, in their order. */
  some<Item>(items: readonly Item[], probability: number): Item[];
}

export function createDice(seed: number): Dice {
  const random = seededRandom(seed);
  const below = (bound: number): number => Math.floor(random.next() * bound);
  return {
    seed, below,
    chance: (probability) => random.next() < probability,
    pick: (items) => items[below(items.length)]!,
    some: (items, probability) => items.filter(() => random.next() < probability),
  };
}
