// Parts of a JSON text as they stand there, against the same parts of what JSON.parse makes of it.
import { expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import { rewritten, spansAt, type JsonPath } from "./json-spans.ts";

const sources = (text: string, ...paths: readonly JsonPath[]): string[] => spansAt(text, paths).map(({ start, end }) => text.slice(start, end));

test.each([
  ['{"a": {"b": [1, {"c" : 4e1 } ]}, "d": "}"}', ["a", "b", "*", "c"], ["4e1"]],
  ['[{"a":"\\""},{"a":[[]]},{"b":1},{"a" :null}]', ["*", "a"], ['"\\""', "[[]]", "null"]],
  ['{"a":1,"a":2}', ["a"], ["1", "2"]],
  ['{"\\u0061":true}', ["a"], ["true"]],
  ['{"a":{"*":1},"*":[2]}', ["a", "*"], []],
  ['{"__proto__":{"a": "x"}}', ["__proto__", "a"], ['"x"']],
  ["  7  ", ["a"], []], ["{}", ["a"], []], ["[ ]", ["*"], []], [' "s"', [], ['"s"']],
] as const)("%s at %j", (text, path, found) => {
  expect(sources(text, path)).toEqual([...found]);
});

test("several places are replaced at once, the rest stands as it was", () => {
  const text = '{ "a" : 1.0 , "b":[{"c":"\\\\"}, 3], "z":0}';
  expect(rewritten(text, spansAt(text, [["a"], ["b", "*", "c"]]), ({ path }, source) => `<${path.join(".")}=${source}>`)).toBe('{ "a" : <a=1.0> , "b":[{"c":<b.*.c="\\\\">}, 3], "z":0}');
});

test("any value is found where JSON.parse finds it", () => {
  const random = seededRandom(6);
  const pick = (count: number): number => Math.floor(random.next() * count);
  const name = (): string => ["a", "b", "*", "\\", "\"", "}", "ü"][pick(7)]!;
  const value = (depth: number): unknown => {
    switch (pick(depth > 3 ? 4 : 6)) {
      case 0: return pick(1e6) / 10 ** pick(4);
      case 1: return ["", "\"", "\\", "{[", "]},:", "\u2028"][pick(6)];
      case 2: return pick(2) === 0;
      case 3: return null;
      case 4: return Array.from({ length: pick(4) }, () => value(depth + 1));
      default: return Object.fromEntries(Array.from({ length: pick(4) }, () => [name(), value(depth + 1)]));
    }
  };
  const below = (found: unknown, [step, ...rest]: JsonPath): unknown[] => {
    if (step === undefined) return [found];
    if (typeof found !== "object" || found === null || Array.isArray(found) !== (step === "*")) return [];
    if (Array.isArray(found)) return found.flatMap((item) => below(item, rest));
    return Object.hasOwn(found, step) ? below((found as { [name: string]: unknown })[step], rest) : [];
  };
  for (let run = 0; run < 2_000; run++) {
    const whole = value(0);
    const path = Array.from({ length: pick(4) }, () => (pick(2) === 0 ? "*" : ["a", "b", "\\"][pick(3)]!));
    const text = JSON.stringify(whole, null, pick(3));
    expect(sources(text, path).map((source) => JSON.parse(source) as unknown)).toEqual(below(JSON.parse(text), path));
  }
});
