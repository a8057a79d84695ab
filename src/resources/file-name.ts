// The name under which somebody brought a file: shown and offered when it is saved, never a path of ours.
import { fault } from "../base/error.ts";
import { isWellFormedText } from "../base/text.ts";

const LENGTH_MAX = 255;

/** Throws VALIDATION_FAILED for what no file should be called. */
export function checkedFileName(name: string | null): string | null {
  if (name === null || name === "") return null;
  if (isFileName(name)) return name;
  throw fault("VALIDATION_FAILED", `The name of a file has at most ${LENGTH_MAX} characters, no slashes and no control characters.`, { where: "name" });
}

/** Of code: what is no such name is left out. */
export function usableFileName(name: string | undefined): string | null {
  return name !== undefined && isFileName(name) ? name : null;
}

function isFileName(name: string): boolean {
  return name !== "" && name !== "." && name !== ".." && name.length <= LENGTH_MAX && isWellFormedText(name) && !/[\p{Cc}\p{Bidi_Control}/\\\u2028\u2029]/u.test(name);
}
