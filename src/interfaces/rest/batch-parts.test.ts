// The pieces of a batch's reading: references, bodies, paths. What is meant as text stays text; what a reference stands for stays in its place.
import { describe, expect, test } from "bun:test";
import { AmbitError } from "../../base/error.ts";
import { defaultLimits } from "../../base/limits.ts";
import { seededRandom } from "../../base/random.ts";
import { readTarget } from "../http/request-target.ts";
import { parseStrictJson } from "../http/strict-json.ts";
import { readBatch } from "./batch-input.ts";
import { bodyText, referencesIn } from "./batch-json.ts";
import { follow, parseReference, type Reference } from "./batch-reference.ts";
import { readBatchTarget } from "./batch-target.ts";

const problemOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof AmbitError) return `${error.code} ${error.extras.where ?? ""}`.trim();
    throw error;
  }
  return "none";
};

describe("references", () => {
  const at = (text: string, answer: unknown): unknown => follow(parseReference(text)!, answer);
  test("a name and a JSON pointer", () => {
    expect(parseReference("order/lines/0/a~1b~0c")).toEqual({ text: "order/lines/0/a~1b~0c", name: "order", tokens: ["lines", "0", "a/b~c"] });
    expect(["", "/", "1a/b", "a b", "a.b", "a/~", "a/~2", "x".repeat(65)].map(parseReference)).toEqual(Array.from({ length: 8 }, () => null));
    expect(parseReference("a")).toEqual({ text: "a", name: "a", tokens: [] });
  });

  test("lead to own members only, and through a list of one item at once", () => {
    const answer = [{ id: "x", "a/b": { "": [1, 2] }, none: null }];
    expect(at("o", answer)).toEqual(answer);
    expect(at("o/0/id", answer)).toBe("x");
    expect(at("o/id", answer)).toBe("x");
    expect(at("o/a~1b//1", answer)).toBe(2);
    expect(at("o/none", answer)).toBeNull();
    for (const text of ["o/1", "o/-", "o/00/id", "o/length", "o/id/length", "o/id/0", "o/none/x", "o/__proto__", "o/constructor", "o/toString", "o/0/hasOwnProperty", "o/a~1b//2", "o/a~1b//x"]) {
      expect([text, problemOf(() => at(text, answer))]).toEqual([text, "UNKNOWN_REFERENCE"]);
    }
    expect(problemOf(() => at("o/id", [{ id: 1 }, { id: 2 }]))).toBe("UNKNOWN_REFERENCE");
    expect(problemOf(() => at("o/id", []))).toBe("UNKNOWN_REFERENCE");
  });
});

describe("bodies", () => {
  const answers: { readonly [name: string]: unknown } = { a: { id: 7, big: 9_007_199_254_740_993n, looks: { $ref: "a/id" }, deep: { $$ref: [1.5, -0] } } };
  const resolve = (reference: Reference): unknown => follow(reference, answers[reference.name]);
  const written = (text: string): string => bodyText(parseStrictJson(text, 64), resolve, 10_000);

  test("references give way to values, once", () => {
    expect(written('{"x":{"$ref":"a/id"},"y":[{"$ref":"a/big"}]}')).toBe('{"x":7,"y":[9007199254740993]}');
    expect(written('{"x":{"$ref":"a"}}')).toBe('{"x":{"id":7,"big":9007199254740993,"looks":{"$ref":"a/id"},"deep":{"$$ref":[1.5,-0]}}}');
    expect(written('{"$ref":"a/id"}')).toBe("7");
  });

  test("whatever else there is stays what it is", () => {
    for (const text of ['{"a":"{b/id}","$b":"$ref","c":{}}', "[]", "null", "-0", "1e-7", "12345678901234567890", '"\\u2028€😀"', '{"__proto__":{"x":1},"":[]}']) {
      expect(parseStrictJson(written(text), 64)).toEqual(parseStrictJson(text, 64));
    }
    expect(written('{"$$ref":1,"x":{"$$$ref":2}}')).toBe('{"$ref":1,"x":{"$$ref":2}}');
  });

  test("half a reference is none", () => {
    for (const text of ['{"$ref":"a","b":1}', '{"$ref":1}', '{"$ref":"a b"}', '{"x":[{"$ref":null}]}']) expect([text, problemOf(() => referencesIn(JSON.parse(text)))]).toEqual([text, "VALIDATION_FAILED body"]);
  });

  test("a short body that refers to much is refused while it grows", () => {
    const long = { rows: Array.from({ length: 1_000 }, (_, index) => index) };
    const body = Array.from({ length: 100_000 }, () => ({ $ref: "a" }));
    expect(problemOf(() => bodyText(body, () => long, 1_000_000))).toBe("BODY_TOO_LARGE body");
  });
});

describe("paths", () => {
  const target = (text: string): ReturnType<typeof readBatchTarget> => readBatchTarget(text, { urlBytes: 2_000, names: new Set(["order", "a"]) });
  test("are read as the server reads them", () => {
    for (const text of ["/", "/Order", "/Order/a%2Fb/%C3%A9?x=eq.1&or=(a.eq.1,b.is.null)", "/Order?", "/a//b", "/Order?tags=cs.{x,y}", "/Order?t=eq.%7Border%2Fid%7D"]) {
      const { segments, query } = readTarget(text, 2_000);
      const read = target(text).resolve(() => "never");
      expect(read).toMatchObject({ segments, query });
      expect(readTarget(read.path, 2_000).segments).toEqual([...segments]);
    }
  });

  test("are refused where nobody could say what is meant", () => {
    for (const text of ["Order", "", "http://127.0.0.1/Order", "/Order#x", "/Order/%ff", "/Order/{order/id", "/Order/x{order/id}", "/Order/{}", "/Order/{order/id}y", "/Order/}", `/${"x".repeat(2_001)}`, `/Order?${"x".repeat(2_001)}`]) {
      expect([text, /VALIDATION_FAILED|MALFORMED_URL|URL_TOO_LONG/.test(problemOf(() => target(text)))]).toEqual([text, true]);
    }
    for (const text of ["/Order?id=in.({order/id})", "/Order?id={order/id}", "/Order?select={order/id}", "/Order?limit=eq.{order/id}", "/Order?or=(id.eq.{order/id})", "/Order?id=like.{order/id}", "/Order?tags=cs.{order}", "/Order?x.id=eq.{order/id}"]) {
      expect([text, problemOf(() => target(text))]).toEqual([text, "VALIDATION_FAILED path"]);
    }
  });

  test("a value stays one segment, and one value", () => {
    const random = seededRandom(11);
    const signs = ["/", "?", "&", "=", "%", "%2F", ".", "..", "#", "(", ")", ",", '"', "\\", "{", "}", " ", "+", "é", "😀", "eq.", "in.(", ";", "\n", "'"];
    for (let round = 0; round < 500; round++) {
      const value = Array.from({ length: 1 + Math.floor(random.next() * 6) }, () => signs[Math.floor(random.next() * signs.length)]!).join("");
      const found = target("/Order/{order/id}/cancel?title=not.eq.{a}&x=eq.1").resolve(() => value);
      expect(found.segments).toEqual(["Order", value, "cancel"]);
      const sent = readTarget(`${found.path}?${found.query}`, 20_000);
      expect(sent.segments).toEqual(["Order", value, "cancel"]);
      expect([...new URLSearchParams(sent.query)]).toEqual([["title", `not.eq.${value}`], ["x", "eq.1"]]);
    }
  });

  test("only single values stand in a path", () => {
    for (const value of [null, {}, [], [1]]) expect(problemOf(() => target("/Order/{order/id}").resolve(() => value))).toBe("UNKNOWN_REFERENCE");
    for (const value of [true, 1.5, 12n, "x"]) expect(target("/Order/{order/id}").resolve(() => value).segments).toEqual(["Order", String(value)]);
    expect(problemOf(() => target("/Order/{order/id}").resolve(() => "x".repeat(3_000)))).toBe("URL_TOO_LONG path");
    expect(problemOf(() => target("/Order/{order/id}").resolve(() => "\ud800"))).toBe("MALFORMED_URL");
  });
});

describe("the list of operations", () => {
  const read = (...operations: unknown[]): string => problemOf(() => readBatch({ operations }, { ...defaultLimits, batchOperations: 3 }));
  const get = { method: "GET", path: "/a" };
  test("is checked for shape before anything runs", () => {
    expect(read()).toBe("none");
    expect(read(get, { ...get, id: "a", headers: { PREFER: "count=exact" } }, { method: "PATCH", path: "/a/{a/id}", body: [{ x: { $ref: "a/0" } }] })).toBe("none");
    expect(read(get, get, get, get)).toBe("TOO_MANY_ROWS");
    for (const value of [[], null, "x", {}, { operations: {} }, { operations: [], more: 1 }]) expect([value, problemOf(() => readBatch(value, defaultLimits))]).toEqual([value, "VALIDATION_FAILED"]);
    expect(() => readBatch([], defaultLimits)).toThrow(expect.objectContaining({ extras: { where: "", fix: expect.stringContaining('{"operations": [') } }));
    const wrong: readonly (readonly [unknown, string])[] = [
      [null, ""], [[], ""], ["GET /a", ""], [{ ...get, url: 1 }, ""], [{ path: "/a" }, ".method"], [{ method: "get", path: "/a" }, ".method"], [{ method: "OPTIONS", path: "/a" }, ".method"], [{ method: "GET" }, ".path"],
      [{ method: "GET", path: 1 }, ".path"], [{ ...get, body: {} }, ".body"], [{ ...get, headers: [] }, ".headers"], [{ ...get, headers: { authorization: "x" } }, ".headers"], [{ ...get, headers: { "idempotency-key": "x" } }, ".headers"],
      [{ ...get, headers: { accept: 1 } }, ".headers"], [{ ...get, headers: { accept: "a\r\nb" } }, ".headers"], [{ ...get, headers: { accept: "a", Accept: "b" } }, ".headers"], [{ ...get, id: "1" }, ".id"], [{ ...get, id: null }, ".id"], [{ ...get, id: "" }, ".id"],
    ];
    for (const [operation, where] of wrong) expect([operation, read(get, operation)]).toEqual([operation, `VALIDATION_FAILED operations[1]${where}`]);
    expect(read({ ...get, id: "a" }, { ...get, id: "a" })).toBe("VALIDATION_FAILED operations[1].id");
  });

  test("references lead backwards", () => {
    for (const path of ["/x/{b/id}", "/x/{a/id}", "/x/{none/id}"]) expect(read({ id: "a", method: "DELETE", path }, { ...get, id: "b" })).toBe("UNKNOWN_REFERENCE operations[0]");
    expect(read({ id: "a", method: "POST", path: "/x", body: { y: { $ref: "a/id" } } })).toBe("UNKNOWN_REFERENCE operations[0]");
  });
});
