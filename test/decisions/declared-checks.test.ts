// Every check that the language of decisions states (directives.graphql): what is declared so is refused at the start, by this code. One row for each.
import { afterAll, expect, test } from "bun:test";
import { compileCatalogExpressions } from "../../src/expression/compile-catalog.ts";
import { decisions } from "../../src/runtime/decisions.ts";
import { loadConfig } from "../../src/runtime/config.ts";
import { compileSchema } from "../../src/schema/compile-schema.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";

const TABLES = `
enum Way { REFUND VOUCHER }
type Refund { way: Way! amount: Int! reason: String! sums: [Int!] }
type Said { angry: Boolean amount: Int @range(min: 0, max: 9) }
type Spoken { words: String }
type Order @table { id: ID! @primaryKey customerId: ID! @indexed customer: Customer! @relationship(from: "customerId") total: Int! note: String way: Way hold(units: Int!): Order! @action }
type Customer @table { id: ID! @primaryKey name: String! secret: String @secret }
type Ours @table(tenant: "orgId") { id: ID! @primaryKey orgId: ID! countryId: ID country: Country @relationship(from: "countryId") total: Int! }
type Country @table { id: ID! @primaryKey ours: [Ours!]! @relationship(to: "countryId") }
type Tools { stockOf(sku: String!): Int! }
type Facts { note: String mood: Int }
`;
const CONFIG = `models: { default: { provider: openai-compatible, model: m, url: "http://127.0.0.1:9/v1", price: { input: "1 USD", output: "1 USD" } } }\n`;

const scratch = scratchFolder();
afterAll(() => scratch.remove());
const directory = scratch.app({ "schema.graphql": "", "policy.md": "Be fair.", "fees.csv": "input.orderId,out.way,out.amount,out.reason,out.sums\n-,REFUND,1,no,\n" });

interface Declared {
  /** In place of """Decide.""". */
  readonly policy?: string;
  /** Of @decision. */
  readonly decision?: string;
  readonly fallback?: string;
  readonly result?: string;
  readonly more?: string;
  /** Beside the decision. */
  readonly others?: string;
  readonly types?: string;
  readonly config?: string;
}

function problems({ policy = '"""Decide."""', decision = "", fallback = '@fallback(value: { way: REFUND, amount: 0, reason: "no" })', result = "Refund!", more = "", others = "", types = "", config = CONFIG }: Declared): string[] {
  const text = `${TABLES}${types}\ntype Decisions {\n${policy}\nrefund(orderId: ID!, wanted: Int): ${result} @decision${decision === "" ? "" : `(${decision})`} @context(name: "order", query: "Order/{input.orderId}") ${fallback} ${more}\n${others}\n}`;
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  const { book, diagnostics: expressions } = compileCatalogExpressions(catalog);
  const { config: settings, diagnostics: settingsProblems } = loadConfig("config.yaml", config, {});
  const isBroken = diagnostics.some(({ severity }) => severity === "error");
  const found = [...settingsProblems, ...diagnostics, ...expressions, ...(isBroken ? [] : decisions.checkDecisions({ catalog, book, config: settings, directory }))];
  return found.filter(({ severity }) => severity === "error").map(({ code }) => code);
}

const BOUND = (shape: string): Declared => ({ more: `@bound(name: "b", rule: "out.amount < 5"${shape === "" ? "" : `, ${shape}`})` });
const APPROVAL = `@approval(by: ["manager"], within: "PT1H")`;
const WRITE = (more: string): string => `@mayWrite(operation: "Order.update", ${more})`;
const OTHER = (directives: string): string => `"""Other."""\nother(orderId: ID!, wanted: Int): Refund! @decision ${directives} @fallback(value: { way: REFUND, amount: 0, reason: "no" })`;
const BEGUN = (directives: string): string => `"""Count."""\nbegun: Int! @decision ${directives} @fallback(value: 0)`;
const RULE = { policy: "", decision: "kind: RULE" } as const;
const JUDGE = { decision: "kind: JUDGE" } as const;

test.each<[string, Declared]>([
  ["the smallest", {}], ["a bound", BOUND("")], ["a rule", RULE], ["a judgement", JUDGE], ["a policy in a file", { policy: "", decision: `policyFile: "policy.md"` }], ["a table", { fallback: `@fallback(table: "fees.csv")` }], ["the caller's own", { fallback: "@fallback(own: true)" }],
  ["an event of a tenant over records of tenants", { others: BEGUN(`@on(change: "Ours?total=gt.5") @context(name: "ours", query: "Ours?total=gt.5")`) }],
  ["a schedule over records of tenants whose author says so", { others: BEGUN(`@every(cron: "0 3 * * *") @context(name: "ours", query: "Ours?total=gt.5") @acknowledge(rule: "TRIGGER_TENANT", reason: "People ask it in their tenants.")`) }],
  ["a schedule over what is of all", { others: BEGUN(`@every(cron: "0 3 * * *") @context(name: "lands", query: "Country")`) }],
  ["no model at all", { config: "", decision: `model: "careful"` }], ["an effect", { more: `@effect(operation: "Order.update", set: { id: "order.id", total: "out.amount" })` }],
  ["budgets", { more: `@budget(time: "PT5S", steps: 3, calls: 2, tokens: 100, cost: "0.03 USD") @budget(per: TENANT_DAY, runs: 5)` }], ["a list that is empty", { more: `@context(name: "none", query: "Order?id=eq.none", maxRows: 1, maxBytes: 1)` }],
  // Where one operation is meant, what it is called with is there.
  ["an argument of the one call", { more: `@mayCall(tool: "stockOf") @bound(name: "b", at: CALL, rule: "args.sku != order.id")` }],
  ["arguments and record of the one effect", { more: `${WRITE(`fields: ["total"], set: { id: "order.id" }`)} @bound(name: "b", at: EFFECT, rule: "args.total <= row.total && args.id == order.id")` }],
  ["arguments of an update in where", { more: WRITE(`fields: ["total"], set: { id: "order.id" }, where: "args.total <= row.total && args.id == order.id"`) }],
  ["a record that the model chooses", { more: WRITE(`fields: ["id", "total"], where: "row.customerId == order.customerId && args.total < 5"`) }],
  ["a field held by effects in the commit", { more: `${WRITE(`fields: ["total"], set: { id: "order.id" }`)} @effect(operation: "Customer.create", set: { name: "'x'" }) @bound(name: "b", at: COMMIT, rule: "effects.all(e, e.operation != 'Order.update' || e.args.total <= e.after.total)")` }],
  ["a field held in a list after the effects", { more: `@context(name: "all", query: "Order?limit=5") ${WRITE(`fields: ["total"], set: { id: "order.id" }`)} @bound(name: "b", at: COMMIT, rule: "after.all.all(one, one.total <= 5)")` }],
  ["a field held by its sum after the effects", { more: `@context(name: "sums", query: "Order?select=all:total.sum()") ${WRITE(`fields: ["total"], set: { id: "order.id" }`)} @bound(name: "b", at: COMMIT, rule: "after.sums.all(one, one.all == null || one.all <= 5)")` }],
  ["a record with a fixed id", { more: `@context(name: "house", query: "Customer/main")` }],
  ["an argument of a read that says that it is required", { more: `@mayRead(name: "more", query: "Order?total=gte.{?least: Int!}")` }],
  ["arguments of a read by their names of every day", { more: `@mayRead(name: "one", query: "Order/{?id: String}") @mayRead(name: "some", query: "Paid?sum=gt.{?least: Int}")`, types: `type Paid @table { id: ID! @primaryKey sum: Money! @currency(code: "EUR") }` }],
  ["a decision that is allowed something", { types: `type Log @table @allow(to: ["decision:refund"], do: [READ]) { id: ID! @primaryKey }` }],
  ["an action of the table", { more: `@effect(operation: "Order.hold", set: { id: "order.id", units: "out.amount" })` }],
])("sound: %s", (_, declared) => expect(problems(declared)).toEqual([]));

test.each<[code: string, what: string, declared: Declared]>([
  // Exactly one of @fallback(call, table, value, own).
  ["FALLBACK_SOURCE", "no fallback", { fallback: "" }],
  ["FALLBACK_SOURCE", "a fallback without a source", { fallback: "@fallback" }],
  ["FALLBACK_SOURCE", "own: false alone", { fallback: "@fallback(own: false)" }],
  ["FALLBACK_SOURCE", "a value and a call", { fallback: `@fallback(value: { way: REFUND, amount: 0, reason: "no" }, call: "other")` }],
  ["FALLBACK_SOURCE", "a table and own", { fallback: `@fallback(table: "fees.csv", own: true)` }],
  // Exactly one of @context(query, from); `from` only with `extract`.
  ["CONTEXT_SOURCE", "a context without a source", { more: `@context(name: "c")` }],
  ["CONTEXT_SOURCE", "query and from", { more: `@context(name: "c", query: "Order?limit=1", from: "order.note", extract: "Said")` }],
  ["CONTEXT_SOURCE", "from without extract", { more: `@context(name: "c", from: "order.note")` }],
  ["CONTEXT_SOURCE", "extract without from", { more: `@context(name: "c", query: "Order?limit=1", extract: "Said")` }],
  // @bound(to) if and only if else: CLAMP; of and per if and only if at: TOTAL.
  ["BOUND_SHAPE", "to without CLAMP", BOUND(`to: "{amount: 4}"`)],
  ["BOUND_SHAPE", "CLAMP without to", BOUND("else: CLAMP")],
  ["BOUND_SHAPE", "of without TOTAL", BOUND(`of: "out.amount"`)],
  ["BOUND_SHAPE", "per without TOTAL", BOUND("per: RUN")],
  ["BOUND_SHAPE", "TOTAL without of", BOUND("at: TOTAL, per: RUN")],
  ["BOUND_SHAPE", "TOTAL without per", BOUND(`at: TOTAL, of: "out.amount"`)],
  ["BOUND_SHAPE", "a total for each subject of none", BOUND(`at: TOTAL, of: "out.amount", per: SUBJECT_DAY`)],
  ["BOUND_SHAPE", "a total for each negotiation of none", BOUND(`at: TOTAL, of: "out.amount", per: NEGOTIATION`)],
  ["BOUND_SHAPE", "a clamp before there is an answer", { more: `@bound(name: "b", at: INPUT, rule: "order.total < 5", else: CLAMP, to: "{amount: 4}")` }],
  ["BOUND_SHAPE", "a clamp of a call", { more: `@mayCall(tool: "stockOf") @bound(name: "b", at: CALL, rule: "args.sku != null", else: CLAMP, to: "{amount: 4}")` }],
  ["BOUND_SHAPE", "a clamp of what decides whether an effect happens", { more: `@effect(operation: "Order.update", set: { id: "order.id", total: "1" }, when: "out.amount > 5") @bound(name: "b", rule: "out.amount < 5", else: CLAMP, to: "{amount: 4}")` }],
  // Every argument of type CEL compiles, to its type.
  ...([
    ["@decision(subject)", { decision: `subject: "order.total"` }], ["@decision(idempotency)", { decision: `idempotency: "1"` }], ["@decision(idempotency) over contexts", { decision: `idempotency: "order.id"` }],
    ["@context(from)", { more: `@context(name: "c", from: "order.total", extract: "Said")` }], ["@mayCall(where)", { more: `@mayCall(tool: "stockOf", where: "args.sku")` }],
    ["@mayWrite(where)", { more: WRITE(`fields: ["total"], set: { id: "order.id" }, where: "args.total"`) }], ["@mayWrite(set)", { more: WRITE(`set: { id: "order.id", total: "'x'" }`) }], ["@mayWrite(set) that is no text", { more: WRITE(`set: { id: "order.id", total: 5 }`) }],
    ["@mayWrite(set) that is no map", { more: WRITE(`set: "order.id"`) }],
    ["@bound(rule)", { more: `@bound(name: "b", rule: "out.amount")` }], ["@bound(to)", { more: `@bound(name: "b", rule: "out.amount < 5", else: CLAMP, to: "{amount: 'x'}")` }], ["@bound(to) that is no map", { more: `@bound(name: "b", rule: "out.amount < 5", else: CLAMP, to: "4")` }],
    ["@bound(of)", { more: `@bound(name: "b", at: TOTAL, per: RUN, of: "out.reason", rule: "total < 5")` }], ["total elsewhere", { more: `@bound(name: "b", rule: "total < 5")` }], ["after elsewhere", { more: `@bound(name: "b", rule: "after.order.total < 5")` }], ["out at INPUT", { more: `@bound(name: "b", at: INPUT, rule: "out.amount < 5")` }],
    ["args elsewhere", { more: `@bound(name: "b", rule: "args.amount == null")` }], ["effects before PROPOSED", { more: `@bound(name: "b", at: CALL, rule: "size(effects) == 0")` }],
    ["@memory(about)", { more: `@memory(about: "order.total", reads: ["note"])` }], ["@approval(when)", { more: `@approval(by: ["manager"], within: "PT1H", when: "out.amount")` }],
    ["@effect(set)", { more: `@effect(operation: "Order.update", set: { id: "order.id", total: "out.reason" })` }], ["@effect(set) that is no text", { more: `@effect(operation: "Order.update", set: { id: "order.id", total: 5 })` }], ["@effect(when)", { more: `@effect(operation: "Order.update", set: { id: "order.id" }, when: "out.amount")` }],
    ["@rollout(stickyBy)", { more: `@rollout(canary: 0.5, stickyBy: "1")` }], ["@rollout(stopWhen)", { more: `@rollout(canary: 0.5, stopWhen: "stats")` }],
    ["@negotiates(exclusive)", { more: `@negotiates(offerTtl: "PT1H", exclusive: "order.total")` }], ["@negotiates(concession)", { more: `@negotiates(offerTtl: "PT1H", concession: "out.amount")` }],
    ["@on(when)", { ...RULE, more: `@on(change: "Order?total=gt.5", when: "record.total", input: "{orderId: record.id}")` }], ["@on(input)", { ...RULE, more: `@on(change: "Order?total=gt.5", input: "{orderId: record.total}")` }], ["@every(input)", { ...RULE, more: `@every(cron: "0 3 * * *", input: "{orderId: 1}")` }],
    ["@commitment(due)", { types: `type Offer @commitment(due: "offer.amount", keptWhen: "true", remedy: "Order.hold") { amount: Int! }`, result: "Offer!", fallback: "@fallback(value: { amount: 1 })", more: `@negotiates(offerTtl: "PT1H")` }],
    ["@commitment(keptWhen)", { types: `type Offer @commitment(due: "now", keptWhen: "offer.amount", remedy: "Order.hold") { amount: Int! }`, result: "Offer!", fallback: "@fallback(value: { amount: 1 })", more: `@negotiates(offerTtl: "PT1H")` }],
  ] as const).map(([what, declared]): [string, string, Declared] => ["CEL_TYPE", what, declared]),
  ["CEL_TYPE", "CEL that is none", { more: `@bound(name: "b", rule: "out.amount <")` }],
  ["BOUND_NULLABLE", "a field without a guard", { more: `@bound(name: "b", rule: "order.note == 'x'")` }],
  ["BOUND_NULLABLE", "a record that need not be there", { more: `@context(name: "c", query: "Order/{input.orderId}", required: false) @bound(name: "b", rule: "c.total > 0")` }],
  // docstring xor policyFile; neither for kind: RULE.
  ["POLICY_SOURCE", "no policy", { policy: "" }],
  ["POLICY_SOURCE", "two policies", { decision: `policyFile: "policy.md"` }],
  ["POLICY_SOURCE", "a rule with a policy", { decision: "kind: RULE" }],
  ["POLICY_SOURCE", "a rule with a file", { policy: "", decision: `kind: RULE, policyFile: "policy.md"` }],
  ["POLICY_SOURCE", "a file that is not there", { policy: "", decision: `policyFile: "none.md"` }],
  ["POLICY_SOURCE", "a file outside of the app", { policy: "", decision: `policyFile: "../schema.graphql"` }],
  // kind RULE: no model, budget tokens/cost, may*, extract, rollout; kind JUDGE: no may*, no memory writes.
  ["KIND_SHAPE", "a rule with a model", { policy: "", decision: `kind: RULE, model: "default"` }],
  ["KIND_SHAPE", "a rule with a budget of tokens", { ...RULE, more: "@budget(tokens: 5)" }],
  ["KIND_SHAPE", "a rule with a budget of costs", { ...RULE, more: `@budget(cost: "1 USD")` }],
  ["KIND_SHAPE", "a rule that may read", { ...RULE, more: `@mayRead(query: "Order?limit=1")` }],
  ["KIND_SHAPE", "a rule that may call", { ...RULE, more: `@mayCall(tool: "stockOf")` }],
  ["KIND_SHAPE", "a rule that may ask", { ...RULE, more: `@mayAsk(decision: "other")`, others: OTHER("") }],
  ["KIND_SHAPE", "a rule that may write", { ...RULE, more: WRITE(`set: { id: "order.id" }`) }],
  ["KIND_SHAPE", "a rule that extracts", { ...RULE, more: `@context(name: "c", from: "order.note", extract: "Said")` }],
  ["KIND_SHAPE", "a rule in a rollout", { ...RULE, more: "@rollout(canary: 0.5)" }],
  ["KIND_SHAPE", "a judgement that may read", { ...JUDGE, more: `@mayRead(query: "Order?limit=1")` }],
  ["KIND_SHAPE", "a judgement that may call", { ...JUDGE, more: `@mayCall(tool: "stockOf")` }],
  ["KIND_SHAPE", "a judgement that may ask", { ...JUDGE, more: `@mayAsk(decision: "other")`, others: OTHER("") }],
  ["KIND_SHAPE", "a judgement that may write", { ...JUDGE, more: WRITE(`set: { id: "order.id" }`) }],
  ["KIND_SHAPE", "a judgement that remembers", { ...JUDGE, more: `@memory(about: "'Order:' + order.id", writes: ["note"])` }],
  // ESCALATE needs an @approval.
  ["ESCALATE_NOBODY", "a bound", BOUND("else: ESCALATE")],
  ["ESCALATE_NOBODY", "a call", { more: `@mayCall(tool: "stockOf", taint: ESCALATE)` }],
  ["ESCALATE_NOBODY", "an effect", { more: WRITE(`set: { id: "order.id" }, taint: ESCALATE`) }],
  ["ESCALATE_NOBODY", "an offer", { more: `@negotiates(offerTtl: "PT1H", taint: ESCALATE)` }],
  // Literals are exact, and of the field's type.
  ["JSON_LITERAL", "an integer that is too large", { fallback: `@fallback(value: { way: REFUND, amount: 9007199254740993, reason: "no" })` }],
  ["JSON_LITERAL", "an enum value of no such name", { fallback: `@fallback(value: { way: REFUNT, amount: 0, reason: "no" })` }],
  ["JSON_LITERAL", "a text for an enum", { fallback: `@fallback(value: { way: "NONE", amount: 0, reason: "no" })` }],
  ["JSON_LITERAL", "an unknown field", { fallback: `@fallback(value: { way: REFUND, amount: 0, reason: "no", more: 1 })` }],
  // Names.
  ["CONFIG", "an alias that config.yaml has not", { decision: `model: "carefull"` }],
  ["CONFIG", "no default where there are others", { config: CONFIG.replace("default:", "careful:") }],
  ["CONFIG", "a budget of costs in another currency", { more: `@budget(cost: "1 EUR")` }],
  ["UNKNOWN_NAME", "a tool", { more: `@mayCall(tool: "stokOf")` }],
  ["UNKNOWN_NAME", "a decision", { more: `@mayAsk(decision: "nobody")` }],
  ["UNKNOWN_NAME", "a table of an effect", { more: `@effect(operation: "Ordr.update", set: { id: "order.id" })` }],
  ["UNKNOWN_NAME", "an action", { more: `@effect(operation: "Order.holdd", set: { id: "order.id" })` }],
  ["UNKNOWN_NAME", "a field that the model supplies", { more: WRITE(`fields: ["totl"], set: { id: "order.id" }`) }],
  ["UNKNOWN_NAME", "a field that is set", { more: WRITE(`set: { id: "order.id", totl: "1" }`) }],
  ["UNKNOWN_NAME", "a fact", { more: `@memory(about: "'Order:' + order.id", reads: ["moood"])` }],
  ["UNKNOWN_NAME", "a type that is extracted", { more: `@context(name: "c", from: "order.note", extract: "Sayd")` }],
  ["UNKNOWN_NAME", "a candidate", { more: `@rollout(candidate: "nobody", canary: 0.5)` }],
  ["UNKNOWN_NAME", "a refusal that nobody makes", { more: `@acknowledge(rule: "UNBOUNDED_WRITES", reason: "Why not.")` }],
  ["ARGUMENT_VALUE", "an operation that is none", { more: `@effect(operation: "Order", set: { id: "order.id" })` }],
  ["DECISION_QUERY", "a table of a query", { more: `@context(name: "c", query: "Ordr?limit=1")` }],
  ["DECISION_TABLE", "a table that is not there", { fallback: `@fallback(table: "none.csv")` }],
  ["DUPLICATE_NAME", "two contexts of one name", { more: `@context(name: "order", query: "Order?limit=1")` }],
  ["DUPLICATE_NAME", "two bounds of one name", { more: `@bound(name: "b", rule: "out.amount < 5") @bound(name: "b", rule: "out.amount < 6")` }],
  // Amounts: what bounds nothing, or leaves nothing, is refused.
  ...([
    ["@decision(deadline)", ["PT0S", "-PT1S"], (value: string) => ({ decision: `deadline: ${value}` })], ["@decision(repairs)", [-1], (value: string) => ({ decision: `repairs: ${value}` })],
    ["@context(maxRows)", [0, -1], (value: string) => ({ more: `@context(name: "c", query: "Order?limit=1", maxRows: ${value})` })], ["@context(maxBytes)", [0], (value: string) => ({ more: `@context(name: "c", query: "Order?limit=1", maxBytes: ${value})` })],
    ["@mayRead(max)", [0, -1], (value: string) => ({ more: `@mayRead(query: "Order?limit=1", max: ${value})` })], ["@mayCall(max)", [0], (value: string) => ({ more: `@mayCall(tool: "stockOf", max: ${value})` })],
    ["@mayAsk(max)", [0], (value: string) => ({ more: `@mayAsk(decision: "other", max: ${value})`, others: OTHER("") })], ["@mayWrite(max)", [0], (value: string) => ({ more: WRITE(`set: { id: "order.id" }, max: ${value}`) })],
    ["@budget(time)", ["PT0S", "-PT1S"], (value: string) => ({ more: `@budget(time: ${value})` })], ...["steps", "calls", "tokens"].map((name) => [`@budget(${name})`, [0, -1], (value: string) => ({ more: `@budget(${name}: ${value})` })] as const),
    ["@budget(runs)", [0], (value: string) => ({ more: `@budget(per: DECISION_DAY, runs: ${value})` })], ["@budget(cost)", ["0 USD", "-1 USD", "1", "USD 1", "0.0000001 USD"], (value: string) => ({ more: `@budget(cost: ${value})` })],
    ["@memory(maxTokens)", [0], (value: string) => ({ more: `@memory(about: "'Order:' + order.id", reads: ["note"], maxTokens: ${value})` })], ["@memory(maxAge)", ["PT0S"], (value: string) => ({ more: `@memory(about: "'Order:' + order.id", reads: ["note"], maxAge: ${value})` })],
    ["@approval(within)", ["PT0S"], (value: string) => ({ more: `@approval(by: ["manager"], within: ${value})` })], ["@negotiates(rounds)", [0], (value: string) => ({ more: `@negotiates(offerTtl: "PT1H", rounds: ${value})` })], ["@negotiates(offerTtl)", ["PT0S"], (value: string) => ({ more: `@negotiates(offerTtl: ${value})` })],
  ] as [string, (string | number)[], (value: string) => Declared][]).flatMap(([what, values, of]) => values.map((value): [string, string, Declared] => ["ARGUMENT_VALUE", `${what} of ${value}`, of(JSON.stringify(value))])),
  ["ARGUMENT_VALUE", "a budget of nothing", { more: "@budget(per: TENANT_DAY)" }],
  ["ARGUMENT_VALUE", "a number of runs for each run", { more: "@budget(runs: 5)" }],
  ["ARGUMENT_VALUE", "steps of a day", { more: "@budget(per: TENANT_DAY, steps: 5)" }],
  ["ARGUMENT_VALUE", "time of a day", { more: `@budget(per: TENANT_DAY, time: "PT1H")` }],
  ["ARGUMENT_VALUE", "a budget for each subject of none", { more: "@budget(per: SUBJECT_DAY, runs: 5)" }],
  ["ARGUMENT_VALUE", "a budget for each negotiation of none", { more: "@budget(per: NEGOTIATION, tokens: 5)" }],
  ["ARGUMENT_VALUE", "nobody who approves", { more: `@approval(by: [], within: "PT1H")` }],
  ["ARGUMENT_VALUE", "a memory that neither reads nor writes", { more: `@memory(about: "'Order:' + order.id")` }],
  ["ARGUMENT_VALUE", "a field that the model supplies and the runtime fills", { more: WRITE(`fields: ["total"], set: { id: "order.id", total: "1" }, where: "args.total != null"`) }],
  ["ARGUMENT_VALUE", "an update of no record", { more: `@effect(operation: "Order.update", set: { total: "1" })` }],
  ["ARGUMENT_VALUE", "an increment by nothing", { more: `@effect(operation: "Order.increment", set: { id: "order.id", field: "'total'" })` }],
  ["ARGUMENT_VALUE", "an action without what it needs", { more: `@effect(operation: "Order.hold", set: { id: "order.id" })` }],
  ["ARGUMENT_VALUE", "a deletion that a model proposes of no record", { more: `@mayWrite(operation: "Order.delete")` }],
  // The rest of the page.
  ["UNBOUNDED_WRITE", "a field that nothing holds", { more: WRITE(`fields: ["total"], set: { id: "order.id" }`) }],
  ["EXTRACT_SHAPE", "text out of what is extracted", { more: `@context(name: "c", from: "order.note", extract: "Spoken")` }],
  ["DECISION_QUERY", "an argument of another type", { more: `@mayRead(query: "Order?total=gt.{?least: String}")` }],
  ["UNBOUNDED_WRITE", "a record that nothing holds", { more: `@mayWrite(operation: "Order.delete", fields: ["id"])` }],
  ["UNBOUNDED_WRITE", "a field whose record alone is held", { more: WRITE(`fields: ["id", "total"], where: "row.customerId == order.customerId"`) }],
  ["BOUND_NULLABLE", "an argument that may be null", { more: `${WRITE(`fields: ["note"], set: { id: "order.id" }`)} @bound(name: "b", at: EFFECT, rule: "args.note.size() < 5")` }],
  ["BOUND_NULLABLE", "an argument of one effect of two", { more: `${WRITE(`fields: ["total"], set: { id: "order.id" }`)} @effect(operation: "Customer.update", set: { id: "order.customerId", name: "'x'" }) @bound(name: "b", at: EFFECT, rule: "args.total < 5")` }],
  ["BOUND_NULLABLE", "the record before it is made", { more: `@effect(operation: "Customer.create", set: { name: "'x'" }) @bound(name: "b", at: EFFECT, rule: "row.name != 'y'")` }],
  ["BOUND_NULLABLE", "the record of an action on a table", { types: `type Shelf @table { id: ID! @primaryKey units: Int! tidy(force: Boolean!): Int! @action(on: TABLE) }`, more: `@effect(operation: "Shelf.tidy", set: { force: "true" }) @bound(name: "b", at: COMMIT, rule: "effects.all(e, e.after.units > 0)")` }],
  ["BOUND_NULLABLE", "what is there after an effect, before it", { more: `@effect(operation: "Customer.create", set: { name: "'x'" }) @bound(name: "b", rule: "effects.all(e, e.after.name != 'y')")` }],
  ["BOUND_NULLABLE", "an argument that no effect has", { more: `${WRITE(`fields: ["total"], set: { id: "order.id" }`)} @bound(name: "b", at: EFFECT, rule: "args.totall < 5")` }],
  ["UNKNOWN_NAME", "a decision that is allowed something", { types: `type Log @table @allow(to: ["decision:refnd"], do: [READ]) { id: ID! @primaryKey }` }],
  ["SECRET_LEAK", "a secret that a quarantined call reads", { types: "type Read { angry: Boolean @secret }", more: `@context(name: "c", from: "order.note", extract: "Read")` }],
  ["SECRET_LEAK", "a secret of an effect's record, tried more than twice", { decision: "repairs: 2", more: `@context(name: "customer", query: "Customer/{order.customerId}") @mayWrite(operation: "Customer.update", fields: ["name"], set: { id: "customer.id" }) @bound(name: "b", at: EFFECT, rule: "row.secret == null || args.name != row.secret")` }],
  ["SECRET_LEAK", "a secret of an effect's record in the commit, tried more than twice", { decision: "repairs: 2", more: `@effect(operation: "Customer.update", set: { id: "order.customerId", name: "'x'" }) @bound(name: "b", at: COMMIT, rule: "effects.all(e, e.before.secret == null || e.before.secret != 'x')")` }],
  ["SECRET_LEAK", "a secret in a read's hole", { more: `@context(name: "customer", query: "Customer/{order.customerId}") @mayRead(query: "Order?note=eq.{customer.secret}")` }],
  ["ASK_SHAPE", "advice of who writes", { more: `@mayAsk(decision: "other")`, others: OTHER(`@effect(operation: "Customer.update", set: { id: "'a'", name: "out.reason" })`) }],
  ["ASK_SHAPE", "advice of whom people approve", { more: `@mayAsk(decision: "other")`, others: OTHER(APPROVAL) }],
  ["ASK_SHAPE", "two that ask each other", { more: `@mayAsk(decision: "other")`, others: OTHER(`@mayAsk(decision: "refund")`) }],
  ["ROLLOUT_SHAPE", "a share above all", { more: "@rollout(canary: 1.5)" }],
  ["ROLLOUT_SHAPE", "a share below none", { more: "@rollout(shadow: -0.5)" }],
  ["ROLLOUT_SHAPE", "a trial of nobody", { more: "@rollout" }],
  ["ROLLOUT_SHAPE", "a candidate with other arguments", { more: `@rollout(candidate: "other", canary: 0.5)`, others: OTHER("").replace(", wanted: Int", "") }],
  ["HOLD_SHAPE", "a hold without an end", { more: `@negotiates(offerTtl: "PT1H") ${WRITE(`set: { id: "order.id" }`)}` }],
  ["HOLD_SHAPE", "a release of no offer", { more: WRITE(`set: { id: "order.id" }, release: "Order.hold", convert: "Order.hold"`) }],
  ["HOLD_SHAPE", "an effect of each offer", { more: `@negotiates(offerTtl: "PT1H") @effect(operation: "Order.update", set: { id: "order.id" })` }],
  ["DIRECTIVE_PLACE", "a commitment of no offer", { types: `type Offer @commitment(due: "now", keptWhen: "true", remedy: "Order.hold") { amount: Int! }` }],
  ["EVERY_INPUT", "a schedule without what it asks", { ...RULE, more: `@every(cron: "0 3 * * *")` }],
  ["EVERY_INPUT", "an event without what it asks", { ...RULE, more: `@on(change: "Order?total=gt.5")` }],
  ["TRIGGER_TENANT", "a schedule over records of tenants", { others: BEGUN(`@every(cron: "0 3 * * *") @context(name: "ours", query: "Ours?total=gt.5")`) }],
  ["TRIGGER_TENANT", "a schedule that reads them along with others", { others: BEGUN(`@every(cron: "0 3 * * *") @context(name: "lands", query: "Country?select=id,ours(total)")`) }],
  ["TRIGGER_TENANT", "a schedule that filters by them", { others: BEGUN(`@every(cron: "0 3 * * *") @context(name: "lands", query: "Country?ours.total=gt.5&select=id,ours!inner(id)")`) }],
  ["TRIGGER_TENANT", "a schedule whose model may ask for them", { others: BEGUN(`@every(cron: "0 3 * * *") @mayRead(name: "ours", query: "Ours?total=gt.{?least: Int}", as: DECISION)`) }],
  ["TRIGGER_TENANT", "a schedule that writes them", { others: BEGUN(`@every(cron: "0 3 * * *") @effect(operation: "Ours.create", set: { total: "out", orgId: "'a'" })`) }],
  ["TRIGGER_TENANT", "a schedule that asks who reads them", { others: `${BEGUN(`@every(cron: "0 3 * * *") @mayAsk(decision: "advice")`)}\n"""Advise."""\nadvice: Int! @decision @context(name: "ours", query: "Ours") @fallback(value: 0)` }],
  ["TRIGGER_TENANT", "an event of all over records of tenants", { others: BEGUN(`@on(change: "Country") @context(name: "ours", query: "Ours?total=gt.5")`) }],
  ["FALLBACK_BOUND", "a fallback beyond its own bound", { more: `@bound(name: "b", rule: "out.amount > 0")` }],
])("%s: %s", (code, _, declared) => expect(problems(declared)).toContain(code));
