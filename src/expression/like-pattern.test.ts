// LIKE: wildcards, escapes, code points, folding, and agreement with a naive matcher.
import { expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import { foldCase } from "../base/text.ts";
import { likePattern, likeProblem } from "./like-pattern.ts";
import { processorTimer } from "../base/testing/processor-time.ts";

test("wildcards, escapes and code points", () => {
  const yes: [string, string][] = [["", ""], ["%", ""], ["%", "x"], ["a%", "a"], ["a%c", "abbc"], ["%b%", "abc"], ["a_c", "abc"], ["_", "\u{1f600}"], ["_%_", "ab"], ["\\%", "%"], ["a\\_", "a_"], ["\\\\", "\\"], ["a\\", "a\\"], ["%a%a%", "xaxax"], ["%ab", "aab"], ["%\u{1f600}_", "x\u{1f600}\u{1f601}"]];
  const no: [string, string][] = [["", "x"], ["a", "A"], ["_", ""], ["__", "\u{1f600}"], ["a%c", "abcd"], ["\\%", "x"], ["%a%a%", "xax"], ["ab%ba", "aba"], ["a_", "a"], ["%_%_%", "\u{1f600}"]];
  for (const [pattern, text] of yes) expect([pattern, text, likePattern(pattern, false).matches(text)]).toEqual([pattern, text, true]);
  for (const [pattern, text] of no) expect([pattern, text, likePattern(pattern, false).matches(text)]).toEqual([pattern, text, false]);
});

test("folded, letters compare without case beyond ASCII", () => {
  for (const [pattern, text] of [["ÄB%", "äbc"], ["strasse", "STRAẞE"], ["%σ%", "ΟΔΟΣ"]] as const) expect(likePattern(pattern, true).matches(text)).toBe(true);
  expect(likePattern("ÄB%", false).matches("äbc")).toBe(false);
});

test("the shape says what an index can serve", () => {
  const shapes = ["abc", "abc%", "%abc", "a_c%", "a\\%b%", "", "%", "abc%d"].map((pattern) => [likePattern(pattern, false).prefix, likePattern(pattern, false).shape]);
  expect(shapes).toEqual([["abc", "exact"], ["abc", "prefix"], ["", "other"], ["a", "other"], ["a%b", "prefix"], ["", "exact"], ["", "prefix"], ["abc", "other"]]);
});

test("agrees with a naive matcher", () => {
  const random = seededRandom(11);
  const word = (alphabet: readonly string[], length: number): string => Array.from({ length: Math.floor(random.next() * length) }, () => alphabet[Math.floor(random.next() * alphabet.length)]).join("");
  for (let round = 0; round < 20_000; round++) {
    const pattern = word(["a", "b", "ß", "S", "\u{1f600}", "%", "%", "_", "\\"], 7);
    const text = word(["a", "b", "ß", "s", "S", "\u{1f600}", "%", "_", "\\"], 8);
    const fold = round % 2 === 0;
    const found = likePattern(pattern, fold).matches(text);
    if (found !== naive(fold ? foldCase(pattern) : pattern, fold ? foldCase(text) : text)) throw new Error(JSON.stringify({ pattern, text, fold, found }));
  }
});

function naive(pattern: string, text: string): boolean {
  let source = "";
  const marks = [...pattern];
  for (let index = 0; index < marks.length; index++) {
    const mark = marks[index]!;
    if (mark === "%") source += "[^]*";
    else if (mark === "_") source += "[^]";
    else source += (mark === "\\" && index + 1 < marks.length ? marks[++index]! : mark).replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
  }
  return new RegExp(`^${source}$`, "u").test(text);
}

test("patterns that would be slow are bounded", () => {
  const slow = `%${"_a".repeat(33)}%`;
  expect(likeProblem(slow)).toBeString();
  expect(likePattern(slow, false).matches("a".repeat(100))).toBe(false);
  expect(likeProblem("%a_b%")).toBeNull();
  // A fifth of a second here; what grew with the square of the text would take an hour.
  const tookMs = processorTimer();
  expect(likePattern(`%${"_a".repeat(31)}_b%`, false).matches("a".repeat(200_000))).toBe(false);
  expect(tookMs()).toBeLessThan(30_000);
});
