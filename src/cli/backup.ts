// `ambit backup`: a consistent, checked copy of an app's data, while the app runs or not. The copy is made by this process, over a
// connection that only reads, so that a running app goes on serving meanwhile.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fault } from "../base/error.ts";
import { backupDatabase } from "../storage/backup.ts";
import type { Call, Command } from "./command.ts";
import { dataDirectory } from "./places.ts";

export const backupCommand: Command = {
  name: "backup",
  usage: "FILE [DIR] [--data DIR]",
  summary: "A checked copy of the data in FILE, also while the app runs.",
  words: { min: 1, max: 2 },
  flags: { data: { value: "DIR", help: "The data directory, if the app was started with another one." } },
  async run(call) {
    const file = resolve(call.words[0]!);
    const { position, bytes } = await backupDatabase(dataFileOf(call), file);
    call.output.object({ event: "backed-up", file, position, bytes });
    call.output.say(`${file} has the data up to position ${position} (${bytes} bytes, checked).`);
    return 0;
  },
};

/** Of the app that a word names, the second one. Throws USAGE where there are no data. */
export function dataFileOf(call: Call, word = 1): string {
  const directory = dataDirectory(call, resolve(call.words[word] ?? "."));
  const file = join(directory, "data.db");
  if (!existsSync(file)) throw fault("USAGE", `There are no data in ${directory}.`, { fix: "Name the app's folder, or its data directory with --data." });
  return file;
}
