// CURRENCY_SOURCE: Money says its currency, by exactly one of code and field; nothing else does.
import { Kind } from "graphql/language/kinds";
import { didYouMean, type Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, unknownName, type CompileContext } from "../compile-context.ts";
import { argumentNode, textOf, useOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";
import { removeArgument, removeNode, replaceNode } from "../schema-edits.ts";

export function currencySource(context: CompileContext): Diagnostic[] {
  return context.fields.filter((field) => field.type !== null).flatMap((field) => {
    const use = useOf(field, "currency");
    const isMoney = field.type?.name === "Money";
    if (use === undefined) {
      if (!isMoney || field.owner.kind === "interface") return [];
      return [diagnose(context, { code: "CURRENCY_SOURCE", at: field.node.name, message: `${describeField(field)} is Money without @currency.`, why: "A number of minor units means nothing without its currency.", fix: 'Add @currency(code: "...") or @currency(field: "...").' })];
    }
    if (!isMoney) return [diagnose(context, { code: "CURRENCY_SOURCE", at: use.node, message: `${describeField(field)} has @currency but is no Money.`, why: "Only amounts of money have a currency.", fix: "Remove it, or make the field Money.", edits: [removeNode(context.source, use.node)] })];
    return use.values === null ? [] : checkSource(field, use, context);
  });
}

function checkSource(field: DeclaredField, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const [code, beside] = [argumentNode(use, "code"), argumentNode(use, "field")];
  if ((code === undefined) === (beside === undefined)) {
    return [diagnose(context, {
      code: "CURRENCY_SOURCE", at: use.node, message: code === undefined ? "@currency has neither code nor field." : "@currency has both code and field.", why: "An amount has one currency.", fix: "Give exactly one of them.",
      edits: beside === undefined ? [] : [removeArgument(context.source, use.node, beside)],
    })];
  }
  return code !== undefined ? checkCode(textOf(use, "code") ?? "", use, context) : checkBeside(field, use, context);
}

// CLDR knows a new currency later than ISO does: an unknown one is only a warning, a malformed one an error.
function checkCode(code: string, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const known = Intl.supportedValuesOf("currency");
  if (known.includes(code)) return [];
  const at = argumentNode(use, "code")?.value ?? use.node;
  const near = known.includes(code.toUpperCase()) ? code.toUpperCase() : didYouMean(code, known);
  return [diagnose(context, {
    code: "ARGUMENT_VALUE", severity: /^[A-Z]{3}$/.test(code) ? "warning" : "error", at, message: `${code} is no known ISO 4217 code.`, why: "The currency says how many minor units a unit has.",
    fix: near === null ? "Write the three-letter code." : `Did you mean ${near}?`, edits: near === null ? [] : [replaceNode(context.source, at, JSON.stringify(near))],
  })];
}

/** The field or argument beside it must be text or an enum. */
function checkBeside(field: DeclaredField, use: DirectiveUse, context: CompileContext): Diagnostic[] {
  const node = argumentNode(use, "field")?.value;
  if (node === undefined || node.kind !== Kind.STRING) return [];
  const besides = besidesOf(field).filter((other) => other !== field && other.kind !== "relation" && other.kind !== "action");
  const other = besides.find((candidate) => candidate.name === node.value);
  if (other === undefined) return [unknownName(context, { at: node, name: node.value, label: `the field ${node.value}`, candidates: besides.filter(canHoldCode).map((candidate) => candidate.name), place: `@currency of ${describeField(field)}` })];
  if (canHoldCode(other)) return [];
  return [diagnose(context, { code: "CURRENCY_SOURCE", at: node, message: `${describeField(other)} cannot hold a currency's code.`, why: "It is a text of three letters.", fix: "Name a field of type String or an enum." })];
}

function besidesOf(field: DeclaredField): readonly DeclaredField[] {
  if (field.callable !== null) return field.callable.arguments;
  return field.kind === "action" || field.kind === "callable" ? field.arguments : field.owner.fields;
}

function canHoldCode(field: DeclaredField): boolean {
  return field.type === null || (!field.type.list && (field.type.kind === "enum" || field.type.name === "String"));
}
