// @allow and @check of the Catalog, and CEL sources with their places.
import type { ConstValueNode, StringValueNode } from "graphql";
import { Kind } from "graphql/language/kinds";
import type { AllowRule, Cel, CheckRule, Verb } from "./catalog.ts";
import { argumentNode, textOf, textsOf, usesOf, type DirectiveHolder, type DirectiveUse } from "./declarations.ts";
import { endOf, positionAt, startOf, type SourceText } from "./source-text.ts";

/** Sound uses only. */
export function allowRules(holder: DirectiveHolder, source: SourceText): AllowRule[] {
  return usesOf(holder, "allow").filter((use) => use.values !== null).map((use) => ({
    to: textsOf(use, "to") ?? [],
    do: (textsOf(use, "do") ?? []) as readonly Verb[],
    where: celOf(use, "where", source),
    on: grantPath(use),
    position: positionAt(source, startOf(use.node)),
  }));
}

/** Steps of @allow(on); none for `record`. */
export function grantPath(use: DirectiveUse): readonly string[] | null {
  const on = textOf(use, "on");
  return on === undefined ? null : on === "record" ? [] : on.split(".");
}

export function checkRules(holder: DirectiveHolder, field: string | null, source: SourceText): CheckRule[] {
  return usesOf(holder, "check").flatMap((use) => {
    const rule = celOf(use, "rule", source);
    return rule === null ? [] : [{ rule, message: textOf(use, "message") ?? null, field }];
  });
}

/** The CEL of an argument; null where the argument is absent or wrong. */
export function celOf(use: DirectiveUse | undefined, argument: string, source: SourceText): Cel | null {
  const node = use === undefined ? undefined : argumentNode(use, argument)?.value;
  return textOf(use, argument) === undefined || node?.kind !== Kind.STRING ? null : textCel(node, source);
}

/** The CEL of a text. */
export function textCel(node: StringValueNode, source: SourceText): Cel {
  const text = node.value;
  const start = textStart(node, source);
  const raw = source.text.slice(start, endOf(node) - (source.text.startsWith('"""', startOf(node)) ? 3 : 1));
  return { source: text, position: positionAt(source, start), ...(raw === text ? {} : { raw }) };
}

/** Offset of the first character inside the quotes; of a block string, the first that is no blank. */
function textStart(node: ConstValueNode, source: SourceText): number {
  const start = startOf(node);
  if (!source.text.startsWith('"""', start)) return start + 1;
  const inside = start + 3;
  return inside + (/^\s*/.exec(source.text.slice(inside))?.[0].length ?? 0);
}
