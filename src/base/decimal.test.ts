// Decimals: canonical form, exact order and sums, and a key whose order is the same.
import { expect, test } from "bun:test";
import { addDecimals, compareDecimals, decimalKey, multiplyDecimals, negateDecimal, parseDecimal } from "./decimal.ts";
import { seededRandom } from "./random.ts";

test("plain and exponent notation become plain text that keeps its scale", () => {
  const cases: [string, string][] = [
    ["0", "0"], ["-0", "0"], ["-0.00", "0.00"], ["007.10", "7.10"], ["-12.5", "-12.5"], ["1e3", "1000"], ["1.5e-3", "0.0015"], ["1.50e1", "15.0"], ["12.5E+2", "1250"], ["0.1", "0.1"],
    ["9".repeat(100), "9".repeat(100)], [`0.${"1".repeat(100)}`, `0.${"1".repeat(100)}`],
  ];
  for (const [text, canonical] of cases) {
    expect(parseDecimal(text)).toBe(canonical);
    expect(parseDecimal(canonical)).toBe(canonical);
  }
  for (const text of ["", "-", ".5", "5.", "+1", "1e", "1e999", "1e-999", "NaN", "Infinity", "0x1", "1_000", " 1", "1 ", "9".repeat(101), `${"0".repeat(400)}1`]) expect(parseDecimal(text)).toBeNull();
});

test("order, key and arithmetic agree", () => {
  const random = seededRandom(3);
  const decimal = () => {
    const scale = Math.floor(random.next() * 8);
    const digits = Math.floor(random.next() * 10 ** Math.floor(random.next() * 7));
    return parseDecimal(`${random.next() < 0.5 ? "-" : ""}${digits}e-${scale}`)!;
  };
  for (let round = 0; round < 5_000; round++) {
    const [left, right] = [decimal(), decimal()];
    const order = Math.sign(compareDecimals(left, right)) as -1 | 0 | 1;
    expect(Buffer.compare(Buffer.from(decimalKey(left)), Buffer.from(decimalKey(right)))).toBe(order);
    expect(compareDecimals(addDecimals(left, right)!, left)).toBe(compareDecimals(right, "0"));
    expect(compareDecimals(addDecimals(left, negateDecimal(left))!, "0")).toBe(0);
    expect(compareDecimals(multiplyDecimals(left, "-1")!, negateDecimal(left))).toBe(0);
  }
  expect(decimalKey("1.50")).toBe(decimalKey("1.5"));
  expect(compareDecimals("1.50", "1.5")).toBe(0);
  expect(decimalKey("0.000")).toBe(decimalKey("0"));
  expect(addDecimals("0.1", "0.20")).toBe("0.30");
  expect(addDecimals("9".repeat(100), "1")).toBeNull();
  expect(negateDecimal("0.0")).toBe("0.0");
});
