// The app of the tenant probes: every kind of field, relation, index and code that could lead from one tenant's records to another's.

export const schema = `
enum State { OPEN DONE }
type Place { lat: Float! lon: Float! label: String }

"""The tenant itself: its key is the tenant."""
type Org @table(tenant: "id", history: "P90D") @export @allow(to: ["member"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  name: String!
  projects: [Project!]! @relationship(to: "orgId")
}

"""Of all tenants."""
type Country @table(history: "P90D", trash: "P30D") @export @allow(to: ["member", "public"], do: [READ]) @allow(to: ["clerk"], do: [CREATE, UPDATE, DELETE])
  @search(fields: ["name", "projects.title"])
  @allow(to: ["editor"], do: [UPDATE], on: "record") {
  id: ID! @primaryKey
  name: String! @indexed(type: TEXT)
  projects: [Project!]! @relationship(to: "countryId")
  notes: [Note!]! @relationship(to: "countryId")
}

type Project @table(tenant: "orgId", history: "P90D", trash: "P30D") @export
  @allow(to: ["member"], do: [READ, CREATE, UPDATE, DELETE])
  @allow(to: ["guest"], do: [READ], where: "record.open && record.budget < 90000000")
  @allow(to: ["public"], do: [READ], where: "record.open")
  @allow(to: ["editor"], do: [READ, UPDATE], on: "record")
  @indexed(fields: ["region", "title"], unique: true)
  @search(fields: ["title", "tasks.text", "tags.name"])
{
  id: ID! @primaryKey
  orgId: ID!
  org: Org! @relationship(from: "orgId")
  countryId: ID
  country: Country @relationship(from: "countryId", onDelete: CASCADE)
  code: String! @indexed(unique: true)
  mail: String @indexed(unique: true, fold: true)
  region: String
  title: String! @indexed(type: TEXT)
  number: Int! @sequence
  state: State! @default(value: OPEN) @indexed
  budget: Money! @currency(code: "EUR") @default(value: 0)
  open: Boolean! @default(value: false)
  place: Place @indexed(type: GEO)
  feature: Vector @indexed(type: VECTOR, dimensions: 3)
  data: JSON
  secret: String @internal
  tasks: [Task!]! @relationship(to: "projectId")
  tags: [Tag!]! @relationship(through: "ProjectTag")
  raise(by: Int!): Project! @action @allow(to: ["member"])
  rename(title: String!, other: ID): [Project!]! @action(on: TABLE) @allow(to: ["member"])
}

type Task @table(tenant: "orgId", history: "P90D", trash: "P30D") @export @allow(to: ["member"], do: [READ, CREATE, UPDATE, DELETE])
  @allow(to: ["guest"], do: [READ, CREATE], where: "record.project.open && record.project.country.name != ''")
  @check(rule: "record.project.budget >= record.hours", message: "Not more than the project has.")
{
  id: ID! @primaryKey
  orgId: ID!
  projectId: ID!
  project: Project! @relationship(from: "projectId", onDelete: CASCADE)
  parentId: ID
  parent: Task @relationship(from: "parentId", onDelete: SET_NULL)
  children: [Task!]! @relationship(to: "parentId")
  countryId: ID
  country: Country @relationship(from: "countryId", onDelete: SET_NULL)
  number: Int! @sequence(per: "projectId")
  inCountry: Int! @sequence(per: "countryId")
  text: String! @indexed(type: TEXT)
  title: String @default(rule: "record.project.title")
  hours: Int! @default(value: 0)
  budget: Money @currency(code: "EUR") @computed(rule: "record.project.budget")
}

type Tag @table(tenant: "orgId", history: "P90D", trash: "P30D") @export @allow(to: ["member"], do: [READ, CREATE, UPDATE, DELETE]) {
  id: ID! @primaryKey
  orgId: ID!
  name: String! @indexed(type: TEXT)
  projects: [Project!]! @relationship(through: "ProjectTag")
}

type ProjectTag @table(tenant: "orgId", history: "P90D", trash: "P30D") @export @allow(to: ["member"], do: [READ, CREATE, DELETE])
  @indexed(fields: ["projectId", "tagId"], unique: true) {
  id: ID! @primaryKey
  orgId: ID!
  projectId: ID!
  project: Project! @relationship(from: "projectId", onDelete: CASCADE)
  tagId: ID!
  tag: Tag! @relationship(from: "tagId", onDelete: CASCADE)
}

"""Refers to a country, so that it cannot go."""
type Note @table(tenant: "orgId") @export @allow(to: ["member"], do: [READ, CREATE, DELETE]) {
  id: ID! @primaryKey
  orgId: ID!
  countryId: ID!
  country: Country! @relationship(from: "countryId")
}

type Role @table(tenant: "orgId") @grants(subject: "userId", role: "role", on: "projectId") @indexed(fields: ["userId", "projectId"], unique: true) {
  id: ID! @primaryKey
  orgId: ID!
  userId: ID!
  projectId: ID!
  project: Project! @relationship(from: "projectId", onDelete: CASCADE)
  role: ProjectRole!
}
type CountryRole @table(tenant: "orgId") @grants(subject: "userId", role: "role", on: "countryId") @indexed(fields: ["userId", "countryId"], unique: true) {
  id: ID! @primaryKey
  orgId: ID!
  userId: ID!
  countryId: ID!
  country: Country! @relationship(from: "countryId", onDelete: CASCADE)
  role: ProjectRole!
}
enum ProjectRole { EDITOR }

type Endpoints {
  run(mode: String!, table: String!, method: String!, given: JSON): JSON @http(path: "/run") @allow(to: ["member", "public"])
  runAlone(mode: String!, table: String!, method: String!, given: JSON): JSON @http(path: "/run-alone", transaction: NONE) @allow(to: ["member", "public"])
  slow(milliseconds: Int!): Int @http(path: "/slow") @allow(to: ["member"])
  seen(id: ID!): [Project!]! @http(method: GET, path: "/seen/{id}") @allow(to: ["member"])
}
`;

export const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints, type Args, type Ctx } from "ambit";

export class Project extends Table("Project") {
  async raise({ by }: Args<"Project.raise">) { return this.update({ budget: this.budget + by }); }
  static async rename(ctx: Ctx, { title, other }: Args<"Project.rename">) {
    if (other !== null && other !== undefined) await ctx.system.Project.update(other, { title });
    return ctx.system.Project.find({});
  }
}

const runs = new Map<string, number>();

async function run(ctx: any, { mode, table, method, given }: { mode: string; table: string; method: string; given: any }): Promise<any> {
  // Written out, as an app would: a value that a client sent is no query.
  return (await ctx[mode][table][method](...JSON.parse(JSON.stringify(given)))) ?? null;
}

export const Endpoints = endpoints({
  run: (ctx, args) => run(ctx, args),
  runAlone: (ctx, args) => run(ctx, args),
  // How often it ran until it was committed.
  async slow(ctx, { milliseconds }) {
    const run = (runs.get(ctx.request!.path + ctx.auth.tenant) ?? 0) + 1;
    runs.set(ctx.request!.path + ctx.auth.tenant, run);
    const [open, all] = [await ctx.db.Project.find({ state: "OPEN" }), await ctx.system.Project.count({})];
    await ctx.db.Task.find({ order: { number: "desc" }, limit: 2 });
    await ctx.db.Project.get("p1");
    await ctx.db.Country.find({ select: ["id"] });
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    await ctx.db.Tag.create({ name: open.length + " of " + all });
    return run;
  },
  // Says records that the caller may not see by name alone.
  async seen(ctx, { id }) { return [{ id, orgId: "b", title: "made up", code: "x", number: 1, state: "OPEN", budget: 0, open: true } as any]; },
});
`;

const keys = [
  ["a", "ann", "member", "a"], ["a-clerk", "ann", "[member, clerk]", "a"], ["b", "bob", "member", "b"], ["b-ann", "ann", "member", "b"], ["b-clerk", "bob", "[member, clerk]", "b"],
  ["b-guest", "gus", "guest", "b"], ["b-plain", "pia", "plain", "b"], ["b-plain-ann", "ann", "plain", "b"], ["a-plain-ann", "ann", "plain", "a"], ["none", "nic", "[member, clerk]", null], ["odd", "odd", "member", "B"],
] as const;

export const config = `auth:\n  keys:\n${keys.map(([token, subject, roles, tenant]) => `    - { token: key-${token}, subject: ${subject}, roles: ${roles.startsWith("[") ? roles : `[${roles}]`}${tenant === null ? "" : `, tenant: ${tenant}`} }\n`).join("")}`;

/** Text of tenant a that stands nowhere else. */
export const CANARY = "canaryofa";
/** Numbers of tenant a begin with it. */
export const CANARY_NUMBER = "7770";

type Row = Readonly<Record<string, unknown>>;

export const countries: Readonly<Record<string, readonly Row[]>> = { Country: [{ id: "de", name: "Germany" }, { id: "fr", name: "France" }, { id: "it", name: "Italy" }, { id: "es", name: "Spain" }, { id: "pt", name: "Portugal" }] };

/** What one tenant has. Of a, each value is a canary; of b, the same beside it. */
export function rowsOf(tenant: "a" | "b"): Readonly<Record<string, readonly Row[]>> {
  const word = (text: string): string => (tenant === "a" ? `${CANARY} ${text}` : text);
  const name = (text: string): string => (tenant === "a" ? `${CANARY}-${text}` : text);
  const number = (value: number): number => (tenant === "a" ? Number(`${CANARY_NUMBER}${String(value).padStart(4, "0")}`) : value);
  const orgId = tenant;
  const index = [1, 2, 3, 4];
  return {
    Org: [{ id: tenant, name: word("org") }],
    Project: index.map((n) => ({
      id: name(`p${n}`), orgId, countryId: n === 4 ? null : n === 3 && tenant === "a" ? "es" : "de", code: n === 4 ? `ONLY-${tenant}` : `CODE-${n}`, mail: n === 4 ? `Only-${tenant}@x.org` : `m${n}@x.org`, region: n === 4 ? tenant : "north", title: `${word("lantern")} ${n}`, state: n === 2 ? "DONE" : "OPEN",
      budget: number(1000 * n), open: n < 3, place: { lat: 50 + n / 100, lon: 8, label: word("place") }, feature: [1, n / 10, 0], data: { k: word("k"), n: number(n) }, secret: word("secret"),
    })),
    Task: [...index, 5].map((n) => ({
      id: name(`t${n}`), orgId, projectId: name(`p${(n % 3) + 1}`), parentId: n > 2 ? name("t1") : null, countryId: "de", text: `${word("wick")} ${n}`, title: word(`own ${n}`), hours: n,
    })),
    Tag: index.map((n) => ({ id: name(`g${n}`), orgId, name: `${word("oil")} ${n}` })),
    ProjectTag: index.map((n) => ({ id: name(`l${n}`), orgId, projectId: name(`p${n}`), tagId: name(`g${(n % 4) + 1}`) })),
    Note: [{ id: name("n1"), orgId, countryId: tenant === "a" ? "fr" : "it" }],
    Role: [{ id: name("r1"), orgId, userId: tenant === "a" ? "ann" : "pia", projectId: name("p1"), role: "EDITOR" }],
    CountryRole: [{ id: name("c1"), orgId, userId: tenant === "a" ? "ann" : "pia", countryId: "de", role: "EDITOR" }],
  };
}
