// What can be wrong with the input of a write besides its values, as issues; and the problem that lists them.
import { didYouMean } from "../base/diagnostic.ts";
import { fault, type AmbitError } from "../base/error.ts";
import type { Field } from "../schema/catalog.ts";
import type { Issue } from "../schema/coerce-value.ts";

/** All issues in one problem. */
export function invalid(issues: readonly Issue[]): AmbitError {
  const first = issues[0]!;
  const more = issues.length === 1 ? "" : ` (and ${issues.length - 1} more)`;
  return fault("VALIDATION_FAILED", `${first.message}${more}`, { details: issues.map(({ path, code, message }) => ({ path, code, message })), where: first.path });
}

/** Longer names are nobody's misspelling and are not repeated. */
const NAME_LENGTH_MAX = 100;

/** `known` are the names that the sender may hear of. */
export function unknownField(name: string, table: string, known: Iterable<string>): Issue {
  const path = name.length > NAME_LENGTH_MAX ? `${name.slice(0, NAME_LENGTH_MAX).toWellFormed()}…` : name;
  const near = path === name ? didYouMean(name, known) : null;
  return { path, code: "UNKNOWN_FIELD", message: near === null ? `${path} is not a field of ${table}.` : `${path} is not a field of ${table}; did you mean ${near}?` };
}

export function relationInput({ name, relation }: Field): Issue {
  const instead = relation?.kind === "one" ? `set ${relation.from} instead` : `write the records of ${relation?.table ?? "the other table"} themselves`;
  return { path: name, code: "RELATION", message: `${name} is a relation and cannot be written; ${instead}.` };
}

export function missing(name: string): Issue {
  return { path: name, code: "REQUIRED", message: `${name} is required.` };
}
