// The JSON of an operation's body: which references it holds, and its text with what they stand for. Numbers stay what they are.
import { fault } from "../../base/error.ts";
import { parseReference, type Reference, type Resolve } from "./batch-reference.ts";

const MARK = "$ref";
/** A member that is meant to be called `$ref` has one more sign for each: `$$ref`. */
const ESCAPED = /^\$+\$ref$/;

/** All references of a body. Throws VALIDATION_FAILED. */
export function referencesIn(value: unknown): Reference[] {
  const found: Reference[] = [];
  write(value, (reference) => {
    found.push(reference);
    return null;
  });
  return found;
}

/** JSON text. `value` is parsed JSON, with bigints for integers that no double holds. */
export function bodyText(value: unknown, resolve: Resolve): string {
  return write(value, resolve);
}

function write(value: unknown, resolve: Resolve): string {
  if (typeof value === "bigint") return String(value);
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item: unknown) => write(item, resolve)).join(",")}]`;
  if (Object.hasOwn(value, MARK)) return writePlain(resolve(referenceOf(value)));
  const members = Object.entries(value).map(([name, item]) => `${JSON.stringify(ESCAPED.test(name) ? name.slice(1) : name)}:${write(item, resolve)}`);
  return `{${members.join(",")}}`;
}

/** What came out of an answer refers to nothing, whatever it looks like. */
function writePlain(value: unknown): string {
  if (typeof value === "bigint") return String(value);
  if (Object.is(value, -0)) return "-0";
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(writePlain).join(",")}]`;
  return `{${Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}:${writePlain(item)}`).join(",")}}`;
}

function referenceOf(value: object): Reference {
  const text = (value as { readonly [MARK]: unknown })[MARK];
  const reference = typeof text === "string" ? parseReference(text) : null;
  if (reference !== null && Object.keys(value).length === 1) return reference;
  throw fault("VALIDATION_FAILED", "An object with $ref is a reference, and nothing else stands in it.", {
    where: "body", fix: 'Write {"$ref": "NAME/FIELD"}; a member that is called so is written $$ref.',
  });
}
