// Golden tests of the compiler over testdata/*.graphql: what it says at the end of each file. UPDATE=1 rewrites what is expected.
// And: applying the edits of a diagnostic makes it go away.
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Diagnostic } from "../base/diagnostic.ts";
import { errorRegistry } from "../base/error-registry.ts";
import { applyEdits } from "./apply-edits.ts";
import { compileSchema } from "./compile-schema.ts";

const folder = join(import.meta.dir, "testdata");
const MARK = "\n# expected:\n";
const values = { sessionTime: "PT30M" };
const files = readdirSync(folder).filter((name) => name.endsWith(".graphql")).sort();

const compile = (text: string): readonly Diagnostic[] => compileSchema({ file: "schema.graphql", text, values }).diagnostics;
const schemaOf = (name: string): string => readFileSync(join(folder, name), "utf8").split(MARK)[0]!;

function render(diagnostic: Diagnostic): string {
  const { position, severity, code, message, why, fix, edits } = diagnostic;
  const head = `# ${position.line}:${position.column} ${code}${severity === "warning" ? " (warning)" : ""} ${message}\n#   ${why} ${fix}\n`;
  return head + edits.map((edit) => `#   ${edit.start.line}:${edit.start.column}-${edit.end.line}:${edit.end.column} ${JSON.stringify(edit.text)}\n`).join("");
}

const identity = (diagnostic: Diagnostic): string => `${diagnostic.code} ${diagnostic.message}`;
const count = (diagnostics: readonly Diagnostic[], wanted: Diagnostic): number => diagnostics.filter((other) => identity(other) === identity(wanted)).length;

describe("what the compiler says", () => {
  for (const name of files) {
    test(name, () => {
      const text = schemaOf(name);
      const rendered = compile(text).map(render).join("") || "# nothing\n";
      if (process.env["UPDATE"] === "1") writeFileSync(join(folder, name), text + MARK + rendered);
      expect(readFileSync(join(folder, name), "utf8")).toBe(text + MARK + rendered);
    });
  }

  test("every code of the schema occurs", () => {
    const codes = new Set(files.flatMap((name) => compile(schemaOf(name))).map((diagnostic) => diagnostic.code));
    expect([...schemaCodes].filter((code) => !codes.has(code))).toEqual([]);
    expect([...codes].filter((code) => !Object.hasOwn(errorRegistry, code))).toEqual([]);
  });
});

const schemaCodes: readonly string[] = [
  "SYNTAX", "NOT_AVAILABLE", "UNKNOWN_NAME", "UNKNOWN_DIRECTIVE", "UNKNOWN_ARGUMENT", "DUPLICATE_NAME", "ARGUMENT_VALUE", "JSON_LITERAL", "RESERVED_NAME", "RESERVED_PATH",
  "DIRECTIVE_PLACE", "TYPE_KIND", "TYPE_SHAPE", "PRIMARY_KEY", "FIELD_KIND", "ALLOW_VERB", "GRANT_ROLE", "GRANT_SHAPE", "ACCOUNT_SHAPE", "RELATION_SHAPE", "INDEX_SHAPE",
  "COMPUTED_SHAPE", "DEFAULT_SOURCE", "CURRENCY_SOURCE", "LIMIT_RANGE", "FILLED_FIELD", "FIELD_ACCESS", "SEARCH_SHAPE", "SECRET_SHAPE", "LIMIT_SHAPE", "HTTP_PATH", "PAGE_SHAPE",
  "EVERY_INPUT", "TENANT_FIELD",
];

describe("edits", () => {
  for (const name of files) {
    test(`of ${name}, each alone`, () => {
      const text = schemaOf(name);
      const diagnostics = compile(text);
      for (const diagnostic of diagnostics.filter(({ edits }) => edits.length > 0)) {
        const after = compile(applyEdits(text, diagnostic.edits));
        const label = `${name}:${diagnostic.position.line} ${identity(diagnostic)}`;
        expect({ label, fewer: count(after, diagnostic) < count(diagnostics, diagnostic) }).toEqual({ label, fewer: true });
        expect({ label, syntax: after.filter(({ code }) => code === "SYNTAX").length }).toEqual({ label, syntax: diagnostics.filter(({ code }) => code === "SYNTAX").length });
      }
    });

    test(`of ${name}, one after the other until none is left`, () => {
      let text = schemaOf(name);
      for (let round = 0; round < 300; round++) {
        const next = compile(text).find(({ edits }) => edits.length > 0);
        if (next === undefined) return;
        text = applyEdits(text, next.edits);
      }
      throw new Error(`the edits of ${name} do not come to an end:\n${text}`);
    });
  }
});

describe("one mistake is told once", () => {
  const rest = `
    type Member @table @grants(subject: "userId", role: "role", on: "projectId") @indexed(fields: ["userId", "projectId"], unique: true) {
      id: ID! @primaryKey userId: ID! projectId: ID! project: Project! @relationship(RELATION) role: Role!
    }
    enum Role { OWNER }
    type Issue @table @allow(to: ["owner"], do: [READ], on: "project") {
      id: ID! @primaryKey number: Int! @sequence(per: "projectId") projectId: ID! project: Project! @relationship(from: "projectId")
    }`;
  const project = (table: string): string => `type Project ${table} @allow(to: ["owner"], do: [READ], on: "record") { id: ID! @primaryKey }${rest}`;
  const told = (text: string): string[] => compile(text).map(({ code, message }) => `${code} ${message}`);

  test("a wrong argument of a relation leaves the relation", () => {
    expect(told(project("@table").replace("RELATION", 'from: "projectId", onDelete: Cascade'))).toEqual(["ARGUMENT_VALUE @relationship(onDelete): it must be one of RESTRICT, CASCADE, SET_NULL."]);
  });

  test("a relation that says nothing leaves the rules of those who rely on it", () => {
    expect(told(project("@table").replace("RELATION", 'fields: "projectId"'))).toEqual([
      "GRANT_SHAPE @grants(on): Member.projectId is no foreign key.", "UNKNOWN_ARGUMENT @relationship has no argument fields.",
    ]);
  });

  test("the value of an argument that is not available does not matter", () => {
    expect(told(project("@table(partition: 1)").replace("RELATION", 'from: "projectId"'))).toEqual(["NOT_AVAILABLE @table(partition) is not available in this version."]);
  });
});

describe("many problems at once", () => {
  test("each with its line and column", () => {
    const text = [
      "type Product @table @exprt", //                                     1:21
      '  @allow(to: ["public"], do: [REED])', //                           2:31
      "{",
      "  id: ID! @primaryKey", //
      '  title: Strin! @pattern(regex: "(")', //                           5:10 and 5:33
      "  price: Money!", //                                                6:3
      '  maker: Maker @relationship(from: "makerid")', //                  7:36
      "  makerId: ID", //
      "}",
      "type Maker @table { name: String }", //                             10:6
      "type Facts { tidy: Boolean! }", //                                  11:20
    ].join("\n");
    expect(compile(text).map(({ position, code }) => `${position.line}:${position.column} ${code}`)).toEqual([
      "1:21 UNKNOWN_DIRECTIVE", "2:31 ARGUMENT_VALUE", "5:10 UNKNOWN_NAME", "5:33 ARGUMENT_VALUE", "6:3 CURRENCY_SOURCE", "7:36 UNKNOWN_NAME", "10:6 PRIMARY_KEY", "11:20 TYPE_SHAPE",
    ]);
  });

  test("columns count UTF-16 units, lines end in any way", () => {
    const [found] = compile('"""\r\n\u{1F600} smile\r\n"""\r\ntype A @table {\r  "\u{1F600}" id: ID! @primryKey }').filter(({ code }) => code === "UNKNOWN_DIRECTIVE");
    expect(found?.position).toEqual({ file: "schema.graphql", line: 5, column: 16 });
  });
});
