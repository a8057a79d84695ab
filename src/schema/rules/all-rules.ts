// Every rule of the schema, in the order of their files. A rule sees the same context as all others and reports all it finds.
import type { Rule } from "../compile-context.ts";

export const allRules: readonly Rule[] = [];
