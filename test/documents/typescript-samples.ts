// TypeScript of the manual against the types that the fixture app's schema gives: all samples in one run of the compiler.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Fixture } from "./running-fixture.ts";

export interface TypeScriptSample { readonly name: string; readonly text: string; readonly words: readonly string[] }

const WHOLE = `import { endpoints } from "ambit";`;
const PART = `import { endpoints as all } from "ambit";\nconst endpoints = (bodies: Partial<Parameters<typeof all>[0]>) => bodies;`;
const REFERENCE = `/// <reference path="../types.d.ts" />\n`;

/** `body`: statements of a body, with \`ctx\`. `part`: some of the endpoints. Everything else is a module. Error lines of the compiler, with the sample's name. */
export async function typeScriptErrors(fixture: Fixture, samples: readonly TypeScriptSample[]): Promise<string[]> {
  const folder = join(fixture.directory, ".ambit", "samples");
  if (!existsSync(folder)) mkdirSync(folder);
  const names = new Map(samples.map((sample, index) => [`sample-${index}.ts`, sample]));
  for (const [file, { text, words }] of names) {
    const code = text.replace(/^\/\/\/ <reference .*\n/m, "").replace(words.includes("part") ? WHOLE : "", words.includes("part") ? PART : "");
    const whole = words.includes("body")
      ? `import type { Ctx } from "ambit";\nexport async function sample(ctx: Ctx): Promise<unknown> {\n${code}\nreturn undefined;\n}\n`
      : `${code}\nexport {};\n`;
    writeFileSync(join(folder, file), REFERENCE + whole);
  }
  const { compilerOptions } = JSON.parse(readFileSync(join(fixture.directory, ".ambit", "tsconfig.json"), "utf8")) as { compilerOptions: object };
  writeFileSync(join(folder, "app.ts"), 'export * from "../client.ts";\n');
  const paths = { "ambit/client": [join(import.meta.dir, "..", "..", "client", "index.ts")] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions: { ...compilerOptions, paths }, files: ["../types.d.ts", ...names.keys()] }));
  const compiler = Bun.spawn([join(import.meta.dir, "..", "..", "node_modules", ".bin", "tsc"), "-p", folder, "--pretty", "false"], { cwd: folder, stdout: "pipe", stderr: "pipe" });
  const output = await new Response(compiler.stdout).text();
  await compiler.exited;
  return output.split("\n").filter((line) => line !== "").map((line) => {
    const file = /^([\w./-]*?)(sample-\d+\.ts)/.exec(line)?.[2];
    return file === undefined ? line : `${names.get(file)?.name ?? file}: ${line}`;
  });
}
