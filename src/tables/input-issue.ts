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

/** `known` are the names that the sender may hear of. */
export function unknownField(name: string, table: string, known: Iterable<string>): Issue {
  const near = didYouMean(name, known);
  return { path: name, code: "UNKNOWN_FIELD", message: near === null ? `${name} is not a field of ${table}.` : `${name} is not a field of ${table}; did you mean ${near}?` };
}

export function relationInput({ name, relation }: Field): Issue {
  const instead = relation?.kind === "one" ? `set ${relation.from} instead` : `write the records of ${relation?.table ?? "the other table"} themselves`;
  return { path: name, code: "RELATION", message: `${name} is a relation and cannot be written; ${instead}.` };
}

export function missing(name: string): Issue {
  return { path: name, code: "REQUIRED", message: `${name} is required.` };
}
