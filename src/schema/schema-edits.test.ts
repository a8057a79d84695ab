// Edits leave valid, tidy SDL behind: lines, commas, parentheses, comments.
import { expect, test } from "bun:test";
import { parse } from "graphql/language/parser";
import type { ConstListValueNode, FieldDefinitionNode, ObjectTypeDefinitionNode } from "graphql";
import type { TextEdit } from "../base/diagnostic.ts";
import { applyEdits } from "./apply-edits.ts";
import { insertArgument, insertField, insertFieldDirective, insertTypeDirective, removeArgument, removeArgumentDefinition, removeArgumentDefinitions, removeItem, removeNode, replaceNode } from "./schema-edits.ts";
import { sourceText, type SourceText } from "./source-text.ts";

type Make = (source: SourceText, type: ObjectTypeDefinitionNode, field: FieldDefinitionNode) => TextEdit;

const cases: readonly [string, string, Make, string][] = [
  ["a directive amid others", "type A @a @b @c { x: Int }", (source, type) => removeNode(source, type.directives![1]!), "type A @a @c { x: Int }"],
  ["a directive on its own line", "type A\n  @a\n  @b\n{ x: Int }", (source, type) => removeNode(source, type.directives![0]!), "type A\n  @b\n{ x: Int }"],
  ["a directive that opens a line", "type A # note\n  @a @b { x: Int }", (source, type) => removeNode(source, type.directives![0]!), "type A # note\n  @b { x: Int }"],
  ["a directive before a comment", "type A @a # why\n{ x: Int }", (source, type) => removeNode(source, type.directives![0]!), "type A # why\n{ x: Int }"],
  ["a line that ends in CRLF", "type A\r\n  @a\r\n{ x: Int }", (source, type) => removeNode(source, type.directives![0]!), "type A\r\n{ x: Int }"],
  ["a field with its description", 'type A {\n  "said"\n  x: Int\n  y: Int\n}', (source, _type, field) => removeNode(source, field), "type A {\n  y: Int\n}"],
  ["the last line of the text", "type A { x: Int }\n\ntype B { y: Int }", (source, type) => removeNode(source, type), "\ntype B { y: Int }"],
  ["an only argument", "type A @a(x: 1) { x: Int }", (source, type) => removeArgument(source, type.directives![0]!, type.directives![0]!.arguments![0]!), "type A @a { x: Int }"],
  ["the first argument", "type A @a(x: 1, y: 2) { x: Int }", (source, type) => removeArgument(source, type.directives![0]!, type.directives![0]!.arguments![0]!), "type A @a(y: 2) { x: Int }"],
  ["the last argument", "type A @a(x: 1, y: 2) { x: Int }", (source, type) => removeArgument(source, type.directives![0]!, type.directives![0]!.arguments![1]!), "type A @a(x: 1) { x: Int }"],
  ["an item", "type A @a(x: [1, 2, 3]) { x: Int }", (source, type) => { const list = type.directives![0]!.arguments![0]!.value as ConstListValueNode; return removeItem(source, list, list.values[1]!); }, "type A @a(x: [1, 3]) { x: Int }"],
  ["an argument's definition", "type A { x(a: Int, b: Int): Int }", (source, _type, field) => removeArgumentDefinition(source, field, field.arguments![1]!), "type A { x(a: Int): Int }"],
  ["an only argument's definition", "type A { x(a: Int @b(c: 1)): Int }", (source, _type, field) => removeArgumentDefinition(source, field, field.arguments![0]!), "type A { x: Int }"],
  ["all arguments' definitions", "type A { x(a: Int, b: Int): Int }", (source, _type, field) => removeArgumentDefinitions(source, field), "type A { x: Int }"],
  ["insert a first argument", "type A @a { x: Int }", (source, type) => insertArgument(source, type.directives![0]!, "x: 1"), "type A @a(x: 1) { x: Int }"],
  ["insert another argument", "type A @a(x: 1) { x: Int }", (source, type) => insertArgument(source, type.directives![0]!, "y: 2"), "type A @a(x: 1, y: 2) { x: Int }"],
  ["insert a type's directive", "type A implements B @a\n{ x: Int }", (source, type) => insertTypeDirective(source, type, "@c"), "type A implements B @a @c\n{ x: Int }"],
  ["insert a field's directive", "type A { x: Int @a, y: Int }", (source, _type, field) => insertFieldDirective(source, field, "@b"), "type A { x: Int @a @b, y: Int }"],
  ["insert a field", "type A {\n  x: Int\n}", (source, _type, field) => insertField(source, field, "id: ID!"), "type A {\n  id: ID!\n  x: Int\n}"],
  ["replace", "type A { x: Int }", (source, _type, field) => replaceNode(source, field.type, "Long!"), "type A { x: Long! }"],
];

test.each(cases)("%s", (_name, text, make, expected) => {
  const source = sourceText("schema.graphql", text);
  const type = parse(text).definitions[0] as ObjectTypeDefinitionNode;
  const result = applyEdits(text, [make(source, type, type.fields![0]!)]);
  expect(result).toBe(expected);
  parse(result);
});

test("several edits at once refer to the text as it was", () => {
  const edit = (from: number, to: number, text: string): TextEdit => ({ file: "", start: { line: 1, column: from }, end: { line: 1, column: to }, text });
  expect(applyEdits("abcdef", [edit(5, 6, "E"), edit(1, 1, "-"), edit(2, 4, "")])).toBe("-adEf");
  expect(() => applyEdits("abcdef", [edit(1, 4, ""), edit(3, 5, "")])).toThrow("overlap");
});
