// `ambit audit`: the log of decisions of a data file, whose app runs or not: held against itself and against what was kept elsewhere, or written to a
// file that is kept there.
import { closeSync, fsyncSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { decisions } from "#decisions";
import { fault } from "../base/error.ts";
import type { AuditTools } from "../runtime/decisions-module.ts";
import { withDataFile } from "../storage/backup.ts";
import { dataFileOf } from "./backup.ts";
import { wholeNumber, type Call, type Command } from "./command.ts";

export const auditCommand: Command = {
  name: "audit",
  usage: "verify [DIR]|export FILE [DIR]",
  summary: "Checks the log of decisions and names the first bad record; exports it.",
  words: { min: 1, max: 3 },
  flags: {
    checkpoint: { value: "FILE", help: "Checkpoints that were kept elsewhere." },
    key: { value: "VERIFIER", help: "Who signs them, as NAME+HASH+KEY; else what the data say themselves.", repeatable: true },
    leaves: { value: "FILE", help: "verify: what export has written before." },
    from: { value: "N", help: "export: from this record on. Default: 0, all." },
    data: { value: "DIR", help: "The data directory, if the app was started with another one." },
  },
  async run(call) {
    const [verb] = call.words;
    if (verb === "verify" && call.words.length <= 2) return verify(call, auditTools());
    if (verb === "export" && call.words.length >= 2) return exportTo(call, call.words[1]!, auditTools());
    throw fault("USAGE", verb === "verify" ? "One word too many." : verb === "export" ? "A file is missing." : `There is no ambit audit ${verb}.`, { fix: verb === "export" ? "ambit audit export FILE [DIR]" : "ambit audit verify [DIR]" });
  },
};

function auditTools(): AuditTools {
  if (decisions.audit === null) throw fault("USAGE", "This server was built without decisions.");
  return decisions.audit;
}

function verify(call: Call, tools: AuditTools): number {
  const file = call.flag("checkpoint");
  const verifiers = call.flags("key");
  const leaves = call.flag("leaves");
  const options = { notes: file === null ? null : notesIn(file), verifiers: verifiers.length === 0 ? null : verifiers, leaves: leaves === null ? null : linesOf(leaves) };
  const found = withDataFile(dataFileOf(call), (connection) => tools.verify(connection, options));
  const { records, checkpoints, erased, problem } = found;
  call.output.object({ event: "verified", ok: problem === null, ...found });
  if (problem !== null) call.output.say(problem.message);
  else call.output.say(`${records} records agree with ${checkpoints} checkpoints${erased === 0 ? "" : `; ${erased} payloads are erased`}.${file === null && leaves === null ? " Nothing was compared that is kept elsewhere: --checkpoint FILE." : ""}`);
  return problem === null ? 0 : 1;
}

function exportTo(call: Call, file: string, tools: AuditTools): number {
  const from = wholeNumber(auditCommand, "from", call.flag("from") ?? "0", [0, Number.MAX_SAFE_INTEGER]);
  const descriptor = opened(file, "w");
  const lines: string[] = [];
  const flush = (): void => {
    writeSync(descriptor, lines.splice(0).join(""));
  };
  try {
    const { records, checkpoints } = withDataFile(dataFileOf(call, 2), (connection) => tools.export(connection, from, (line) => {
      if (lines.push(`${line}\n`) >= LINES_AT_ONCE) flush();
    }));
    flush();
    fsyncSync(descriptor);
    call.output.object({ event: "exported", file, from, records, checkpoints });
    call.output.say(`${records} records and ${checkpoints} checkpoints are in ${file}. Keep it where nobody can change both.`);
    return 0;
  } finally {
    closeSync(descriptor);
  }
}

const LINES_AT_ONCE = 1_000;
const CHUNK_BYTES = 65_536;

/** Without reading all of it at once. */
function* linesOf(file: string): Generator<string> {
  const descriptor = opened(file, "r");
  try {
    const decoder = new TextDecoder();
    const chunk = Buffer.alloc(CHUNK_BYTES);
    let rest = "";
    for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) {
      const lines = (rest + decoder.decode(chunk.subarray(0, read), { stream: true })).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
    if (rest !== "") yield rest;
  } finally {
    closeSync(descriptor);
  }
}

function opened(file: string, how: "r" | "w"): number {
  try {
    return openSync(file, how, 0o600);
  } catch (error) {
    throw fault("USAGE", `${file} cannot be ${how === "r" ? "read" : "written"}.`, { cause: error });
  }
}

function notesIn(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw fault("USAGE", `${file} cannot be read.`, { fix: "Name a file that audit.export has written.", cause: error });
  }
}
