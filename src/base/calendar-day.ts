// Calendar days of a time zone, as sums and budgets of a day count them. Pure: the zone is named, never the machine's.

const formats = new Map<string, Intl.DateTimeFormat>();

/** IANA, as the runtime knows them. */
export function isZone(name: string): boolean {
  try {
    return formatOf(name).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}

/** `2027-01-31`. Throws RangeError for what is no zone. */
export function calendarDay(atMs: number, zone: string): string {
  if (zone === "UTC") return new Date(atMs).toISOString().slice(0, 10);
  const parts = new Map(formatOf(zone).formatToParts(atMs).map(({ type, value }) => [type, value]));
  return `${parts.get("year")}-${parts.get("month")}-${parts.get("day")}`;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  let format = formats.get(zone);
  if (format === undefined) formats.set(zone, format = new Intl.DateTimeFormat("en", { timeZone: zone, calendar: "iso8601", year: "numeric", month: "2-digit", day: "2-digit" }));
  return format;
}
