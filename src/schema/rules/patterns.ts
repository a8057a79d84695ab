// ARGUMENT_VALUE: the regular expression of each @pattern compiles.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { patternProblem } from "../../base/pattern.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, textOf, useOf } from "../declarations.ts";

export function patterns(context: CompileContext): Diagnostic[] {
  return context.fields.flatMap((field) => {
    const use = useOf(field, "pattern");
    const regex = textOf(use, "regex");
    const problem = regex === undefined ? null : patternProblem(regex);
    if (use === undefined || problem === null) return [];
    return [diagnose(context, {
      code: "ARGUMENT_VALUE", at: argumentNode(use, "regex")?.value ?? use.node, message: `@pattern of ${describeField(field)} does not compile: ${problem}`,
      why: "Patterns are searched in linear time, so they have RE2's syntax: no look-around and no back-references.", fix: "Correct the expression; in SDL a backslash is written twice.",
    })];
  });
}
