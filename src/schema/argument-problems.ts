// What is wrong with the arguments of one directive use: unknown, missing, given twice, or of the wrong kind. All of them at once.
// graphql-js takes anything for a custom scalar, so the texts of those are parsed here.
import type { ConstArgumentNode, ConstDirectiveNode, ConstValueNode, GraphQLDirective, GraphQLInputType, StringValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import { isEnumType, isListType, isNonNullType, isScalarType } from "graphql/type/definition";
import { valueFromAST } from "graphql/utilities/valueFromAST";
import { didYouMean, type TextEdit } from "../base/diagnostic.ts";
import { parseDuration } from "../base/duration.ts";
import type { DirectiveLanguage } from "./directives-source.ts";
import { removeArgument, replaceNode } from "./schema-edits.ts";
import type { SourceText } from "./source-text.ts";

export interface ArgumentContext {
  readonly source: SourceText;
  readonly language: DirectiveLanguage;
  /** `values` of config.yaml, which a Duration argument may name. */
  readonly values: Readonly<Record<string, unknown>>;
}

export interface ArgumentProblem {
  readonly code: "UNKNOWN_ARGUMENT" | "ARGUMENT_VALUE" | "DUPLICATE_NAME" | "UNKNOWN_NAME";
  readonly node: ConstArgumentNode | ConstDirectiveNode | ConstValueNode;
  readonly message: string;
  readonly fix: string;
  readonly edits: readonly TextEdit[];
}

type Found = Omit<ArgumentProblem, "code" | "node"> & Partial<Pick<ArgumentProblem, "code" | "node">>;

export function argumentProblems(use: ConstDirectiveNode, definition: GraphQLDirective, context: ArgumentContext): ArgumentProblem[] {
  const problems: ArgumentProblem[] = [];
  const seen = new Set<string>();
  const meant = new Set<string | null>();
  for (const argument of use.arguments ?? []) {
    const name = argument.name.value;
    const declared = definition.args.find((candidate) => candidate.name === name);
    if (seen.has(name)) problems.push({ code: "DUPLICATE_NAME", node: argument, message: `@${definition.name} has the argument ${name} twice.`, fix: "Remove one of them.", edits: [removeArgument(context.source, use, argument)] });
    else if (declared === undefined) {
      const near = nearestArgument(use, argument, definition);
      meant.add(near);
      problems.push(unknownArgument({ use, argument, definition }, near, context));
    }
    else problems.push(...valueProblems(argument.value, declared.type, context).map((found) => placed(found, argument.value, `@${definition.name}(${name})`)));
    seen.add(name);
  }
  for (const declared of definition.args) {
    if (!isNonNullType(declared.type) || declared.defaultValue !== undefined || seen.has(declared.name)) continue;
    // A misspelt argument is reported once, as misspelt.
    if (meant.has(declared.name)) continue;
    problems.push({ code: "UNKNOWN_ARGUMENT", node: use, message: `@${definition.name} needs the argument ${declared.name}.`, fix: `Add ${declared.name}.`, edits: [] });
  }
  return problems;
}

function placed(found: Found, node: ConstValueNode, place: string): ArgumentProblem {
  return { code: found.code ?? "ARGUMENT_VALUE", node: found.node ?? node, message: `${place}: ${found.message}`, fix: found.fix, edits: found.edits };
}

function nearestArgument(use: ConstDirectiveNode, argument: ConstArgumentNode, definition: GraphQLDirective): string | null {
  const taken = new Set((use.arguments ?? []).map((other) => other.name.value));
  return didYouMean(argument.name.value, definition.args.map((declared) => declared.name).filter((name) => !taken.has(name)));
}

function unknownArgument(place: { use: ConstDirectiveNode; argument: ConstArgumentNode; definition: GraphQLDirective }, near: string | null, context: ArgumentContext): ArgumentProblem {
  const { use, argument, definition } = place;
  const known = definition.args.map((declared) => declared.name).join(", ");
  return {
    code: "UNKNOWN_ARGUMENT",
    node: argument,
    message: `@${definition.name} has no argument ${argument.name.value}.`,
    fix: near === null ? known === "" ? "Remove it." : `Use one of: ${known}.` : `Did you mean ${near}?`,
    edits: [near === null ? removeArgument(context.source, use, argument) : replaceNode(context.source, argument.name, near)],
  };
}

function valueProblems(node: ConstValueNode, type: GraphQLInputType, context: ArgumentContext): Found[] {
  if (isNonNullType(type)) {
    if (node.kind === Kind.NULL) return [{ message: "it must not be null.", fix: "Give a value.", edits: [] }];
    return valueProblems(node, type.ofType, context);
  }
  if (node.kind === Kind.NULL) return [];
  if (isListType(type)) {
    const items = node.kind === Kind.LIST ? node.values : [node];
    return items.flatMap((item) => valueProblems(item, type.ofType, context).map((found) => ({ node: item, ...found })));
  }
  if (isEnumType(type)) return enumProblems(node, type.getValues().map((value) => value.name), context);
  if (isScalarType(type) && textArguments.has(type.name)) return textProblems(node, type.name, context);
  if (type.name === "JSON" || valueFromAST(node, type) !== undefined) return [];
  return [{ message: `it must be ${articles[type.name] ?? type.name}.`, fix: `Write ${articles[type.name] ?? type.name}.`, edits: quotedScalar(node, type.name, context) }];
}

const articles: Readonly<Record<string, string>> = { Int: "an integer", Float: "a number", Boolean: "true or false", String: "text in quotes" };
const textArguments: ReadonlySet<string> = new Set(["String", "CEL", "QueryText", "Duration", "LimitRate", "LimitSize", "Cost"]);

// "5" for 5 and "true" for true: what is meant is plain.
function quotedScalar(node: ConstValueNode, typeName: string, context: ArgumentContext): TextEdit[] {
  if (node.kind !== Kind.STRING) return [];
  const plain = typeName === "Boolean" ? /^(?:true|false)$/ : typeName === "Int" ? /^-?(?:0|[1-9][0-9]{0,8})$/ : /^-?(?:0|[1-9][0-9]{0,8})(?:\.[0-9]+)?$/;
  return plain.test(node.value) ? [replaceNode(context.source, node, node.value)] : [];
}

function enumProblems(node: ConstValueNode, values: readonly string[], context: ArgumentContext): Found[] {
  if (node.kind === Kind.ENUM && values.includes(node.value)) return [];
  const written = node.kind === Kind.ENUM || node.kind === Kind.STRING ? node.value : "";
  const near = values.includes(written) ? written : didYouMean(written, values);
  const all = values.join(", ");
  if (near === null) return [{ message: `it must be one of ${all}.`, fix: `Write one of ${all}, without quotes.`, edits: [] }];
  return [{ message: `it must be one of ${all}.`, fix: `Did you mean ${near}, without quotes?`, edits: [replaceNode(context.source, node, near)] }];
}

function textProblems(node: ConstValueNode, typeName: string, context: ArgumentContext): Found[] {
  if (node.kind !== Kind.STRING) {
    const edits = node.kind === Kind.ENUM ? [replaceNode(context.source, node, JSON.stringify(node.value))] : [];
    return [{ message: "it must be text in quotes.", fix: "Put it in quotes.", edits }];
  }
  if (node.value.trim() === "") return [{ message: "it must not be empty.", fix: "Write a value or leave the argument out.", edits: [] }];
  if (typeName === "Duration") return durationProblems(node, context);
  const format = formats[typeName];
  if (format === undefined || format.pattern.test(node.value)) return [];
  return [{ message: `it must be ${format.sample}.`, fix: `Write ${format.sample}.`, edits: [] }];
}

const formats: Readonly<Record<string, { readonly pattern: RegExp; readonly sample: string }>> = {
  LimitRate: { pattern: /^[1-9][0-9]{0,8}\/(?:s|min|h|day)$/, sample: 'a number per s, min, h or day, such as "5/min"' },
  LimitSize: { pattern: /^[1-9][0-9]{0,8}(?:B|KB|MB|GB)$/, sample: 'a size such as "10MB" or "64KB"' },
  Cost: { pattern: /^[0-9]{1,9}(?:\.[0-9]{1,6})? [A-Z]{3}$/, sample: 'an amount and a currency, such as "0.03 USD"' },
};

function durationProblems(node: StringValueNode, context: ArgumentContext): Found[] {
  const duration = resolveDuration(node.value, context);
  if (duration.unknownValue !== null) {
    const near = didYouMean(duration.unknownValue, Object.keys(context.values));
    return [{ code: "UNKNOWN_NAME", message: `config.yaml has no values.${duration.unknownValue}.`, fix: near === null ? "Add it to `values` of config.yaml." : `Did you mean values.${near}?`, edits: near === null ? [] : [replaceNode(context.source, node, `"values.${near}"`)] }];
  }
  if (duration.text !== null && !duration.text.startsWith("-") && duration.text !== "PT0S") return [];
  return [{ message: "it must be an ISO 8601 duration above zero, of days, hours, minutes and seconds.", fix: 'Write it like "PT30S" or "P90D".', edits: [] }];
}

/** A Duration argument's canonical text, `values.NAME` resolved; null when it is none. */
export function resolveDuration(text: string, context: Pick<ArgumentContext, "values">): { readonly text: string | null; readonly unknownValue: string | null } {
  const name = /^values\.([A-Za-z_]\w*)$/.exec(text)?.[1];
  if (name === undefined) return { text: parseDuration(text), unknownValue: null };
  if (!Object.hasOwn(context.values, name)) return { text: null, unknownValue: name };
  const value = context.values[name];
  return { text: typeof value === "string" ? parseDuration(value) : null, unknownValue: null };
}

