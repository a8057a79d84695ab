// Query strings: what is decoded, and what is refused.
import { describe, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { urlPairs } from "./url-pairs.ts";

describe("pairs", () => {
  const cases: [string, [string, string][]][] = [
    ["", []],
    ["a=1&b=2", [["a", "1"], ["b", "2"]]],
    ["a=1&a=2", [["a", "1"], ["a", "2"]]],
    ["a", [["a", ""]]],
    ["a=", [["a", ""]]],
    ["=1", [["", "1"]]],
    ["&&a=1&", [["a", "1"]]],
    ["a=b=c", [["a", "b=c"]]],
    ["a+b=c+d%2B", [["a b", "c d+"]]],
    ["%61%3D=%26", [["a=", "&"]]],
    ["x=%E6%97%A5%F0%9F%98%80", [["x", "日😀"]]],
    ["x=日", [["x", "日"]]],
    ["x=%0A", [["x", "\n"]]],
  ];
  test.each(cases)("%s", (query, expected) => expect(urlPairs(query)).toEqual(expected));
});

test.each(["a=%", "a=%4", "a=%zz", "%ff=1", "a=%C3", "a=%ED%A0%80", "a=%C0%80", "a=%F8%88%80%80%80", "a=%00", "a=\ud800"])("refused: %#", (query) => {
  let problem: unknown = null;
  try {
    urlPairs(query);
  } catch (error) {
    problem = error;
  }
  expect(problem).toBeInstanceOf(AmbitError);
  expect(problem).toMatchObject({ code: "MALFORMED_URL", status: 400 });
});
