// DateTime and Date: what is accepted, and its canonical form.
import { expect, test } from "bun:test";
import { dateTimeBounds, dateTimeOf, isDateTimeMs, millisecondsOf, parseDate, parseDateTime } from "./date-time.ts";

test("RFC 3339 becomes UTC with milliseconds", () => {
  const cases: [string, string][] = [
    ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"],
    ["2026-01-31t12:00:00.5z", "2026-01-31T12:00:00.500Z"],
    ["2026-01-31T12:00:00.123999999+02:30", "2026-01-31T09:30:00.123Z"],
    ["2026-01-01T00:00:00-01:00", "2026-01-01T01:00:00.000Z"],
    ["2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"],
    ["0000-01-01T00:00:00Z", "0000-01-01T00:00:00.000Z"],
    ["0099-12-31T23:30:00-00:29", "0099-12-31T23:59:00.000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
  ];
  for (const [text, canonical] of cases) {
    expect(parseDateTime(text)).toBe(canonical);
    expect(dateTimeOf(millisecondsOf(canonical))).toBe(canonical);
  }
});

test("what is no instant of the calendar is refused", () => {
  const bad = [
    "", "2026-01-31", "2026-01-31T12:00:00", "2026-01-31 12:00:00Z", "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-00-10T00:00:00Z",
    "2026-01-31T24:00:00Z", "2026-01-31T23:60:00Z", "2026-01-31T23:59:60Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+24:00",
    "0000-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "+012026-01-01T00:00:00Z", "2026-01-31T12:00:00.1234567890Z", "2026-1-31T12:00:00Z", "2026-01-31T12:00:00Z ",
  ];
  for (const text of bad) expect(parseDateTime(text)).toBeNull();
});

test("dates are days that exist", () => {
  for (const text of ["2026-01-31", "2024-02-29", "0000-01-01", "9999-12-31"]) expect(parseDate(text)).toBe(text);
  for (const text of ["2026-02-29", "2026-1-1", "26-01-01", "2026-01-32", "2026-04-31", "2026-01-01T00:00:00Z", ""]) expect(parseDate(text)).toBeNull();
});

test("the bounds are the first and the last instant", () => {
  expect(dateTimeOf(dateTimeBounds.first)).toBe("0000-01-01T00:00:00.000Z");
  expect(dateTimeOf(dateTimeBounds.last)).toBe("9999-12-31T23:59:59.999Z");
  expect(isDateTimeMs(dateTimeBounds.last + 1)).toBe(false);
  expect(isDateTimeMs(0.5)).toBe(false);
});
