// Remedies as edits of the schema's text. Where the text does not have what a remedy is about, there is no edit.
import type { ConstArgumentNode, ConstDirectiveNode, EnumTypeDefinitionNode, FieldDefinitionNode, ObjectTypeDefinitionNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import type { TextEdit } from "../base/diagnostic.ts";
import { innermostName } from "./declarations.ts";
import { parseSchema } from "./parse-schema.ts";
import type { Remedy } from "./remedy.ts";
import { insertField, insertFieldDirective, insertTypeDirective, removeArgument, removeNode, replaceNode } from "./schema-edits.ts";
import { endOf, insertText, sourceText, startOf, type SourceText } from "./source-text.ts";

/** For the table `table`, in a schema without errors. */
export function remedyEdits(file: string, text: string, table: string, remedy: Remedy): readonly TextEdit[] {
  const source = sourceText(file, text);
  const { definitions } = parseSchema(source).document;
  const objects = definitions.filter((one): one is ObjectTypeDefinitionNode => one.kind === Kind.OBJECT_TYPE_DEFINITION);
  if (remedy.make === "renamed-type") {
    const heir = objects.find(({ name }) => name.value === remedy.to);
    return heir === undefined ? [] : [insertTypeDirective(source, heir, `@renamed(from: ${JSON.stringify(remedy.from)})`)];
  }
  const type = objects.find(({ name }) => name.value === table);
  if (type === undefined) return [];
  if (remedy.make === "values") return missingValues(source, type, definitions.filter((one): one is EnumTypeDefinitionNode => one.kind === Kind.ENUM_TYPE_DEFINITION), remedy);
  return inType(source, type, remedy);
}

type InType = Exclude<Remedy, { readonly make: "renamed-type" | "values" }>;

function inType(source: SourceText, type: ObjectTypeDefinitionNode, remedy: InType): readonly TextEdit[] {
  switch (remedy.make) {
    case "nullable": {
      const node = fieldOf(type, remedy.field)?.type;
      return node?.kind === Kind.NON_NULL_TYPE ? [replaceNode(source, node, source.text.slice(startOf(node.type), endOf(node.type)))] : [];
    }
    case "typed": {
      const node = fieldOf(type, remedy.field)?.type;
      return node === undefined ? [] : [replaceNode(source, node, remedy.type)];
    }
    case "present": {
      const first = type.fields?.[0];
      return first === undefined ? [] : [insertField(source, first, `${remedy.field}: ${remedy.type}`)];
    }
    case "renamed": {
      const field = fieldOf(type, remedy.field);
      return field === undefined ? [] : [insertFieldDirective(source, field, `@renamed(from: ${JSON.stringify(remedy.from)})`)];
    }
    case "not-unique": return uniqueUses(type, remedy.fields).map(({ use, argument }) => removeArgument(source, use, argument));
    case "unchecked": return directives(type, "check").filter((use) => textOf(use, "rule") === remedy.rule).map((use) => removeNode(source, use));
    case "unrelated": return (type.fields ?? []).filter((field) => directives(field, "relationship").some((use) => remedy.keys.includes(textOf(use, "from") ?? ""))).map((field) => removeNode(source, field));
  }
}

function missingValues(source: SourceText, type: ObjectTypeDefinitionNode, enums: readonly EnumTypeDefinitionNode[], { field, values }: Extract<Remedy, { make: "values" }>): readonly TextEdit[] {
  const node = fieldOf(type, field)?.type;
  const name = node === undefined ? null : innermostName(node).value;
  const present = enums.find((one) => one.name.value === name)?.values ?? [];
  const last = present.at(-1);
  const missing = values.filter((value) => !present.some((one) => one.name.value === value));
  return last === undefined || missing.length === 0 ? [] : [insertText(source, endOf(last), ` ${missing.join(" ")}`)];
}

function fieldOf(type: ObjectTypeDefinitionNode, name: string): FieldDefinitionNode | undefined {
  return type.fields?.find((field) => field.name.value === name);
}

/** On the holder, and of a type on its fields too. */
function directives(holder: ObjectTypeDefinitionNode | FieldDefinitionNode, name: string): ConstDirectiveNode[] {
  const own = (holder.directives ?? []).filter((use) => use.name.value === name);
  return holder.kind === Kind.FIELD_DEFINITION ? own : [...own, ...(holder.fields ?? []).flatMap((field) => directives(field, name))];
}

interface UniqueUse { readonly use: ConstDirectiveNode; readonly argument: ConstArgumentNode }

function uniqueUses(type: ObjectTypeDefinitionNode, fields: readonly string[]): UniqueUse[] {
  const [only] = fields;
  const field = fields.length === 1 ? fieldOf(type, only!) : undefined;
  const uses = [...(field === undefined ? [] : directives(field, "indexed")), ...(type.directives ?? []).filter((use) => use.name.value === "indexed" && JSON.stringify(textsOf(use, "fields")) === JSON.stringify(fields))];
  return uses.flatMap((use) => {
    const argument = use.arguments?.find((one) => one.name.value === "unique" && one.value.kind === Kind.BOOLEAN && one.value.value);
    return argument === undefined ? [] : [{ use, argument }];
  });
}

function textOf(use: ConstDirectiveNode, name: string): string | null {
  const value = use.arguments?.find((argument) => argument.name.value === name)?.value;
  return value?.kind === Kind.STRING ? value.value : null;
}

function textsOf(use: ConstDirectiveNode, name: string): string[] {
  const value = use.arguments?.find((argument) => argument.name.value === name)?.value;
  return value?.kind === Kind.LIST ? value.values.flatMap((item) => (item.kind === Kind.STRING ? [item.value] : [])) : [];
}
