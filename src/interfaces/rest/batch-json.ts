// The JSON of an operation's body: which references it holds, and its text with what they stand for. Numbers stay what they are.
import { fault } from "../../base/error.ts";
import { parseReference, type Reference, type Resolve } from "./batch-reference.ts";

const MARK = "$ref";
/** A member that is meant to be called `$ref` has one more sign: `$$ref`; and so on. */
const ESCAPED = /^\$+\$ref$/;

/** All references of a body. Throws VALIDATION_FAILED. */
export function referencesIn(value: unknown): Reference[] {
  if (typeof value !== "object" || value === null) return [];
  if (!Array.isArray(value) && Object.hasOwn(value, MARK)) return [referenceOf(value)];
  return Object.values(value).flatMap(referencesIn);
}

/**
 * JSON text, at most `lengthMax` long: a short body may refer to long answers many times. `value` is parsed JSON, with bigints for
 * integers that no double holds. Throws BODY_TOO_LARGE and what `resolve` throws.
 */
export function bodyText(value: unknown, resolve: Resolve, lengthMax: number): string {
  const writer = new Writer(resolve, lengthMax);
  writer.write(value, true);
  return writer.text;
}

class Writer {
  text = "";
  readonly #resolve: Resolve;
  readonly #lengthMax: number;

  constructor(resolve: Resolve, lengthMax: number) {
    this.#resolve = resolve;
    this.#lengthMax = lengthMax;
  }

  /** `refers`: it is the client's. What came out of an answer refers to nothing, whatever it looks like. */
  write(value: unknown, refers: boolean): void {
    if (typeof value === "bigint") this.#add(String(value));
    else if (Object.is(value, -0)) this.#add("-0");
    else if (typeof value !== "object" || value === null) this.#add(JSON.stringify(value));
    else if (Array.isArray(value)) this.#list(value, refers);
    else if (refers && Object.hasOwn(value, MARK)) this.write(this.#resolve(referenceOf(value)), false);
    else this.#object(value, refers);
  }

  #list(values: readonly unknown[], refers: boolean): void {
    values.forEach((value, index) => {
      this.#add(index === 0 ? "[" : ",");
      this.write(value, refers);
    });
    this.#add(values.length === 0 ? "[]" : "]");
  }

  #object(value: object, refers: boolean): void {
    const members = Object.entries(value);
    members.forEach(([name, item], index) => {
      this.#add(index === 0 ? "{" : ",");
      this.#add(`${JSON.stringify(refers && ESCAPED.test(name) ? name.slice(1) : name)}:`);
      this.write(item, refers);
    });
    this.#add(members.length === 0 ? "{}" : "}");
  }

  #add(text: string): void {
    this.text += text;
    if (this.text.length > this.#lengthMax) throw fault("BODY_TOO_LARGE", `With what its references stand for, the body is larger than ${this.#lengthMax} bytes.`, { where: "body" });
  }
}

function referenceOf(value: object): Reference {
  const text = (value as { readonly [MARK]: unknown })[MARK];
  const reference = typeof text === "string" ? parseReference(text) : null;
  if (reference !== null && Object.keys(value).length === 1) return reference;
  throw fault("VALIDATION_FAILED", "An object with $ref is a reference, and nothing else stands in it.", {
    where: "body", fix: 'Write {"$ref": "NAME/FIELD"}; a member that is called so is written $$ref.',
  });
}
