// The Prefer header (RFC 7240) with PostgREST's preferences and ours. What is not known is ignored, or refused by handling=strict.
import { fault } from "../../base/error.ts";

export interface Preferences {
  readonly return: "minimal" | "representation" | "headers-only" | null;
  readonly count: "exact" | "planned" | "estimated" | null;
  readonly resolution: "merge" | "ignore" | null;
  /** Fields that a row leaves out get their default, not null. */
  readonly missingDefault: boolean;
  readonly maxAffected: number | null;
  readonly refuseScan: boolean;
  /** Honoured by decisions alone, which say so themselves. */
  readonly respondAsync: boolean;
  readonly strict: boolean;
  /** For Preference-Applied, as they were sent. */
  readonly applied: readonly string[];
}

export const noPreferences: Preferences = {
  return: null, count: null, resolution: null, missingDefault: false, maxAffected: null, refuseScan: false, respondAsync: false, strict: false, applied: [],
};

type Draft = { -readonly [Name in keyof Preferences]: Preferences[Name] };

const READERS: Readonly<Record<string, (value: string, draft: Draft) => boolean>> = {
  return: (value, draft) => oneOf(value, ["minimal", "representation", "headers-only"] as const, (found) => { draft.return = found; }),
  count: (value, draft) => oneOf(value, ["exact", "planned", "estimated"] as const, (found) => { draft.count = found; }),
  resolution: (value, draft) => oneOf(value, ["merge-duplicates", "ignore-duplicates"] as const, (found) => { draft.resolution = found === "merge-duplicates" ? "merge" : "ignore"; }),
  missing: (value, draft) => oneOf(value, ["default", "null"] as const, (found) => { draft.missingDefault = found === "default"; }),
  scan: (value, draft) => oneOf(value, ["refuse"] as const, () => { draft.refuseScan = true; }),
  "respond-async": (value, draft) => value === "" && (draft.respondAsync = true),
  handling: (value) => oneOf(value, ["strict", "lenient"] as const, () => {}),
  tx: (value) => value === "commit",
  "max-affected"(value, draft) {
    if (!/^[0-9]{1,15}$/.test(value)) return false;
    draft.maxAffected = Number(value);
    return true;
  },
};
/** Ignoring one of these would do what the client asked not to happen. */
const NEVER_IGNORED = new Set(["max-affected", "tx", "scan"]);

/** Throws UNSUPPORTED_PREFERENCE. The first of a repeated preference counts. */
export function readPreferences(header: string | null): Preferences {
  if (header === null || header === "") return noPreferences;
  const strict = /(?:^|[,;\s])handling\s*=\s*"?strict"?/i.test(header);
  const draft: Draft = { ...noPreferences, strict };
  const applied: string[] = [];
  const seen = new Set<string>();
  for (const part of header.split(",")) {
    const text = part.trim();
    if (text === "") continue;
    const [, name = "", value = ""] = /^([^=;\s]+)\s*(?:=\s*"?([^";]*)"?)?/.exec(text) ?? [];
    const key = name.toLowerCase();
    if (seen.has(key)) continue;
    seen.add(key);
    const reader = Object.hasOwn(READERS, key) ? READERS[key] : undefined;
    if (reader !== undefined && reader(value.trim(), draft)) applied.push(...(key === "respond-async" ? [] : [`${key}=${value.trim()}`]));
    else if (strict || NEVER_IGNORED.has(key)) throw unsupported(key, value);
  }
  return { ...draft, applied };
}

function oneOf<Word extends string>(value: string, words: readonly Word[], take: (word: Word) => void): boolean {
  const found = words.find((word) => word === value);
  if (found === undefined) return false;
  take(found);
  return true;
}

function unsupported(name: string, value: string): Error {
  if (name === "tx") return fault("UNSUPPORTED_PREFERENCE", "A request always commits what it writes: tx=rollback is not possible.", { where: "Prefer", fix: "Remove tx=rollback." });
  return fault("UNSUPPORTED_PREFERENCE", `The preference ${name}${value === "" ? "" : " with this value"} is not known.`, { where: "Prefer" });
}
