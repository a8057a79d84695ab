// `columns=`: which keys of a body count.
import type { RawInput } from "../../tables/write.ts";

/** Only the columns named count; what a row leaves out of them is null, as in PostgREST, or with `missingLeftOut` left out. `columns` null: all. */
export function pickColumns(input: RawInput, columns: readonly string[] | null, missingLeftOut: boolean): RawInput {
  if (columns === null) return input;
  const picked = Object.create(null) as { [field: string]: unknown };
  for (const column of columns) {
    if (Object.hasOwn(input, column)) picked[column] = input[column];
    else if (!missingLeftOut) picked[column] = null;
  }
  return picked;
}
