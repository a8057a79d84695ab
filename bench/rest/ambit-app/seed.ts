// All items of the benchmark.
import { ITEM_COUNT, item } from "../items.ts";

export default function seed(): Record<string, object[]> {
  return { Item: Array.from({ length: ITEM_COUNT }, (_, index) => item(index)) };
}
