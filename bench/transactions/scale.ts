// How much of everything there is. Few warehouses: that is where the payments meet.
export const WAREHOUSES = 4;
export const DISTRICTS = 40;
export const CUSTOMERS = 10_000;
export const ITEMS = 10_000;

export function names(count: number): string[] {
  return Array.from({ length: count }, (_, index) => String(index));
}
