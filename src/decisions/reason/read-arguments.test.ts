// Arguments as models write them: what is read, and what is none.
import { expect, test } from "bun:test";
import { parseStrictJson } from "../../interfaces/http/strict-json.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import { readFields, readValue } from "./read-arguments.ts";

const { catalog } = compileSchema({ file: "s", text: `
enum Colour { RED BLUE }
type Part { n: Int! l: Long }
type Out { n: Int! m: Money @currency(code: "EUR") l: Long f: Float s: String c: Colour parts: [Part!] at: DateTime d: Decimal }
type Endpoints { e(n: Int! @range(min: 0, max: 9), s: String): Out @http }` });
const reader = { parse: (text: string) => parseStrictJson(text, 20), catalog };
const out = catalog.endpoints.get("e")!.result;
const read = (text: string): unknown => readValue(text, out, reader);

test.each([
  ['{"n": 1}', { n: 1 }],
  ['{"n": -3, "f": 2.5, "c": "RED"}', { n: -3, f: 2.5, c: "RED" }],
  ['{"n": 1, "f": 4e1}', { f: 40 }],
  ['{"n": 1, "l": "9007199254740993"}', { l: 9_007_199_254_740_993n }],
  ['{"n": 1, "parts": [{"n": 2, "l": 3}]}', { parts: [{ n: 2, l: 3n }] }],
])("%s is read", (text, expected) => {
  expect(read(text)).toMatchObject(expected);
});

test.each([
  "", "{", "null", "[]", "1", '"n"', '{"n": 1', '{"n": 1} {"n": 2}', '{"n": 1}x', '{"n": 1.0}', '{"n": 1e0}', '{"n": "1"}', '{"n": 2147483648}', '{"n": 1e400}', '{"n": NaN}', '{"n": 1, "n": 2}', '{"n": 1, "m": 1.0}',
  '{"n": 1, "l": 1.0}', '{"n": 1, "l": 9223372036854775808}', '{"n": 1, "c": "GREEN"}', '{"n": 1, "x": 1}', '{"n": 1, "__proto__": {"n": 2}}', '{"n": 1, "s": "\\ud800"}', '{"n": 1, "parts": [{"n": 1.0}]}', '{"n": 1, "parts": [null]}',
  '{"n": true}', '{"n": null}', '{"n": 1, "at": "yesterday"}', '{"n": 1, "d": 0.1e999}', "\u0000", '{"n": 01}', "{'n': 1}", '{"n": 1,}',
])("%s is none", (text) => {
  expect(read(text)).toBeUndefined();
});

test("members keep their limits and know no others", () => {
  const fields = catalog.endpoints.get("e")!.arguments;
  expect(readFields('{"n": 9}', fields, reader)).toMatchObject({ n: 9 });
  for (const text of ['{"n": 10}', '{"n": -1}', '{"n": 1.0}', '{"n": 1, "other": 2}', "{}", "[1]"]) expect(readFields(text, fields, reader)).toBeUndefined();
});

test("a value without members comes as it is, or as the member of an object; nothing else does", () => {
  const list = { ...out, list: true, itemRequired: true };
  const scalar = { kind: "scalar", name: "Int", list: false, required: true, itemRequired: false } as const;
  for (const text of ["4", '{"value": 4}']) expect(readValue(text, scalar, reader)).toBe(4);
  for (const text of ['{"value": 4.0}', '{"value": 4, "value": 5}', '{"value": 4, "x": 1}', '{"valu": 4}', '{"value": {"value": 4}}', '{"value": null}']) expect(readValue(text, scalar, reader)).toBeUndefined();
  for (const text of ['[{"n": 1}]', '{"value": [{"n": 1}]}']) expect(readValue(text, list, reader)).toMatchObject([{ n: 1 }]);
});
