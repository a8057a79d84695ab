// Days of zones: on both sides of midnight, of the change of the clocks and of the date line.
import { expect, test } from "bun:test";
import { calendarDay, isZone } from "./calendar-day.ts";

test.each([
  ["2027-01-31T23:30:00Z", "UTC", "2027-01-31"],
  ["2027-01-31T23:30:00Z", "Europe/Berlin", "2027-02-01"],
  ["2027-07-31T21:59:59Z", "Europe/Berlin", "2027-07-31"],
  ["2027-07-31T22:00:00Z", "Europe/Berlin", "2027-08-01"],
  ["2027-01-01T04:59:59Z", "America/New_York", "2026-12-31"],
  ["2027-01-01T09:59:59Z", "Pacific/Kiritimati", "2027-01-01"],
  ["2027-01-01T10:00:00Z", "Pacific/Kiritimati", "2027-01-02"],
])("%s in %s is %s", (at, zone, day) => {
  expect(calendarDay(Date.parse(at), zone)).toBe(day);
});

test.each([["Europe/Berlin", true], ["UTC", true], ["Europe/Berlim", false], ["", false]])("%s is a zone: %p", (name, known) => {
  expect(isZone(name)).toBe(known);
});
