// The records that every side of the benchmark holds: 100,000 of about 200 bytes, 20 in each of 5,000 categories.

export const ITEM_COUNT = 100_000;
export const CATEGORY_COUNT = 5_000;

export interface Item { id: string; name: string; category: number; price: number; published: boolean; text: string }

export function item(index: number): Item {
  return {
    id: String(index), name: `Item number ${index}`, category: index % CATEGORY_COUNT, price: 100 + (index % 10_000), published: true,
    text: `This is the description of item ${index}, long enough to make it about two hundred bytes.`,
  };
}

export const ITEM_COLUMNS = ["id", "name", "category", "price", "published", "text"] as const;

/** Calls `each` with batches that hold all items. */
export async function inBatches(size: number, each: (items: Item[]) => Promise<void>): Promise<void> {
  for (let start = 0; start < ITEM_COUNT; start += size) {
    await each(Array.from({ length: Math.min(size, ITEM_COUNT - start) }, (_, offset) => item(start + offset)));
  }
}
