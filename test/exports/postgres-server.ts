// A PostgreSQL of a test's own: a fresh cluster in a folder, reached through a socket there only, gone with `stop`.
import { chmodSync, chownSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface PostgresServer {
  /** Runs a script; throws with what psql says at the first error. Answers its standard output. */
  run(script: string): string;
  /** The same with a file. */
  load(file: string): void;
  stop(): void;
}

/** Where PostgreSQL is installed; null: it is not. */
export function findPostgres(): string | null {
  const found = Bun.spawnSync(["sh", "-c", "ls -d /usr/lib/postgresql/*/bin /usr/local/pgsql/bin 2>/dev/null | tail -1"]).stdout.toString().trim();
  return found === "" ? null : found;
}

export function startPostgres(bin: string): PostgresServer {
  const folder = mkdtempSync(join(tmpdir(), "ambit-pg-"));
  const asRoot = process.getuid?.() === 0;
  if (asRoot) {
    // It refuses to run as root.
    chmodSync(folder, 0o755);
    const [user, group] = ["-u", "-g"].map((flag) => Number(Bun.spawnSync(["id", flag, "postgres"]).stdout.toString().trim()));
    chownSync(folder, user!, group!);
  }
  const run = (words: readonly string[], input?: string): string => {
    const line = words.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
    const result = Bun.spawnSync(asRoot ? ["su", "postgres", "-s", "/bin/sh", "-c", line] : ["sh", "-c", line], { cwd: folder, ...(input === undefined ? {} : { stdin: Buffer.from(input) }), stdout: "pipe", stderr: "pipe" });
    if (result.exitCode !== 0) throw new Error(`${words[0]}: ${result.stderr.toString()}${result.stdout.toString()}`);
    return result.stdout.toString();
  };
  const data = join(folder, "data");
  const psql = [`${bin}/psql`, "-h", folder, "-U", asRoot ? "postgres" : (process.env["USER"] ?? "postgres"), "-d", "postgres", "-q", "-A", "-t", "-X", "-v", "ON_ERROR_STOP=1"];
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  try {
    run([`${bin}/initdb`, "-D", data, "--auth=trust", "--no-sync", "--encoding=UTF8", "--locale=C"]);
    run([`${bin}/pg_ctl`, "-D", data, "-w", "-l", join(folder, "log"), "-o", `-k ${folder} -c listen_addresses= -c fsync=off`, "start"]);
  } catch (error) {
    remove();
    throw error;
  }
  return {
    run: (script) => run(psql, script),
    // Read here: the file may be its owner's alone.
    load: (file) => { run(psql, readFileSync(file, "utf8")); },
    stop() {
      run([`${bin}/pg_ctl`, "-D", data, "-m", "immediate", "stop"]);
      remove();
    },
  };
}
