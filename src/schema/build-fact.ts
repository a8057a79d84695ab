// A predicate of `type Facts`: what is posted of it, and by whom. It is no call of its own; memory is written and read as a whole.
import { buildInputField } from "./build-objects.ts";
import { commonParts } from "./build-callable.ts";
import type { Callable, InputField } from "./catalog.ts";
import type { CompileContext } from "./compile-context.ts";
import type { DeclaredField } from "./declarations.ts";
import { noLimits } from "./no-limits.ts";

export function buildFact(field: DeclaredField, context: CompileContext): Callable {
  const parts = commonParts(field, context);
  const value: InputField = { ...buildInputField(field, context), name: "value" };
  const about: InputField = {
    name: "about", description: null, position: parts.position, type: { kind: "scalar", name: "ID", list: false, required: true, itemRequired: false }, defaultValue: undefined, limits: noLimits,
  };
  return { ...parts, kind: "fact", table: null, on: "TABLE", transaction: "NONE", http: null, result: value.type, arguments: new Map([["about", about], ["value", value]]) };
}
