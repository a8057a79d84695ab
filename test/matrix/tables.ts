// What test/matrix/app/schema.graphql says, once more by hand: the oracle's only source. A rule that reads null or a missing record is unknown.
import { allow, allowWithin, field, table, type Case, type FieldModel, type FieldType, type Row, type Rule, type TableModel } from "./model.ts";
import { both, equal, unequal, type Truth } from "./truth.ts";

const own = (name: string) => ({ row, who }: Case): Truth => equal(row[name], who.subject);
const is = (name: string, value: unknown) => ({ row }: Case): Truth => equal(row[name], value);
const org = ({ row, world }: Case): Row | null => world.find("Org", row["orgId"]);
const projectOf = ({ row, world }: Case): Row | null => world.find("Project", row["projectId"]);
const taskOf = ({ row, world }: Case): Row | null => world.find("Task", row["taskId"]);
const inner = (at: Case, row: Row | null): Case | null => (row === null ? null : { ...at, row });
const region = (at: Case | null): unknown => (at === null ? null : org(at)?.["region"]);

const keeper = allow("keeper", "RCUD");
const keeperField = allow("keeper", "RCU");
const ownedRead = allow("authenticated", "R", own("ownerId"));

const Org = table("Org", {
  path: "orgs",
  rules: [keeper, allow("editor", "R", is("region", "EU")), allow("member", "RU", own("bossId"))],
  fields: [
    field("id", "ID", { required: true }),
    field("name", "String", { required: true, unique: true, text: true }),
    field("region", "Enum", { required: true, values: ["EU", "US"] }),
    field("bossId", "ID"),
    field("taxCode", "String", { unique: true, rules: [keeperField] }),
  ],
  relations: [{ name: "projects", kind: "many", table: "Project", to: "orgId" }],
});

const Project = table("Project", {
  rules: [
    allow("public", "R", is("stage", "OPEN")), allow("member", "RCU", own("ownerId")), allow("auditor", "R", (at) => equal(region(at), "US")), keeper,
    allowWithin("viewer", (row) => row["id"], "R"), allowWithin("owner", (row) => row["id"], "UD"),
  ],
  search: ["title", "summary", "tasks.title", "tasks.notes.body", "tasks.notes.hush"],
  fields: [
    field("id", "ID", { required: true }),
    field("orgId", "ID", { required: true, refers: "Org" }),
    field("ownerId", "ID"),
    field("stage", "Enum", { required: true, values: ["OPEN", "CLOSED", "DRAFT"] }),
    field("code", "String", { required: true, unique: true, kind: "fixed" }),
    field("slug", "String", { unique: true, rules: [keeperField] }),
    field("handle", "String", { unique: true, rules: [keeperField, allow("member", "RCU", own("ownerId"))] }),
    field("title", "String", { required: true, text: true }),
    field("summary", "String", {
      text: true,
      rules: [keeperField, allow("authenticated", "RU", own("ownerId")), allow("editor", "R", (at) => both(is("stage", "OPEN")(at), equal(region(at), "EU")))],
    }),
    field("budget", "Money", { rules: [allow(["keeper", "auditor"], "RCU"), allow("member", "R", own("ownerId"))] }),
    field("plan", "String", { rules: [allowWithin("worker", (row) => row["id"], "RU"), keeperField] }),
    field("pin", "String", { rules: [allow("member", "CU")] }),
    field("score", "Int", { required: true, kind: "readOnly" }),
    field("grade", "Int", { kind: "readOnly", rules: [allow("keeper", "R"), allow("member", "R", is("stage", "OPEN"))] }),
    field("memo", "String", { kind: "internal" }),
    field("rank", "Int", { kind: "computed", compute: (row) => (row["score"] as number) + 300_000_000 }),
    field("margin", "Int", { kind: "computed", compute: (row) => (row["score"] as number) + 100_000_000, rules: [allow("keeper", "R"), allow("member", "R", own("ownerId"))] }),
    field("at", "Object"),
    field("hideout", "Object", { rules: [keeperField, ownedRead] }),
    field("shape", "Vector"),
    field("aura", "Vector", { rules: [keeperField, ownedRead] }),
    field("vaultId", "ID", { refers: "Vault" }),
    field("cellarId", "ID", { refers: "Cellar" }),
  ],
  relations: [
    { name: "org", kind: "one", table: "Org", from: "orgId" }, { name: "vault", kind: "one", table: "Vault", from: "vaultId" },
    { name: "cellar", kind: "one", table: "Cellar", from: "cellarId" }, { name: "tasks", kind: "many", table: "Task", to: "projectId" },
    { name: "tags", kind: "through", table: "Tag", join: "Tagging", from: "projectId", to: "tagId" },
    { name: "people", kind: "through", table: "Person", join: "Crew", from: "projectId", to: "personId" },
  ],
});

const Task = table("Task", {
  rules: [
    allow("public", "R", (at) => both(equal(projectOf(at)?.["stage"], "OPEN"), equal(at.row["secret"], false))),
    allow("editor", "RCUD", (at) => equal(region(inner(at, projectOf(at))), "EU")),
    allowWithin("worker", (row) => row["projectId"], "RCU"),
    allow("member", "R", own("assigneeId")),
    allow("member", "U", (at) => both(own("assigneeId")(at), equal(at.row["projectId"], at.old?.["projectId"]))),
    keeper,
  ],
  expiresAt: "until",
  fields: [
    field("id", "Int", { required: true }),
    field("projectId", "ID", { required: true, refers: "Project" }),
    field("parentId", "Int", { refers: "Task" }),
    field("assigneeId", "ID", { refers: "Person" }),
    field("secret", "Boolean"),
    field("title", "String", { required: true, text: true }),
    field("effort", "Int", { rules: [allow(["editor", "keeper"], "RCU"), allow("member", "R", own("assigneeId"))] }),
    field("reviewerId", "ID", { refers: "Person", rules: [keeperField, allow(["editor", "member"], "R", is("secret", false))] }),
    field("until", "DateTime"),
  ],
  relations: [
    { name: "project", kind: "one", table: "Project", from: "projectId" }, { name: "parent", kind: "one", table: "Task", from: "parentId" },
    { name: "children", kind: "many", table: "Task", to: "parentId" }, { name: "assignee", kind: "one", table: "Person", from: "assigneeId" },
    { name: "reviewer", kind: "one", table: "Person", from: "reviewerId" }, { name: "notes", kind: "many", table: "Note", to: "taskId" },
  ],
});

const Note = table("Note", {
  path: "notes",
  rules: [
    allow("authenticated", "R", (at) => { const task = inner(at, taskOf(at)); return equal(region(task === null ? null : inner(task, projectOf(task))), "EU"); }),
    allow("authenticated", "RCUD", own("authorId")), keeper,
  ],
  fields: [
    field("id", "ID", { required: true }),
    field("taskId", "Int", { required: true, refers: "Task" }),
    field("authorId", "ID", { kind: "computed" }),
    field("body", "String", { required: true, text: true }),
    field("hush", "String", { text: true, rules: [keeperField, allow("editor", "R", own("authorId"))] }),
  ],
  relations: [{ name: "task", kind: "one", table: "Task", from: "taskId" }],
});

const Person = table("Person", {
  rules: [
    allow("authenticated", "RU", own("id")), allow("auditor", "R", ({ row, who }) => equal(row["desk"], who.claims["desk"])),
    allow("member", "R", ({ row }) => unequal(row["desk"], "attic")), keeper,
  ],
  fields: [
    field("id", "ID", { required: true }),
    field("name", "String", { required: true, text: true }),
    field("email", "String", { required: true, unique: true, rules: [allow("authenticated", "RU", own("id")), keeperField] }),
    field("desk", "String"),
  ],
  relations: [
    { name: "tasks", kind: "many", table: "Task", to: "assigneeId" }, { name: "reviews", kind: "many", table: "Task", to: "reviewerId" },
    { name: "crew", kind: "many", table: "Crew", to: "personId" }, { name: "projects", kind: "through", table: "Project", join: "Crew", from: "personId", to: "projectId" },
  ],
});

const Crew = table("Crew", {
  rules: [allow("authenticated", "R", own("personId")), keeper],
  expiresAt: "until",
  fields: [
    field("id", "ID", { required: true }),
    field("personId", "ID", { required: true, refers: "Person" }),
    field("projectId", "ID", { required: true, refers: "Project" }),
    field("role", "Enum", { required: true, values: ["VIEWER", "WORKER", "OWNER"] }),
    field("until", "DateTime"),
  ],
  relations: [{ name: "person", kind: "one", table: "Person", from: "personId" }, { name: "project", kind: "one", table: "Project", from: "projectId" }],
});

const Tag = table("Tag", {
  rules: [allow("public", "R", is("listed", true)), keeper],
  fields: [field("id", "ID", { required: true }), field("word", "String", { required: true, unique: true }), field("listed", "Boolean", { required: true })],
  relations: [{ name: "projects", kind: "through", table: "Project", join: "Tagging", from: "tagId", to: "projectId" }],
});

const Tagging = table("Tagging", {
  rules: [allow("public", "R"), allow("keeper", "CD")],
  fields: [
    field("id", "ID", { required: true }), field("tagId", "ID", { required: true, refers: "Tag" }), field("projectId", "ID", { required: true, refers: "Project" }),
  ],
  relations: [{ name: "tag", kind: "one", table: "Tag", from: "tagId" }, { name: "project", kind: "one", table: "Project", from: "projectId" }],
});

export const sampleTypes: readonly (readonly [string, FieldType])[] = [
  ["string", "String"], ["int", "Int"], ["long", "Long"], ["float", "Float"], ["boolean", "Boolean"], ["money", "Money"], ["decimal", "Decimal"], ["dateTime", "DateTime"],
  ["date", "Date"], ["duration", "Duration"], ["json", "JSON"], ["bytes", "Bytes"], ["colour", "Enum"], ["words", "List"], ["spot", "Object"],
];

function sampleFields(prefix: string, rules: readonly Rule[] | null): FieldModel[] {
  return sampleTypes.map(([name, type]) => field(prefix === "" ? name : prefix + name[0]!.toUpperCase() + name.slice(1), type, { rules, ...(type === "Enum" ? { values: ["RED", "GREEN", "BLUE"] } : {}) }));
}

const Sample = table("Sample", {
  rules: [allow("public", "R", is("listed", true)), allow("member", "RCUD", own("ownerId")), keeper],
  fields: [
    field("id", "Long", { required: true }), field("listed", "Boolean", { required: true }), field("ownerId", "ID"),
    ...sampleFields("", null), ...sampleFields("h", [keeperField]), ...sampleFields("m", [keeperField, allow("member", "RCU", own("ownerId"))]),
  ],
});

const Vault = table("Vault", {
  fields: [field("id", "ID", { required: true }), field("word", "String", { required: true })],
  relations: [{ name: "projects", kind: "many", table: "Project", to: "vaultId" }],
});

const Cellar = table("Cellar", {
  path: null, rules: [allow("public", "RCUD")],
  fields: [field("id", "ID", { required: true }), field("word", "String", { required: true })],
});

const Scrap = table("Scrap", {
  open: true,
  rules: [allow("public", "R", is("listed", true)), allow("member", "CUD", is("listed", true)), keeper],
  fields: [
    field("id", "ID", { required: true }), field("listed", "Boolean", { required: true }), field("label", "String"), field("note", "String", { rules: [keeperField] }),
  ],
});

export const tables: readonly TableModel[] = [Org, Project, Task, Note, Person, Crew, Tag, Tagging, Sample, Vault, Cellar, Scrap];

export function tableNamed(name: string): TableModel {
  const found = tables.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no table ${name}`);
  return found;
}
