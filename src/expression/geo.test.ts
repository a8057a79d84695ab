// Distances on the globe, and boxes that lose nothing.
import { expect, test } from "bun:test";
import { seededRandom } from "../base/random.ts";
import { boxAround, distanceMetres } from "./geo.ts";

test("known distances", () => {
  expect(distanceMetres(52.52, 13.405, 48.8566, 2.3522)).toBeCloseTo(877_464, -3);
  expect(distanceMetres(0, 0, 0, 180)).toBeCloseTo(20_015_114, -1);
  expect(distanceMetres(90, 0, 90, 77)).toBeLessThan(1e-3);
  expect(distanceMetres(10, 179.9, 10, -179.9)).toBeLessThan(22_000);
  expect(distanceMetres(1, 1, 1, 1)).toBe(0);
});

test("whatever is near lies in the box, also at the poles and the date line", () => {
  const random = seededRandom(9);
  let inside = 0;
  for (let round = 0; round < 50_000; round++) {
    const centre = [random.next() * 180 - 90, random.next() * 360 - 180] as const;
    const metres = 10 ** (random.next() * 7.5);
    const spread = metres / 100_000;
    const latitude = Math.max(-90, Math.min(90, centre[0] + (random.next() - 0.5) * spread));
    const longitude = ((centre[1] + (random.next() - 0.5) * spread * 4 + 540) % 360 + 360) % 360 - 180;
    if (distanceMetres(...centre, latitude, longitude) > metres) continue;
    inside++;
    const box = boxAround(...centre, metres);
    const found = latitude >= box.minLatitude && latitude <= box.maxLatitude && box.longitudes.some(({ min, max }) => longitude >= min && longitude <= max);
    if (!found) throw new Error(JSON.stringify({ centre, metres, latitude, longitude, box }));
  }
  expect(inside).toBeGreaterThan(5_000);
});
