// Edits of SDL as a person would make them: whole lines go when nothing else stands on them, commas and parentheses stay balanced.
import type { ConstArgumentNode, ConstDirectiveNode, ConstListValueNode, FieldDefinitionNode, InputValueDefinitionNode, ObjectTypeDefinitionNode } from "graphql";
import type { TextEdit } from "../base/diagnostic.ts";
import { endOf, insertText, replaceText, startOf, type Located, type SourceText } from "./source-text.ts";

export function replaceNode(source: SourceText, node: Located, text: string): TextEdit {
  return replaceText(source, { start: startOf(node), end: endOf(node) }, text);
}

/** Removes the node with the blanks before it, or with its whole lines when it stands alone on them. */
export function removeNode(source: SourceText, node: Located): TextEdit {
  const { text } = source;
  let [start, end] = [startOf(node), endOf(node)];
  const lineEnd = skipBlanks(text, end);
  let lineStart = start;
  while (lineStart > 0 && isBlank(text[lineStart - 1])) lineStart--;
  const opensLine = lineStart === 0 || isLineBreak(text[lineStart - 1]);
  const closesLine = lineEnd === text.length || isLineBreak(text[lineEnd]);
  if (opensLine && closesLine) {
    start = lineStart;
    end = text.startsWith("\r\n", lineEnd) ? lineEnd + 2 : Math.min(lineEnd + 1, text.length);
  } else if (opensLine) {
    end = lineEnd;
  } else {
    start = lineStart;
  }
  return replaceText(source, { start, end }, "");
}

/** Removes `name: value` and its comma; the parentheses too if it was the only argument. */
export function removeArgument(source: SourceText, directive: ConstDirectiveNode, argument: ConstArgumentNode): TextEdit {
  const all = directive.arguments ?? [];
  if (all.length === 1) return replaceText(source, { start: endOf(directive.name), end: endOf(directive) }, "");
  return removeFromSequence(source, all, argument);
}

/** Removes an item and its comma. */
export function removeItem(source: SourceText, list: ConstListValueNode, item: Located): TextEdit {
  return removeFromSequence(source, list.values, item);
}

/** Removes an argument definition of a field; the parentheses too if it was the only one. */
export function removeArgumentDefinition(source: SourceText, field: FieldDefinitionNode, argument: InputValueDefinitionNode): TextEdit {
  const all = field.arguments ?? [];
  if (all.length > 1) return removeFromSequence(source, all, argument);
  return removeArgumentDefinitions(source, field);
}

/** Removes all argument definitions of a field, with the parentheses. */
export function removeArgumentDefinitions(source: SourceText, field: FieldDefinitionNode): TextEdit {
  const all = field.arguments ?? [];
  const last = all[all.length - 1];
  const close = source.text.indexOf(")", last === undefined ? endOf(field.name) : endOf(last));
  return replaceText(source, { start: endOf(field.name), end: close + 1 }, "");
}

/** Adds `name: value` to a directive. */
export function insertArgument(source: SourceText, directive: ConstDirectiveNode, argument: string): TextEdit {
  const all = directive.arguments ?? [];
  const last = all[all.length - 1];
  return last === undefined ? insertText(source, endOf(directive.name), `(${argument})`) : insertText(source, endOf(last), `, ${argument}`);
}

/** Adds a directive behind those of a type. */
export function insertTypeDirective(source: SourceText, type: Pick<ObjectTypeDefinitionNode, "name" | "interfaces" | "directives">, directive: string): TextEdit {
  const behind = [type.name, ...(type.interfaces ?? []), ...(type.directives ?? [])].map(endOf);
  return insertText(source, Math.max(...behind), ` ${directive}`);
}

/** Adds a directive behind those of a field. */
export function insertFieldDirective(source: SourceText, field: Located, directive: string): TextEdit {
  return insertText(source, endOf(field), ` ${directive}`);
}

/** Adds a field before the first one of a type, on a line of its own. */
export function insertField(source: SourceText, firstField: Located, field: string): TextEdit {
  return insertText(source, startOf(firstField), `${field}\n  `);
}

function removeFromSequence(source: SourceText, all: readonly Located[], node: Located): TextEdit {
  const index = all.indexOf(node);
  const [next, previous] = [all[index + 1], all[index - 1]];
  if (next !== undefined) return replaceText(source, { start: startOf(node), end: startOf(next) }, "");
  return replaceText(source, { start: previous === undefined ? startOf(node) : endOf(previous), end: endOf(node) }, "");
}

function skipBlanks(text: string, from: number): number {
  let offset = from;
  while (isBlank(text[offset])) offset++;
  return offset;
}

function isBlank(character: string | undefined): boolean {
  return character === " " || character === "\t" || character === ",";
}

function isLineBreak(character: string | undefined): boolean {
  return character === "\n" || character === "\r";
}
