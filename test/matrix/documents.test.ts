// What the runtime tells about an app: openapi.json for each identity, explain, metrics, description, OPTIONS. None names what one cannot reach.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Who } from "./identities.ts";
import { Matrix, timeLimitMs } from "./matrix-server.ts";
import type { FieldModel, TableModel } from "./model.ts";
import { exported, mayName } from "./oracle.ts";
import { tables } from "./tables.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());
afterEach(() => expect(matrix.report()).toEqual([]));

const denial = (who: Who): { status: number; code: string } => (who.subject === null && !who.administrator ? { status: 401, code: "UNAUTHENTICATED" } : { status: 403, code: "FORBIDDEN" });

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, { readonly properties?: Readonly<Record<string, unknown>> }>>; readonly parameters: Readonly<Record<string, unknown>> };
}

const VERBS = ["get", "post", "put", "patch", "delete"];

test("openapi.json: paths, methods, fields and parameters that the identity reaches, and no other", async () => {
  for (const who of matrix.identities) {
    const answer = await matrix.ask(who, "/openapi.json");
    if (!matrix.status(answer, 200)) continue;
    const document = answer.json as Document;
    const methods = (path: string): string[] => Object.keys(document.paths[path] ?? {}).filter((name) => VERBS.includes(name)).toSorted();
    for (const table of tables) {
      const may = (verb: string): boolean => table.path !== null && matrix.oracle.mayEver(who, table, verb);
      const name = table.path ?? table.name;
      matrix.same(answer, [name, methods(`/${name}`)], [name, [...(may("D") && may("R") ? ["delete"] : []), ...(may("R") ? ["get"] : []), ...(may("U") && may("R") ? ["patch"] : []), ...(may("C") ? ["post"] : [])]]);
      const single = [...(may("D") ? ["delete"] : []), ...(may("R") ? ["get"] : []), ...(may("U") ? ["patch"] : []), ...(may("C") || may("U") ? ["put"] : [])];
      matrix.same(answer, [name, methods(`/${name}/{id}`)], [name, single]);
      checkSchemas(who, table, document, answer.label);
    }
    checkCalls(who, document, answer.label);
    for (const hidden of unreached(who)) if (new RegExp(`\\b${hidden}\\b`).test(answer.text)) matrix.fail(answer.label, `nothing of ${hidden}`);
  }
}, timeLimitMs);

function checkSchemas(who: Who, table: TableModel, { components }: Document, label: string): void {
  const { oracle } = matrix;
  const name = table.path ?? table.name;
  const settable = (verb: "C" | "U") => (field: FieldModel): boolean => field.kind !== "computed" && field.kind !== "readOnly" && field.kind !== "internal"
    && !(verb === "U" && (field.kind === "fixed" || field === table.key)) && (field.rules === null || oracle.mayEver(who, { ...table, rules: field.rules }, verb));
  const expected = (present: boolean, names: readonly string[]): readonly string[] => (present ? names.toSorted() : []);
  const told = (schema: string): readonly string[] => Object.keys(components.schemas[schema]?.properties ?? {}).toSorted();
  const readable = [...oracle.fields(who, table).map((field) => field.name), ...table.relations.filter((relation) => oracle.relationExists(who, table, relation)).map((relation) => relation.name)];
  const rows: [string, readonly string[]][] = [
    [name, expected(table.path !== null && oracle.mayEver(who, table, "R"), readable)],
    [`${name}Create`, expected(table.path !== null && oracle.mayEver(who, table, "C"), table.fields.filter(settable("C")).map((field) => field.name))],
    [`${name}Update`, expected(table.path !== null && oracle.mayEver(who, table, "U"), table.fields.filter(settable("U")).map((field) => field.name))],
  ];
  matrix.checks += rows.length;
  for (const [schema, names] of rows) if (!Bun.deepEquals(told(schema), names)) matrix.fail(`${label} ${schema}: ${told(schema).join(" ")}`, names.join(" "));
  for (const parameter of Object.keys(components.parameters)) {
    const [owner, field] = parameter.split(".");
    if (owner === name && field !== undefined && !readable.includes(field)) matrix.fail(`${label} parameter ${parameter}`, "none");
  }
}

function checkCalls(who: Who, { paths }: Document, label: string): void {
  const any = who.administrator;
  const rows: [string, boolean][] = [
    ["/list-projects", true], ["/rpc/projects", true], ["/Project/{id}/peek", true], ["/Project/{id}/rename", any || who.subject !== null], ["/Project/{id}/seal", any],
    ["/Project/census", any || who.roles.has("editor") || who.roles.has("auditor")], ["/regional", any || who.roles.has("editor") || who.roles.has("keeper")],
    ["/mine/{subject}", any || who.subject !== null], ["/keepers", any || who.roles.has("keeper")], ["/sealed", any], ["/unreachable", false], ["/rpc/unreachable", false],
  ];
  matrix.checks += rows.length;
  const callables: Readonly<Record<string, string>> = { "list-projects": "projects" };
  const nameOf = (path: string): string => {
    const [first = "", ...more] = path.split("/").filter((part) => part !== "" && part !== "rpc" && !part.startsWith("{"));
    return more.length > 0 ? `${first}.${more[0]!}` : callables[first] ?? first;
  };
  for (const [path, isRuled] of rows) {
    const isThere = isRuled && mayName(who, nameOf(path));
    if ((paths[path] !== undefined) !== isThere) matrix.fail(`${label} ${path}`, isThere ? "to be there" : "not to be there");
  }
}

/** Names of fields that mean something else in the document, too. */
const keywords: readonly string[] = ["note", "summary"];

/** Names that stand for nothing that the identity reaches. */
function unreached(who: Who): string[] {
  const hidden = exported.filter((table) => !["R", "C", "U", "D"].some((verb) => matrix.oracle.mayEver(who, table, verb))).flatMap(({ name, path }) => [name, path!]);
  const fields = tables.flatMap((table) => table.fields).filter(({ name }) => !tables.some((table) => table.fields.some((field) => field.name === name && field.kind !== "internal"
    && (matrix.oracle.exists(who, field) || field.rules === null || "CU".split("").some((verb) => matrix.oracle.mayEver(who, { ...table, rules: field.rules! }, verb))))));
  return [...hidden, ...fields.map(({ name }) => name).filter((name) => !keywords.includes(name)), "unreachable", ...(who.administrator ? [] : ["sealed", "seal"]), ...(who.subject === null && !who.administrator ? ["CrewRole", "WORKER"] : [])];
}

test("explain, metrics and the description are the administrator's", async () => {
  for (const who of matrix.identities) {
    for (const table of exported) {
      const readable = matrix.oracle.mayEver(who, table, "R");
      for (const query of ["explain=true", `explain=true&${table.key.name}=is.null`, "explain=true&select=count()"]) {
        const answer = await matrix.ask(who, `/${table.path}?${query}`);
        if (who.administrator) matrix.status(answer, 200);
        else matrix.status(answer, denial(who).status, denial(who).code);
      }
      if (!readable) continue;
      const refused = await matrix.ask(who, `/${table.path}?explain=true&nosuch=eq.1`);
      matrix.status(refused, 400);
    }
    for (const path of ["/metrics", "/admin/describe"]) {
      // Metrics are for programs on this machine, too; what came through a proxy did not come from one.
      const answer = await matrix.ask(who, path, { headers: { "x-forwarded-for": "192.0.2.1" } });
      if (who.administrator) matrix.status(answer, 200);
      else matrix.status(answer, denial(who).status, denial(who).code);
    }
    matrix.status(await matrix.ask(who, "/metrics"), 200);
    const other = await matrix.ask(who, "/admin/nosuch");
    matrix.status(other, who.administrator ? 404 : denial(who).status);
  }
}, timeLimitMs);

test("what is not exported is nowhere, for nobody, by no method", async () => {
  const key = String(matrix.world.rows("Cellar")[0]!["id"]);
  for (const who of matrix.identities) {
    for (const path of ["/Cellar", `/Cellar/${key}`, `/Cellar/${key}/peek`, "/cellar", "/Note", "/Org"]) {
      for (const method of ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
        const answer = await matrix.ask(who, path, { method, ...(method === "POST" || method === "PUT" || method === "PATCH" ? { body: { id: "x", word: "x" } } : {}) });
        matrix.status(answer, 404, method === "HEAD" ? null : "NOT_FOUND");
      }
    }
  }
}, timeLimitMs);

test("a credential that is not valid is refused, never taken for nobody's", async () => {
  const [anonymous] = matrix.identities as [Who];
  for (const token of ["wrong", "key-mia", "key-mia ", "administrator-of-the-matri", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJraW0iLCJyb2xlcyI6WyJrZWVwZXIiXX0."]) {
    const answer = await matrix.ask(anonymous, "/Project", { headers: { authorization: `Bearer ${token}9` } });
    matrix.status(answer, 401, "INVALID_TOKEN");
  }
  console.log(`matrix of documents: ${matrix.requests} requests, ${matrix.checks} checks`);
}, timeLimitMs);
