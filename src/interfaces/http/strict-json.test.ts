import { describe, expect, test } from "bun:test";
import { AmbitError } from "../../base/error.ts";
import { seededRandom } from "../../base/random.ts";
import { decodeUtf8, parseStrictJson } from "./strict-json.ts";
import { readJsonStrictly } from "./json-reader.ts";

function failureOf(work: () => unknown): AmbitError {
  try {
    work();
  } catch (error) {
    if (error instanceof AmbitError) return error;
    throw error;
  }
  throw new Error("nothing was refused");
}

describe("what is refused", () => {
  const rows: readonly (readonly [string, string, { line: number; column: number; path: string }])[] = [
    ["nothing", "", { line: 1, column: 1, path: "" }],
    ["only space", " \n ", { line: 2, column: 2, path: "" }],
    ["a word", "hello", { line: 1, column: 1, path: "" }],
    ["NaN", '{"a":NaN}', { line: 1, column: 6, path: "a" }],
    ["Infinity", "[Infinity]", { line: 1, column: 2, path: "[0]" }],
    ["an overflowing exponent", '{"a":[1e400]}', { line: 1, column: 7, path: "a[0]" }],
    ["undefined", '{"a":undefined}', { line: 1, column: 6, path: "a" }],
    ["a trailing comma", '{"a":1,}', { line: 1, column: 8, path: "" }],
    ["a trailing comma in a list", "[1,]", { line: 1, column: 4, path: "[1]" }],
    ["single quotes", "{'a':1}", { line: 1, column: 2, path: "" }],
    ["a comment", "// x\n{}", { line: 1, column: 1, path: "" }],
    ["two documents", "{} {}", { line: 1, column: 4, path: "" }],
    ["a cut object", '{"a":1', { line: 1, column: 7, path: "" }],
    ["a cut value", '{"a":', { line: 1, column: 6, path: "a" }],
    ["a cut string", '{"a":"b', { line: 1, column: 6, path: "a" }],
    ["a key without a value", '{"a"}', { line: 1, column: 5, path: "" }],
    ["a leading zero", '{"a":01}', { line: 1, column: 7, path: "" }],
    ["a plus", '{"a":+1}', { line: 1, column: 6, path: "a" }],
    ["hexadecimal", '{"a":0x10}', { line: 1, column: 7, path: "" }],
    ["a bare dot", '{"a":.5}', { line: 1, column: 6, path: "a" }],
    ["a raw line break in a string", '{"a":"x\ny"}', { line: 1, column: 8, path: "a" }],
    ["an unknown escape", '{"a":"\\x41"}', { line: 1, column: 7, path: "a" }],
    ["half an escape", '{"a":"\\u12"}', { line: 1, column: 7, path: "a" }],
    ["a duplicate key", '{"a":1,\n "b":2,\n "a":3}', { line: 3, column: 2, path: "a" }],
    ["a duplicate key deep inside", '{"o":[{"k":1,"k":1}]}', { line: 1, column: 14, path: "o[0].k" }],
    ["a duplicate key in another spelling", '{"a":1,"\\u0061":2}', { line: 1, column: 8, path: "a" }],
    ["a duplicate __proto__", '{"__proto__":1,"__proto__":2}', { line: 1, column: 16, path: "__proto__" }],
    ["a lone high surrogate", '{"a":"\\ud800"}', { line: 1, column: 6, path: "a" }],
    ["a lone low surrogate", '["\\udc00x"]', { line: 1, column: 2, path: "[0]" }],
    ["surrogates the wrong way round", '["\\udc00\\ud800"]', { line: 1, column: 2, path: "[0]" }],
    ["U+0000", '{"a":"x\\u0000"}', { line: 1, column: 6, path: "a" }],
    ["a key with U+0000", '{"\\u0000":1}', { line: 1, column: 2, path: "" }],
    ["too deep", "[[[[[[1]]]]]]", { line: 1, column: 6, path: "[0][0][0][0][0]" }],
    ["too deep in objects", '{"a":{"a":{"a":{"a":{"a":{}}}}}}', { line: 1, column: 26, path: "a.a.a.a.a" }],
    ["an absurdly long integer", `[${"9".repeat(41)}]`, { line: 1, column: 2, path: "[0]" }],
  ];
  for (const [name, text, details] of rows) {
    test(name, () => {
      const error = failureOf(() => parseStrictJson(text, 5));
      expect(error.code).toBe("MALFORMED_JSON");
      expect(error.extras.details).toEqual(details);
    });
  }

  test("nesting of any depth is refused without a stack overflow", () => {
    const text = "[".repeat(200_000);
    expect(failureOf(() => parseStrictJson(text, 64)).code).toBe("MALFORMED_JSON");
    expect(failureOf(() => parseStrictJson(`${text}${"]".repeat(200_000)}`, 64)).code).toBe("MALFORMED_JSON");
  });

  test("a message never repeats a value", () => {
    const error = failureOf(() => parseStrictJson('{"card":"4111111111111111","card":1}', 5));
    expect(JSON.stringify([error.message, error.extras])).not.toContain("4111");
  });
});

describe("what is taken", () => {
  const rows: readonly (readonly [string, unknown])[] = [
    ["null", null], ["true", true], ["0", 0], ["-0.5e1", -5], [' "x" ', "x"], ["[]", []], ["{}", {}],
    ['{"a":[1,{"b":null}],"c":"\\u00e9\\n\\"\\\\\\/"}', { a: [1, { b: null }], c: "é\n\"\\/" }],
    ['"\\ud83d\\ude00"', "😀"], ['"😀"', "😀"], ['{"":1}', { "": 1 }],
    ["9007199254740991", 9007199254740991], ["9007199254740992", 9007199254740992n], ["9007199254740993", 9007199254740993n],
    ["-9223372036854775808", -9223372036854775808n], ["[12345678901234567890]", [12345678901234567890n]],
    ["1e15", 1e15], ["0.12500000000000000000", 0.125], ["1e300", 1e300], ["1e-400", 0],
    ['{"a":"12345678901234567890: \\"x\\": {,[","b":"\\\\"}', { a: '12345678901234567890: "x": {,[', b: "\\" }],
  ];
  for (const [text, value] of rows) {
    test(text, () => expect(parseStrictJson(text, 5)).toEqual(value));
  }

  test("__proto__ is a key like any other", () => {
    for (const text of ['{"__proto__":{"admin":true}}', '{"__proto__":{"admin":true},"n":12345678901234567890}']) {
      const value = parseStrictJson(text, 5) as Record<string, unknown>;
      expect(Object.hasOwn(value, "__proto__")).toBe(true);
      expect(value["admin"]).toBeUndefined();
      expect(({} as Record<string, unknown>)["admin"]).toBeUndefined();
    }
  });
});

test("fuzz: both readers agree with JSON.parse on valid text, and both refuse broken text", () => {
  const seed = 20_261;
  const random = seededRandom(seed);
  const pick = <Item>(items: readonly Item[]): Item => items[Math.floor(random.next() * items.length)]!;
  const words = ["a", "b:", "\"", "\\", "é", "😀", "__proto__", "{", "]", ",", "\n", "\u2028", "1234567890123456"];
  const make = (depth: number): unknown => {
    const kind = random.next();
    if (depth > 4 || kind < 0.5) return pick([null, true, false, 0, -1, 1.5, 1e21, 2 ** 53 - 1, 5e-324, pick(words) + pick(words), ""]);
    if (kind < 0.75) return Array.from({ length: Math.floor(random.next() * 4) }, () => make(depth + 1));
    return Object.fromEntries(Array.from({ length: Math.floor(random.next() * 4) }, () => [pick(words), make(depth + 1)]));
  };
  const shape = (value: unknown): string => JSON.stringify(value, (_, item: unknown) => (typeof item === "bigint" ? Number(item) : item));
  let refused = 0;
  for (let round = 0; round < 4_000; round++) {
    const text = JSON.stringify(make(0), null, pick([0, 1]));
    const expected = shape(JSON.parse(text));
    if (shape(parseStrictJson(text, 64)) !== expected || shape(readJsonStrictly(text, 64)) !== expected) throw new Error(`seed ${seed}: ${text}`);
    const at = Math.floor(random.next() * text.length);
    const broken = text.slice(0, at) + pick(["", "\"", "}", "[", ",", "\\", "9", "\u0001"]) + text.slice(at + 1);
    let valid = true;
    try {
      JSON.parse(broken);
    } catch {
      valid = false;
    }
    try {
      const value = shape(parseStrictJson(broken, 64));
      if (!valid || value !== shape(JSON.parse(broken))) throw new Error(`seed ${seed}: let pass ${broken}`);
    } catch (error) {
      if (!(error instanceof AmbitError)) throw error;
      if (error.code !== "MALFORMED_JSON") throw new Error(`seed ${seed}: ${error.code} for ${broken}`, { cause: error });
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(1_000);
});

describe("bytes to text", () => {
  test("broken UTF-8 is refused", () => {
    for (const bytes of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0x22, 0xc0, 0x80, 0x22]]) {
      expect(failureOf(() => decodeUtf8(new Uint8Array(bytes))).code).toBe("MALFORMED_BODY");
    }
  });
  test("text of any script comes through, a byte order mark is dropped", () => {
    expect(decodeUtf8(new TextEncoder().encode("grüß 日本 😀"))).toBe("grüß 日本 😀");
    expect(decodeUtf8(new Uint8Array([0xef, 0xbb, 0xbf, 0x31]))).toBe("1");
  });
});
