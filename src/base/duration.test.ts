// Durations: what is accepted, canonical form, round trip.
import { expect, test } from "bun:test";
import { durationMs, durationOf, parseDuration } from "./duration.ts";
import { seededRandom } from "./random.ts";

test("ISO 8601 becomes days, hours, minutes and seconds", () => {
  const cases: [string, string, number][] = [
    ["PT0S", "PT0S", 0], ["-PT0S", "PT0S", 0], ["P0D", "PT0S", 0], ["PT90M", "PT1H30M", 5_400_000], ["PT24H", "P1D", 86_400_000], ["P2W", "P14D", 1_209_600_000],
    ["P1DT2H", "P1DT2H", 93_600_000], ["PT0.5S", "PT0.5S", 500], ["PT1.0409S", "PT1.04S", 1_040], ["-P1DT1S", "-P1DT1S", -86_401_000], ["PT3600S", "PT1H", 3_600_000],
  ];
  for (const [text, canonical, ms] of cases) {
    expect(parseDuration(text)).toBe(canonical);
    expect(durationMs(canonical)).toBe(ms);
    expect(durationOf(ms)).toBe(canonical);
  }
});

test("years, months and anything else are refused", () => {
  for (const text of ["", "P", "PT", "P1DT", "P1Y", "P1M", "PT1.5H", "1h", "PT1H1H", "pt1h", "+PT1H", "PT-1H", "PT9007199254741S", "PT1S ", "PT.5S"]) expect(parseDuration(text)).toBeNull();
});

test("every number of milliseconds survives", () => {
  const random = seededRandom(7);
  for (let round = 0; round < 2_000; round++) {
    const ms = Math.round((random.next() - 0.5) * 10 ** Math.floor(random.next() * 15));
    const text = durationOf(ms);
    expect(durationMs(text)).toBe(ms === 0 ? 0 : ms);
    expect(parseDuration(text)).toBe(text);
  }
});
