// The filter operators by name, and what kind of operand each takes. The same for REST and code; nothing is evaluated here.

/**
 * compare: one value of the field's type. pattern: a text. list: values of the field's type. state: null, not_null, true,
 * false, unknown. words: a full-text query. set: several values, or JSON.
 */
export type OperandKind = "compare" | "pattern" | "list" | "state" | "words" | "set";

const kinds = {
  eq: "compare", neq: "compare", gt: "compare", gte: "compare", lt: "compare", lte: "compare", isdistinct: "compare",
  like: "pattern", ilike: "pattern", match: "pattern", imatch: "pattern",
  in: "list",
  is: "state",
  fts: "words", plfts: "words", phfts: "words", wfts: "words",
  cs: "set", cd: "set", ov: "set",
} as const satisfies Readonly<Record<string, OperandKind>>;

export type Operator = keyof typeof kinds;

export const operatorNames: readonly string[] = Object.keys(kinds);

export function isOperator(name: string): name is Operator {
  return Object.hasOwn(kinds, name);
}

export function operandKind(operator: Operator): OperandKind {
  return kinds[operator];
}

/** True if the operator may be followed by `(any)` or `(all)`. */
export function isQuantifiable(operator: Operator): boolean {
  return operandKind(operator) === "pattern" || (operandKind(operator) === "compare" && operator !== "isdistinct");
}

export const states = ["null", "not_null", "true", "false", "unknown"] as const;
export type State = (typeof states)[number];

/** PostgreSQL's names of text search configurations. Accepted after fts operators; tokens are the same in each. */
export const textLanguages: ReadonlySet<string> = new Set([
  "simple", "arabic", "armenian", "basque", "catalan", "danish", "dutch", "english", "estonian", "finnish", "french", "german", "greek",
  "hindi", "hungarian", "indonesian", "irish", "italian", "lithuanian", "nepali", "norwegian", "portuguese", "romanian", "russian",
  "serbian", "spanish", "swedish", "tamil", "turkish", "yiddish",
]);
