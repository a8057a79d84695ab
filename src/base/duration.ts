// ISO 8601 durations of weeks, days, hours, minutes and seconds: exact milliseconds. Years and months have no fixed length.

const DURATION = /^(-)?P(?:(\d{1,15})W)?(?:(\d{1,15})D)?(?:T(?:(\d{1,15})H)?(?:(\d{1,15})M)?(?:(\d{1,15})(?:\.(\d{1,9}))?S)?)?$/;
const DAY_MS = 86_400_000;

/** Canonical text, or null: not ISO 8601, with years or months, or beyond 2^53 milliseconds. Below a millisecond is cut off. */
export function parseDuration(text: string): string | null {
  const match = DURATION.exec(text);
  if (match === null || text.endsWith("P") || text.endsWith("T")) return null;
  const [, sign, weeks, days, hours, minutes, seconds, fraction] = match;
  const fractionMs = Number((fraction ?? "").slice(0, 3).padEnd(3, "0"));
  const wholeDays = Number(weeks ?? 0) * 7 + Number(days ?? 0);
  const ms = wholeDays * DAY_MS + Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * 60_000 + Number(seconds ?? 0) * 1000 + fractionMs;
  if (!isDurationMs(ms)) return null;
  return durationOf(sign === undefined ? ms : -ms);
}

/** True for milliseconds that a Duration can hold. */
export function isDurationMs(ms: number): boolean {
  return Number.isSafeInteger(ms);
}

/** Milliseconds of a canonical Duration. */
export function durationMs(canonical: string): number {
  const match = DURATION.exec(canonical);
  if (match === null) return Number.NaN;
  const [, sign, , days, hours, minutes, seconds, fraction] = match;
  const ms = Number(days ?? 0) * DAY_MS + Number(hours ?? 0) * 3_600_000 + Number(minutes ?? 0) * 60_000
    + Number(seconds ?? 0) * 1000 + Number((fraction ?? "").slice(0, 3).padEnd(3, "0"));
  return sign === undefined || ms === 0 ? ms : -ms;
}

/** Canonical text: days, hours below 24, minutes and seconds below 60, no zero parts; `PT0S` for nothing. */
export function durationOf(ms: number): string {
  if (ms === 0) return "PT0S";
  const size = Math.abs(ms);
  const days = Math.floor(size / DAY_MS);
  const hours = Math.floor(size / 3_600_000) % 24;
  const minutes = Math.floor(size / 60_000) % 60;
  const seconds = secondsText(size % 60_000);
  const time = (hours > 0 ? `${hours}H` : "") + (minutes > 0 ? `${minutes}M` : "") + seconds;
  return `${ms < 0 ? "-" : ""}P${days > 0 ? `${days}D` : ""}${time === "" ? "" : `T${time}`}`;
}

function secondsText(ms: number): string {
  if (ms === 0) return "";
  const fraction = (ms % 1000).toString().padStart(3, "0").replace(/0+$/, "");
  return `${Math.floor(ms / 1000)}${fraction === "" ? "" : `.${fraction}`}S`;
}
