// JSON Merge Patch (RFC 7396) on raw, prototype-free values. Validation comes after.
import { isPlainObject } from "../schema/coerce-scalar.ts";

/** `target` with `patch` merged in; neither is changed. Members of the patch that are null are removed. */
export function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isPlainObject(patch)) return patch;
  const merged = Object.create(null) as { [key: string]: unknown };
  if (isPlainObject(target)) for (const key of Object.keys(target)) merged[key] = target[key];
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === undefined) continue;
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  }
  return merged;
}
