// CEL to a map, `{"amount": 100, "reason": "capped"}` or `{amount: 100}`: each entry an expression of its own, of the type that its name has.
import { didYouMean, type Diagnostic } from "../base/diagnostic.ts";
import type { Cel } from "../schema/catalog.ts";
import { parseCel, type CelNode } from "./cel-ast.ts";
import { celDiagnostic, type CelPlace } from "./cel-context.ts";
import { compileCel } from "./cel-compile.ts";
import type { Expected } from "./cel-convert.ts";
import type { Expression } from "./expression.ts";

export interface CompiledMap {
  readonly entries: ReadonlyMap<string, Expression>;
  readonly diagnostics: readonly Diagnostic[];
}

/** `expected`: by name, all that there may be. */
export function compileCelMap(cel: Cel, place: CelPlace, expected: ReadonlyMap<string, Expected>): CompiledMap {
  const { node, problem } = parseCel(cel.source);
  const whole = { start: 0, end: cel.source.length };
  if (problem !== null) return { entries: new Map(), diagnostics: [celDiagnostic(cel, problem, { message: problem.message, fix: "Correct the syntax of the expression." })] };
  if (node.op !== "map") return { entries: new Map(), diagnostics: [celDiagnostic(cel, whole, { message: "This is no map.", fix: "Write {NAME: VALUE, ...}." })] };
  const entries = new Map<string, Expression>();
  const diagnostics: Diagnostic[] = [];
  for (const [key, value] of node.args) {
    const name = nameOf(key);
    const type = name === null ? undefined : expected.get(name);
    if (name === null || type === undefined) {
      const near = name === null ? null : didYouMean(name, expected.keys());
      diagnostics.push(celDiagnostic(cel, key, { message: `The map names ${name ?? "nothing"}, which does not exist.`, fix: near === null ? `Use one of: ${[...expected.keys()].join(", ")}.` : `Did you mean ${near}?` }));
      continue;
    }
    const compiled = compileCel(partOf(cel, value), place, type);
    diagnostics.push(...compiled.diagnostics);
    if (compiled.expression !== null) entries.set(name, compiled.expression);
  }
  return { entries, diagnostics };
}

function nameOf(key: CelNode): string | null {
  if (key.op === "id") return key.args;
  return key.op === "value" && typeof key.args === "string" ? key.args : null;
}

/** Blanks stand for what comes before, so that places are those of the whole. */
function partOf(cel: Cel, { start, end }: CelNode): Cel {
  return { ...cel, source: cel.source.slice(0, start).replace(/[^\n]/g, " ") + cel.source.slice(start, end) };
}
