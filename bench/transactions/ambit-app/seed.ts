// The data of the benchmark; each payment is of 1, so that the sums can be compared with their number.
import { CUSTOMERS, DISTRICTS, ITEMS, WAREHOUSES, names } from "../scale.ts";

export default function seed(): Record<string, object[]> {
  return {
    Warehouse: names(WAREHOUSES).map((id) => ({ id, tax: 5 })),
    District: names(DISTRICTS).map((id, index) => ({ id, warehouseId: String(index % WAREHOUSES), tax: 3 })),
    Customer: names(CUSTOMERS).map((id, index) => ({ id, districtId: String(index % DISTRICTS), name: `Customer ${id}` })),
    Item: names(ITEMS).map((id) => ({ id, name: `Item ${id}`, price: 100 })),
    Stock: names(ITEMS).map((id) => ({ id, quantity: 50 })),
  };
}
