import { expect, test } from "bun:test";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import { advise } from "./advise.ts";

function advice(text: string): string[] {
  const { catalog, diagnostics } = compileSchema({ file: "schema.graphql", text });
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  return advise(catalog, compileCatalogExpressions(catalog).book).map(({ code, message }) => `${code} ${message}`);
}
const table = (allow: string, fields = ""): string => `type Note @table @export ${allow} { id: ID! @primaryKey owner: ID! open: Boolean! rank: Int! text: String ${fields} }`;
const never = (where: string, to = '"user"'): boolean => advice(table(`@allow(to: [${to}], do: [UPDATE], where: "${where}")`)).some((text) => text.startsWith("NEVER_TRUE"));

test("who may write without signing in", () => {
  expect(advice(table('@allow(to: ["public"], do: [READ, CREATE, DELETE])'))).toEqual(["OPEN_TO_PUBLIC Anybody may CREATE, DELETE Note, without signing in."]);
  expect(advice(table('@allow(to: ["public"], do: [READ, CREATE, UPDATE], where: "record.open") @limit(rate: "5/min", per: IP)'))).toEqual([]);
  expect(advice(table('@allow(to: ["public"], do: [CREATE]) @limit(body: "1KB")'))).toHaveLength(1);
  expect(advice(table('@allow(to: ["authenticated"], do: [CREATE])'))).toEqual([]);
});

test("conditions that nothing meets, and none that something might", () => {
  for (const where of ["false", "record.rank == 1 && record.rank == 2", "record.rank > 5 && record.rank < 3", "record.open && !(true)", "1 == 2 || false", "record.rank >= 3 && (record.open && record.rank == 2)", "auth.subject in []", "record.rank > 5 && record.rank < 5", "5 < record.rank && record.rank <= 5", "record.rank == 4 && record.rank > 4", "record.rank == 4 && record.rank != 4", "record.open && !record.open", "record.open && record.open == false", "record.rank == null", "record.open && record.owner == null"]) expect([where, never(where)]).toEqual([where, true]);
  for (const where of ["true", "record.rank > 3 && record.rank >= 5 && record.rank <= 5", "record.rank == 1 || record.rank == 2", "record.owner == auth.subject", "!(record.rank == 1)", "record.text == null", "old.rank == null", "record.open && !(record.text == null)", "record.rank >= 5 && record.rank <= 5", "5 <= record.rank && record.rank < 6", "record.rank != 1 && record.rank == 2", "old.rank == 1 && record.rank == 2"]) expect([where, never(where)]).toEqual([where, false]);
  expect([never("record.owner == auth.subject", '"public"'), never("auth.subject == null", '"public"'), never("record.owner == auth.subject", '"public", "user"')]).toEqual([true, false, false]);
});

test("conditions of actions, fields, channels and endpoints are looked at, too", () => {
  const found = advice(`${table('@allow(to: ["user"], do: [READ])', 'go: Boolean @action @allow(to: ["user"], where: "false") kept: Int @allow(to: ["user"], do: [READ], where: "false")')}
type Wall @channel(key: "id") @export @allow(to: ["user"], do: [SUBSCRIBE], where: "false") { id: ID! }
type Endpoints { ask: Boolean! @http(method: GET) @allow(to: ["user"], where: "false") }`);
  expect(found.map((text) => / on (\S+) /.exec(text)?.[1])).toEqual(["Note.kept", "Note.go", "Wall", "ask"]);
});

test("fields that allow what their type does not", () => {
  const field = (to: string, verb: string): string[] => advice(table('@allow(to: ["authenticated"], do: [READ]) @allow(to: ["boss"], do: [UPDATE])', `cost: Int @allow(to: [${to}], do: [${verb}])`));
  expect(field('"boss", "clerk"', "READ")).toEqual([]);
  expect(field('"public", "clerk"', "READ")).toEqual(["MORE_OPEN Note.cost allows READ for public, which Note does not."]);
  expect(field('"boss", "clerk"', "UPDATE")).toEqual(["MORE_OPEN Note.cost allows UPDATE for clerk, which Note does not."]);
});

test("rules that read everybody's rows to find those of the caller", () => {
  const scans = (where: string, more = ""): string[] => advice(`type Note @table @export @allow(to: ["user"], do: [READ], where: "${where}") ${more} { id: ID! @primaryKey owner: ID! by: ID! @indexed open: Boolean! readers: [ID!] }`);
  expect(scans("record.owner == auth.subject")).toEqual(["RULE_SCANS Reading Note under this rule looks at every row: owner has no index."]);
  expect(scans("auth.subject == record.owner && record.open")).toHaveLength(1);
  for (const where of ["record.by == auth.subject", "record.id == auth.subject", "record.open", "record.owner == auth.subject && record.by == auth.subject", "record.open || record.owner == auth.subject"]) expect([where, scans(where)]).toEqual([where, []]);
  expect(scans("record.owner == auth.subject || record.by == auth.subject")).toHaveLength(1);
  expect(scans("lower(record.by) == auth.subject")).toEqual(["RULE_SCANS Reading Note under this rule looks at every row: no index has what lower makes of its fields."]);
  expect(scans("auth.subject in record.readers")).toEqual(["RULE_SCANS Reading Note under this rule looks at every row: readers is a list, which no index looks into."]);
  expect([scans("record.owner in auth.roles").length, scans("record.by in auth.roles").length, scans("auth.subject in record.readers || record.open").length]).toEqual([1, 0, 0]);
  expect(scans("record.owner == auth.subject", '@indexed(fields: ["owner", "by"])')).toEqual([]);
});
