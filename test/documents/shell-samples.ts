// Runs the text of an ```sh block in an empty folder, with `ambit` on the path. A server that it starts is stopped once it serves.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryPoint } from "../../bin/entry-point.mjs";
import { findBun } from "../../bin/find-bun.mjs";

export interface ShellOutcome {
  /** Null: it was still serving when it was stopped. */
  readonly code: number | null;
  readonly output: string;
}

const SERVES = /Ambit serves .* at http/;

/** `sh` stops at the first command that fails. */
export async function runShell(text: string): Promise<ShellOutcome> {
  const work = mkdtempSync(join(tmpdir(), "ambit-shell-"));
  const bin = join(work, "bin");
  const home = join(work, "home");
  mkdirSync(bin);
  mkdirSync(home);
  writeFileSync(join(bin, "ambit"), `#!/bin/sh\nexec "${findBun()}" --no-orphans "${entryPoint()}" "$@"\n`);
  chmodSync(join(bin, "ambit"), 0o755);
  const shell = Bun.spawn(["sh", "-ec", text], {
    cwd: home, detached: true, stdin: "ignore", stdout: "pipe", stderr: "pipe",
    env: { ...process.env, PATH: `${bin}:${process.env["PATH"] ?? ""}`, AMBIT_LOG: "quiet" },
  });
  const outcome = { output: "", serves: false };
  const read = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of stream) {
      outcome.output += decoder.decode(chunk, { stream: true });
      if (outcome.serves || !SERVES.test(outcome.output)) continue;
      outcome.serves = true;
      // The whole group: the shell waits for the server.
      process.kill(-shell.pid, "SIGTERM");
    }
  };
  try {
    await Promise.all([read(shell.stdout), read(shell.stderr)]);
    const code = await shell.exited;
    return { code: outcome.serves ? null : code, output: outcome.output };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
