// What a callable takes: its declared arguments and, with `@page`, those that the directive brings.
import type { Callable, InputField } from "./catalog.ts";
import { noLimits } from "./coerce-value.ts";

export function inputsOf(callable: Callable): ReadonlyMap<string, InputField> {
  if (!callable.page) return callable.arguments;
  return new Map([
    ...callable.arguments,
    ["limit", pageArgument(callable, "limit", "Rows at most.")],
    ["after", pageArgument(callable, "after", "The cursor of Ambit-Next-Cursor: goes on after the last row of the page before.")],
  ]);
}

function pageArgument({ position }: Callable, name: "limit" | "after", description: string): InputField {
  const isCount = name === "limit";
  return {
    name, description, position, defaultValue: undefined, limits: isCount ? { ...noLimits, range: { min: 0, max: null } } : noLimits,
    type: { kind: "scalar", name: isCount ? "Int" : "String", list: false, required: false, itemRequired: false },
  };
}
