// What is replaced, what is left alone, and that long hostile text costs linear time.
import { expect, test } from "bun:test";
import { redactText, type RedactKind } from "./redact-text.ts";

const all: readonly RedactKind[] = ["CARD", "IBAN", "EMAIL"];

const cases: readonly [string, string][] = [
  ["pay with 4111111111111111 please", "pay with [card] please"],
  ["4111 1111 1111 1111", "[card]"],
  ["4111-1111-1111-1111.", "[card]."],
  ["378282246310005 and 5555555555554444", "[card] and [card]"],
  ["4111111111111111 4111111111111111", "[card] [card]"],
  ["41111111111111114111111111111111 is one long number", "41111111111111114111111111111111 is one long number"],
  ["12 4111 1111 1111 1111 99", "12 [card] 99"],
  ["order 4111111111111112 is no card", "order 4111111111111112 is no card"],
  ["0000000000000000", "0000000000000000"],
  ["phone 030 1234567", "phone 030 1234567"],
  ["IBAN DE89370400440532013000", "IBAN [iban]"],
  ["de89 3704 0044 0532 0130 00 and more", "[iban] and more"],
  ["GB82WEST12345698765432", "[iban]"],
  ["NO9386011117947, thanks", "[iban], thanks"],
  ["AB12 some words DE89370400440532013000", "AB12 some words [iban]"],
  ["DE89370400440532013001 is wrong", "DE89370400440532013001 is wrong"],
  ["write to jane.doe+shop@mail.example.co.uk!", "write to [email]!"],
  ["a@b, @home, 5@x.y", "a@b, @home, 5@x.y"],
  ["\u{1F600} me@example.com \u{1F600}", "\u{1F600} [email] \u{1F600}"],
  ["", ""],
];

test.each(cases)("%p", (text, expected) => {
  expect(redactText(text, all)).toBe(expected);
  expect(redactText(expected, all)).toBe(expected);
});

test("only the kinds asked for", () => {
  const text = "4111111111111111 DE89370400440532013000 a@example.com";
  expect(redactText(text, ["CARD"])).toBe("[card] DE89370400440532013000 a@example.com");
  expect(redactText(text, ["IBAN"])).toBe("4111111111111111 [iban] a@example.com");
  expect(redactText(text, ["EMAIL"])).toBe("4111111111111111 DE89370400440532013000 [email]");
  expect(redactText(text, [])).toBe(text);
});

/** Processor time in microseconds, the least of some runs, so that it does not matter what else the machine does. */
function costOf(text: string): number {
  return Math.min(...Array.from({ length: 5 }, () => {
    const before = process.cpuUsage();
    redactText(text, all);
    return process.cpuUsage(before).user;
  }));
}

test("hostile text costs linear time", () => {
  const [characters, times, floorUs] = [10_000, 8, 500];
  for (const part of ["1", "1 ", "a@a.", "a", "DE89 ", "AB12", "a.a@", "4111111111111112"]) {
    const [small, large] = [characters, times * characters].map((length) => costOf(part.repeat(length / part.length))) as [number, number];
    // Quadratic would be 64 times as much.
    expect([part, large / Math.max(small, floorUs) < 4 * times]).toEqual([part, true]);
    expect(redactText(part.repeat(1_000_000 / part.length), all).length).toBeGreaterThan(0);
  }
}, 120_000);
