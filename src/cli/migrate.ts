// `ambit migrate plan`, `apply`, `rollback`: changes of the schema on stored data, of an app that runs or not.
import { join, resolve } from "node:path";
import { systemClock } from "../base/clock.ts";
import { didYouMean } from "../base/diagnostic.ts";
import { AmbitError, fault } from "../base/error.ts";
import type { ErrorCode } from "../base/error-registry.ts";
import type { Json } from "../base/value.ts";
import { askControl } from "../runtime/control.ts";
import { isError, loadApp, type LoadedApp } from "../runtime/load-app.ts";
import { applyMigration, planMigration, snapshotsOf, type MigrationReport, type MigrationRequest } from "../runtime/migrate-data.ts";
import { remedyEdits } from "../schema/remedy-edits.ts";
import { nameOf } from "../storage/compare-shapes.ts";
import { openStorage } from "../storage/open-storage.ts";
import { restoreDatabase } from "../storage/restore.ts";
import type { Call, Command } from "./command.ts";
import { dataDirectory } from "./places.ts";

const ACTIONS = ["plan", "apply", "rollback"] as const;

export const migrateCommand: Command = {
  name: "migrate",
  usage: "plan|apply|rollback [DIR] [--allow-destroy NAME]",
  summary: "Changes of the schema on stored data, also while the app runs.",
  words: { min: 1, max: 2 },
  flags: {
    data: { value: "DIR", help: "The data directory, if the app was started with another one." },
    "allow-destroy": { value: "NAME", help: "What may be lost: Task, Task.due. A snapshot is taken first.", repeatable: true },
  },
  async run(call) {
    const action = ACTIONS.find((one) => one === call.words[0]);
    if (action === undefined) {
      const near = didYouMean(call.words[0]!, ACTIONS);
      throw fault("USAGE", `There is no ambit migrate ${call.words[0]!}.${near === null ? "" : ` Did you mean ${near}?`}`, { fix: `ambit migrate ${migrateCommand.usage}` });
    }
    if (action !== "apply" && action !== "plan") return rollback(call);
    const directory = resolve(call.words[1] ?? ".");
    const loaded = await loadApp(directory, { environment: call.environment, typeCheck: false });
    call.output.diagnostics(loaded.diagnostics);
    if (loaded.diagnostics.some(isError)) return 1;
    const request: MigrationRequest = { action, destroy: call.flags("allow-destroy") };
    checkNames(request.destroy);
    const text = await Bun.file(join(directory, "schema.graphql")).text();
    return tell(call, { action, text }, await viaApp(call, directory, request) ?? await onData(call, loaded, request));
  },
};

/** Null: no app runs there. */
async function viaApp(call: Call, directory: string, request: MigrationRequest): Promise<MigrationReport | null> {
  const response = await askControl(dataDirectory(call, directory), "/admin/migrate", {
    method: "POST", acting: { kind: "administrator" }, headers: { "content-type": "application/json" }, body: JSON.stringify(request),
  });
  if (response === null) return null;
  const body = await response.json() as Json;
  if (response.ok) return body as unknown as MigrationReport;
  const problem = body as { status: number; code: ErrorCode; message: string; details: Json; fix: string | null };
  throw new AmbitError(problem.status, problem.code, problem.message, { details: problem.details, ...(problem.fix === null ? {} : { fix: problem.fix }) });
}

async function onData(call: Call, loaded: LoadedApp, { action, destroy }: MigrationRequest): Promise<MigrationReport> {
  const directory = dataDirectory(call, loaded.directory);
  const clock = systemClock();
  const storage = openStorage({ directory, limits: loaded.config.limits, clock, onFatal(error) { throw error; } });
  try {
    const parts = { storage, loaded, dataDirectory: directory, clock };
    return action === "plan" ? planMigration(parts, destroy) : await applyMigration(parts, destroy);
  } finally {
    await storage.close();
  }
}

function tell({ output }: Call, { action, text }: { readonly action: "plan" | "apply"; readonly text: string }, { steps, differences, online, progress, snapshot }: MigrationReport): number {
  for (const step of steps) {
    output.object({ event: "step", ...step });
    output.say(`${step.kind.padEnd(12)} ${step.name} ${step.what}`);
  }
  for (const name of online) {
    output.object({ event: "online", name });
    output.say(`${"online".padEnd(12)} ${name} is filled beside live writes`);
  }
  for (const one of progress) {
    output.object({ event: "progress", ...one });
    output.say(`${"under way".padEnd(12)} ${one.name} ${one.percent} %${one.blocked === 0 ? "" : `, ${one.blocked} records do not comply so far`}`);
  }
  for (const difference of differences) {
    const { remedy, ...told } = difference;
    output.object({ event: "difference", name: nameOf(difference), ...told, edits: remedy === undefined ? [] : remedyEdits("schema.graphql", text, difference.table, remedy) });
    output.say(`\n${difference.message}\n  fix: ${difference.fix}`);
  }
  const ready = differences.length === 0;
  output.object({ event: action === "plan" ? "planned" : "applied", ready, steps: steps.length, snapshot });
  if (snapshot !== null) output.say(`Snapshot: ${snapshot}. ambit migrate rollback takes it back.`);
  if (steps.length === 0 && ready) output.say("The data have the shape of the schema.");
  else if (action === "apply") output.say("Applied.");
  else output.say(ready ? `ambit migrate apply does this.${steps.some(({ kind }) => kind === "destructive") ? " It takes a snapshot first." : ""}` : "\nNothing of it can be applied before this is mended.");
  return ready ? 0 : 1;
}

function checkNames(names: readonly string[]): void {
  for (const name of names) if (!/^[A-Za-z_]\w*(\.[A-Za-z_]\w*)*$/.test(name)) throw fault("USAGE", `--allow-destroy takes a name such as Task or Task.due, not ${name}.`);
}

/** To the snapshot before the last migration that lost something; what was written since is kept aside. */
async function rollback(call: Call): Promise<number> {
  const directory = dataDirectory(call, resolve(call.words[1] ?? "."));
  const snapshot = snapshotsOf(directory).at(-1);
  if (snapshot === undefined) throw fault("USAGE", `There is no snapshot in ${directory}.`, { fix: "Only a migration that destroys something takes one; see also ambit restore." });
  const { position, kept } = restoreDatabase({ backup: snapshot, directory, nowMs: systemClock().now() });
  call.output.object({ event: "rolled-back", directory, snapshot, position, kept });
  call.output.say(`${directory} has the data of ${snapshot}, up to position ${position}. Start the app with the schema of that time.`);
  if (kept !== null) call.output.say(`What was there is kept in ${kept}; ambit restore takes it back.`);
  return 0;
}
