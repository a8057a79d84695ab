// Entry of the `ambit` command: picks the command, reads its words, turns the outcome into an exit code.
import { writeSync } from "node:fs";
import { didYouMean } from "../base/diagnostic.ts";
import { AmbitError, fault } from "../base/error.ts";
import { describeError } from "../base/log.ts";
import { exitProcess } from "../runtime/process-exit.ts";
import { auditCommand } from "./audit.ts";
import { backtestCommand } from "./backtest.ts";
import { backupCommand } from "./backup.ts";
import { callCommand } from "./call.ts";
import { checkCommand } from "./check.ts";
import { readWords, type Command } from "./command.ts";
import { decisionsCommand } from "./decisions.ts";
import { describeCommand } from "./describe.ts";
import { devCommand } from "./dev.ts";
import { explainCommand } from "./explain.ts";
import { exportCommand } from "./export.ts";
import { importCommand } from "./import.ts";
import { initCommand } from "./init.ts";
import { forgetCommand } from "./forget.ts";
import { jobsCommand } from "./jobs.ts";
import { migrateCommand } from "./migrate.ts";
import { createOutput, type Sink } from "./output.ts";
import { replayCommand } from "./replay.ts";
import { restoreCommand } from "./restore.ts";
import { startCommand } from "./start.ts";
import { testCommand } from "./test.ts";
import { traceCommand } from "./trace.ts";
import { typesCommand } from "./types.ts";
import packageJson from "../../package.json";

export const commands: readonly Command[] = [
  initCommand, devCommand, startCommand, checkCommand, testCommand, describeCommand, callCommand, explainCommand, migrateCommand,
  backupCommand, restoreCommand, exportCommand, importCommand, jobsCommand, forgetCommand, decisionsCommand, traceCommand, auditCommand, replayCommand, backtestCommand, typesCommand,
];

/** Runs one command line; resolves to the exit code. */
export async function main(argv: readonly string[], environment: Readonly<Record<string, string | undefined>>, sink: Sink): Promise<number> {
  const output = createOutput(argv.includes("--json"), sink);
  const [name, ...rest] = argv;
  if (name === "--version" || name === "-v") { sink.out(`${packageJson.version}\n`); return 0; }
  if (name === undefined || name === "--help" || name === "-h" || name === "help") { sink.out(helpText()); return name === undefined ? 2 : 0; }
  const command = commands.find((candidate) => candidate.name === name);
  if (command === undefined) {
    const meant = didYouMean(name, commands.map((candidate) => candidate.name));
    output.error(fault("USAGE", `Unknown command ${name}.${meant === null ? "" : ` Did you mean ${meant}?`}`, { fix: "See ambit --help." }));
    return 2;
  }
  if (rest.includes("--help")) { sink.out(commandHelp(command)); return 0; }
  try {
    return await command.run({ ...readWords(command, rest), output, environment });
  } catch (error) {
    const told = error instanceof AmbitError ? error : unexpected(error, command.name);
    output.error(told);
    if (told !== error) sink.err(`${describeError(error).stack}\n`);
    return told.code === "USAGE" ? 2 : 1;
  }
}

/** Whoever calls the command owns the machine: the message may be shown, and the stack beside it. */
function unexpected(error: unknown, command: string): AmbitError {
  return fault("INTERNAL", `ambit ${command} failed: ${describeError(error).message}.`, { fix: "See the stack on standard error.", cause: error });
}

function helpText(): string {
  const rows = commands.map((command) => `  ambit ${`${command.name} ${command.usage}`.padEnd(52)} ${command.summary}`);
  return `One backend in one process: data, API, events, and the judgement between them.\n\n${rows.join("\n")}\n\nEvery command takes --json and --help.\n`;
}

function commandHelp(command: Command): string {
  const flags = Object.entries({ ...command.flags, json: { value: null, help: "One JSON object per line." } })
    .map(([name, flag]) => `  --${`${name}${flag.value === null ? "" : ` ${flag.value}`}`.padEnd(24)} ${flag.help}`);
  return `ambit ${command.name} ${command.usage}\n  ${command.summary}\n\n${flags.join("\n")}\n`;
}

/** Synchronously, so that nothing is cut off by the exit. */
function writeWhole(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length;) {
    try {
      offset += writeSync(descriptor, bytes, offset);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
    }
  }
}

async function runProcess(): Promise<void> {
  const sink: Sink = { out: (text) => writeWhole(1, text), err: (text) => writeWhole(2, text), terminal: process.stderr.isTTY === true };
  process.exitCode = await main(process.argv.slice(2), process.env, sink);
  exitProcess();
}

// No top-level await: bytecode has none.
if (import.meta.main) void runProcess();
