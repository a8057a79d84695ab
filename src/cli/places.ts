// Where an app keeps its data, as words and flags say.
import { join, resolve } from "node:path";
import type { Call } from "./command.ts";

/** `--data`, else `.ambit/data` in the app's folder (the first word, or this one). */
export function dataDirectory(call: Call, directory = resolve(call.words[0] ?? ".")): string {
  const named = call.flag("data");
  return named === null ? join(directory, ".ambit", "data") : resolve(named);
}
