// Loads resources.ts: bundled with its own relative files, or as it stands where it has none; `ambit` is answered by this runtime.
// Every load is a new module.
import { rm, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { compareDiagnostics, type Diagnostic, type SourcePosition } from "../base/diagnostic.ts";
import * as ambit from "../index.ts";
import { forbidExit } from "./process-exit.ts";
import { workFolder } from "./work-folder.ts";

export interface AppFile {
  /** Relative to the app's folder. */
  readonly file: string;
  readonly text: string;
}

export interface LoadedResources {
  /** Named exports; null when there is no resources.ts or it does not load. */
  readonly module: Readonly<Record<string, unknown>> | null;
  /** Text of resources.ts, for the places of problems. */
  readonly source: string | null;
  /** It and every file of the app that it imports; empty where it is no TypeScript. */
  readonly files: readonly AppFile[];
  readonly diagnostics: readonly Diagnostic[];
}

export const RESOURCE_FILES = ["resources.ts", "resources.js"] as const;

/** The name of the app's resources file, or null. */
export function resourcesFile(directory: string): string | null {
  return RESOURCE_FILES.find((name) => existsSync(join(directory, name))) ?? null;
}

/** A file that only declares is there at once. */
const LOAD_MS = 10_000;

let registered = false;

function registerAmbit(): void {
  if (registered) return;
  registered = true;
  Bun.plugin({ name: "ambit", setup(build) { build.module("ambit", () => ({ exports: ambit, loader: "object" })); } });
}

export async function loadResources(directory: string, loadMs = LOAD_MS): Promise<LoadedResources> {
  const name = resourcesFile(directory);
  if (name === null) return { module: null, source: null, files: [], diagnostics: [] };
  const source = await Bun.file(join(directory, name)).text();
  registerAmbit();
  forbidExit();
  if (standsAlone(source)) {
    const files = [{ file: name, text: source }];
    try {
      // Another query is another module to the loader.
      return { module: await importInTime(`${join(directory, name)}?load=${crypto.randomUUID()}`, loadMs), source, files, diagnostics: [] };
    } catch (error) {
      return { module: null, source, files, diagnostics: [importProblem(error, directory, { name, files })] };
    }
  }
  return bundleAndLoad({ directory, name, source }, loadMs);
}

/** It imports what the runtime has, and nothing else: the bundler would take longer than the rest of a start. */
function standsAlone(source: string): boolean {
  try {
    return new Bun.Transpiler({ loader: "ts" }).scanImports(source).every(({ path }) => path === "ambit" || path.startsWith("node:"));
  } catch {
    // The bundler says what is wrong, and where.
    return false;
  }
}

interface ResourcesFile { readonly directory: string; readonly name: string; readonly source: string }

async function bundleAndLoad({ directory, name, source }: ResourcesFile, loadMs: number): Promise<LoadedResources> {
  const built = await Bun.build({ entrypoints: [join(directory, name)], target: "bun", format: "esm", packages: "external", external: ["ambit"], sourcemap: "external", throw: false });
  if (!built.success) return { module: null, source, files: [], diagnostics: firstOfEachFile(built.logs.map((log) => buildProblem(log, directory, name))) };
  const { code, files } = await readBuild(built.outputs, directory);
  // Beside the app, so that its own node_modules are found; a new name, so that nothing of an earlier load is reused.
  const path = join(await workFolder(directory, "build"), `resources-${crypto.randomUUID()}.mjs`);
  await writeFile(path, code);
  try {
    return { module: await importInTime(path, loadMs), source, files, diagnostics: [] };
  } catch (error) {
    return { module: null, source, files, diagnostics: [importProblem(error, directory, { name, files })] };
  } finally {
    await rm(path, { force: true });
  }
}

/** Put together, so that no reader of our own bundle (bin/prepare.mjs) takes it for the map of that. */
const MAP_COMMENT = ["//# source", "MappingURL"].join("");

interface SourceMap { sources: string[]; readonly sourcesContent: readonly string[] }

/** The bundle with its map inside, so that stacks name the app's own files, and those files. */
async function readBuild(outputs: readonly Bun.BuildArtifact[], directory: string): Promise<{ code: string; files: AppFile[] }> {
  const bundle = await outputs.find(({ kind }) => kind === "entry-point")!.text();
  const map = JSON.parse(await outputs.find(({ kind }) => kind === "sourcemap")!.text()) as SourceMap;
  // The bundler writes them relative to where the process stands; whoever reads the bundle takes them from where it lies.
  map.sources = map.sources.map((path) => resolve(path));
  return {
    code: `${bundle}\n${MAP_COMMENT}=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString("base64")}\n`,
    files: map.sources.map((path, index) => ({ file: relative(directory, path), text: map.sourcesContent[index] ?? "" })),
  };
}

async function importInTime(path: string, loadMs: number): Promise<Record<string, unknown>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`it was not done after ${loadMs} ms`)), loadMs);
  });
  try {
    return await Promise.race([import(path) as Promise<Record<string, unknown>>, late]);
  } finally {
    clearTimeout(timer);
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

function importProblem(error: unknown, directory: string, app: { readonly name: string; readonly files: readonly AppFile[] }): Diagnostic {
  const message = error instanceof Error ? error.message : String(error);
  const missing = /^Cannot find (?:package|module) '([^']+)'/.exec(message);
  const undeclared = error instanceof ReferenceError ? /^(\S+) is not defined$/.exec(message)?.[1] ?? null : null;
  return {
    code: "BODY_MISSING", severity: "error", position: thrownAt(error, directory, app), message: `${app.name} failed while it was loaded: ${missing?.[0] ?? message}${/[.!?]$/.test(message) && missing === null ? "" : "."}`,
    why: "Importing the file must only declare; nothing may fail or run at that time.", fix: missing !== null ? `Correct the name ${missing[1]!}, or install it in the app's folder.` : undeclared !== null ? `Import ${undeclared}, or declare it.` : "Move the failing code into a body.", edits: [],
  };
}

/** The nearest line of the app's own on the way to where it was thrown. */
function thrownAt(error: unknown, directory: string, { name, files }: { readonly name: string; readonly files: readonly AppFile[] }): SourcePosition {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  for (const [, path, line, column] of stack.matchAll(/(?:\(|at )([^()\n]+):(\d+):(\d+)\)?$/gm)) {
    const file = relative(directory, path!);
    if (files.some((one) => one.file === file)) return { file, line: Number(line), column: Number(column) };
  }
  return { file: name, line: 1, column: 1 };
}
