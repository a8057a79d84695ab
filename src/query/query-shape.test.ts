// Shapes of queries, and that a plan with open values asks what the query itself asks: the same rows' conditions, the same refusals.
import { expect, test } from "bun:test";
import { AmbitError } from "../base/error.ts";
import { ftsQuery } from "../base/text-query.ts";
import { seededRandom } from "../base/random.ts";
import type { Value } from "../base/value.ts";
import type { Expression } from "../expression/expression.ts";
import { partsOf, withParts } from "../expression/inspect.ts";
import { OpenOperands, openValuesRoot, readOpenValues } from "./open-operand.ts";
import type { Plan } from "./plan.ts";
import { openParameters, queryShape } from "./query-shape.ts";
import { parseRestQuery } from "./rest-query.ts";
import { fixtureContext } from "./testing/query-fixture.ts";
import { randomQueries } from "./testing/random-queries.ts";
import { urlPairs } from "./url-pairs.ts";

test("values of plain comparisons are left out, everything else stays", () => {
  expect(queryShape("price=gt.5&limit=20")).toEqual({ text: "&price=gt.&limit=20", values: ["5"] });
  expect(queryShape("title=eq.a%20b+c&title=neq.&price=lte.%2B1")).toEqual({ text: "&title=eq.&title=neq.&price=lte.", values: ["a b c", "", "+1"] });
  expect(queryShape("search=%22red+shoes%22&limit=5")).toEqual({ text: "&search=&limit=5", values: ['"red shoes"'] });
  expect(queryShape("title=eq.a.b.eq.c\nd")).toEqual({ text: "&title=eq.", values: ["a.b.eq.c\nd"] });
  for (const query of ["", "limit=20", "limit=eq.5", "order=eq.5", "price=5", "price=in.(1,2)", "price=not.eq.5", "price=eq(any).{1}", "stock.price=eq.5", "%70rice=eq.5", "data->a=eq.1", "title=is.null", "title=like.a*", "and=(price.eq.5)"]) {
    expect(queryShape(query), query).toBeNull();
  }
  expect(() => queryShape("price=eq.%ff")).toThrow("UTF-8");
});

interface Outcome { readonly plan?: unknown; readonly refusal?: unknown }

/** What asking with the text itself gives. */
function direct(query: string): Outcome {
  try {
    const { plan } = parseRestQuery(urlPairs(query), fixtureContext());
    return { plan: { ...plan, search: asked(plan, []) } };
  } catch (error) {
    if (!(error instanceof AmbitError)) throw error;
    return { refusal: [error.code, error.message, error.extras.where] };
  }
}

/** The same through a plan that was made for `first`, a query of the same shape. Undefined: the shape cannot be shared. */
function shared(first: string, query: string): Outcome | undefined {
  const operands = new OpenOperands(fixtureContext().scope.catalog);
  try {
    const { plan } = parseRestQuery(openParameters(first, operands), fixtureContext());
    const open = operands.values();
    if (open === null) return undefined;
    const values = readOpenValues(open, queryShape(query)!.values, fixtureContext().scope.catalog);
    return { plan: { ...plan, filter: plan.filter === null ? null : withValues(plan.filter, values), search: asked(plan, values) } };
  } catch (error) {
    if (!(error instanceof AmbitError)) throw error;
    return { refusal: [error.code, error.message, error.extras.where] };
  }
}

/** With what FTS5 is asked in place of words and variable. */
function asked({ search }: Plan, values: readonly Value[]): unknown {
  if (search === null) return null;
  const { paths, words, match } = search;
  const literal = { op: "literal", type: { kind: "string" }, value: ftsQuery("web", words) };
  return { paths, match: match === undefined ? literal : withValues(match, values) };
}

function withValues(expression: Expression, values: readonly Value[]): Expression {
  if (expression.op === "variable" && expression.root === openValuesRoot) {
    return { op: "literal", type: expression.type, value: values[Number(expression.path[0])]! };
  }
  return withParts(expression, partsOf(expression).map((part) => withValues(part, values)));
}

test("another value gives the plan that its own query would give", () => {
  for (const [first, second] of [
    ["price=gt.5&order=title&limit=3", "price=gt.7&order=title&limit=3"],
    ["price=gt.5&price=lt.9&title=eq.x", "price=gt.-1&price=lt.10&title=eq.y%20z"],
    ["price=gt.5&select=id,reviews(id)&reviews.stars=gt.3", "price=gt.6&select=id,reviews(id)&reviews.stars=gt.3"],
    ["search=red+shoes&price=gt.5", "search=-blue+%22red%22&price=gt.6"],
    ["search=red", "search="],
    ["price=gt.5&or=(price.eq.1,title.eq.b)", "price=gt.6&or=(price.eq.1,title.eq.b)"],
  ] as const) {
    expect(queryShape(first)!.text).toBe(queryShape(second)!.text);
    const outcome = shared(first, second);
    expect(outcome, first).toBeDefined();
    expect(outcome).toEqual(direct(second));
  }
});

test("a value that is none is refused as in its own query", () => {
  for (const [first, second] of [["price=gt.5", "price=gt.five"], ["price=gt.5", "price=gt."], ["price=gt.5", "price=gt.null"], ["title=eq.x", "title=eq.%01"], ["search=red", "search=-red"], ["search=red", "search=%00"], ["search=red", `search=${"a+".repeat(70)}`]] as const) {
    const outcome = shared(first, second);
    expect(outcome, second).toEqual(direct(second));
  }
});

test("random queries: what can be shared agrees with the query itself", () => {
  const seed = 20_261_121;
  const make = randomQueries(seededRandom(seed));
  const seen = { plan: 0, refusal: 0 };
  for (let round = 0; round < 6_000; round++) {
    const query = make.grammar(make.pick([12, 40]));
    if (shapeOf(query) === null) continue;
    const itself = direct(query);
    const outcome = shared(query, query);
    if (outcome === undefined) continue;
    // Of several mistakes another one may be named.
    if (itself.refusal !== undefined && outcome.refusal !== undefined) seen.refusal++;
    else {
      expect(outcome, `seed ${seed} round ${round} ${query}`).toEqual(itself);
      seen.plan++;
    }
  }
  expect(Math.min(seen.plan, seen.refusal)).toBeGreaterThan(50);
});

function shapeOf(query: string): string | null {
  try {
    return queryShape(query)?.text ?? null;
  } catch (error) {
    if (error instanceof AmbitError) return null;
    throw error;
  }
}
