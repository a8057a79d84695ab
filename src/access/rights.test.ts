// Rights of sets of roles, in memory: OR of several rules, AND of a field's with its type's, three-valued rules, grants, scope.
import { expect, test } from "bun:test";
import type { AmbitError } from "../base/error.ts";
import type { RecordValues, Value } from "../base/value.ts";
import { compileCatalogExpressions } from "../expression/compile-catalog.ts";
import { evaluate } from "../expression/evaluate.ts";
import type { Expression } from "../expression/expression.ts";
import { partsOf } from "../expression/inspect.ts";
import { compileSchema } from "../schema/compile-schema.ts";
import type { Permission } from "../tables/authority.ts";
import { anonymousIdentity, administratorIdentity, administratorOf, subjectIdentity, systemIdentity } from "./identities.ts";
import type { Identity } from "./identity.ts";
import { allOf, anyOf, asFilter, bothFilters, masked, never } from "./permission.ts";
import { createAccess, type Rights } from "./rights.ts";
import { relocate } from "./rewrite-expression.ts";

const SDL = `
enum Role { VIEWER EDITOR OWNER }
type Post @table @export
  @allow(to: ["public"], do: [READ], where: "record.published")
  @allow(to: ["author"], do: [READ, UPDATE], where: "record.authorId == auth.subject")
  @allow(to: ["admin"], do: [READ, CREATE, UPDATE, DELETE])
  @allow(do: [CREATE])
{
  id: ID! @primaryKey
  authorId: ID
  published: Boolean
  score: Int
  draft: String @allow(to: ["author"], do: [READ, UPDATE], where: "record.authorId == auth.subject") @allow(to: ["admin"], do: [READ])
  hidden: String @internal
  groupId: ID
  group: Group @relationship(from: "groupId")
  like(strength: Int!): Boolean @action @allow(to: ["author"], where: "input.strength < 10") @allow(to: ["admin"])
  quiet: Boolean @action
}
type Group @table @export @allow(to: ["editor"], do: [READ, UPDATE], on: "record") @allow(to: ["viewer", "owner"], do: [DELETE], on: "record", where: "record.name != null") { id: ID! @primaryKey name: String }
type Member @table @grants(subject: "userId", role: "role", on: "groupId", ordered: true) @indexed(fields: ["userId", "groupId"], unique: true) { id: ID! @primaryKey userId: ID! role: Role! groupId: ID! group: Group! @relationship(from: "groupId") }
`;
const { catalog } = compileSchema({ file: "schema.graphql", text: SDL });
const { book, diagnostics } = compileCatalogExpressions(catalog);
const access = createAccess({ catalog, book });
const member = (subject: string, ...roles: string[]): Identity => subjectIdentity({ subject, roles, tenant: null });
const post = catalog.tables.get("Post")!;

function verdict(permission: Permission, rights: Rights, record: RecordValues, input: Value = null): Value {
  return typeof permission === "boolean" ? permission : evaluate(permission, { rows: { record }, variables: { auth: rights.auth, input }, now: "2026-01-01T00:00:00.000Z", source: null }, book);
}

test("the schema of this test is sound", () => {
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
});

test("several rules are OR-ed; a role without any is denied; one without condition always holds", () => {
  const [anyone, author, admin] = [access.rights(anonymousIdentity), access.rights(member("ann", "author")), access.rights(member("root", "admin"))];
  expect(verdict(anyone.permission("Post", "READ"), anyone, { published: true })).toBe(true);
  expect(verdict(author.permission("Post", "READ"), author, { published: false, authorId: "ann" })).toBe(true);
  expect(verdict(author.permission("Post", "READ"), author, { published: false, authorId: "bob" })).toBe(false);
  expect([anyone.permission("Post", "UPDATE"), author.permission("Post", "DELETE"), admin.permission("Post", "READ")]).toEqual([false, false, true]);
});

test("without `to` it is whoever is signed in", () => {
  expect([access.rights(anonymousIdentity).permission("Post", "CREATE"), access.rights(member("x")).permission("Post", "CREATE")]).toEqual([false, true]);
});

test("unknown is never a yes: null fields, absent auth", () => {
  const anyone = access.rights(anonymousIdentity);
  const author = access.rights(member("ann", "author"));
  expect(verdict(anyone.permission("Post", "READ"), anyone, { published: null })).toBeNull();
  expect(verdict(author.permission("Post", "READ"), author, { published: null, authorId: null })).toBeNull();
  expect(verdict(author.permission("Post", "READ"), author, { published: null, authorId: "ann" })).toBe(true);
  expect(anyone.auth).toEqual({ subject: null, roles: null, tenant: null, claims: null });
});

test("a field's own rules: a verb that is missing is denied, internal ones are nobody's", () => {
  const [author, admin] = [access.rights(member("ann", "author")), access.rights(member("root", "admin"))];
  const [draft, adminDraft] = [author.authority!.table("Post").field("draft"), admin.authority!.table("Post").field("draft")];
  expect([draft.create, adminDraft.read, adminDraft.update, adminDraft.create]).toEqual([false, true, false, false]);
  expect(verdict(draft.read, author, { authorId: "ann" })).toBe(true);
  expect(author.authority!.table("Post").field("score")).toEqual({ read: true, create: true, update: true });
  expect(access.rights(administratorIdentity).authority!.table("Post").field("hidden").read).toBe(false);
});

test("the scope holds what may be named: fields, and relations to what may be read", () => {
  const names = (identity: Identity): string[] => [...access.rights(identity).scope.fields(post).keys()];
  expect(names(anonymousIdentity)).toEqual(["id", "authorId", "published", "score", "groupId"]);
  expect(names(member("ann", "author"))).toEqual(["id", "authorId", "published", "score", "draft", "groupId", "group"]);
  expect(names(administratorIdentity)).toEqual(["id", "authorId", "published", "score", "draft", "groupId", "group"]);
  expect([...access.rights(member("ann", "author")).codeScope.fields(post).keys()]).toContain("hidden");
  expect([...access.rights(anonymousIdentity).scope.fields(catalog.tables.get("Group")!).keys()]).toEqual([]);
});

test("roles within a record: signed in only, ordered ones include those before, several are OR-ed, where is AND-ed", () => {
  const rights = access.rights(member("ann"));
  const roles = (permission: Permission): Value[] => {
    const found: Value[] = [];
    const visit = (part: Expression): void => {
      if (part.op === "in" && part.list.op === "list") found.push(...part.list.items.map((item) => (item.op === "literal" ? item.value : null)));
      partsOf(part).forEach(visit);
    };
    visit(permission as Expression);
    return found;
  };
  expect(roles(rights.permission("Group", "READ"))).toEqual(["EDITOR", "OWNER"]);
  expect(roles(rights.permission("Group", "DELETE"))).toEqual(["VIEWER", "EDITOR", "OWNER"]);
  expect((rights.permission("Group", "DELETE") as Expression).op).toBe("and");
  expect(access.rights(anonymousIdentity).permission("Group", "READ")).toBe(false);
  // A role of the same name that a token carries is another one.
  expect(access.rights(member("ann", "owner")).permission("Group", "UPDATE")).toEqual(rights.permission("Group", "UPDATE"));
});

test("callables: by role and rule; without @allow only the administrator", () => {
  const [like, quiet] = [post.actions.get("like")!, post.actions.get("quiet")!];
  const [author, admin] = [access.rights(member("ann", "author")), access.rights(member("root", "admin"))];
  expect([verdict(author.mayCall(like), author, {}, { strength: 5 }), verdict(author.mayCall(like), author, {}, { strength: 50 }), admin.mayCall(like)]).toEqual([true, false, true]);
  expect([access.rights(anonymousIdentity).mayCall(like), admin.mayCall(quiet), access.rights(administratorIdentity).mayCall(quiet)]).toEqual([false, false, true]);
});

test("refusals: 401 for nobody, 403 for somebody, none for the administrator and the system", () => {
  const refused = (identity: Identity): unknown => {
    try {
      access.rights(identity).require("Post", "DELETE");
      return null;
    } catch (error) {
      return (error as AmbitError).code;
    }
  };
  expect([anonymousIdentity, member("ann", "author"), administratorIdentity, systemIdentity].map(refused)).toEqual(["UNAUTHENTICATED", "FORBIDDEN", null, null]);
  expect(access.rights(systemIdentity).authority).toBeNull();
});

test("in development a refusal says what would have permitted it, and who asked", () => {
  const hints = (identity: Identity, explainDenials: boolean, act: (rights: Rights) => void): string | undefined => {
    try {
      act(createAccess({ catalog, book, explainDenials }).rights(identity));
    } catch (error) {
      return (error as AmbitError).extras.hint ?? "none";
    }
    return undefined;
  };
  const remove = (rights: Rights): void => rights.require("Post", "DELETE");
  expect(hints(anonymousIdentity, true, remove)).toBe("What permits DELETE of Post: @allow admin: READ CREATE UPDATE DELETE (schema.graphql:6). Nobody is signed in.");
  expect(hints(member("ann", "author"), true, (rights) => rights.requireCall(post.actions.get("quiet")!))).toBe("No @allow permits quiet. The caller is ann, with the roles author.");
  expect(hints(member("ann"), true, (rights) => { throw rights.callRefusal(post.actions.get("like")!); })).toStartWith("What permits like: @allow author where input.strength < 10 (schema.graphql:17); @allow admin");
  expect(createAccess({ catalog, book, explainDenials: true }).rights(member("ann")).authority!.hint!("Group", "DELETE")).toBe("What permits DELETE of Group: @allow viewer, owner: DELETE on record where record.name != null (schema.graphql:20). The caller is ann, without roles.");
  expect([hints(anonymousIdentity, false, remove), hints(member("ann"), false, remove), createAccess({ catalog, book }).rights(member("ann")).authority!.hint!("Post", "DELETE")]).toEqual(["none", "none", null]);
});

test("equal roles share their compiled rights; identities do not share auth", () => {
  const [one, two] = [access.rights(member("ann", "author")), access.rights(member("bob", "author"))];
  expect([one.roleKey, one.scope, one.permission("Post", "READ")]).toEqual([two.roleKey, two.scope, two.permission("Post", "READ")]);
  expect(one.scope).toBe(two.scope);
  expect([one.auth["subject"], two.auth["subject"]]).toEqual(["ann", "bob"]);
});

test("the algebra of permissions", () => {
  const rule: Expression = { op: "literal", type: { kind: "bool" }, value: null };
  expect([anyOf([]), anyOf([false, rule]), anyOf([rule, true]), anyOf([rule, rule])]).toEqual([false, rule, true, rule]);
  expect([allOf([]), allOf([true, rule]), allOf([rule, false]), allOf([rule, rule])]).toEqual([true, rule, false, rule]);
  expect([asFilter(true), asFilter(false), asFilter(rule)]).toEqual([null, never, rule]);
  expect([bothFilters(null, rule), bothFilters(rule, null), bothFilters(null, null)]).toEqual([rule, rule, null]);
  expect([masked(true, rule, { kind: "int" }), masked(false, never, { kind: "int" })]).toEqual([rule, { op: "literal", type: { kind: "int" }, value: null }]);
});

test("a rule moved to a related record reads that record, and its own rows stay", () => {
  const rule = access.rights(member("ann", "author")).permission("Group", "READ") as Expression;
  const moved = relocate(rule, { row: "r1", table: "Post", path: ["group"] });
  expect(JSON.stringify(moved)).toContain('"row":"r1","table":"Post","path":["group"],"field":"id"');
  expect(JSON.stringify(moved)).toContain('"row":"$grant"');
  expect(relocate(rule, { row: "record", table: "Group", path: [] })).toBe(rule);
});

test("in tables with tenants everybody is confined, with rules or without, but for who may act for all", () => {
  const compiled = compileSchema({ file: "schema.graphql", text: `type Task @table(tenant: "orgId") @allow(to: ["public"], do: [READ]) @allow(to: ["member"], do: [READ, UPDATE], where: "record.title != ''") { id: ID! @primaryKey orgId: ID! title: String! }` });
  const rules = compileCatalogExpressions(compiled.catalog);
  const tenants = createAccess({ catalog: compiled.catalog, book: rules.book });
  const of = (tenant: string | null, ...roles: string[]): Identity => subjectIdentity({ subject: "ann", roles, tenant });
  const sees = (rights: Rights, orgId: string): Value => {
    const permission = rights.permission("Task", "READ");
    return typeof permission === "boolean" ? permission : evaluate(permission, { rows: { record: { id: "1", orgId, title: "x" } }, variables: { auth: rights.auth }, now: "2026-01-01T00:00:00.000Z", source: null }, rules.book);
  };
  for (const rights of [tenants.rights(of("a")), tenants.rights(of("a", "member")), tenants.system(of("a")), tenants.rights(administratorOf("a")), tenants.system(administratorOf("a"))]) {
    expect([sees(rights, "a"), sees(rights, "b")]).toEqual([true, false]);
  }
  for (const rights of [tenants.rights(of(null, "member")), tenants.system(of(null)), tenants.rights(anonymousIdentity), tenants.system(anonymousIdentity)]) expect(sees(rights, "a")).toBeNull();
  for (const rights of [tenants.rights(administratorIdentity), tenants.system(administratorIdentity), tenants.rights(systemIdentity)]) expect(sees(rights, "a")).toBe(true);
  expect(tenants.rights(of("a")).publicFields("Task", ["title"])).toBe(false);
});
