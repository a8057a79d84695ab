// `ambit types`: the types of an app for a client, printed or written where the client's own code wants them.
import { resolve } from "node:path";
import { fault } from "../base/error.ts";
import { clientDeclaration } from "../codegen/client-declaration.ts";
import { isError, loadApp } from "../runtime/load-app.ts";
import type { Command } from "./command.ts";

/** What is left of it when it runs: the facts of the app. */
function withoutTypes(text: string): string {
  return `${text.slice(0, text.indexOf("\n"))}\n${new Bun.Transpiler({ loader: "ts" }).transformSync(text)}`;
}

export const typesCommand: Command = {
  name: "types",
  usage: "[DIR] --client [--out FILE]",
  summary: "The types of the app for `ambit/client`, printed or written to a file.",
  words: { min: 0, max: 1 },
  flags: {
    client: { value: null, help: "Those for ambit/client. Types of resources.ts are written by check and dev." },
    out: { value: "FILE", help: "Written there when they differ; as JavaScript where it ends in .js or .mjs, for pages without a build. Default: printed." },
  },
  async run({ words, flag, isSet, output, environment }) {
    if (!isSet("client")) throw fault("USAGE", "Say whose types: --client.", { fix: "ambit types [DIR] --client [--out FILE]" });
    const app = await loadApp(resolve(words[0] ?? "."), { environment, typeCheck: false });
    const errors = app.diagnostics.filter(isError);
    if (errors.length > 0) {
      output.diagnostics(errors);
      return 1;
    }
    const out = flag("out");
    const text = out !== null && /\.m?js$/.test(out) ? withoutTypes(clientDeclaration(app.catalog)) : clientDeclaration(app.catalog);
    if (out === null) {
      output.object({ text });
      output.say(text.trimEnd());
      return 0;
    }
    const file = Bun.file(resolve(out));
    const isChanged = !(await file.exists()) || await file.text() !== text;
    if (isChanged) await Bun.write(file, text);
    output.object({ file: resolve(out), changed: isChanged });
    output.say(isChanged ? `wrote ${out}` : `${out} is up to date`);
    return 0;
  },
};
