// References of a batch: `{"$ref": "order/id"}` in a body, `{order/id}` in a path or for the whole value of a comparison. What they
// stand for comes out of an answer as the caller got it, and goes in as one value: never as more of a path, a query or an object.
import { fault } from "../../base/error.ts";

/** `NAME/TOKEN/TOKEN`: the name of an operation, then a JSON pointer (RFC 6901) into its answer. */
export interface Reference {
  readonly text: string;
  readonly name: string;
  readonly tokens: readonly string[];
}

/** What stands for the answers so far; throws UNKNOWN_REFERENCE. */
export type Resolve = (reference: Reference) => unknown;

export const REFERENCE_NAME = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/** Null: no reference can look like this. */
export function parseReference(text: string): Reference | null {
  const [name = "", ...tokens] = text.split("/");
  if (!REFERENCE_NAME.test(name) || tokens.some((token) => /~(?![01])/.test(token))) return null;
  return { text, name, tokens: tokens.map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~")) };
}

/** Follows the pointer. In a list of one item its fields may be named at once: a list has none of its own. */
export function follow({ text, tokens }: Reference, answer: unknown): unknown {
  let value = answer;
  for (const token of tokens) {
    if (Array.isArray(value) && !/^(?:0|[1-9][0-9]*)$/.test(token)) {
      if (value.length !== 1) throw unknownReference(text, `its list has ${value.length} items`);
      value = value[0];
    }
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, token)) throw unknownReference(text, "its answer has nothing there");
    value = (value as { readonly [key: string]: unknown })[token];
  }
  return value;
}

/** For a path or a query. */
export function referenceText(reference: Reference, resolve: Resolve): string {
  const value = resolve(reference);
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean") return String(value);
  throw unknownReference(reference.text, value === null ? "it is null" : "it is no single value");
}

export function unknownReference(text: string, reason: string): Error {
  return fault("UNKNOWN_REFERENCE", `${text.slice(0, 100)} leads nowhere: ${reason}.`, { details: { reference: text.slice(0, 100) } });
}
