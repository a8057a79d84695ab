// @limit of a table, a channel or a callable, as numbers. Wrong ones are left out.
import type { Rate } from "../base/rate-meter.ts";
import type { UsageLimit } from "./catalog.ts";
import { numberOf, textOf, usesOf, type DirectiveHolder } from "./declarations.ts";

const WINDOW_MS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000, day: 86_400_000 };
const UNIT_BYTES: Readonly<Record<string, number>> = { B: 1, KB: 1_000, MB: 1_000_000, GB: 1_000_000_000 };

export function usageOf(declared: DirectiveHolder): { readonly usage?: readonly UsageLimit[] } {
  const usage = usesOf(declared, "limit").flatMap((use): UsageLimit[] => (use.values === null ? [] : [{
    rate: readRate(textOf(use, "rate") ?? ""),
    per: use.values["per"] as UsageLimit["per"],
    bodyBytes: readSize(textOf(use, "body") ?? ""),
    concurrency: numberOf(use, "concurrency") ?? null,
  }]));
  return usage.length === 0 ? {} : { usage };
}

/** `"5/min"`; null: no rate. */
export function readRate(text: string): Rate | null {
  const found = /^([1-9][0-9]{0,8})\/(s|min|h|day)$/.exec(text);
  return found === null ? null : { count: Number(found[1]), windowMs: WINDOW_MS[found[2]!]! };
}

function readSize(text: string): number | null {
  const found = /^([1-9][0-9]{0,8})(B|KB|MB|GB)$/.exec(text);
  return found === null ? null : Number(found[1]) * UNIT_BYTES[found[2]!]!;
}
