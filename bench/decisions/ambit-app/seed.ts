// The data of the benchmark: orders that nobody else wants, and their customers.
import { ORDERS, CUSTOMERS } from "../scale.ts";

export default function seed(): Record<string, object[]> {
  const names = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));
  return {
    Customer: names(CUSTOMERS).map((id) => ({ id, name: `Customer ${id}`, spent: 1_000 })),
    Order: names(ORDERS).map((id, index) => ({ id, customerId: String(index % CUSTOMERS), total: 100 })),
  };
}
