// `ambit check`: all diagnostics of the three files, without starting anything.
import { resolve } from "node:path";
import { decisions } from "#decisions";
import { loadApp } from "../runtime/load-app.ts";
import type { Command } from "./command.ts";
import { appTables } from "../schema/account-tables.ts";

export const checkCommand: Command = {
  name: "check",
  usage: "[DIR]",
  summary: "All problems of the three files, each with its fix.",
  words: { min: 0, max: 1 },
  flags: {},
  async run({ words, output, environment }) {
    const app = await loadApp(resolve(words[0] ?? "."), { environment, typeCheck: true });
    const errors = app.diagnostics.filter((diagnostic) => diagnostic.severity === "error").length;
    output.diagnostics(app.diagnostics);
    const warnings = app.diagnostics.length - errors;
    output.say(errors === 0 ? `ok: ${counted(appTables(app.catalog).length, "table")}, ${counted(app.catalog.endpoints.size, "endpoint")}${app.catalog.decisions.size === 0 ? "" : `, ${counted(app.catalog.decisions.size, "decision")}`}${warnings === 0 ? "" : `, ${counted(warnings, "warning")}`}` : `${counted(errors, "error")}, ${counted(warnings, "warning")}`);
    for (const taint of errors === 0 ? decisions.taintOf(app) : []) {
      output.object({ event: "taint", ...taint });
      output.say(`${taint.decision}: ${taint.untrusted} UNTRUSTED${taint.paths.length === 0 ? "" : ` by ${taint.paths.join(", ")}`}${taint.forbidden.length === 0 ? "" : `; the fallback then instead of ${taint.forbidden.join(", ")} (taint: FORBID)`}`);
    }
    return errors === 0 ? 0 : 1;
  },
};

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
