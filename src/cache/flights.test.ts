// One flight for each name; what overtakes it, and what it leaves behind.
import { expect, test } from "bun:test";
import { Flights } from "./flights.ts";

interface Held { readonly flights: Flights<string>; land(end: string): Promise<void>; isOvertaken(): boolean; readonly end: Promise<string> }

function held(flights = new Flights<string>(), name = "a", table = "T"): Held {
  let finish: (end: string) => void = () => {};
  let asked: () => boolean = () => false;
  const flight = flights.start(name, { table, key: name }, (isOvertaken) => {
    asked = isOvertaken;
    return new Promise((resolve) => { finish = resolve; });
  });
  return { flights, end: flight.end, isOvertaken: () => asked(), async land(end) { await Promise.resolve(); finish(end); await flight.end; } };
}

test("a flight is found until it has ended", async () => {
  const { flights, land, end } = held();
  expect(flights.find("a")?.end).toBe(end);
  expect(flights.find("b")).toBeUndefined();
  await land("kept");
  expect(await end).toBe("kept");
  expect(flights.size).toBe(0);
});

test("what is told of its key, or of its table, overtakes it; of another it does not", async () => {
  for (const [table, key, expected] of [["T", "a", true], ["T", null, true], ["T", "b", false], ["U", "a", false], ["U", null, false]] as const) {
    const one = held();
    await Promise.resolve();
    one.flights.overtake(table, key);
    expect([one.isOvertaken(), one.flights.find("a") === undefined]).toEqual([expected, expected]);
    await one.land("kept");
  }
});

test("the next flight of the name stays when the one before it ends", async () => {
  const first = held();
  await Promise.resolve();
  first.flights.overtake("T", "a");
  const second = held(first.flights);
  await first.land("overtaken");
  expect(first.flights.find("a")?.end).toBe(second.end);
  await second.land("kept");
});

test("a failure is told to whoever waits, and to nobody else", async () => {
  const flights = new Flights<string>();
  const { end } = flights.start("a", { table: "T", key: "a" }, () => Promise.reject(new Error("down")));
  await expect(end).rejects.toThrow("down");
  flights.start("b", { table: "T", key: "b" }, () => { throw new Error("at once"); });
  await new Promise((resolve) => { setTimeout(resolve, 1); });
  expect(flights.size).toBe(0);
});
