// Which nulls nobody thought of: guards count to the left only, along paths, in quantifiers, and by `has_`.
import { expect, test } from "bun:test";
import { compileSchema } from "../schema/compile-schema.ts";
import type { TypeRef } from "../schema/catalog.ts";
import { compileCel } from "./cel-compile.ts";
import { unguardedValues } from "./check-values.ts";

const { catalog } = compileSchema({ file: "s", text: `
type Customer { tier: String name: String! }
type Order { note: String total: Int! customer: Customer lines: [Line!]! }
type Line { sku: String n: Int! }
type T @table { id: ID! @primaryKey order: Order }` });

const one = (name: string, required: boolean): TypeRef => ({ kind: "object", name, list: false, required, itemRequired: false });
const roots = new Map([["order", { type: one("Order", true) }], ["other", { type: one("Order", false) }]]);

function unguarded(source: string): string[] {
  const variables = new Map([...roots, ["has_other", { type: { kind: "scalar", name: "Boolean", list: false, required: true, itemRequired: false } as TypeRef }]]);
  const { expression, diagnostics } = compileCel({ source, position: { file: "s", line: 1, column: 1 } }, { catalog, rows: new Map(), auth: true, input: null, absent: {}, values: variables }, { type: { kind: "bool" }, domain: null, what: "x" });
  if (expression === null) throw new Error(JSON.stringify(diagnostics));
  return unguardedValues(expression, variables, catalog).map(({ name }) => name);
}

test.each([
  ["order.total > 0", []],
  ["order.note == 'x'", ["order.note"]],
  ["order.note != null && order.note == 'x'", []],
  ["order.note == null || order.note == 'x'", []],
  ["order.note == 'x' || order.note == null", ["order.note"]],
  ["order.note == null && order.note == 'x'", ["order.note"]],
  ["!(order.note == null) && order.note == 'x'", []],
  ["order.note != null ? order.note == 'x' : true", []],
  ["order.note == null ? order.note == 'x' : true", ["order.note"]],
  ["order.customer.tier == 'x'", ["order.customer"]],
  ["order.customer != null && order.customer.tier == 'x'", ["order.customer.tier"]],
  ["order.customer.tier != null && order.customer.tier == 'x' && order.customer.name == 'y'", []],
  ["other.total > 0", ["other"]],
  ["has_other && other.total > 0", []],
  ["!has_other || other.total > 0", []],
  ["order.lines.all(l, l.n > 0)", []],
  ["order.lines.all(l, l.sku == 'x')", ["l.sku"]],
  ["order.lines.all(l, l.sku != null && l.sku == 'x')", []],
])("%s", (source, names) => {
  expect(unguarded(source)).toEqual(names);
});
