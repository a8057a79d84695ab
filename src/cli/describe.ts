// `ambit describe`: tables, rules, routes, callables, counts and recent errors in one bounded answer.
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fault } from "../base/error.ts";
import { didYouMean } from "../base/diagnostic.ts";
import { askControl } from "../runtime/control.ts";
import { describeApp, isSection, SECTIONS, type Description, type Section } from "../runtime/describe-app.ts";
import { loadApp } from "../runtime/load-app.ts";
import type { Call, Command } from "./command.ts";
import { dataDirectory } from "./places.ts";

export const describeCommand: Command = {
  name: "describe",
  usage: "[DIR|URL] [--section NAME]",
  summary: "Tables, rules, routes, counts and recent errors in one bounded answer.",
  words: { min: 0, max: 1 },
  flags: {
    section: { value: "NAME", help: `One of: ${SECTIONS.join(", ")}.` },
    data: { value: "DIR", help: "The data directory, if the app was started with another one." },
  },
  async run(call) {
    const section = call.flag("section");
    if (section !== null && !isSection(section)) {
      const meant = didYouMean(section, SECTIONS);
      throw fault("USAGE", `There is no section ${section}.${meant === null ? "" : ` Did you mean ${meant}?`}`, { fix: `Use one of: ${SECTIONS.join(", ")}.` });
    }
    const word = call.words[0] ?? ".";
    const shown = /^https?:\/\//.test(word) && !existsSync(word) ? await describeUrl(call, word, section) : await describeFolder(call, resolve(word), section);
    call.output.object(shown);
    call.output.say(JSON.stringify(shown, null, 2));
    return 0;
  },
};

async function describeFolder(call: Call, directory: string, section: Section | null): Promise<Description> {
  const running = await askControl(dataDirectory(call, directory), pathOf(section), { method: "GET", acting: { kind: "administrator" }, headers: {}, body: null });
  if (running?.ok === true) return await running.json() as Description;
  return describeApp(await loadApp(directory, { environment: call.environment, typeCheck: false }), null, section);
}

async function describeUrl(call: Call, url: string, section: Section | null): Promise<Description> {
  const token = call.environment["AMBIT_ADMIN_TOKEN"];
  if (token === undefined) throw fault("UNAUTHENTICATED", "Describing an app by its URL needs its administrator token.", { fix: "Set AMBIT_ADMIN_TOKEN." });
  const response = await fetch(new URL(pathOf(section), url), { headers: { authorization: `Bearer ${token}` } }).catch((error: unknown) => {
    throw fault("UNAVAILABLE", `Nothing answers at ${url}.`, { cause: error });
  });
  if (!response.ok) throw fault(response.status === 401 ? "INVALID_TOKEN" : "FORBIDDEN", `${url} refused to be described (${response.status}).`);
  return await response.json() as Description;
}

function pathOf(section: Section | null): string {
  return section === null ? "/admin/describe" : `/admin/describe?section=${section}`;
}
