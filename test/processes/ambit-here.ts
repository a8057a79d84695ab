// Runs the `ambit` command in this process: faster than a process of its own, where nothing is killed or limited.
import { main } from "../../src/cli/main.ts";
import type { CommandResult } from "./ambit-command.ts";

export async function ambitHere(words: readonly string[]): Promise<CommandResult> {
  let out = "";
  let err = "";
  const environment = { PATH: process.env["PATH"] ?? "", AMBIT_FORBID_OUTBOUND: "1" };
  const code = await main(words, environment, { out: (text) => { out += text; }, err: (text) => { err += text; }, terminal: false });
  return { code, out, err, objects: () => out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Record<string, unknown>) };
}
