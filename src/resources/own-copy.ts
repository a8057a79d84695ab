// What app code gets and what it hands in, as a copy: code may change what it holds at any time, and neither records in memory,
// nor a buffered write, nor a second run of the same body may notice.

/** Deeper input is refused by the write itself. */
const DEPTH_MAX = 1_000;

/** Lists, plain objects and dates inside it too, whether or not they form circles; anything else, of a class say, is itself. */
export function ownCopy<Given>(value: Given): Given {
  return copyOf(value, new Map(), DEPTH_MAX) as Given;
}

function copyOf(value: unknown, copies: Map<object, object>, depth: number): unknown {
  if (typeof value !== "object" || value === null || depth === 0) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (value instanceof Date) return new Date(value);
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    copies.set(value, list);
    for (const item of value as readonly unknown[]) list.push(copyOf(item, copies, depth - 1));
    return list;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && prototype !== Object.prototype) return value;
  const copy = Object.create(prototype) as object;
  copies.set(value, copy);
  for (const [name, item] of Object.entries(value)) {
    // An own property whatever its name: `__proto__` is one too.
    Object.defineProperty(copy, name, { value: copyOf(item, copies, depth - 1), enumerable: true, writable: true, configurable: true });
  }
  return copy;
}
