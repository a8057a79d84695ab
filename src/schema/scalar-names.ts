// The scalars of the language, as data, and which of them can do what.
import type { ScalarName } from "./catalog.ts";

export const scalarNames: readonly ScalarName[] = [
  "ID", "String", "Int", "Long", "Float", "Boolean", "DateTime", "Date", "Duration", "Money", "Decimal", "JSON", "Bytes", "Blob", "Vector",
];

export function isScalarName(name: string): name is ScalarName {
  return (scalarNames as readonly string[]).includes(name);
}

/** Have an order, so @range can bound them. */
export const orderedScalars: ReadonlySet<string> = new Set<ScalarName>(["Int", "Long", "Float", "DateTime", "Date", "Duration", "Money", "Decimal"]);

/** Free text: @length counts characters, @pattern matches. */
export const textScalars: ReadonlySet<string> = new Set<ScalarName>(["ID", "String"]);

/** Can be a primary key. */
export const keyScalars: ReadonlySet<string> = new Set<ScalarName>(["ID", "String", "Int", "Long"]);

/** Can stand in a B-tree index. */
export const indexableScalars: ReadonlySet<string> = new Set<ScalarName>([
  "ID", "String", "Int", "Long", "Float", "Boolean", "DateTime", "Date", "Duration", "Money", "Decimal",
]);
