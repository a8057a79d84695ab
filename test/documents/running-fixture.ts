// Starts the fixture app, or another folder, in this process: a fresh data directory and a free port each time.
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { loadApp, type LoadedApp } from "../../src/runtime/load-app.ts";
import { startApp } from "../../src/runtime/start-app.ts";

export interface RunningFixture { readonly url: string; stop(): Promise<void> }

export interface Fixture {
  /** A copy of the app, in which the runtime may write what it derives. */
  readonly directory: string;
  readonly loaded: LoadedApp;
  start(): Promise<RunningFixture>;
  close(): void;
}

/** Answers what the fixture's endpoints ask of another service. */
function serveRates(): { url: string; stop(): void } {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({ rate: 1.25 }) });
  return { url: `http://127.0.0.1:${server.port}`, stop: () => void server.stop(true) };
}

export async function openFixture(): Promise<Fixture> {
  const work = mkdtempSync(join(tmpdir(), "ambit-documents-"));
  const directory = join(work, "app");
  cpSync(join(import.meta.dir, "fixture-app"), directory, { recursive: true });
  const rates = serveRates();
  const environment = { RATES_URL: rates.url };
  const loaded = await loadApp(directory, { environment, typeCheck: true });
  if (loaded.diagnostics.length > 0) throw new Error(`the fixture app has problems: ${JSON.stringify(loaded.diagnostics)}`);
  // As `ambit types --client --out app.ts` would.
  writeFileSync(join(directory, "app.ts"), 'export * from "./.ambit/client.ts";\n');
  return {
    directory, loaded,
    start: () => startFolder({ directory, loaded, environment, seed: "seed.ts" }),
    close() {
      rates.stop();
      rmSync(work, { recursive: true, force: true });
    },
  };
}

export interface FolderOptions {
  readonly directory: string;
  readonly loaded?: LoadedApp;
  readonly environment?: Readonly<Record<string, string>>;
  readonly seed: string | null;
  /** Kept after the stop; without it a fresh one that is removed. */
  readonly dataDirectory?: string;
}

export async function startFolder({ directory, loaded, environment = {}, seed, dataDirectory }: FolderOptions): Promise<RunningFixture> {
  const data = dataDirectory ?? mkdtempSync(join(tmpdir(), "ambit-documents-data-"));
  const running = await startApp({
    directory, dataDirectory: data, port: 0, environment, adminToken: "admin-key", development: false, seed,
    clock: systemClock(), random: seededRandom(7), log: silentLog(), forbidOutbound: true, ...(loaded === undefined ? {} : { loaded }),
    onFatal(error) { throw error; },
  });
  return {
    url: running.url,
    async stop() {
      await running.stop();
      if (dataDirectory === undefined) rmSync(data, { recursive: true, force: true });
    },
  };
}
