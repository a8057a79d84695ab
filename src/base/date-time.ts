// DateTime and Date in their canonical text forms, whose order as text is their order in time. Years 0000 to 9999.

const DATE_TIME = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;
const DATE = /^(\d{4})-(\d\d)-(\d\d)$/;

/** The first and the last instant that a DateTime can hold. */
export const dateTimeBounds = { first: -62_167_219_200_000, last: 253_402_300_799_999 } as const;

/** RFC 3339 with an offset to `2026-01-31T12:00:00.000Z`; digits below a millisecond are cut off. Null if it is not one. */
export function parseDateTime(text: string): string | null {
  const match = DATE_TIME.exec(text);
  if (match === null) return null;
  const [, year, month, day, hour, minute, second, fraction, sign, offsetHour, offsetMinute] = match;
  const midnight = midnightOf(Number(year), Number(month), Number(day));
  if (midnight === null || Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return null;
  const offsetMs = sign === undefined ? 0 : offsetMsOf(sign, Number(offsetHour), Number(offsetMinute));
  if (offsetMs === null) return null;
  const fractionMs = Number((fraction ?? "").slice(0, 3).padEnd(3, "0"));
  const ms = midnight + ((Number(hour) * 60 + Number(minute)) * 60 + Number(second)) * 1000 + fractionMs - offsetMs;
  return isDateTimeMs(ms) ? dateTimeOf(ms) : null;
}

/** True of `2026-01-31T12:00:00 01:00`: a time in whose URL `+` was not written as `%2B`. */
export function isTimeWithLostPlus(text: string): boolean {
  return text.includes(" ") && parseDateTime(text.replace(" ", "+")) !== null;
}

/** What to do about it. */
export const lostPlusFix = "In a URL + is a blank: write %2B for it, or the time in UTC with Z.";

/** `2026-01-31`, or null if it is no day of the calendar. */
export function parseDate(text: string): string | null {
  const match = DATE.exec(text);
  if (match === null) return null;
  return midnightOf(Number(match[1]), Number(match[2]), Number(match[3])) === null ? null : text;
}

/** True for milliseconds since the epoch that a DateTime can hold. */
export function isDateTimeMs(ms: number): boolean {
  return Number.isInteger(ms) && ms >= dateTimeBounds.first && ms <= dateTimeBounds.last;
}

/** Canonical text of milliseconds since the epoch; they must be within `dateTimeBounds`. */
export function dateTimeOf(ms: number): string {
  if (ms !== latestMs) {
    latestText = new Date(ms).toISOString();
    latestMs = ms;
  }
  return latestText;
}

/** The moment that was asked for last: now, mostly, by many in one millisecond. */
let latestMs = Number.NaN;
let latestText = "";

/** Milliseconds since the epoch of a canonical DateTime. */
export function millisecondsOf(canonical: string): number {
  return Date.parse(canonical);
}

function midnightOf(year: number, month: number, day: number): number | null {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  const exists = date.getUTCFullYear() === year && date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return exists ? date.getTime() : null;
}

function offsetMsOf(sign: string, hours: number, minutes: number): number | null {
  if (hours > 23 || minutes > 59) return null;
  const ms = (hours * 60 + minutes) * 60_000;
  return sign === "-" ? -ms : ms;
}
