// `ambit explain`: the page of an error code, or how a query would be answered by the app that runs here.
import { didYouMean } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import { errorRegistry } from "../base/error-registry.ts";
import { packageFile } from "../runtime/package-files.ts";
import { ask } from "./call.ts";
import type { Call, Command } from "./command.ts";

export const explainCommand: Command = {
  name: "explain",
  usage: "CODE|PATH",
  summary: "An error code's page, or the SQL and indexes of a query such as \"/Product?price=lt.5\".",
  words: { min: 1, max: 1 },
  flags: {
    dir: { value: "DIR", help: "The app's folder. Default: this one." },
    data: { value: "DIR", help: "Its data directory, if it was started with another one." },
  },
  async run(call) {
    const word = call.words[0]!;
    return word.startsWith("/") ? explainQuery(call, word) : explainCode(call, word);
  },
};

async function explainCode(call: Call, code: string): Promise<number> {
  if (!Object.hasOwn(errorRegistry, code)) {
    const meant = didYouMean(code, Object.keys(errorRegistry));
    throw fault("USAGE", `There is no error code ${code} of Ambit.${meant === null ? "" : ` Did you mean ${meant}?`}`, {
      fix: meant === null ? "docs/errors/ has all of them. A code of ctx.error is the app's own: look for it in resources.ts." : `ambit explain ${meant}`,
    });
  }
  const text = await Bun.file(packageFile("docs", "errors", `${code}.md`)).text();
  call.output.object({ code, page: text });
  call.output.say(text.trimEnd());
  return 0;
}

async function explainQuery(call: Call, path: string): Promise<number> {
  const response = await ask(call, `${path}${path.includes("?") ? "&" : "?"}explain=true`, { method: "GET", acting: { kind: "administrator" }, headers: {}, body: null });
  const answer = await response.json() as object;
  call.output.object(answer);
  call.output.say(JSON.stringify(answer, null, 2));
  return response.ok ? 0 : 1;
}
