// Which functions of Migrations are the same, and what is made of what they do wrong.
import { expect, test } from "bun:test";
import { type MigrationFunction, callFunction, signature } from "./migration-functions.ts";

/** One whose source is `text`. */
const written = (text: string): MigrationFunction => Object.assign((): object => ({}), { toString: () => text });

test("a function is the same in another layout, and another one when it does something else", () => {
  const first = signature("Task", written(`(old) => ({ due: old["day"] ?? 'x' })`));
  expect(signature("Task", written(`(old) => {\n  /* why */\n  return ({ due: old["day"] ?? "x", });\n}`))).not.toBe(first);
  expect(signature("Task", written(`(old) => ({\n  due: old["day"] ?? "x",\n})`))).toBe(first);
  expect(signature("Task", written(`(old) => ({ due: old["day"] ?? "y" })`))).not.toBe(first);
  expect(signature("Item", written(`(old) => ({ due: old["day"] ?? "x" })`))).not.toBe(first);
});

test("what it is given is frozen, all the way down, and stays readable afterwards", () => {
  const old = { id: "a", list: [{ n: 1n }], none: null };
  expect(callFunction((record) => ({ n: (record["list"] as { n: bigint }[])[0]!.n }), old)).toEqual({ ok: true, fields: { n: 1n } });
  expect(callFunction((record) => { (record["list"] as { n: bigint }[])[0]!.n = 2n; return {}; }, old)).toMatchObject({ ok: false });
  expect(callFunction(() => [1], old)).toEqual({ ok: false, what: "answers with something that is no object of fields" });
  expect(callFunction(() => { throw "text"; }, old)).toEqual({ ok: false, what: "fails: text" });
});
