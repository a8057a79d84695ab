// The regular expression engine: search, folding, bad syntax, linear time.
import { expect, test } from "bun:test";
import { compilePattern, patternProblem } from "./pattern.ts";
import { processorTimer } from "./testing/processor-time.ts";

test("a pattern is searched unless anchored", () => {
  expect(compilePattern("b+").matches("abbc")).toBe(true);
  expect(compilePattern("^b+$").matches("abbc")).toBe(false);
  expect(compilePattern("^[A-Z0-9-]{3,20}$").matches("AB-12")).toBe(true);
  expect(compilePattern("STRA", true).matches("strasse")).toBe(true);
  expect(compilePattern("STRA").matches("strasse")).toBe(false);
  expect(compilePattern("^.$").matches("\u{1f600}")).toBe(true);
});

test("bad syntax is a problem, not a crash", () => {
  expect(patternProblem("^[a-z]+$")).toBeNull();
  for (const bad of ["(", "[a", "a**", "(?=x)", "\\1", "x{1001}", "a".repeat(1_001)]) expect(patternProblem(bad)).toBeString();
});

// A million characters take milliseconds; what grew with the square would take many minutes, and what backtracks would not end.
test("nested repetition takes linear time", () => {
  const tookMs = processorTimer();
  expect(compilePattern("^(a+)+$").matches(`${"a".repeat(1_000_000)}!`)).toBe(false);
  expect(tookMs()).toBeLessThan(30_000);
});

test("a pattern's size counts its repetitions", () => {
  expect(patternProblem("^[A-Z0-9-]{3,20}$", 250)).toBeNull();
  expect(patternProblem("(a?){100}a{100}")).toBeNull();
  expect(patternProblem("(a?){100}a{100}", 250)).toContain("at most 250");
});
