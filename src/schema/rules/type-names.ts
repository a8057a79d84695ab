// UNKNOWN_NAME: every type that a field, argument or `implements` names exists.
import { didYouMean, type Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { innermostName, type DeclaredField } from "../declarations.ts";
import { scalarNames } from "../scalar-names.ts";
import { replaceNode } from "../schema-edits.ts";

export function typeNames(context: CompileContext): Diagnostic[] {
  return [
    ...context.fields.filter((field) => field.trouble === "unknown").map((field) => unknownType(field, context)),
    ...context.types.flatMap((type) => type.interfaces).filter((node) => !context.broken.has(node.name.value) && context.byName.get(node.name.value)?.kind !== "interface").map((node) => {
      const near = didYouMean(node.name.value, [...context.byName.values()].filter((type) => type.kind === "interface").map((type) => type.name));
      return diagnose(context, {
        code: "UNKNOWN_NAME", at: node, message: `There is no interface ${node.name.value}.`, why: "A type can only implement what is declared.",
        fix: near === null ? "Declare it, or remove the implements." : `Did you mean ${near}?`, edits: near === null ? [] : [replaceNode(context.source, node, near)],
      });
    }),
  ];
}

function unknownType(field: DeclaredField, context: CompileContext): Diagnostic {
  const name = innermostName(field.node.type);
  const possible = [...scalarNames, ...[...context.byName.values()].filter((type) => canBeUsed(field, type.kind)).map((type) => type.name)];
  const near = familiar.get(name.value) ?? didYouMean(name.value, possible);
  return diagnose(context, {
    code: "UNKNOWN_NAME",
    at: name,
    message: `${describeField(field)} has the type ${name.value}, which does not exist.`,
    why: "A value's form must be known to be stored, checked and described.",
    fix: near === null ? `Declare it, or use one of ${scalarNames.join(", ")}.` : `Did you mean ${near}?`,
    edits: near === null ? [] : [replaceNode(context.source, name, near)],
  });
}

/** What other languages call our scalars. */
const familiar: ReadonlyMap<string, string> = new Map([
  ["Integer", "Int"], ["Number", "Float"], ["Double", "Float"], ["BigInt", "Long"], ["Int64", "Long"], ["Bool", "Boolean"], ["Text", "String"], ["UUID", "ID"],
  ["Timestamp", "DateTime"], ["Binary", "Bytes"], ["Numeric", "Decimal"], ["BigDecimal", "Decimal"], ["Upload", "Blob"], ["File", "Blob"],
]);

function canBeUsed(field: DeclaredField, kind: string): boolean {
  if (kind === "enum") return true;
  if (field.kind === "argument" || field.owner.kind === "input") return kind === "input";
  return kind === "nested" || (kind === "table" && field.kind !== "member");
}

