// So many at once, each once, and what fails is told.
import { expect, test } from "bun:test";
import { inParallel } from "./in-parallel.ts";

test("each is done once, never more of them at once than may be", async () => {
  const done: number[] = [];
  let [going, most] = [0, 0];
  await inParallel(Array.from({ length: 20 }, (_, index) => index), 3, async (item) => {
    most = Math.max(most, ++going);
    await Promise.resolve();
    done.push(item);
    going--;
  });
  expect([most, done.toSorted((left, right) => left - right)]).toEqual([3, Array.from({ length: 20 }, (_, index) => index)]);
  await inParallel([], 3, () => Promise.reject(new Error("nobody asked")));
});

test("what one of them throws is thrown", async () => {
  expect(await inParallel([1, 2, 3], 2, (item) => (item === 2 ? Promise.reject(new Error("two")) : Promise.resolve())).catch(String)).toBe("Error: two");
});
