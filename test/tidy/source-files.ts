// What the tidy tests look at: the files that git knows, their imports, their functions.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

export const root = join(import.meta.dir, "..", "..");

export interface SourceFile {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

/** Tracked and untracked files that are not ignored. */
export function repositoryFiles(): string[] {
  const list = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], { cwd: root });
  return list.stdout.toString().split("\n").filter((path) => path !== "" && existsSync(join(root, path)));
}

export function readSource(path: string): SourceFile {
  const text = readFileSync(join(root, path), "utf8");
  return { path, text, lines: text.split("\n") };
}

export function sourceFiles(...folders: string[]): SourceFile[] {
  return repositoryFiles().filter((path) => folders.some((folder) => path.startsWith(`${folder}/`)) && /\.tsx?$/.test(path)).map(readSource);
}

export const isTest = (path: string): boolean => path.endsWith(".test.ts") || path.includes("/testing/");

export interface Import {
  readonly specifier: string;
  /** Path from the root for a relative one, else null. */
  readonly target: string | null;
  readonly typeOnly: boolean;
}

export function importsOf(file: SourceFile): Import[] {
  const found: Import[] = [];
  const code = withoutComments(file.text);
  for (const match of code.matchAll(/(?:^|\n)\s*(?:import|export)\s+(type\s+)?([^"';]*?)\s*from\s*"([^"]+)"|(?:^|\n)\s*import\s*"([^"]+)"|import\(\s*"([^"]+)"\s*\)/g)) {
    const specifier = match[3] ?? match[4] ?? match[5]!;
    const names = match[2] ?? "";
    const allTypes = /^\{.*\}$/s.test(names) && names.slice(1, -1).split(",").every((name) => name.trim() === "" || name.trim().startsWith("type "));
    const target = specifier.startsWith(".") ? normalize(join(dirname(file.path), specifier)) : null;
    found.push({ specifier, target, typeOnly: match[1] !== undefined || allTypes });
  }
  return found;
}

/** Comments blanked out; strings kept. */
export function withoutComments(text: string): string {
  return text.replace(/("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (all, quoted: string | undefined) => quoted ?? all.replace(/[^\n]/g, " "));
}

/** Comments, strings and templates blanked out. */
export function codeOnly(text: string): string {
  return withoutComments(text).replace(/"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g, (all) => all.replace(/[^\n]/g, " "));
}

export interface FunctionSize { readonly name: string; readonly line: number; readonly lines: number }

/** Functions that begin on a line of their own, by indentation of their closing brace. */
export function functionsOf(file: SourceFile): FunctionSize[] {
  const found: FunctionSize[] = [];
  const start = /^(\s*)(?:export )?(?:default )?(?:async )?(?:function\*?\s+(\w+)|(?:public |private |protected |static |override |readonly )*(?:async )?(?:get |set )?(\w+)\s*(?:<[^>]*>)?\([^;]*\)?\s*(?::[^=;]*)?\{$|const (\w+) = (?:async )?\([^;]*=>\s*\{$)/;
  file.lines.forEach((line, index) => {
    const match = start.exec(line);
    const name = match?.[2] ?? match?.[3] ?? match?.[4];
    if (match === null || name === undefined || ["if", "for", "while", "switch", "catch", "return"].includes(name)) return;
    const close = new RegExp(`^${match[1]}\\}`);
    const end = file.lines.findIndex((other, at) => at > index && close.test(other));
    if (end > index) found.push({ name, line: index + 1, lines: end - index + 1 });
  });
  return found;
}
