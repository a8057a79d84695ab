import { expect, test } from "bun:test";
import { bodyTag, matchingTag, readPrecondition, readTags, versionTag } from "./entity-tag.ts";

test("tags of versions and of bodies", () => {
  expect(versionTag(42, "")).toBe('"v42"');
  expect(versionTag(42, "csv")).toBe('"v42-csv"');
  expect(bodyTag("a")).toMatch(/^W\/"[0-9a-z]+"$/);
  expect(bodyTag("a")).toBe(bodyTag("a"));
  expect(bodyTag("a")).not.toBe(bodyTag("b"));
});

const lists: readonly (readonly [string | null, ReturnType<typeof readTags>])[] = [
  [null, null], ["*", "*"], [" * ", "*"], ['"v1"', ['"v1"']], ['"v1", W/"x" ,"v2-gzip"', ['"v1"', 'W/"x"', '"v2-gzip"']], ['""', ['""']], ['"a,b"', ['"a,b"']],
];
for (const [header, expected] of lists) test(`list ${header}`, () => expect(readTags(header, "If-Match")).toEqual(expected));

for (const header of ["v1", '"v1', "'v1'", '"v1" "v2"', ",", "", '"v1",,', 'w/"v1"', '*, "v1"']) {
  test(`not a list: ${header}`, () => expect(() => readTags(header, "If-Match")).toThrow(expect.objectContaining({ code: "MALFORMED_HEADER" })));
}

const preconditions: readonly (readonly [string | null, string | null, ReturnType<typeof readPrecondition>])[] = [
  [null, null, null],
  ['"v7"', null, { ifMatch: [7], ifNoneMatch: null }],
  ['"v7-gzip", "v9-csv-br"', null, { ifMatch: [7, 9], ifNoneMatch: null }],
  ["*", null, { ifMatch: "*", ifNoneMatch: null }],
  [null, "*", { ifMatch: null, ifNoneMatch: "*" }],
  ['W/"v7"', null, { ifMatch: [], ifNoneMatch: null }],
  ['"7"', '"v1"', { ifMatch: [], ifNoneMatch: [1] }],
];
for (const [ifMatch, ifNoneMatch, expected] of preconditions) test(`write if ${ifMatch} and none ${ifNoneMatch}`, () => expect(readPrecondition(ifMatch, ifNoneMatch)).toEqual(expected));

const matches: readonly (readonly [string, string, string | null])[] = [
  ['"v1"', '"v1"', '"v1"'], ['"v1-gzip"', '"v1"', '"v1-gzip"'], ['"v1-br", "v1"', '"v1"', '"v1-br"'], ['W/"v1"', '"v1"', 'W/"v1"'], ['W/"x"', 'W/"x"', 'W/"x"'],
  ['"v1-csv"', '"v1"', null], ['"v1"', '"v1-csv"', null], ['"v2"', '"v1"', null],
];
for (const [header, tag, expected] of matches) test(`${header} knows ${tag}`, () => expect(matchingTag(readTags(header, "x")!, tag)).toBe(expected));
test("a star knows everything", () => expect(matchingTag("*", '"v1"')).toBe('"v1"'));
