// What the app's own callback throws is told as uncaught, and stops nothing here.
import { expect, test } from "bun:test";
import { tell } from "./tell.ts";

test("an error in a callback comes out by itself", () => {
  const original = globalThis.queueMicrotask;
  const later: (() => void)[] = [];
  globalThis.queueMicrotask = (callback) => { later.push(callback); };
  try {
    expect(() => tell(() => { throw new Error("the app's"); })).not.toThrow();
  } finally {
    globalThis.queueMicrotask = original;
  }
  expect(later.length).toBe(1);
  expect(() => later[0]!()).toThrow("the app's");
});
