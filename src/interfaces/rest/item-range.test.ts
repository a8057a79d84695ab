import { expect, test } from "bun:test";
import { contentRange, narrow, rangeStatus, readRange } from "./item-range.ts";

const ranges: readonly (readonly [string | null, string | null, ReturnType<typeof readRange>])[] = [
  [null, "items", null], ["0-19", "items", { offset: 0, limit: 20 }], ["5-5", null, { offset: 5, limit: 1 }], ["10-", "Items", { offset: 10, limit: null }],
  ["items=0-4", null, { offset: 0, limit: 5 }], ["bytes=0-4", null, null], ["0-4", "bytes", null], ["nonsense", "items", null], ["-5", "items", null],
];
for (const [header, unit, expected] of ranges) test(`Range ${header} of ${unit}`, () => expect(readRange(header, unit)).toEqual(expected));

test("a range that ends before it begins", () => expect(() => readRange("5-4", "items")).toThrow(expect.objectContaining({ code: "RANGE_NOT_SATISFIABLE" })));

test("a range within a window", () => {
  expect(narrow({ offset: 0, limit: 100 }, { offset: 10, limit: 5 })).toEqual({ offset: 10, limit: 5 });
  expect(narrow({ offset: 12, limit: 100 }, { offset: 10, limit: 5 })).toEqual({ offset: 12, limit: 3 });
  expect(narrow({ offset: 0, limit: 3 }, { offset: 10, limit: null })).toEqual({ offset: 10, limit: 0 });
  expect(narrow({ offset: 0, limit: null }, { offset: 2, limit: null })).toEqual({ offset: 2, limit: null });
});

test("Content-Range", () => {
  expect([contentRange(0, 20, null), contentRange(20, 20, 200), contentRange(0, 0, 0), contentRange(5, 0, 3), contentRange(0, 0, null)]).toEqual(["0-19/*", "20-39/200", "*/0", "*/3", "*/*"]);
});

test("status", () => {
  expect([rangeStatus(0, 5, null), rangeStatus(0, 5, 5), rangeStatus(0, 3, 5), rangeStatus(5, 0, 5), rangeStatus(0, 0, 0)]).toEqual([200, 200, 206, 206, 200]);
  expect(() => rangeStatus(6, 0, 5)).toThrow(expect.objectContaining({ status: 416, extras: expect.objectContaining({ details: "An offset of 6 was requested, but there are only 5 rows." }) }));
});
