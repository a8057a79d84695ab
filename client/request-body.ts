// Values of the app as JSON on the wire: bigints as text, bytes in base64, times in UTC.
import { base64 } from "./condition-text.ts";

export function bodyText(body: unknown): string {
  return JSON.stringify(wireJson(body));
}

/** What stands for a value that an earlier operation of the same batch gives. */
export class Reference {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }
}

/** In a body of `POST /batch`, where `$ref` says something: a member that is called so is written with one more sign. */
export function batchBody(value: unknown): unknown {
  if (value instanceof Reference) return { $ref: value.path };
  const plain = wireItem(value);
  if (Array.isArray(plain)) return plain.map(batchBody);
  if (typeof plain !== "object" || plain === null) return plain;
  return Object.fromEntries(Object.entries(plain).map(([name, item]) => [/^\$+ref$/.test(name) ? `$${name}` : name, batchBody(item)]));
}

/** The same as a value that JSON can hold. */
export function wireJson(value: unknown): unknown {
  const plain = wireItem(value);
  if (Array.isArray(plain)) return plain.map(wireJson);
  if (typeof plain !== "object" || plain === null) return plain;
  return Object.fromEntries(Object.entries(plain).map(([name, item]) => [name, wireJson(item)]));
}

function wireItem(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return base64(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Reference) throw new TypeError("A reference to another operation counts in its batch only.");
  return value;
}
