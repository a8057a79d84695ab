// Decisions from their declarations: what compiles, what their queries and expressions become, and what is refused.
import { expect, test } from "bun:test";
import { defaultLimits } from "../../base/limits.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import { compileSchema } from "../../schema/compile-schema.ts";
import { compileDecision } from "./compile-decision.ts";

const TABLES = `
enum RefundAction { REFUND VOUCHER ASK_HUMAN }
type Refund { action: RefundAction! amount: Money! @currency(code: "EUR") reason: String! }
type Customer @table { id: ID! @primaryKey tier: String limitCents: Long! notes: String @secret credits: [Credit!]! @relationship(to: "customerId") }
type Order @table @export { id: ID! @primaryKey customerId: ID! @indexed customer: Customer! @relationship(from: "customerId") total: Money! @currency(code: "EUR") note: String lines: [Line!]! @relationship(to: "orderId") }
type Line @table { id: ID! @primaryKey orderId: ID! @indexed order: Order! @relationship(from: "orderId") sku: String! price: Money! @currency(code: "EUR") }
type Credit @table @secret(where: "record.amount > 100") { id: ID! @primaryKey customerId: ID! @indexed customer: Customer! @relationship(from: "customerId") amount: Money! @currency(code: "EUR") }
type Said { customerId: ID }
type Tools { stockOf(sku: String!): Int! }
`;

function compile(decision: string, change: (text: string) => string = (text) => text) {
  const text = change(`${TABLES}\ntype Decisions {\n${decision}\n}`);
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  const { book } = compileCatalogExpressions(catalog);
  const problems = diagnostics.filter(({ code, severity }) => severity === "error" && code !== "NOT_AVAILABLE");
  const [declared] = catalog.decisions.values();
  const compiled = compileDecision(declared!.callable.name, declared!, { catalog, book, limits: defaultLimits, textOf: () => null });
  return { problems: [...problems, ...compiled.diagnostics].map(({ code, message }) => `${code} ${message}`), decision: compiled.decision };
}

const REFUND = (directives: string): string => `"""Decide what to refund."""
refund(orderId: ID!, wanted: Money @currency(code: "EUR"), reason: String! @untrusted): Refund! @decision @export
  @context(name: "order", query: "Order/{input.orderId}?select=*,lines(*),customer(*,credits(*))")
  @fallback(value: { action: ASK_HUMAN, amount: 0, reason: "no decision" }) ${directives}`;

test("the smallest decision compiles: its context has the types of its selection", () => {
  const { problems, decision } = compile(REFUND(`@bound(name: "cap", rule: "out.amount >= 0 && out.amount <= order.total", tell: "A refund cannot exceed what was paid.")`));
  expect(problems).toEqual([]);
  expect(decision!.declaration.fallback).toEqual({ kind: "value", value: { action: "ASK_HUMAN", amount: 0, reason: "no decision" } });
  const { source } = decision!.contexts[0]!;
  if (source.kind !== "query") throw new Error("a query is expected");
  expect([...source.shape.row.fields.keys()]).toEqual(["id", "customerId", "total", "note", "lines", "customer"]);
  expect(source.shape.type).toEqual({ kind: "object", name: "@order", list: false, required: true, itemRequired: false });
  expect(source.query.id).toMatchObject({ kind: "value", expression: { op: "variable", root: "input", path: ["orderId"] } });
});

test("the same record for every run is named as in a path", () => {
  const { problems, decision } = compile(REFUND(`@context(name: "house", query: "Customer/the%20house?select=id,tier")`));
  expect([problems, decision!.contexts[1]]).toMatchObject([[], { source: { query: { id: { kind: "value", expression: { op: "literal", value: "the house" } } } } }]);
});

test("lists, later contexts, quantifiers, totals, clamps and effects", () => {
  const { problems, decision } = compile(REFUND(`
    @context(name: "earlier", query: "Order?customerId=eq.{order.customerId}&id=neq.{order.id}&select=id,total&order=id&limit=5")
    @bound(name: "few", at: INPUT, rule: "size(earlier) < 5 && earlier.all(e, e.total > 0)", else: REFUSE)
    @bound(name: "cap", rule: "out.amount <= 500", else: CLAMP, to: "{amount: 500, reason: 'capped'}")
    @bound(name: "tier", rule: "order.customer.tier != null && order.customer.tier == 'gold' || out.amount < 100")
    @bound(name: "day", at: TOTAL, of: "out.amount", per: DECISION_DAY, rule: "total <= 100000", else: FALLBACK)
    @bound(name: "after", at: COMMIT, rule: "after.order.total == order.total")
    @mayRead(name: "orders", query: "Order?customerId=eq.{order.customerId}&total=gt.{?above: Money}&select=id,total")
    @mayCall(tool: "stockOf", where: "args.sku.startsWith('A')")
    @mayWrite(operation: "Credit.create", fields: ["amount"], set: { customerId: "order.customerId" }, where: "args.amount != null && args.amount < 10")
    @effect(operation: "Order.update", set: { id: "order.id", note: "out.reason" }, when: "out.action == 'REFUND'")`));
  expect(problems).toEqual([]);
  expect([...decision!.bounds[1]!.to.keys()]).toEqual(["amount", "reason"]);
  expect(decision!.reads[0]!.arguments).toEqual(new Map([["above", { type: { kind: "scalar", name: "Money", list: false, required: true, itemRequired: false } }]]));
  expect(decision!.writes[0]).toMatchObject({ name: "Credit_create", verb: "create" });
});

test.each([
  ["a null that nobody thought of", `@bound(name: "b", rule: "order.customer.tier == 'gold'")`, "BOUND_NULLABLE The expression has no value whenever order.customer.tier is null."],
  ["a guard that comes too late", `@bound(name: "b", rule: "order.note == 'x' || order.note == null")`, "BOUND_NULLABLE The expression has no value whenever order.note is null."],
  ["an argument that may be missing", `@bound(name: "b", rule: "out.amount <= input.wanted")`, "BOUND_NULLABLE The expression has no value whenever input.wanted is null."],
  ["a field that the query does not select", `@bound(name: "b", rule: "order.customer.name == 'x'")`, "CEL_TYPE The field @order.customer.name does not exist."],
  ["an answer before there is one", `@bound(name: "b", at: INPUT, rule: "out.amount > 0")`, "CEL_TYPE There is no answer yet at this point."],
  ["a bound that is no verdict", `@bound(name: "b", rule: "out.amount")`, "CEL_TYPE A bound must be bool, but this is int."],
  ["an enum value that does not exist", `@bound(name: "b", rule: "out.action != 'REFUNT'")`, "CEL_TYPE RefundAction has no value REFUNT."],
  ["a list that the caller filters", `@context(name: "c", query: "Credit?customerId=eq.{input.orderId}")`, "DECISION_QUERY A list is filtered by what the caller sends."],
  ["a table that does not exist", `@context(name: "c", query: "Ordr?id=eq.1")`, "DECISION_QUERY There is no table Ordr."],
  ["an id with a hole in it", `@context(name: "c", query: "Order/o-{input.orderId}")`, "DECISION_QUERY The id of a record is a hole as a whole."],
  ["an id that none can have", `@context(name: "c", query: "Order/%zz")`, "DECISION_QUERY No record has the id %zz."],
  ["a hole that is no value", `@context(name: "c", query: "Order?order={order.id}")`, "DECISION_QUERY A hole stands where no value is compared: order={...}."],
  ["a hole of another type", `@context(name: "c", query: "Order?total=gt.{order.id}")`, "CEL_TYPE What stands in the hole must be int, but this is string."],
  ["a secret field that a model asks about", `@mayRead(query: "Customer?notes=eq.{?n: String}")`, "DECISION_QUERY Customer has no field notes."],
  ["an argument where no model gives any", `@context(name: "c", query: "Credit?amount=gt.{?a: Money}")`, "DECISION_QUERY {?a} is an argument of a model, which gives none here."],
  ["a field that nothing holds", `@mayWrite(operation: "Credit.create", fields: ["amount"])`, "UNBOUNDED_WRITE The model supplies Credit.amount in refund, and nothing holds it."],
  ["a tool that does not exist", `@mayCall(tool: "stokOf")`, "UNKNOWN_NAME @mayCall(tool) names stokOf, which does not exist."],
  ["a clamp to what the output has not", `@bound(name: "b", rule: "out.amount < 5", else: CLAMP, to: "{amoun: 5}")`, "CEL_TYPE The map names amoun, which does not exist."],
  ["no clamp", `@bound(name: "b", rule: "out.amount < 5", else: CLAMP)`, "BOUND_SHAPE The bound b clamps to nothing."],
  ["a person who is not there", `@bound(name: "b", rule: "out.amount < 5", else: ESCALATE)`, "ESCALATE_NOBODY @bound of Decisions.refund escalates, and nobody approves."],
  ["a bound of the input over what a call reads", `@context(name: "read", from: "order.note", extract: "Said") @bound(name: "b", at: INPUT, rule: "read == null")`, "CEL_TYPE"],
  ["a query over what a call reads", `@context(name: "read", from: "order.note", extract: "Said") @context(name: "c", query: "Order?customerId=eq.{read.customerId}")`, "CEL_TYPE"],
  ["a text that is secret", `@context(name: "read", from: "order.customer.notes", extract: "Said")`, "SECRET_LEAK The context read of refund reads a secret."],
  ["a fallback beyond its own bound", `@bound(name: "b", rule: "out.amount > 0")`, "FALLBACK_BOUND The fallback of refund breaks its bound b."],
  ["a sum for each subject where there is none", `@bound(name: "b", at: TOTAL, of: "out.amount", per: SUBJECT_DAY, rule: "total < 5")`, "BOUND_SHAPE The bound b sums up for each subject, and the decision has none."],
  ["a budget for each subject where there is none", `@budget(per: SUBJECT_DAY, runs: 5)`, "ARGUMENT_VALUE @budget(per: SUBJECT_DAY) of Decisions.refund is for each subject, and the decision has none."],
  ["a read called as the answer", `@mayRead(name: "answer", query: "Line?sku=eq.{?sku: String}")`, "DUPLICATE_NAME refund shows its model two tools of the name answer."],
  ["a read called as a tool", `@mayCall(tool: "stockOf") @mayRead(name: "stockOf", query: "Line?sku=eq.{?sku: String}")`, "DUPLICATE_NAME refund shows its model two tools of the name stockOf."],
  ["an effect twice", `@mayWrite(operation: "Credit.create", fields: ["amount"], where: "args.amount < 5") @mayWrite(operation: "Credit.create", fields: ["amount"], where: "args.amount > 5")`, "DUPLICATE_NAME refund shows its model two tools of the name Credit_create."],
  ["a context that no object can hold", `@context(name: "__proto__", query: "Order?limit=1")`, "ARGUMENT_VALUE A context cannot be called __proto__."],
  ["two contexts of one name", `@context(name: "order", query: "Order?limit=1")`, "DUPLICATE_NAME Decisions.refund has two of the name order."],
])("%s is refused", (_, directives, problem) => {
  expect(compile(REFUND(directives)).problems.map((one) => (problem.includes(" ") ? one : one.split(" ")[0]))).toContain(problem);
});

test.each([
  ["a hole of a read", `@mayRead(query: "Line?orderId=eq.{order.id}&sku=eq.{order.customer.notes}")`, "SECRET_LEAK What line of refund finds depends on a secret."],
  ["the result of a tool", `@mayCall(tool: "customerOf")`, "SECRET_LEAK The tool customerOf of refund answers a type with secret fields."],
  ["what is computed from it", "", "SECRET_LEAK Customer.shout is computed from a secret and is not secret."],
])("a secret in %s is refused", (_, directives, problem) => {
  expect(compile(REFUND(directives), (text) => text.replace("notes: String @secret", `notes: String @secret shout: String @computed(rule: "record.notes + '!'")`).replace("stockOf(", "customerOf(id: ID!): Customer! stockOf(")).problems).toContain(problem);
});

test("a bound over a secret may be tried against once more, not more often", () => {
  const bound = (otherwise: string): string => `@bound(name: "b", rule: "order.customer.notes == null || out.reason != order.customer.notes", else: ${otherwise})`;
  const withRepairs = (text: string): string => text.replace("@decision @export", "@decision(repairs: 2) @export");
  expect(compile(REFUND(bound("REPAIR"))).problems).toEqual([]);
  expect(compile(withRepairs(REFUND(bound("FALLBACK")))).problems).toEqual([]);
  expect(compile(withRepairs(REFUND(bound("REPAIR")))).problems).toEqual(["SECRET_LEAK The bound b of refund is over a secret, and a model may try 3 times."]);
});

test.each([
  ["of another type", "value: { action: ASK_HUMAN, amount: \"0\", reason: \"no\" }", "JSON_LITERAL @fallback of Decisions.refund: amount must be an integer."],
  ["with a float for an integer", "value: { action: ASK_HUMAN, amount: 1.0, reason: \"no\" }", "JSON_LITERAL @fallback of Decisions.refund: amount must be an integer."],
  ["with an enum value that does not exist", "value: { action: ASK_HUMANS, amount: 0, reason: \"no\" }", "JSON_LITERAL @fallback of Decisions.refund: RefundAction has no value ASK_HUMANS. Did you mean ASK_HUMAN?"],
  ["without a required field", "value: { action: ASK_HUMAN, amount: 0 }", "JSON_LITERAL @fallback of Decisions.refund: reason is required."],
])("a fallback %s is refused", (_, fallback, problem) => {
  expect(compile(REFUND(""), (text) => text.replace(/value: \{[^}]*\}/, fallback)).problems).toContain(problem);
});

test("what it does under its own name it may: a record must be read to be changed", () => {
  const warned = (allow: string, more: string): string[] => compile(REFUND(more), (text) => text.replace("type Credit @table", `type Credit @table ${allow}`)).problems;
  const write = (operation: string): string => `@mayWrite(operation: "${operation}", set: { id: "order.id" }, as: DECISION)`;
  expect(warned("", write("Credit.update"))).toEqual(["READ", "UPDATE"].map((verb) => `NOBODY_ALLOWED refund writes Credit as decision:refund, which may not ${verb} there.`));
  expect(warned(`@allow(to: ["decision:refund"], do: [UPDATE])`, write("Credit.update"))).toEqual(["NOBODY_ALLOWED refund writes Credit as decision:refund, which may not READ there."]);
  expect(warned(`@allow(to: ["decision:refund"], do: [READ, DELETE])`, write("Credit.delete"))).toEqual([]);
  expect(warned(`@allow(to: ["decision:other"], do: [READ])`, `@mayRead(query: "Credit?customerId=eq.{order.customerId}", as: DECISION)`)).toEqual(["UNKNOWN_NAME @allow(to) names decision:other, which does not exist.", "NOBODY_ALLOWED refund reads Credit as decision:refund, which may not READ there."]);
  expect(warned("", write("Credit.update").replace(", as: DECISION", ""))).toEqual([]);
});

test("a caller's own answer and an argument of that name are refused together", () => {
  expect(compile(REFUND(""), (text) => text.replace(/value: \{[^}]*\}/, "own: true").replace("(orderId: ID!,", "(orderId: ID!, own: Int,")).problems).toEqual(["DUPLICATE_NAME Decisions.refund has an argument own, by which its callers send their own answer."]);
});

test.each([
  ["words: String", ["UNMARKED_TEXT refund shows a model Line.wish.words (order.lines.wish.words), which anybody may write, and which is not @untrusted."]],
  ["words: String @untrusted", []],
  ["words: String @secret", []],
])("text inside a field that anybody may write: %s", (words, refused) => {
  expect(compile(REFUND(""), (text) => `type Wish { ${words} }\n${text}`.replace("sku: String!", "sku: String! @untrusted wish: Wish").replace("type Line @table", `type Line @table @allow(to: ["authenticated"], do: [CREATE])`)).problems).toEqual(refused);
});

test.each([
  ["text that is marked", `@computed(rule: "record.mail + '!'")`, true],
  ["it by way of another", `@computed(rule: "record.softly + '!'")`, true],
  ["a number of it", `@computed(rule: "size(record.mail)")`, false],
])("what is computed from %s", (_, computed, isRefused) => {
  const type = computed.includes("size") ? "Int" : "String";
  const { problems } = compile(REFUND(""), (text) => text.replace("sku: String!", `sku: String! mail: String! @untrusted softly: String @untrusted @computed(rule: "record.mail + '?'") loud: ${type} ${computed}`));
  expect(problems).toEqual(isRefused ? ["UNMARKED_TEXT refund shows a model Line.loud (order.lines.loud), which is computed from text that nobody answers for, and which is not @untrusted."] : []);
});
