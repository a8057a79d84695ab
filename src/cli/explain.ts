// `ambit explain`: the page of an error code, or how a query would be answered by the app that runs here.
import { didYouMean } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import { errorRegistry, type ErrorCode } from "../base/error-registry.ts";
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
  const page = await pageOf(code);
  if (page === null) {
    const meant = didYouMean(code, Object.keys(errorRegistry));
    throw fault("USAGE", `There is no error code ${code} of Ambit.${meant === null ? "" : ` Did you mean ${meant}?`}`, {
      fix: meant === null ? "docs/errors/ has all of them. A code of ctx.error is the app's own: look for it in resources.ts." : `ambit explain ${meant}`,
    });
  }
  call.output.object({ code, page });
  call.output.say(page.trimEnd());
  return 0;
}

/** Codes of the library behind `/auth` stand on one page. Null: it is none of Ambit's. */
async function pageOf(code: string): Promise<string | null> {
  const read = (name: ErrorCode): Promise<string> => Bun.file(packageFile("docs", "errors", `${name}.md`)).text();
  if (Object.hasOwn(errorRegistry, code)) return read(code as ErrorCode);
  const ofSignIn = await read("SIGN_IN_FAILED");
  return ofSignIn.includes(`\`${code}\``) ? ofSignIn : null;
}

async function explainQuery(call: Call, path: string): Promise<number> {
  const response = await ask(call, `${path}${path.includes("?") ? "&" : "?"}explain=true`, { method: "GET", acting: { kind: "administrator" }, headers: {}, body: null });
  const answer = await response.json() as object;
  call.output.object(answer);
  call.output.say(JSON.stringify(answer, null, 2));
  return response.ok ? 0 : 1;
}
