// Order and folding of text.
import { expect, test } from "bun:test";
import { seededRandom } from "./random.ts";
import { compareText, foldCase, isWellFormedText } from "./text.ts";

test("text is ordered by its UTF-8 bytes", () => {
  const random = seededRandom(1);
  const alphabet = ["a", "Z", "\u0000", "\u007f", "\u00e9", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\u{1f600}", "\u{10ffff}"];
  const word = () => Array.from({ length: Math.floor(random.next() * 4) }, () => alphabet[Math.floor(random.next() * alphabet.length)]).join("");
  for (let round = 0; round < 5_000; round++) {
    const [left, right] = [word(), word()];
    expect(Math.sign(compareText(left, right))).toBe(Buffer.compare(Buffer.from(left), Buffer.from(right)));
  }
});

test("folding joins letters that differ by case alone", () => {
  const groups = [["Straße", "STRASSE", "straẞe"], ["ΣΊΣΥΦΟΣ", "σίσυφος", "Σίσυφοσ"], ["ÄÖ", "äö"], ["ﬁn", "FIN"], ["\u{10400}", "\u{10428}"], ["K", "k", "\u212a"]];
  for (const group of groups) expect(new Set(group.map(foldCase)).size).toBe(1);
  expect(foldCase("ı")).not.toBe(foldCase("I"));
  expect(foldCase("ΑΣΑ").includes(foldCase("ΑΣ"))).toBe(true);
});

test("folding twice is folding once, for every character", () => {
  for (let point = 0; point <= 0x10ffff; point++) {
    if (point >= 0xd800 && point <= 0xdfff) continue;
    const folded = foldCase(String.fromCodePoint(point));
    if (foldCase(folded) !== folded) throw new Error(`not idempotent: U+${point.toString(16)}`);
  }
});

test("well-formed text has no lone surrogates and no U+0000", () => {
  expect(isWellFormedText("a\u{1f600}")).toBe(true);
  for (const bad of ["\ud800", "a\udc00b", "\udc00\ud800", "a\0b"]) expect(isWellFormedText(bad)).toBe(false);
});
