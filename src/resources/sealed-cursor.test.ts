// A sealed cursor says nothing, opens to what it was, and cannot be made or changed by others.
import { expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import { CursorSeal } from "./sealed-cursor.ts";

const seal = new CursorSeal(seededRandom(7));

test("what is sealed opens again, each time under another name", () => {
  for (const text of ["", "abc", "WyJ4IiwxMjNd", "ü".repeat(3_000)]) {
    const sealed = seal.seal(text);
    expect([seal.isSealed(sealed), seal.open(sealed)]).toEqual([true, text]);
    expect(sealed).not.toBe(seal.seal(text));
    expect(sealed).toMatch(/^~[\w-]+$/);
    if (text !== "") expect(Buffer.from(sealed.slice(1), "base64url").toString("latin1")).not.toContain(text);
  }
  expect(seal.isSealed("WyJ4IiwxMjNd")).toBe(false);
});

test("what was changed, cut off, made up or sealed by another process is no cursor", () => {
  const sealed = seal.seal("abc");
  const wrong = ["~", "~AAAA", sealed.slice(0, -2), `${sealed}AA`, `~B${sealed.slice(2)}`, new CursorSeal(seededRandom(8)).seal("abc"), "~%%%"];
  for (const text of wrong) expect(() => seal.open(text)).toThrow(expect.objectContaining({ code: "MALFORMED_CURSOR" }));
});
