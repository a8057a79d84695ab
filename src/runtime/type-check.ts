// Compares resources.ts with the schema by the TypeScript compiler, in `.ambit/`. Used by check and dev, never by start.
import { createRequire } from "node:module";
import { dirname, join, relative, resolve } from "node:path";
import type { Diagnostic, SourcePosition } from "../base/diagnostic.ts";
import { clientDeclaration } from "../codegen/client-declaration.ts";
import { shapeCheck, type ShapeLine } from "../codegen/shape-check.ts";
import { typesDeclaration, type ValueType } from "../codegen/types-declaration.ts";
import type { Catalog } from "../schema/catalog.ts";
import { unavailableMember } from "./unavailable-members.ts";
import { workFolder } from "./work-folder.ts";

const COMPILER_OPTIONS = {
  target: "esnext", module: "preserve", moduleResolution: "bundler", lib: ["esnext", "dom", "dom.iterable"], types: [], strict: true, noEmit: true,
  skipLibCheck: true, allowImportingTsExtensions: true, noUncheckedIndexedAccess: false, verbatimModuleSyntax: false, resolveJsonModule: true,
};
const MESSAGES_MAX = 100;

export interface GeneratedTypes {
  readonly catalog: Catalog;
  readonly values: Readonly<Record<string, ValueType>>;
  readonly secrets: readonly string[];
}

/** Writes `.ambit/types.d.ts` so that an editor completes and checks, and `.ambit/client.ts` for clients; only when their text changed. */
export async function writeTypes(directory: string, types: GeneratedTypes): Promise<void> {
  const folder = await workFolder(directory);
  await writeChanged(join(folder, "types.d.ts"), typesDeclaration(types.catalog, types));
  await writeChanged(join(folder, "client.ts"), clientDeclaration(types.catalog));
}

/** All type errors of resources.ts and all declared callables whose body has another shape. */
export async function typeCheck(directory: string, resourcesFile: string, types: GeneratedTypes): Promise<Diagnostic[]> {
  await writeTypes(directory, types);
  const folder = join(directory, ".ambit");
  const shapes = shapeCheck(types.catalog, `../${resourcesFile}`);
  await writeChanged(join(folder, "shapes.ts"), shapes.text);
  await writeChanged(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: COMPILER_OPTIONS, files: ["types.d.ts", "shapes.ts", `../${resourcesFile}`] }));
  const compiler = Bun.spawn([compilerPath(), "-p", join(folder, "tsconfig.json"), "--pretty", "false"], { cwd: directory, stdout: "pipe", stderr: "pipe" });
  const output = await new Response(compiler.stdout).text();
  await compiler.exited;
  return rootsOf(readMessages(output, directory)).slice(0, MESSAGES_MAX).flatMap((message) => toDiagnostic(message, directory, shapes.lines));
}

function compilerPath(): string {
  const require = createRequire(import.meta.url);
  const home = dirname(require.resolve("typescript/package.json"));
  const native = createRequire(join(home, "package.json"));
  try {
    const platform = dirname(native.resolve(`@typescript/typescript-${process.platform}-${process.arch}/package.json`));
    return join(platform, "lib", process.platform === "win32" ? "tsc.exe" : "tsc");
  } catch {
    return join(home, "bin", "tsc");
  }
}

interface CompilerMessage { file: string; line: number; column: number; number: string; text: string; details: string[] }

/** A module that is not found, a class that extends nothing known: all else that the compiler says then follows from it. */
const ROOTS: ReadonlySet<string> = new Set(["TS2307", "TS2509"]);

function rootsOf(messages: readonly CompilerMessage[]): readonly CompilerMessage[] {
  const roots = messages.filter(({ number }) => ROOTS.has(number));
  if (roots.length === 0) return messages;
  const places = new Set(roots.map(({ file, line }) => `${file}:${line}`));
  return messages.filter(({ file, line }) => places.has(`${file}:${line}`));
}

function readMessages(output: string, directory: string): CompilerMessage[] {
  const messages: CompilerMessage[] = [];
  for (const line of output.split("\n")) {
    const match = /^(.*?)\((\d+),(\d+)\): error (TS\d+): (.*)$/.exec(line);
    if (match !== null) {
      messages.push({ file: resolve(directory, match[1]!), line: Number(match[2]), column: Number(match[3]), number: match[4]!, text: match[5]!, details: [] });
    } else if (/^\s/.test(line) && messages.length > 0) {
      messages[messages.length - 1]!.details.push(line.trim());
    }
  }
  return messages;
}

/** Of a long chain of reasons: which members it leads to, and the last, which is what to correct. */
function textOf({ text, details }: CompilerMessage): string {
  if (details.length <= 1) return [text, ...details].join(" ");
  return [...details.slice(0, -1).filter((line) => line.startsWith("Types of property")), details[details.length - 1]!].join(" ");
}

function toDiagnostic(message: CompilerMessage, directory: string, lines: ReadonlyMap<number, ShapeLine>): Diagnostic[] {
  const file = relative(directory, message.file);
  if (file === join(".ambit", "shapes.ts")) {
    const shape = lines.get(message.line);
    // A body that does not exist at all is reported when the module is bound.
    if (shape === undefined || message.number === "TS2339" || message.number === "TS2551" || message.number === "TS2724" || message.number === "TS2305") return [];
    return [bodyProblem(shape, textOf(message))];
  }
  const position: SourcePosition = { file, line: message.line, column: message.column };
  const member = /^Property '(\w+)' does not exist on type 'Ctx'/.exec(message.text)?.[1];
  const unavailable = member === undefined ? null : unavailableMember(member, position);
  if (unavailable !== null) return [unavailable];
  return [{
    code: "TYPESCRIPT", severity: "error", position, message: `${textOf(message).replace(/(?<![.?!])$/, ".")} (${message.number})`,
    why: "The bodies in resources.ts are typed from schema.graphql, so that a mismatch is found before a request meets it.",
    fix: "Correct the code, or what schema.graphql and config.yaml declare.", edits: [],
  }];
}

function bodyProblem(shape: ShapeLine, text: string): Diagnostic {
  return {
    code: "BODY_MISSING", severity: "error", position: shape.position, message: `The body of ${shape.name} in resources.ts has another shape than its declaration: ${text}`,
    why: "A body must take the declared arguments and answer with the declared type.", fix: `Change the body of ${shape.name} or its declaration.`, edits: [],
  };
}

async function writeChanged(path: string, text: string): Promise<void> {
  const file = Bun.file(path);
  if (await file.exists() && await file.text() === text) return;
  await Bun.write(path, text);
}
