// `ambit init`: three files and an AGENTS.md that run at once. Never overwrites a file.
import { existsSync, statSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { fault } from "../base/error.ts";
import { agentsFile, configFile, resourcesFile, schemaFile } from "./init-files.ts";
import type { Command } from "./command.ts";

export const initCommand: Command = {
  name: "init",
  usage: "[DIR]",
  summary: "A new app: schema.graphql, config.yaml, resources.ts and AGENTS.md.",
  words: { min: 0, max: 1 },
  flags: {},
  async run({ words, output }) {
    const directory = resolve(words[0] ?? ".");
    const files: readonly (readonly [string, string])[] = [
      ["schema.graphql", schemaFile], ["config.yaml", configFile], ["resources.ts", resourcesFile], ["AGENTS.md", agentsFile],
    ];
    if (existsSync(directory) && !statSync(directory).isDirectory()) throw fault("USAGE", `${directory} is no folder.`, { fix: "Name a folder; it is made if it is missing." });
    // Writing over one of them would lose work.
    const taken = files.filter(([name]) => existsSync(join(directory, name))).map(([name]) => name);
    if (taken.length > 0) throw fault("CONFLICT", `${taken.join(", ")} already exist in ${directory}.`, { fix: "Choose an empty folder." });
    await mkdir(directory, { recursive: true });
    for (const [name, text] of files) await writeFile(join(directory, name), text);
    const shown = words[0] ?? ".";
    output.say(`Created ${basename(directory)}: ${files.map(([name]) => name).join(", ")}.\nNext: npx ambit dev ${shown}`);
    output.object({ created: files.map(([name]) => name), directory });
    return 0;
  },
};
