// Opens the data directory named by its argument, says so, and keeps it until it is killed or its test has ended.
import { writeSync } from "node:fs";
import { systemClock } from "../../base/clock.ts";
import { defaultLimits } from "../../base/limits.ts";
import { openStorage } from "../open-storage.ts";

try {
  openStorage({ directory: process.argv[2]!, limits: defaultLimits, clock: systemClock(), onFatal: () => process.exit(1) });
  writeSync(1, "open\n");
} catch (error) {
  writeSync(1, `${(error as { code?: string }).code ?? String(error)}\n`);
  process.exit(1);
}
setTimeout(() => process.exit(1), 10_000);
