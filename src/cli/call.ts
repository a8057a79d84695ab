// `ambit call`: one request against the running app, as anybody, through its control socket.
import { didYouMean } from "../base/diagnostic.ts";
import { fault } from "../base/error.ts";
import { askControl, type ActingAs } from "../runtime/control.ts";
import type { Call, Command } from "./command.ts";
import { dataDirectory } from "./places.ts";
import { resolve } from "node:path";

export const callCommand: Command = {
  name: "call",
  usage: "METHOD PATH [BODY] [--as SUBJECT] [--role R] [--tenant T] [--admin] [--header H]",
  summary: "One request against the app that runs here; BODY is JSON, or - for standard input.",
  words: { min: 2, max: 3 },
  flags: {
    as: { value: "SUBJECT", help: "Who asks; without it nobody is signed in." },
    role: { value: "R", help: "A role of the subject; repeatable.", repeatable: true },
    tenant: { value: "T", help: "The tenant of the subject, or within which the administrator asks." },
    admin: { value: null, help: "Ask as the administrator." },
    header: { value: "NAME:VALUE", help: "A request header; repeatable.", repeatable: true },
    dir: { value: "DIR", help: "The app's folder. Default: this one." },
    data: { value: "DIR", help: "Its data directory, if it was started with another one." },
  },
  async run(call) {
    const [method, path, body] = call.words as [string, string, string | undefined];
    const verb = readMethod(method);
    if (!path.startsWith("/")) throw fault("USAGE", "PATH begins with a slash.", { fix: "ambit call GET /Product" });
    const text = body === "-" ? await Bun.stdin.text() : body ?? null;
    const headers = { ...(text === null ? {} : { "content-type": "application/json" }), ...readHeaders(call) };
    const response = await ask(call, path, { method: verb, acting: actingAs(call), headers, body: text });
    const answer = await response.text();
    const value = readJson(answer);
    call.output.object({ status: response.status, headers: Object.fromEntries(response.headers), body: value === undefined ? answer : value });
    call.output.say(`${response.status} ${response.statusText}`.trim());
    if (answer !== "") call.output.say(value === undefined ? answer : JSON.stringify(value, null, 2));
    return response.ok || response.status === 304 ? 0 : 1;
  },
};

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;

// fetch makes a GET of a method that it does not know, which would look like an answer.
function readMethod(word: string): string {
  const method = word.toUpperCase();
  if ((METHODS as readonly string[]).includes(method)) return method;
  const meant = didYouMean(method, METHODS);
  throw fault("USAGE", `${word} is no method.${meant === null ? "" : ` Did you mean ${meant}?`}`, { fix: `Use one of ${METHODS.join(", ")}.` });
}

/** Throws UNAVAILABLE when no app runs there. */
export async function ask(call: Call, path: string, request: Parameters<typeof askControl>[2]): Promise<Response> {
  const directory = dataDirectory(call, resolve(call.flag("dir") ?? "."));
  const response = await askControl(directory, path, request);
  if (response === null) throw fault("UNAVAILABLE", `No app runs on ${directory}.`, { fix: "Run ambit dev there, or name the folder with --dir or --data." });
  return response;
}

function actingAs(call: Call): ActingAs {
  const tenant = call.flag("tenant");
  if (call.isSet("admin")) return { kind: "administrator", tenant };
  const subject = call.flag("as");
  if (subject !== null) return { kind: "subject", subject, roles: call.flags("role"), tenant };
  if (tenant !== null) throw fault("USAGE", "--tenant needs --as SUBJECT or --admin.", { fix: "ambit call GET /Task --as me --tenant acme" });
  if (call.flags("role").length > 0) throw fault("USAGE", "--role needs --as SUBJECT.", { fix: "ambit call GET /Product --as me --role merchant" });
  return { kind: "anonymous" };
}

function readHeaders(call: Call): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of call.flags("header")) {
    const colon = line.indexOf(":");
    if (colon < 1) throw fault("USAGE", `--header takes NAME:VALUE, not ${line}.`);
    headers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim();
  }
  return headers;
}

/** Undefined when it is not JSON. */
function readJson(text: string): unknown {
  try { return JSON.parse(text) as unknown; } catch { return undefined; }
}
