// `ambit dev`: check, start, watch. A change of a file replaces the app; data and connections stay.
import { watch } from "node:fs";
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { AmbitError } from "../base/error.ts";
import { isError, loadApp } from "../runtime/load-app.ts";
import type { RunningApp } from "../runtime/start-app.ts";
import type { Call, Command } from "./command.ts";
import { dataDirectory } from "./places.ts";
import { launch, mqttLine, mqttPorts, startCommand, untilSignal } from "./start.ts";

const SETTLE_MS = 60;

export const devCommand: Command = {
  name: "dev",
  usage: "[DIR] [--port N] [--data DIR] [--seed FILE]",
  summary: "Check, start and watch; a saved file is live at once, data and connections stay.",
  words: { min: 0, max: 1 },
  flags: startCommand.flags,
  async run(call) {
    const directory = resolve(call.words[0] ?? ".");
    const { output } = call;
    const adminToken = call.environment["AMBIT_ADMIN_TOKEN"] ?? randomBytes(18).toString("base64url");
    const { diagnostics } = await loadApp(directory, { environment: call.environment, typeCheck: true });
    if (diagnostics.some(isError)) {
      output.diagnostics(diagnostics);
      output.say("Correct them and save; waiting for a change.");
    }
    let app: RunningApp | null = null;
    try {
      app = diagnostics.some(isError) ? null : await launch(call, { development: true, adminToken });
    } catch (error) {
      if (isMigrationNeeded(error)) adviseOnData(call);
      throw error;
    }
    if (app !== null) announce(call, app, adminToken);
    const watcher = watchFiles(directory, async () => {
      try {
        if (app !== null) { await reload(call, app); return; }
        app = await launch(call, { development: true, adminToken });
        if (app !== null) announce(call, app, adminToken);
      } catch (error) {
        if (!(error instanceof AmbitError)) throw error;
        output.error(error);
        if (isMigrationNeeded(error)) adviseOnData(call);
        if (app !== null) refused(call);
      }
    });
    await untilSignal();
    watcher.close();
    await app?.stop();
    return 0;
  },
};

function announce({ output }: Call, app: RunningApp, adminToken: string): void {
  output.say(`Ambit serves ${app.loaded.directory} at ${app.url}\nadministrator token: ${adminToken}\nGraphiQL at ${app.url}/graphql${mqttLine(app.mqtt)}\nwatching schema.graphql, config.yaml, resources.ts`);
  output.object({ event: "started", url: app.url, port: app.port, ...mqttPorts(app.mqtt), adminToken });
}

async function reload(call: Call, app: RunningApp): Promise<void> {
  const { output } = call;
  const started = performance.now();
  const diagnostics = await app.reload({ typeCheck: true });
  const failed = diagnostics.some(isError);
  output.diagnostics(diagnostics);
  if (failed) { refused(call); return; }
  output.say(`Reloaded in ${Math.round(performance.now() - started)} ms.`);
  output.object({ event: "reloaded" });
}

function refused({ output }: Call): void {
  output.say("Still serving the app as it was before this change.");
  output.object({ event: "reload-refused" });
}

function isMigrationNeeded(error: unknown): boolean {
  return error instanceof AmbitError && error.code === "MIGRATION_NEEDED";
}

function adviseOnData(call: Call): void {
  call.output.say(`ambit migrate plan says what to do. If all records may be lost: stop, delete ${dataDirectory(call)} and start again.`);
}

/** One call at a time; changes during it lead to one more. */
function watchFiles(directory: string, changed: () => Promise<void>): { close(): void } {
  let timer: ReturnType<typeof setTimeout> | null = null;
  let running: Promise<void> | null = null;
  let again = false;
  const run = (): void => {
    if (running !== null) { again = true; return; }
    running = changed().finally(() => {
      running = null;
      if (again) { again = false; run(); }
    });
  };
  return watch(directory, { recursive: true }, (_, name) => {
    if (name === null || !/\.(graphql|yaml|ts|js|json|csv|md|txt)$/.test(name) || /(^|\/)(\.ambit|node_modules|\.git)(\/|$)/.test(name)) return;
    if (timer !== null) clearTimeout(timer);
    timer = setTimeout(run, SETTLE_MS);
  });
}
