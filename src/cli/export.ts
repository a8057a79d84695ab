// `ambit export`: all records as NDJSON or as an SQL script, of one moment, while the app runs or not. Reads only.
import { resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { dateTimeOf } from "../base/date-time.ts";
import { didYouMean } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import { EXPORT_FORMATS, exportData, type ExportFormat } from "../runtime/export-data.ts";
import { loadCatalog } from "../runtime/load-catalog.ts";
import { isError } from "../runtime/load-app.ts";
import { dataFileOf } from "./backup.ts";
import type { Call, Command } from "./command.ts";

export const exportCommand: Command = {
  name: "export",
  usage: "TARGET [DIR] [--format ndjson|sqlite|postgres] [--data DIR]",
  summary: "All records: NDJSON in a folder, or an SQL script in a file.",
  words: { min: 1, max: 2 },
  flags: {
    format: { value: "FORMAT", help: "ndjson (default): a file for each table. sqlite, postgres: one SQL script." },
    data: { value: "DIR", help: "The data directory, if the app was started with another one." },
  },
  async run(call) {
    const format = formatOf(call);
    const target = resolve(call.words[0]!);
    const loaded = await loadCatalog(resolve(call.words[1] ?? "."), call.environment);
    if (loaded.diagnostics.some(isError)) {
      call.output.diagnostics(loaded.diagnostics);
      return 1;
    }
    const { position, records } = exportData({ dataFile: dataFileOf(call), catalog: loaded.catalog, target, format, now: dateTimeOf(systemClock().now()) });
    call.output.object({ event: "exported", target, format, position, records });
    const count = Object.values(records).reduce((sum, one) => sum + one, 0);
    call.output.say(`${target} has ${count} records of ${Object.keys(records).length} tables, up to position ${position}.`);
    return 0;
  },
};

function formatOf(call: Call): ExportFormat {
  const name = call.flag("format") ?? "ndjson";
  const known = EXPORT_FORMATS.find((format) => format === name);
  if (known !== undefined) return known;
  const meant = didYouMean(name, EXPORT_FORMATS);
  throw fault("USAGE", `There is no format ${name}.${meant === null ? "" : ` Did you mean ${meant}?`}`, { fix: `Use one of: ${EXPORT_FORMATS.join(", ")}.` });
}
