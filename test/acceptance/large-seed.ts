// The store's seed with five times its orders: 10,000 of 60 days, some in dollars. For the store's reports.
import seed from "../../examples/store/seed.ts";

const COPIES = 5;

export default function largeSeed(): Record<string, Record<string, unknown>[]> {
  const tables = seed();
  const copies = (rows: readonly Record<string, unknown>[], change: (row: Record<string, unknown>, copy: number) => object): Record<string, unknown>[] =>
    Array.from({ length: COPIES }, (_, copy) => rows.map((row) => ({ ...row, id: `${String(row["id"])}-${copy}`, ...change(row, copy) }))).flat();
  return {
    ...tables,
    Order: copies(tables["Order"]!, (row, copy) => ({ currency: copy === 4 ? "USD" : "EUR", placedAt: new Date(Date.parse(String(row["placedAt"])) + copy * 3_600_000).toISOString() })),
    OrderLine: copies(tables["OrderLine"]!, (row, copy) => ({ currency: copy === 4 ? "USD" : "EUR", orderId: `${String(row["orderId"])}-${copy}` })),
  };
}
