// Starts a whole app for a test: its files in a new folder, a new database, a free port on loopback.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FakeClock } from "../../src/base/clock.ts";
import { createLog } from "../../src/base/log.ts";
import { systemRandom, type Random } from "../../src/base/random.ts";
import { startApp, type RunningApp } from "../../src/runtime/start-app.ts";
import { leapingClock } from "./leaping-clock.ts";

export interface AppFiles {
  readonly schema: string;
  readonly config?: string;
  readonly resources?: string;
}

export interface StartedApp {
  readonly url: string;
  readonly port: number;
  /** Of its files. */
  readonly directory: string;
  readonly running: RunningApp;
  /** Goes with the machine's, and further where a test moves it on. */
  readonly clock: FakeClock;
  /** Lines of the structured log so far. */
  readonly log: readonly string[];
  stop(): Promise<void>;
}

export const adminToken = "administrator-token-of-tests";

/** Keys for tests: `Bearer key-NAME` is the subject NAME with the role NAME. */
export function keysFor(...names: readonly string[]): string {
  return `auth:\n  keys:\n${names.map((name) => `    - { token: key-${name}, subject: ${name}, roles: [${name}] }\n`).join("")}`;
}

export async function startTestApp(files: AppFiles, options: { development?: boolean; clock?: FakeClock; random?: Random; modelsOutbound?: boolean; port?: number } = {}): Promise<StartedApp> {
  const directory = mkdtempSync(join(tmpdir(), "ambit-app-"));
  const log: string[] = [];
  writeFileSync(join(directory, "schema.graphql"), files.schema);
  if (files.config !== undefined) writeFileSync(join(directory, "config.yaml"), files.config);
  if (files.resources !== undefined) writeFileSync(join(directory, "resources.ts"), files.resources);
  const clock = options.clock ?? leapingClock();
  const running = await startApp({
    directory, dataDirectory: join(directory, "data"), port: options.port ?? 0, environment: {}, adminToken, development: options.development ?? false, seed: null,
    clock, random: options.random ?? systemRandom(), log: createLog({ clock, sink: (line) => log.push(line) }), forbidOutbound: true, modelsOutbound: options.modelsOutbound ?? false,
    onFatal: (error) => { throw error; },
  });
  return {
    url: running.url, port: running.port, directory, running, clock, log,
    async stop() {
      await running.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
