// TYPE_SHAPE: the key of a channel is the last part of its topic, so it is one required text or whole number that the sender gives.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, innermostName, textOf, useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { keyScalars } from "../scalar-names.ts";
import { insertText, endOf } from "../source-text.ts";
import { removeNode } from "../schema-edits.ts";

const WHY = "It is the last part of the topic, by which messages find who subscribed.";
const FILLS: readonly string[] = ["default", "createdBy", "createdTime"];

export function channelKeys(context: CompileContext): Diagnostic[] {
  return context.types.filter((type) => type.kind === "channel").flatMap((type) => checkKey(type, context));
}

function checkKey(type: DeclaredType, context: CompileContext): Diagnostic[] {
  const use = useOf(type, "channel");
  const name = textOf(use, "key");
  const key = name === undefined ? undefined : fieldNamed(type, name);
  if (use === undefined || key === undefined || key.type === null) return [];
  const at = argumentNode(use, "key")?.value ?? use.node;
  if (!isKeyType(key)) return [diagnose(context, { code: "TYPE_SHAPE", at, message: `The key ${describeField(key)} is ${key.type.list ? "a list" : key.type.name}.`, why: WHY, fix: "Use ID, String, Int, Long or an enum." })];
  return [
    ...(key.type.required ? [] : [diagnose(context, { code: "TYPE_SHAPE", at: innermostName(key.node.type), message: `The key ${describeField(key)} is nullable.`, why: WHY, fix: "Make it required.", edits: [insertText(context.source, endOf(key.node.type), "!")] })]),
    ...key.uses.filter((fill) => FILLS.includes(fill.name)).map((fill) => diagnose(context, { code: "TYPE_SHAPE", at: fill.node, message: `The key ${describeField(key)} has @${fill.name}.`, why: WHY, fix: "Remove it; who publishes names the topic.", edits: [removeNode(context.source, fill.node)] })),
  ];
}

function isKeyType({ type }: DeclaredField): boolean {
  return type !== null && !type.list && (type.kind === "enum" || (type.kind === "scalar" && keyScalars.has(type.name)));
}
