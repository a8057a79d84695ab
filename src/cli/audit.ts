// `ambit audit`: the log of decisions of a data file, whose app runs or not, held against itself and against checkpoints kept elsewhere.
import { readFileSync } from "node:fs";
import { decisions } from "#decisions";
import { fault } from "../base/error.ts";
import type { AuditTools } from "../runtime/decisions-module.ts";
import { withDataFile } from "../storage/backup.ts";
import { dataFileOf } from "./backup.ts";
import type { Call, Command } from "./command.ts";

export const auditCommand: Command = {
  name: "audit",
  usage: "verify [DIR] [--checkpoint FILE] [--key VERIFIER] [--data DIR]",
  summary: "Checks the log of decisions, and names the first bad record.",
  words: { min: 1, max: 2 },
  flags: {
    checkpoint: { value: "FILE", help: "Checkpoints that were kept elsewhere." },
    key: { value: "VERIFIER", help: "Who signs them, as NAME+HASH+KEY; else what the data say themselves.", repeatable: true },
    data: { value: "DIR", help: "The data directory, if the app was started with another one." },
  },
  async run(call) {
    const [verb] = call.words;
    if (verb === "verify") return verify(call, auditTools());
    throw fault("USAGE", `There is no ambit audit ${verb}.`, { fix: "ambit audit verify" });
  },
};

function auditTools(): AuditTools {
  if (decisions.audit === null) throw fault("USAGE", "This server was built without decisions.");
  return decisions.audit;
}

function verify(call: Call, tools: AuditTools): number {
  const file = call.flag("checkpoint");
  const verifiers = call.flags("key");
  const options = { notes: file === null ? null : notesIn(file), verifiers: verifiers.length === 0 ? null : verifiers };
  const found = withDataFile(dataFileOf(call), (connection) => tools.verify(connection, options));
  const { records, checkpoints, erased, problem } = found;
  call.output.object({ event: "verified", ok: problem === null, ...found });
  if (problem !== null) call.output.say(problem.message);
  else call.output.say(`${records} records agree with ${checkpoints} checkpoints${erased === 0 ? "" : `; ${erased} payloads are erased`}.${file === null ? " Nothing was compared that is kept elsewhere: --checkpoint FILE." : ""}`);
  return problem === null ? 0 : 1;
}

function notesIn(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw fault("USAGE", `${file} cannot be read.`, { fix: "Name a file that audit.export has written.", cause: error });
  }
}
