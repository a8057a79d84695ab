// The tree of a full-text query, whatever syntax it was written in. Only its shape; no parsing, no matching.

/** A phrase may be one word. `prefix`: its last word is only the beginning of one. */
export type TextQuery =
  | { readonly kind: "phrase"; readonly tokens: readonly string[]; readonly prefix: boolean }
  | { readonly kind: "and" | "or"; readonly operands: readonly TextQuery[] }
  | { readonly kind: "not"; readonly operand: TextQuery };

/** Null when there is no token. */
export function phrase(tokens: readonly string[], prefix: boolean): TextQuery | null {
  return tokens.length === 0 ? null : { kind: "phrase", tokens, prefix };
}

/** Operands without words vanish; null when all did. */
export function joined(kind: "and" | "or", operands: readonly (TextQuery | null)[]): TextQuery | null {
  const present = operands.filter((operand) => operand !== null);
  return present.length > 1 ? { kind, operands: present } : present[0] ?? null;
}

export function negated(operand: TextQuery | null): TextQuery | null {
  return operand === null ? null : { kind: "not", operand };
}
