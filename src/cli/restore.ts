// `ambit restore`: puts a backup in the place of an app's data, which are kept aside. Never while the app runs.
import { resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { restoreDatabase } from "../storage/restore.ts";
import type { Command } from "./command.ts";
import { dataDirectory } from "./places.ts";

export const restoreCommand: Command = {
  name: "restore",
  usage: "FILE [DIR] [--data DIR]",
  summary: "Puts a backup in the place of the data, which are kept aside.",
  words: { min: 1, max: 2 },
  flags: { data: { value: "DIR", help: "The data directory, if the app is started with another one." } },
  async run(call) {
    const directory = dataDirectory(call, resolve(call.words[1] ?? "."));
    const { position, epoch, kept } = restoreDatabase({ backup: resolve(call.words[0]!), directory, nowMs: systemClock().now() });
    call.output.object({ event: "restored", directory, position, epoch, kept });
    call.output.say(`${directory} has the data of the backup, up to position ${position}.`);
    if (kept !== null) call.output.say(`What was there is kept in ${kept}; ambit restore takes it back.`);
    return 0;
  },
};
