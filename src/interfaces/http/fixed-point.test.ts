// Decimal fractions as text say what the number says.
import { expect, test } from "bun:test";
import { hundredths, thousandths } from "./fixed-point.ts";

test("rounded, with all its places", () => {
  expect([0, 0.004, 0.005, 1, 1.05, 12.999, 60_000.5].map(hundredths)).toEqual(["0.00", "0.00", "0.01", "1.00", "1.05", "13.00", "60000.50"]);
  expect([0, 0.0004, 0.0006, 1, 1.0505, 0.9996].map(thousandths)).toEqual(["0.000", "0.000", "0.001", "1.000", "1.051", "1.000"]);
});
