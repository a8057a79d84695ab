// How much data the benchmark has.
export const ORDERS = 20_000;
export const CUSTOMERS = 2_000;
