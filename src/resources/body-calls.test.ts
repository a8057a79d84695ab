// Forgotten awaits: each is found, none crashes the process or goes on after the end.
import { describe, expect, test } from "bun:test";
import { fakeClock } from "../base/clock.ts";
import { BodyCalls, BodyMistake } from "./body-calls.ts";

const later = <T>(value: T): Promise<T> => new Promise((resolve) => setTimeout(() => resolve(value), 1));

describe("a body's calls", () => {
  test("awaited ones answer and leave nothing behind", async () => {
    const calls = new BodyCalls();
    expect(await calls.start("a", async () => 1)).toBe(1);
    expect(await Promise.all([calls.start("b", () => later(2)), calls.start("c", async () => 3)])).toEqual([2, 3]);
    expect(await calls.start("d", async () => { throw new Error("no"); }).catch(() => "caught")).toBe("caught");
    expect(await calls.start("e", async () => 4).finally(() => {})).toBe(4);
    calls.finish();
  });

  test("one that comes when time is up is refused in another turn, also to who asks again and again", async () => {
    const clock = fakeClock();
    const calls = new BodyCalls({ clock, atMs: clock.now() + 10 });
    expect(await calls.start("a", async () => 1)).toBe(1);
    clock.advance(11);
    const codes: unknown[] = [];
    const stubborn = async (): Promise<void> => {
      while (codes.length < 3) await calls.start("b", async () => 2).catch((error: { code?: string; name: string }) => codes.push(error.code ?? error.name));
    };
    const asking = stubborn();
    await later(0);
    expect(codes).toEqual([]);
    clock.advance(1);
    await later(0);
    calls.close("its time was up");
    clock.advance(1);
    await later(0);
    clock.advance(1);
    await asking;
    expect(codes).toEqual(["TRANSACTION_TIMEOUT", "TRANSACTION_TIMEOUT", "BodyMistake"]);
  });

  test("a synchronous throw of the work is a rejection", async () => {
    const calls = new BodyCalls();
    expect(await calls.start("a", () => { throw new Error("at once"); }).catch((error: Error) => error.message)).toBe("at once");
  });

  test("returning a call from an async function counts as awaiting it", async () => {
    const calls = new BodyCalls();
    const body = async (): Promise<number> => calls.start("a", async () => 1);
    expect(await body()).toBe(1);
    calls.finish();
  });

  test("one that nobody awaits fails the body, also when it failed itself", () => {
    for (const work of [async () => 1, async () => { throw new Error("lost"); }, () => later(1)]) {
      const calls = new BodyCalls();
      void calls.start("ctx.db.Order.create", work);
      expect(() => calls.finish()).toThrow(new BodyMistake("ctx.db.Order.create was not awaited."));
    }
  });

  test("one that still runs fails the body", () => {
    const calls = new BodyCalls();
    void calls.start("a", () => later(1)).finally(() => {});
    expect(() => calls.finish()).toThrow("a was not awaited");
  });

  test("nothing begins after the end", async () => {
    const calls = new BodyCalls();
    calls.finish();
    let began = false;
    const late = calls.start("ctx.db.Order.create", async () => { began = true; });
    expect(await late.then(() => "ok", (error: Error) => error.message)).toBe("ctx.db.Order.create was called after its body had ended.");
    expect(began).toBe(false);
    expect(() => calls.assertOpen("ctx.fetch")).toThrow("ctx.fetch was used after its body had ended");
  });
});
