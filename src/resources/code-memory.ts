// `ctx.memory` of app code. What is remembered, and how, is behind the port of decisions.
import { fault } from "../base/error.ts";
import { parseDateTime } from "../base/date-time.ts";
import type { Body } from "./body.ts";
import { rawInput } from "./code-input.ts";
import { decisionsOf } from "./decide-operation.ts";
import type { RememberRequest } from "./decision-port.ts";
import { readsOnly } from "./reading-work.ts";

/** `ctx.memory`: with the author's authority, within the caller's tenant. */
export function memoryAccess(body: Body): object {
  return Object.freeze({
    recall: (about: unknown, options: { readonly asOf?: unknown } = {}) => body.calls.start("ctx.memory.recall", async () => {
      refuseTools(body, "ctx.memory.recall");
      return decisionsOf(body.core).recall({ about: named(about), asOf: timeIn(options.asOf, "asOf"), mode: "system" }, body.caller);
    }),
    remember: (about: unknown, facts: unknown, options: RememberOptions = {}) => body.calls.start("ctx.memory.remember", async () => {
      refuseTools(body, "ctx.memory.remember");
      const ask: RememberRequest = {
        about: named(about), facts: rawInput(facts, "ctx.memory.remember"), validFrom: timeIn(options.validFrom, "validFrom"), validTo: timeIn(options.validTo, "validTo"),
        isUntrusted: options.untrusted === true, mode: "system",
      };
      return decisionsOf(body.core).remember(ask, body);
    }),
  });
}

interface RememberOptions { readonly validFrom?: unknown; readonly validTo?: unknown; readonly untrusted?: unknown }

/** What a tool answers has no label of its own, and a tool changes nothing. */
function refuseTools(body: Body, what: string): void {
  if (body.work.readsOnly === true) throw readsOnly(what);
}

function named(about: unknown): string {
  if (typeof about === "string" && about.includes(":")) return about;
  throw fault("VALIDATION_FAILED", "Memory is about a record.", { where: "about", fix: 'Name it as "TABLE:id".' });
}

function timeIn(value: unknown, where: string): string | null {
  if (value === undefined || value === null) return null;
  const text = value instanceof Date ? value.toISOString() : typeof value === "string" ? parseDateTime(value) : null;
  if (text === null) throw fault("VALIDATION_FAILED", `${where} is a time.`, { where, fix: "Give a Date, or text as in RFC 3339." });
  return text;
}
