import { expect, test } from "bun:test";
import { readTarget } from "./request-target.ts";

const rows: readonly (readonly [string, readonly string[], string])[] = [
  ["http://h/Product", ["Product"], ""],
  ["http://h:1/Product/42?select=a", ["Product", "42"], "select=a"],
  ["/Product?x=/y", ["Product"], "x=/y"],
  ["http://h/", [""], ""],
  ["http://h/a//b", ["a", "", "b"], ""],
  ["http://h/a/", ["a", ""], ""],
  ["http://h/a/b%2Fc%3F", ["a", "b/c?"], ""],
  ["http://h/a/%E2%82%AC", ["a", "€"], ""],
  ["http://h/a/x+y", ["a", "x+y"], ""],
  ["http://h/a/..%2f..", ["a", "../.."], ""],
  ["http://[::1]:80/a??b", ["a"], "?b"],
];
for (const [url, segments, query] of rows) {
  test(url, () => {
    const target = readTarget(url, 100);
    expect([target.segments, target.query]).toEqual([[...segments], query]);
  });
}

test("what cannot be read is refused", () => {
  for (const url of ["http://h/%zz", "http://h/%ff", "http://h/a%00b", "http://h/a#b", "http://h/%"]) expect(() => readTarget(url, 100)).toThrow(expect.objectContaining({ code: "MALFORMED_URL" }));
});

test("the length is that of the path and the query", () => {
  expect(readTarget(`http://a-long-host-name.example/${"x".repeat(99)}`, 100).path.length).toBe(100);
  expect(() => readTarget(`http://h/${"x".repeat(100)}`, 100)).toThrow(expect.objectContaining({ code: "URL_TOO_LONG" }));
});
