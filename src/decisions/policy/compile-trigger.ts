// One @on: its standing query, its condition and the arguments that it gives, compiled over the record that changes. What it takes to tell that a
// record enters must lie in the record itself: it is told within the commit that changes it.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { celDiagnostic, type CelPlace } from "../../expression/cel-context.ts";
import { compileCel } from "../../expression/cel-compile.ts";
import { compileCelMap } from "../../expression/cel-map.ts";
import type { Expected } from "../../expression/cel-convert.ts";
import type { Expression } from "../../expression/expression.ts";
import { typeOfField } from "../../expression/field-type.ts";
import { isLocal, isOfRowAlone } from "../../expression/inspect.ts";
import type { Plan } from "../../query/plan.ts";
import type { Callable, Cel } from "../../schema/catalog.ts";
import type { ChangeTrigger } from "../../schema/decision.ts";
import type { DecisionParts } from "./compile-decision.ts";
import type { CompiledTrigger } from "./compiled-decision.ts";
import { compileQuery } from "./compile-query.ts";
import { readsUntrusted } from "./untrusted-reads.ts";

interface TriggerParts extends DecisionParts { readonly callable: Callable }

/** Null with diagnostics. */
export function compileTrigger(declaration: ChangeTrigger, parts: TriggerParts): { readonly trigger: CompiledTrigger | null; readonly diagnostics: readonly Diagnostic[] } {
  const diagnostics: Diagnostic[] = [];
  const trigger = compile(declaration, parts, diagnostics);
  return { trigger: diagnostics.length > 0 ? null : trigger, diagnostics };
}

function compile({ change, when, input }: ChangeTrigger, parts: TriggerParts, diagnostics: Diagnostic[]): CompiledTrigger | null {
  const { catalog, book, callable } = parts;
  const empty: CelPlace = { catalog, rows: new Map(), auth: false, input: null, absent: { record: "The query is about all records.", auth: "Nobody asks: a change does.", input: "The arguments come from the record." } };
  const { query, diagnostics: found } = compileQuery(change, { ...parts, cel: empty, takesArguments: false, hidesSecrets: false, maxRows: 1 });
  diagnostics.push(...found);
  if (query === null) return null;
  const { plan, table } = query;
  if (query.id !== null || isMore(plan) || (plan.filter !== null && !isOfRowAlone(plan.filter, book))) {
    diagnostics.push(celDiagnostic(change.text, whole(change.text), { code: "DECISION_QUERY", message: "@on takes more than the record to tell that it enters.", why: "It is told within the commit that changes the record.", fix: `Filter by ${table.name}'s own fields alone: ${table.name}?FIELD=eq.VALUE.` }));
    return null;
  }
  const place: CelPlace = { ...empty, rows: new Map([["record", table], ["previous", table]]) };
  const own = (cel: Cel, expression: Expression): Expression => {
    if (!isLocal(expression, book)) diagnostics.push(celDiagnostic(cel, whole(cel), { message: "@on sees the record that changes, and no other.", fix: "Give its id as an argument, and load what belongs to it with @context." }));
    return expression;
  };
  const condition = when === null ? null : compileCel(when, place, { type: { kind: "bool" }, domain: null, what: "The condition" });
  diagnostics.push(...condition?.diagnostics ?? []);
  const values = new Map<string, Expression>();
  if (input !== null) {
    const { entries, diagnostics: wrong } = compileCelMap(input, place, new Map([...callable.arguments].map(([name, { type }]): [string, Expected] => [name, { type: typeOfField(type, catalog), domain: type.kind === "enum" ? { kind: "enum", name: type.name } : null, what: `${callable.name}.${name}` }])));
    diagnostics.push(...wrong);
    for (const [name, expression] of entries) values.set(name, own(input, expression));
    for (const { name, type, defaultValue } of callable.arguments.values()) {
      if (!type.required || defaultValue !== undefined || values.has(name) || wrong.length > 0) continue;
      diagnostics.push(celDiagnostic(input, whole(input), { code: "EVERY_INPUT", message: `@on of ${callable.name} gives no ${name}.`, why: "Nobody else could give the required argument.", fix: `Add "${name}" to the map.` }));
    }
  }
  // Labels do not follow values through arguments; here it is known where they come from.
  return {
    table, filter: plan.filter, when: condition === null || condition.expression === null ? null : own(when!, condition.expression), input: values,
    isUntrusted: [...values].some(([name, expression]) => callable.arguments.get(name)?.limits.untrusted !== true && readsUntrusted(expression, { catalog, book })),
  };
}

function isMore({ grouped, search, similar, near, offset }: Plan): boolean {
  return grouped || search !== null || similar !== null || near !== null || offset > 0;
}

function whole({ source }: Cel): { readonly start: number; readonly end: number } {
  return { start: 0, end: source.length };
}
