// `list.exists(x, ...)` and `list.all(x, ...)` over lists of the record's own, or JSON.
import type { CelNode } from "./cel-ast.ts";
import { compileBool } from "./cel-operators.ts";
import { sourceOf, type CelContext, type Typed } from "./cel-context.ts";
import { typed } from "./cel-names.ts";
import type { ExpressionType } from "./expression.ts";
import { describeType } from "./field-type.ts";

interface Quantified { readonly name: "exists" | "all"; readonly receiver: CelNode | null; readonly parameters: readonly CelNode[] }

/** One inside another, no deeper: what they may visit stays bounded. */
const DEPTH_MAX = 2;
const TAKEN: readonly string[] = ["auth", "record", "old", "input", "args"];

export function compileQuantifier(node: CelNode, quantified: Quantified, context: CelContext): Typed | null {
  const { name, receiver, parameters } = quantified;
  const [variable, body] = parameters;
  if (receiver === null || parameters.length !== 2 || variable!.op !== "id") {
    return context.fail(node, { message: `${name} is not written so.`, fix: `Write LIST.${name}(item, CONDITION).` });
  }
  const item = variable!.args as string;
  if (TAKEN.includes(item) || context.items.has(item) || context.place.values?.has(item) === true) return context.fail(variable!, { message: `The name ${item} is taken.`, fix: "Choose another name for the item." });
  if (context.items.size >= DEPTH_MAX) return context.fail(node, { message: `${name} stands inside more than one other.`, fix: "Keep what you ask for in a field of the record." });
  const list = context.compile(receiver, context);
  if (list === null) return null;
  const type = itemType(list.type);
  if (type === null) return context.fail(receiver, { message: `${sourceOf(receiver)} is ${describeType(list.type)}, not a list.`, fix: `${name} takes a list of the record's own.` });
  const inside: CelContext = { ...context, items: new Map([...context.items, [item, { type, domain: list.domain }]]) };
  const condition = compileBool(body!, inside);
  return condition === null ? null : typed(node, context, { op: "quantify", quantifier: name, list: list.expression, variable: item, body: condition }, null);
}

function itemType(type: ExpressionType): ExpressionType | null {
  if (type.kind === "list") return type.item;
  return type.kind === "json" ? type : null;
}
