// Plans for one record by its key, and for the whole record.
import { describe, expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { defaultPlan, keyPlan, type KeyQuery } from "./key-plan.ts";
import { planText } from "./testing/plan-text.ts";
import { fixtureContext } from "./testing/query-fixture.ts";
import { urlPairs } from "./url-pairs.ts";

function parse(query: string, table = "Label"): KeyQuery {
  return keyPlan("x1", urlPairs(query), fixtureContext(table));
}

describe("one record", () => {
  const cases: [string, string, boolean][] = [
    ["", 'id, name where id eq "x1" limit 1', true],
    ["select=*", 'id, name where id eq "x1" limit 1', true],
    ["select=name", 'name where id eq "x1" limit 1', false],
    ["select=*,x:name", 'id, name, x:name where id eq "x1" limit 1', false],
  ];
  test.each(cases)("%s", (query, expected, plain) => {
    const parsed = parse(query);
    expect(planText(parsed.plan)).toBe(expected);
    expect(parsed.plain).toBe(plain);
  });
  test("embeds may be shaped", () => {
    expect(planText(parse("select=id,reviews(id)&reviews.stars=gt.3&reviews.order=id&reviews.limit=2", "Product").plan))
      .toBe('id, reviews{id where stars gt 3 order id asc last limit 2} where id eq "x1" limit 1');
  });
  test("integer keys keep their form", () => {
    expect(planText(keyPlan(5n, [], fixtureContext("Loose")).plan)).toBe('id, name, open where id eq "5n" limit 1');
  });
  test("explain and columns", () => {
    expect(parse("explain=true&columns=name,x")).toMatchObject({ explain: true, columns: ["name", "x"] });
  });
  const wrong: [string, string][] = [
    ["name=eq.x", "MALFORMED_QUERY"], ["or=(name.eq.x)", "MALFORMED_QUERY"], ["order=name", "MALFORMED_QUERY"], ["limit=1", "MALFORMED_QUERY"], ["offset=1", "MALFORMED_QUERY"],
    ["after=x", "MALFORMED_QUERY"], ["near=1,2,3", "MALFORMED_QUERY"], ["search=x", "MALFORMED_QUERY"], ["similar=[1]", "MALFORMED_QUERY"], ["on_conflict=id", "MALFORMED_QUERY"],
    ["selct=id", "UNKNOWN_PARAMETER"], ["asof=x", "MALFORMED_QUERY"], ["select=nope", "UNKNOWN_FIELD"], ["explain=yes", "MALFORMED_QUERY"],
  ];
  test.each(wrong)("%s", (query, code) => {
    let problem: unknown = null;
    try {
      parse(query);
    } catch (error) {
      problem = error;
    }
    expect(problem).toBeInstanceOf(AmbitError);
    expect(problem).toMatchObject({ code });
  });
});

test("the whole record has no filter and no bound", () => {
  expect(defaultPlan(fixtureContext("Label"))).toMatchObject({ filter: null, limit: null, offset: 0, order: [], grouped: false });
  expect(planText(defaultPlan(fixtureContext("Label", { hidden: ["Label.name"] })))).toBe("id");
});
