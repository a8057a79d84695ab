// Kleene's logic, as the design says it: a comparison with null is unknown (null), unknown denies.

export type Truth = boolean | null;

export function equal(left: unknown, right: unknown): Truth {
  return isAbsent(left) || isAbsent(right) ? null : left === right;
}

export function unequal(left: unknown, right: unknown): Truth {
  return not(equal(left, right));
}

export function not(operand: Truth): Truth {
  return operand === null ? null : !operand;
}

export function both(...operands: readonly Truth[]): Truth {
  return operands.includes(false) ? false : operands.includes(null) ? null : true;
}

export function either(...operands: readonly Truth[]): Truth {
  return operands.includes(true) ? true : operands.includes(null) ? null : false;
}

function isAbsent(value: unknown): boolean {
  return value === null || value === undefined;
}
