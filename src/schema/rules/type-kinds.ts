// TYPE_KIND: a type is a table, a channel or a nested object, never two of them; @source and @account need a table; one @account in an app.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { diagnose, type CompileContext } from "../compile-context.ts";
import { useOf, type DeclaredType } from "../declarations.ts";
import { nearestDirective } from "../nearest-directive.ts";
import { insertTypeDirective, removeNode } from "../schema-edits.ts";

export function typeKinds(context: CompileContext): Diagnostic[] {
  const accounts = context.types.filter((type) => useOf(type, "account") !== undefined);
  return [
    ...context.types.flatMap((type) => checkType(type, context)),
    ...accounts.slice(1).map((type) => diagnose(context, {
      code: "TYPE_KIND", at: useOf(type, "account")?.node ?? type.node.name, message: `${accounts[0]?.name} is the account of this app already.`,
      why: "Whoever signs in is one kind of record.", fix: "Keep one @account.", edits: useOf(type, "account") === undefined ? [] : [removeNode(context.source, useOf(type, "account")!.node)],
    })),
  ];
}

function checkType(type: DeclaredType, context: CompileContext): Diagnostic[] {
  const [table, channel] = [useOf(type, "table"), useOf(type, "channel")];
  if (table !== undefined && channel !== undefined) {
    return [diagnose(context, { code: "TYPE_KIND", at: channel.node, message: `${type.name} is a table and a channel.`, why: "A table is stored, a channel is not.", fix: "Keep one of the directives.", edits: [removeNode(context.source, channel.node)] })];
  }
  const isMisspelt = type.uses.some((use) => use.definition === null && ["table", "channel"].includes(nearestDirective(use.name, context.language.directives.keys()) ?? ""));
  if (type.assumedTable && !isMisspelt) {
    return [diagnose(context, {
      code: "TYPE_KIND", at: type.node.name, message: `${type.name} has what only tables have, but no @table.`, why: "Without @table a type is a nested object inside a record.",
      fix: "Add @table.", edits: "fields" in type.node && type.node.kind === "ObjectTypeDefinition" && channel === undefined ? [insertTypeDirective(context.source, type.node, "@table")] : [],
    })];
  }
  return ["source", "account"].flatMap((name) => {
    const use = useOf(type, name);
    if (use === undefined || type.kind === "table") return [];
    return [diagnose(context, { code: "TYPE_KIND", at: use.node, message: `@${name} stands on ${type.name}, which is no table.`, why: "Its records must be stored.", fix: "Add @table or remove it.", edits: [removeNode(context.source, use.node)] })];
  });
}
