// Loads resources.ts: bundled with its own relative files, `ambit` answered by this runtime. Every load is a new module.
import { rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { compareDiagnostics, type Diagnostic } from "../base/diagnostic.ts";
import * as ambit from "../index.ts";
import { workFolder } from "./work-folder.ts";

export interface LoadedResources {
  /** Named exports; null when there is no resources.ts or it does not load. */
  readonly module: Readonly<Record<string, unknown>> | null;
  /** Text of resources.ts, for checks of its source. */
  readonly source: string | null;
  readonly diagnostics: readonly Diagnostic[];
}

export const RESOURCE_FILES = ["resources.ts", "resources.js"] as const;

/** The name of the app's resources file, or null. */
export function resourcesFile(directory: string): string | null {
  return RESOURCE_FILES.find((name) => existsSync(join(directory, name))) ?? null;
}

let registered = false;

function registerAmbit(): void {
  if (registered) return;
  registered = true;
  Bun.plugin({ name: "ambit", setup(build) { build.module("ambit", () => ({ exports: ambit, loader: "object" })); } });
}

export async function loadResources(directory: string): Promise<LoadedResources> {
  const name = resourcesFile(directory);
  if (name === null) return { module: null, source: null, diagnostics: [] };
  const source = await Bun.file(join(directory, name)).text();
  registerAmbit();
  const built = await Bun.build({ entrypoints: [join(directory, name)], target: "bun", format: "esm", packages: "external", external: ["ambit"], sourcemap: "inline", throw: false });
  if (!built.success) return { module: null, source, diagnostics: firstOfEachFile(built.logs.map((log) => buildProblem(log, directory, name))) };
  // Beside the app, so that its own node_modules are found; a new name, so that nothing of an earlier load is reused.
  const file = join(await workFolder(directory, "build"), `resources-${crypto.randomUUID()}.mjs`);
  await writeFile(file, await built.outputs[0]!.text());
  try {
    return { module: await import(file) as Record<string, unknown>, source, diagnostics: [] };
  } catch (error) {
    return { module: null, source, diagnostics: [importProblem(error, name)] };
  } finally {
    await rm(file, { force: true });
  }
}

/** Behind the first place that is no TypeScript the parser only guesses. */
function firstOfEachFile(problems: readonly Diagnostic[]): Diagnostic[] {
  const first = new Map<string, Diagnostic>();
  for (const problem of problems.toSorted(compareDiagnostics)) if (!first.has(problem.position.file)) first.set(problem.position.file, problem);
  return [...first.values()];
}

function buildProblem(log: BuildMessage | ResolveMessage, directory: string, name: string): Diagnostic {
  const position = log.position === null ? { file: name, line: 1, column: 1 }
    : { file: relative(directory, log.position.file) || name, line: log.position.line, column: log.position.column };
  return { code: "SYNTAX", severity: "error", position, message: `${log.message}.`, why: "resources.ts must load before the app can start.", fix: "Correct the code at this place.", edits: [] };
}

function importProblem(error: unknown, name: string): Diagnostic {
  const message = error instanceof Error ? error.message : String(error);
  const missing = /^Cannot find (?:package|module) '([^']+)'/.exec(message);
  return {
    code: "BODY_MISSING", severity: "error", position: { file: name, line: 1, column: 1 }, message: `${name} failed while it was loaded: ${missing?.[0] ?? message}${/[.!?]$/.test(message) && missing === null ? "" : "."}`,
    why: "Importing the file must only declare; nothing may fail or run at that time.", fix: missing === null ? "Move the failing code into a body." : `Correct the name ${missing[1]!}, or install it in the app's folder.`, edits: [],
  };
}
