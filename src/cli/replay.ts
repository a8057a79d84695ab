// `ambit replay`: a past decision gone through again from its record, over the files of the app as they are now. No model is asked.
import { resolve } from "node:path";
import { decisions } from "#decisions";
import { fault } from "../base/error.ts";
import { isError, loadApp } from "../runtime/load-app.ts";
import { withDataFile } from "../storage/backup.ts";
import { dataFileOf } from "./backup.ts";
import type { Command } from "./command.ts";

export const replayCommand: Command = {
  name: "replay",
  usage: "RUN [DIR] [--data DIR]",
  summary: "A past decision again from its record: same verdicts, same bytes.",
  words: { min: 1, max: 2 },
  flags: { data: { value: "DIR", help: "The data directory, if the app was started with another one." } },
  async run(call) {
    const [run] = call.words;
    const tools = decisions.audit;
    if (tools === null) throw fault("USAGE", "This server was built without decisions.");
    const loaded = await loadApp(resolve(call.words[1] ?? "."), { environment: call.environment, typeCheck: false });
    if (loaded.diagnostics.some(isError)) {
      call.output.diagnostics(loaded.diagnostics);
      return 1;
    }
    const replay = withDataFile(dataFileOf(call), (connection) => tools.replay(connection, run!, loaded));
    if (replay === null) throw fault("NOT_FOUND", `There is no run ${run}.`);
    call.output.object({ event: "replayed", ...replay });
    call.output.say([replay.outcome, ...replay.differences.map((one) => `${one}.`)].join("\n"));
    return replay.outcome === "DIFFERS" ? 1 : 0;
  },
};
