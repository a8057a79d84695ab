import { expect, test } from "bun:test";
import { seededRandom } from "../../base/random.ts";
import { readCsv, type CsvCell } from "../../base/read-csv.ts";
import { writeCsv } from "./csv.ts";
import { itemsOf, membersOf, withoutNulls } from "./json-text.ts";

const read: readonly (readonly [string, CsvCell[][]])[] = [
  ["", []],
  ["a,b\n1,2\n", [["a", "b"], ["1", "2"]]],
  ["a,b\r\n1,2", [["a", "b"], ["1", "2"]]],
  ["a\rb\r", [["a"], ["b"]]],
  [",\n", [[null, null]]],
  ['NULL,"NULL","",x', [[null, "NULL", "", "x"]]],
  ['"a ""b"", c\nd",2', [['a "b", c\nd', "2"]]],
  ['a"b,c', [['a"b', "c"]]],
  ["é,😀", [["é", "😀"]]],
];
for (const [text, expected] of read) test(`read ${JSON.stringify(text)}`, () => expect(readCsv(text, 10)).toEqual(expected));

test("what is not CSV is refused with its line", () => {
  expect(() => readCsv('a\n"b', 10)).toThrow(expect.objectContaining({ code: "MALFORMED_BODY", extras: expect.objectContaining({ details: { line: 2 } }) }));
  expect(() => readCsv('"a"b', 10)).toThrow(expect.objectContaining({ code: "MALFORMED_BODY" }));
  expect(readCsv("a\n".repeat(11), 10)).toHaveLength(11);
  expect(() => readCsv("a\n".repeat(12), 10)).toThrow("more than 10 rows");
});

test("write", () => {
  expect(writeCsv(['{"a":1,"b":null,"c":"x,\\"y\\"\\n"}', '{"a":"","b":"NULL","c":[1,"2"],"d":true}'], [])).toBe('a,b,c,d\n1,,"x,""y""\n",\n"","NULL","[1,""2""]",true\n');
  expect(writeCsv([], ["a", "b,c"])).toBe('a,"b,c"\n');
  expect(writeCsv([], [])).toBe("");
});

test("fuzz: text goes out and comes back", () => {
  const seed = 77;
  const random = seededRandom(seed);
  const pieces = ["", "a", '"', ",", "\n", "\r\n", " ", "NULL", "é", "😀", "{", "]", ":", "\\"];
  const text = (): string => Array.from({ length: Math.floor(random.next() * 4) }, () => pieces[Math.floor(random.next() * pieces.length)]!).join("");
  for (let round = 0; round < 2_000; round++) {
    const rows = Array.from({ length: 1 + Math.floor(random.next() * 3) }, () => [random.next() < 0.2 ? null : text(), text(), "end"]);
    const csv = writeCsv(rows.map(([a, b, c]) => JSON.stringify({ a, b, c })), []);
    const back = readCsv(csv, 10).slice(1);
    if (JSON.stringify(back) !== JSON.stringify(rows)) throw new Error(`seed ${seed}: ${JSON.stringify(rows)} became ${JSON.stringify(back)}`);
  }
});

test("lists and objects are taken apart without reading their values", () => {
  expect(itemsOf("[]")).toEqual([]);
  expect(itemsOf(' [ 1 , [2,3] , {"a":",]"} ] ')).toEqual(["1", "[2,3]", '{"a":",]"}']);
  expect(itemsOf("[12345678901234567890,1.10]")).toEqual(["12345678901234567890", "1.10"]);
  expect(membersOf('{"a":1,"b\\"c":{"x":[1,2]}, "d" : "}" }')).toEqual([["a", "1"], ['b"c', '{"x":[1,2]}'], ["d", '"}"']]);
});

test("nulls are stripped at any depth, but not from lists", () => {
  expect(withoutNulls('[{"a":null,"b":{"c":null,"d":[null,1.10,{"e":null}]}}]')).toBe('[{"b":{"d":[null,1.10,{}]}}]');
  expect(withoutNulls("null")).toBe("null");
});
