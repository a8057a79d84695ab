import { expect, test } from "bun:test";
import { documentCache } from "./kept-by-length.ts";
import type { CompiledDocument } from "./compile-document.ts";

const compiled = (valid = true): CompiledDocument => ({ document: { kind: "Document", definitions: [] } as never, errors: valid ? [] : [new Error("no") as never] });

test("what was used last stays, within the length; what is invalid or too long is not kept", () => {
  const cache = documentCache(100);
  const made: string[] = [];
  const get = (key: string, valid = true): void => void cache.get(key, () => {
    made.push(key[0]!);
    return compiled(valid);
  });
  for (const letter of ["a", "b", "c", "d"]) get(letter.repeat(25));
  get("a".repeat(25));
  get("e".repeat(20));
  expect([made.join(""), cache.length]).toEqual(["abcde", 95]);
  get("a".repeat(25));
  get("b".repeat(25));
  expect([made.join(""), cache.length <= 100]).toEqual(["abcdeb", true]);
  get("x".repeat(26));
  get("x".repeat(26));
  get("y", false);
  get("y", false);
  expect(made.join("")).toBe("abcdebxxyy");
});
