// Cursors: what goes in comes out, for one order only.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import { cursorFingerprint, decodeCursor, encodeCursor } from "./cursor.ts";
import type { OrderTerm } from "./plan.ts";

function term(name: string, descending = false, nulls: "first" | "last" = "last"): OrderTerm {
  return { name, descending, nulls, value: { op: "literal", type: { kind: "null" }, value: null } };
}

test("values survive, and the text needs no escaping in a URL", () => {
  const lists: Json[][] = [[], [1, "a"], [null, "p1"], ["日😀\"\\", 1.5, true], [{ a: [1] }, "x"], ["9223372036854775807", -1]];
  for (const values of lists) {
    const cursor = encodeCursor(values, "f");
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
    expect(decodeCursor(cursor, "f")).toEqual(values);
  }
});

test("the fingerprint tells orders apart", () => {
  const orders = [[term("a")], [term("a", true)], [term("a", false, "first")], [term("a"), term("b")], [term("b"), term("a")], [term("ab")], []];
  const prints = ["T", "U"].flatMap((table) => orders.map((keys) => cursorFingerprint(table, keys)));
  expect(new Set(prints).size).toBe(prints.length);
  expect(cursorFingerprint("T", [term("a")])).toBe(cursorFingerprint("T", [term("a")]));
});

const asCursor = (text: string): string => new TextEncoder().encode(text).toBase64({ alphabet: "base64url" });

test.each(["", "x", "!!", "W10", asCursor("[]"), asCursor("{}"), asCursor("null"), asCursor("\"f\""), asCursor("[\"g\",1]"), asCursor("[1]"), asCursor("[".repeat(9_000)), asCursor("[\"f\""), "_w"])("refused: %#", (cursor) => {
  let problem: unknown = null;
  try {
    decodeCursor(cursor, "f");
  } catch (error) {
    problem = error;
  }
  expect(problem).toBeInstanceOf(AmbitError);
  expect(problem).toMatchObject({ code: "MALFORMED_CURSOR", status: 400, extras: { where: "after" } });
});
