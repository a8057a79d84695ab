// Text of a URL to values: what each type takes, and that everything else is BAD_FILTER_VALUE.
import { describe, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import type { TypeRef } from "./catalog.ts";
import { coerceText, describeType } from "./coerce-text.ts";
import { compileSchema } from "./compile-schema.ts";

const { catalog } = compileSchema({ file: "schema.graphql", text: "enum Colour { RED GREEN }\ntype Point { lat: Float!, lon: Float! }\ntype T @table { id: ID! @primaryKey }" });
const ref = (name: string, kind: TypeRef["kind"] = "scalar", list = false): TypeRef => ({ kind, name, list, required: false, itemRequired: true });

describe("coerceText", () => {
  const taken: readonly [string, TypeRef, unknown][] = [
    ["a.b,c", ref("String"), "a.b,c"], ["", ref("String"), ""], ["5", ref("ID"), "5"], ["-7", ref("Int"), -7], ["9007199254740991", ref("Money"), 9007199254740991],
    ["9223372036854775807", ref("Long"), 9223372036854775807n], ["1.5e2", ref("Float"), 150], ["-0.0", ref("Float"), 0], ["true", ref("Boolean"), true], ["false", ref("Boolean"), false],
    ["2026-01-31T12:00:00+01:00", ref("DateTime"), "2026-01-31T11:00:00.000Z"], ["2026-01-31", ref("Date"), "2026-01-31"], ["PT60S", ref("Duration"), "PT1M"], ["1.50", ref("Decimal"), "1.50"],
    ["aGk=", ref("Bytes"), "aGk="], ["RED", ref("Colour", "enum"), "RED"], ['["a","b"]', ref("String", "scalar", true), ["a", "b"]], ['["9223372036854775807"]', ref("Long", "scalar", true), [9223372036854775807n]],
    ['{"lat":1,"lon":2}', ref("Point", "object"), { lat: 1, lon: 2 }], ['{"a":[1]}', ref("JSON"), { a: [1] }], ["[1,2]", ref("Vector"), [1, 2]],
  ];
  test.each(taken)("%p", (text, type, value) => {
    expect(coerceText(text, type, catalog)).toEqual(value as never);
  });

  const refused: readonly [string, TypeRef][] = [
    ["", ref("Int")], ["1.5", ref("Int")], ["2147483648", ref("Int")], ["+1", ref("Int")], ["01", ref("Int")], ["9".repeat(50_000), ref("Int")], ["9007199254740992", ref("Money")], ["9223372036854775808", ref("Long")],
    ["NaN", ref("Float")], ["Infinity", ref("Float")], ["1e999", ref("Float")], [".5", ref("Float")], ["0x10", ref("Float")], ["1", ref("Boolean")], ["TRUE", ref("Boolean")], ["yesterday", ref("DateTime")],
    ["2026-02-30", ref("Date")], ["1 day", ref("Duration")], ["1,5", ref("Decimal")], ["red", ref("Colour", "enum")], ["a", ref("String", "scalar", true)], ["{", ref("JSON")], ["null", ref("JSON")], ["[9007199254740993]", ref("Long", "scalar", true)],
    ['{"lat":1}', ref("Point", "object")], ['{"lat":1,"lon":2,"x":3}', ref("Point", "object")], ["a\u0000", ref("String")], ["\ud800", ref("ID")],
  ];
  test.each(refused)("refuses %p", (text, type) => {
    let code = "none";
    try { coerceText(text, type, catalog); } catch (error) { if (error instanceof AmbitError) code = error.code; else throw error; }
    expect(code).toBe("BAD_FILTER_VALUE");
  });

  test("a + that the URL turned into a blank", () => {
    const fixOf = (text: string): string | null | undefined => { try { coerceText(text, ref("DateTime"), catalog); } catch (error) { if (error instanceof AmbitError) return error.extras.fix; throw error; } return undefined; };
    expect(fixOf("2026-01-31T12:00:00 01:00")).toContain("%2B");
    expect(fixOf("2026-01-31 12:00:00")).toBeUndefined();
  });

  test("describeType", () => {
    expect(describeType(ref("String", "scalar", true))).toBe("[String]");
    expect(describeType(ref("Colour", "enum"))).toBe("Colour");
  });
});
