// Runs the `ambit` command as a process of its own, as a user would: directly on Bun, or through the launcher for Node.
import { join } from "node:path";
import { entryPoint } from "../../bin/entry-point.mjs";
import { root } from "./scratch-folder.ts";

export interface CommandOptions {
  /** Added to a small environment without anything of this process but PATH and HOME. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** Through bin/ambit.mjs on Node. */
  readonly launcher?: boolean;
  /** In place of what the launcher would run: the bundle that `npm ci` has made, which starts in half the time, or the sources where they are newer. */
  readonly entry?: string;
  /** Where the command puts temporary files. */
  readonly temporary?: string;
  readonly input?: string;
  /** No file may grow beyond so many blocks: writing more fails, as on a full disk. */
  readonly fileBlocks?: number;
}

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  /** The lines of `out`, each of which must be JSON. */
  objects(): Readonly<Record<string, unknown>>[];
}

const ENTRY = entryPoint();

export type CommandProcess = Bun.Subprocess<"pipe" | "ignore", "pipe", "pipe">;

export function spawnAmbit(words: readonly string[], options: CommandOptions = {}): CommandProcess {
  const program = options.launcher === true ? ["node", join(root, "bin", "ambit.mjs")] : [process.execPath, "--no-orphans", options.entry ?? ENTRY];
  const limited = options.fileBlocks === undefined ? [] : ["sh", "-c", `trap "" XFSZ; ulimit -f ${options.fileBlocks}; exec "$0" "$@"`];
  const spawned = Bun.spawn([...limited, ...program, ...words], {
    cwd: options.folder ?? root,
    env: {
      PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", AMBIT_FORBID_OUTBOUND: "1",
      ...(options.temporary === undefined ? {} : { TMPDIR: options.temporary }), ...options.environment,
    },
    stdin: options.input === undefined ? "ignore" : "pipe", stdout: "pipe", stderr: "pipe",
  });
  if (options.input !== undefined) {
    const stdin = spawned.stdin as Bun.FileSink;
    void stdin.write(options.input);
    void stdin.end();
  }
  return spawned as CommandProcess;
}

/** Runs it to its end. */
export async function runAmbit(words: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const child = spawnAmbit(words, options);
  const [out, err, code] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  return { code, out, err, objects: () => out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>) };
}
