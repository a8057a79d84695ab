// What a command prints: text for people, or with --json one object per line on standard output.
import type { Diagnostic } from "../base/diagnostic.ts";
import { toProblem, type AmbitError } from "../base/error.ts";
import { errorRegistry, type ErrorCode } from "../base/error-registry.ts";
import type { Json } from "../base/value.ts";

export interface Output {
  readonly json: boolean;
  /** For people only; nothing with --json. */
  say(text: string): void;
  /** How far long work is, on a terminal: each replaces the one before, an empty one ends it. */
  progress(text: string): void;
  /** With --json only. */
  object(value: unknown): void;
  diagnostics(list: readonly Diagnostic[]): void;
  error(error: AmbitError): void;
}

export interface Sink { out(text: string): void; err(text: string): void; readonly terminal: boolean }

export function createOutput(json: boolean, sink: Sink): Output {
  const paint = (code: string, text: string): string => (sink.terminal ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {
    json,
    say(text) { if (!json) sink.out(`${text}\n`); },
    progress(text) { if (!json && sink.terminal) sink.err(`\r${text}\u001b[K`); },
    object(value) { if (json) sink.out(`${JSON.stringify(value)}\n`); },
    diagnostics(list) {
      for (const diagnostic of list) {
        if (json) sink.out(`${JSON.stringify(diagnosticObject(diagnostic))}\n`);
        else sink.err(diagnosticText(diagnostic, paint));
      }
    },
    error(error) {
      if (json) { sink.out(`${JSON.stringify(toProblem(error, ""))}\n`); return; }
      const { details, fix, hint } = toProblem(error, "");
      const each = eachText(details);
      sink.err(`${paint("31", `error ${error.code}`)}: ${error.message}\n${hint === null ? "" : `  ${hint}\n`}${each}${fix === null || repeats(fix, details) ? "" : `  fix: ${fix}\n`}`);
    },
  };
}

/** Whether the fix of the whole says again what stands at its parts. */
function repeats(fix: string, details: Json): boolean {
  const first = Array.isArray(details) ? (details[0] as { readonly fix?: unknown } | null | undefined)?.fix : undefined;
  return typeof first === "string" && fix.includes(first);
}

/** Where an error is about several things: each with its own fix. */
function eachText(details: Json): string {
  if (!Array.isArray(details)) return "";
  return details.map((one) => {
    const { message, fix } = (one ?? {}) as { readonly message?: unknown; readonly fix?: unknown };
    return typeof message === "string" && typeof fix === "string" ? `  - ${message}\n    fix: ${fix}\n` : "";
  }).join("");
}

/** The error object of interfaces.md, with place and edits. */
export function diagnosticObject(diagnostic: Diagnostic): object {
  const known = Object.hasOwn(errorRegistry, diagnostic.code) ? errorRegistry[diagnostic.code as ErrorCode] : undefined;
  const { code, severity, message, why, fix, edits, position } = diagnostic;
  return {
    type: `/docs/errors/${code}`, title: known?.title ?? code, status: known?.status ?? 422, code, severity, message, why, details: null, hint: why,
    file: position.file, line: position.line, column: position.column, where: `${position.file}:${position.line}:${position.column}`, fix, edits, retry: false, requestId: "",
  };
}

function diagnosticText(diagnostic: Diagnostic, paint: (code: string, text: string) => string): string {
  const { position, severity, code, message, why, fix } = diagnostic;
  const head = paint(severity === "error" ? "31" : "33", `${severity} ${code}`);
  return `${position.file}:${position.line}:${position.column} ${head}\n  ${message}\n  why: ${why}\n  fix: ${fix}\n`;
}
