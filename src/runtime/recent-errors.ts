// The last faults that were logged, for `describe`. A log in front of another one.
import type { LineLog } from "../base/log.ts";

const KEPT = 20;

export interface RecentErrors { readonly log: LineLog; list(): readonly object[] }

export function rememberErrors(log: LineLog, now: () => string): RecentErrors {
  const kept: object[] = [];
  return {
    log: {
      info: (event, fields) => log.info(event, fields),
      warn: (event, fields) => log.warn(event, fields),
      infoText: (event, fields) => log.infoText(event, fields),
      error(event, fields = {}) {
        kept.push({ time: now(), event, incident: fields["incident"] ?? null, requestId: fields["requestId"] ?? null, message: messageOf(fields) });
        if (kept.length > KEPT) kept.shift();
        log.error(event, fields);
      },
    },
    list: () => kept,
  };
}

function messageOf(fields: Readonly<Record<string, unknown>>): string | null {
  for (const value of [fields["message"], fields["cause"], fields["error"]]) {
    if (typeof value === "string") return value;
    if (value instanceof Error) return value.message;
    if (typeof value === "object" && value !== null && "message" in value) return String((value as { message: unknown }).message);
  }
  return null;
}
