import { expect, test } from "bun:test";
import { chooseCoding, readAccept, splitOutsideQuotes } from "./accept.ts";

test("media types by quality, equal ones in their order", () => {
  expect(readAccept("text/html, application/JSON;q=0.9, */*;q=0.1, text/csv").map((one) => one.type)).toEqual(["text/html", "text/csv", "application/json", "*/*"]);
});

test("parameters keep their quoted text", () => {
  const [first] = readAccept('application/vnd.pgrst.plan+text; for="application/json, text/csv"; options=analyze|verbose;');
  expect(first?.type).toBe("application/vnd.pgrst.plan+text");
  expect(first?.parameters["for"]).toBe("application/json, text/csv");
});

test("broken parts do no harm", () => {
  expect(readAccept(",;,a/b;q=x,;q=1")).toEqual([{ type: "a/b", parameters: readAccept("a/b")[0]!.parameters, quality: 0 }]);
  expect(splitOutsideQuotes('a,"b,\\",c",d', ",")).toEqual(["a", '"b,\\",c"', "d"]);
});

const codings: readonly (readonly [string | null, "gzip" | "br" | null])[] = [
  [null, null], ["", null], ["identity", null], ["gzip", "gzip"], ["br", "br"], ["gzip, deflate, br", "br"], ["gzip;q=1, br;q=0.5", "gzip"],
  ["gzip;q=0", null], ["br;q=0, gzip", "gzip"], ["*", "br"], ["*;q=0", null], ["br;q=0, *;q=0.5", "gzip"], ["deflate", null], ["zstd, GZIP", "gzip"],
];
for (const [header, coding] of codings) test(`Accept-Encoding: ${header}`, () => expect(chooseCoding(header)).toBe(coding));
