// FILLED_FIELD: what fills a field fits its type, and only one thing fills it.
import { Kind } from "graphql/language/kinds";
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, fieldNamed, innermostName, textOf, useOf, type DeclaredField, type DeclaredType } from "../declarations.ts";
import { isForeignKey } from "../resolve-relation.ts";
import { removeNode, replaceNode } from "../schema-edits.ts";

const FILLS: readonly string[] = ["default", "computed", "createdTime", "updatedTime", "createdBy", "sequence", "embed"];

const TYPES: ReadonlyMap<string, readonly string[]> = new Map([
  ["createdTime", ["DateTime"]], ["updatedTime", ["DateTime"]], ["expiresAt", ["DateTime"]],
  ["createdBy", ["ID", "String"]], ["sequence", ["Int", "Long"]], ["embed", ["Vector"]],
]);

export function filledFields(context: CompileContext): Diagnostic[] {
  return context.types.filter((type) => type.kind === "table" || type.kind === "channel").flatMap((type) => [
    ...type.fields.flatMap((field) => [...checkTypes(field, context), ...onlyOne(field, context), ...checkSequence(field, context)]),
    ...oneExpiry(type, context),
  ]);
}

function checkTypes(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const { type } = field;
  if (type === null) return [];
  return [...TYPES].flatMap(([name, types]) => {
    const use = useOf(field, name);
    if (use === undefined || (types.includes(type.name) && !type.list)) return [];
    const bare = types[0] ?? "";
    return [diagnose(context, {
      code: "FILLED_FIELD", at: innermostName(field.node.type), message: `${describeField(field)} has @${name}, but is ${type.list ? "a list" : type.name}.`, why: "The runtime fills it with a value of its own type.", fix: `Use ${types.join(" or ")}.`,
      edits: [replaceNode(context.source, field.node.type, type.required ? `${bare}!` : bare)],
    })];
  });
}

function onlyOne(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const [first, ...others] = field.uses.filter((use) => FILLS.includes(use.name));
  return others.filter((use) => use.name !== first?.name).map((use) => diagnose(context, {
    code: "FILLED_FIELD", at: use.node, message: `${describeField(field)} is filled by @${first?.name} and by @${use.name}.`, why: "Only one of them could win.", fix: "Keep one of them.", edits: [removeNode(context.source, use.node)],
  }));
}

function checkSequence(field: DeclaredField, context: CompileContext): Diagnostic[] {
  const use = useOf(field, "sequence");
  const per = textOf(use, "per");
  const parent = per === undefined ? undefined : fieldNamed(field.owner, per);
  const node = use === undefined ? undefined : argumentNode(use, "per")?.value;
  if (parent === undefined || node === undefined || node.kind !== Kind.STRING || isForeignKey(parent)) return [];
  return [diagnose(context, { code: "FILLED_FIELD", at: node, message: `@sequence(per): ${describeField(parent)} is no foreign key.`, why: "The count belongs to a record that the key points to.", fix: `Name a foreign key, or add a relation with @relationship(from: "${parent.name}").` })];
}

function oneExpiry(type: DeclaredType, context: CompileContext): Diagnostic[] {
  const [first, ...others] = type.fields.filter((field) => useOf(field, "expiresAt") !== undefined);
  return others.flatMap((field) => {
    const use = useOf(field, "expiresAt");
    return use === undefined ? [] : [diagnose(context, { code: "FILLED_FIELD", at: use.node, message: `${type.name} expires at ${first?.name} already.`, why: "A record is gone from one instant on.", fix: "Keep one @expiresAt.", edits: [removeNode(context.source, use.node)] })];
  });
}
