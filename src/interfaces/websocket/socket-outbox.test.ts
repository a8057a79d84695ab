// What is sent in one turn: one write for each connection, one step for all of them, nothing after the end, and who waits for room is told.
import { expect, test } from "bun:test";
import { SocketOutbox, SocketTurn, type Wire } from "./socket-outbox.ts";

interface World { readonly wire: Wire; readonly told: string[]; waiting: number }

function wireTo(name: string, turn: SocketTurn, told: string[]): World {
  const world: World = {
    told, waiting: 0,
    wire: {
      send: (text) => { told.push(`${name} ${text}`); },
      waiting: () => world.waiting,
      together: (work) => {
        told.push(`${name} (`);
        work();
        told.push(`${name} )`);
      },
      soon: (outbox) => turn.add(outbox),
      close: () => {},
    },
  };
  return world;
}

test("texts of a turn are one write, connections in the order in which they had something to send", async () => {
  const [turn, told] = [new SocketTurn(), [] as string[]];
  const [a, b] = [new SocketOutbox(wireTo("a", turn, told).wire, () => {}), new SocketOutbox(wireTo("b", turn, told).wire, () => {})];
  b.push("1");
  a.push("2");
  b.push("3");
  expect([told, a.waiting, b.waiting]).toEqual([[], 1, 2]);
  await Promise.resolve();
  expect(told.splice(0)).toEqual(["b (", "b 1", "b 3", "b )", "a 2"]);
  expect([a.waiting, b.waiting]).toEqual([0, 0]);
  // What is written at once is not written again at the end of the turn.
  a.push("4");
  a.flush();
  a.push("5");
  await Promise.resolve();
  expect(told.splice(0)).toEqual(["a 4", "a 5"]);
  // In the midst of a turn's end is the next turn.
  a.push("6");
  queueMicrotask(() => b.push("7"));
  await Promise.resolve();
  await Promise.resolve();
  expect(told.splice(0)).toEqual(["a 6", "b 7"]);
});

test("after the end nothing is sent", async () => {
  const [turn, told] = [new SocketTurn(), [] as string[]];
  const outbox = new SocketOutbox(wireTo("a", turn, told).wire, () => {});
  outbox.push("1");
  outbox.close();
  outbox.push("2");
  await Promise.resolve();
  expect([told, outbox.waiting]).toEqual([[], 0]);
});

test("who waits for room hears of it where the client took all at once; else the socket tells", async () => {
  const [turn, told] = [new SocketTurn(), [] as string[]];
  const world = wireTo("a", turn, told);
  let calls = 0;
  const outbox = new SocketOutbox(world.wire, () => calls++);
  const sent = async (): Promise<number> => {
    outbox.push("x");
    for (let count = 0; count < 3; count++) await Promise.resolve();
    return calls;
  };
  expect(await sent()).toBe(0);
  outbox.isAwaited = true;
  world.waiting = 5;
  expect([await sent(), outbox.waiting]).toEqual([0, 5]);
  world.waiting = 0;
  expect(await sent()).toBe(1);
});
