// (e) of bench/fanout: a chat of 20 rooms and 200 sockets. How late a message comes to everybody in its room, at a steady rate.
import { join } from "node:path";
import { findBun } from "../../bin/find-bun.mjs";
import { launch, type Place, type Running } from "../rest/sides.ts";
import { cpuSeconds, startAmbit } from "./fanout-sides.ts";
import { median, quantile, rangeText } from "./figures.ts";

const ROOMS = 20;
const SOCKETS = 200;
const MESSAGES_PER_SECOND = 1_000;
const TURN_MS = 5;

interface ChatSide { readonly name: string; readonly port: number; readonly path: string; start(): Promise<Running>; enter(room: string): string | null; say(room: string, message: ChatMessage): string }
interface ChatMessage { readonly text: string; readonly sentMs: number }
interface ChatRound { readonly p50: number; readonly p99: number; readonly share: number }

export async function measureChat({ place, rounds, seconds }: { readonly place: Place; readonly rounds: number; readonly seconds: number }): Promise<void> {
  const sides: readonly ChatSide[] = [
    {
      name: "floor: Bun publish", port: 9171, path: "/", start: () => launch(place, 9171, [findBun(), join(import.meta.dir, "floor-chat.ts"), "9171"], {}, "/"),
      enter: (room) => JSON.stringify({ enter: room }), say: (room, message) => JSON.stringify({ room, ...message }),
    },
    {
      name: "Ambit, with presence", port: 9172, path: "/ws", start: () => startAmbit(place, 9172),
      enter: (room) => JSON.stringify({ op: "subscribe", id: "r", query: `/Room/${room}` }), say: (room, message) => JSON.stringify({ op: "publish", topic: `Room/${room}`, message }),
    },
  ];
  const started: { readonly side: ChatSide; readonly running: Running; readonly chat: Chat; readonly results: ChatRound[] }[] = [];
  try {
    for (const side of sides) {
      const running = await side.start();
      started.push({ side, running, chat: await Chat.open(side), results: [] });
    }
    for (let round = -1; round < rounds; round++) {
      for (const { running, chat, results } of started) {
        const cpu = cpuSeconds(running.pid);
        const late = await chat.talk(seconds);
        if (round >= 0) results.push({ p50: quantile(late, 0.5), p99: quantile(late, 0.99), share: (cpuSeconds(running.pid) - cpu) / seconds });
      }
    }
    console.log(`\nA chat of ${ROOMS} rooms and ${SOCKETS} sockets, ${MESSAGES_PER_SECOND} messages a second to ${SOCKETS / ROOMS} each\n\n| side | p50 ms | p99 ms | of a core | p50 of floor |\n| --- | --- | --- | --- | --- |`);
    const floor = median(started[0]!.results.map(({ p50 }) => p50));
    for (const { side, results } of started) {
      console.log(`| ${side.name} | ${rangeText(results.map(({ p50 }) => p50), 2)} | ${rangeText(results.map(({ p99 }) => p99), 2)} | ${rangeText(results.map(({ share }) => share), 2)} | ${(median(results.map(({ p50 }) => p50)) / floor).toFixed(2)} |`);
    }
  } finally {
    for (const { chat, running } of started) {
      chat.close();
      await running.stop().catch(() => undefined);
    }
  }
}

class Chat {
  readonly #side: ChatSide;
  readonly #sockets: WebSocket[] = [];
  /** Of each text: those who have not heard it. */
  readonly #awaited = new Map<string, number>();
  #late: number[] = [];
  #failure: Error | null = null;
  #number = 0;

  private constructor(side: ChatSide) {
    this.#side = side;
  }

  static async open(side: ChatSide): Promise<Chat> {
    const chat = new Chat(side);
    for (let number = 0; number < SOCKETS; number++) {
      const socket = new WebSocket(`ws://127.0.0.1:${side.port}${side.path}`, { headers: { authorization: "Bearer writer-key" } } as never);
      await new Promise<void>((resolve, reject) => {
        socket.addEventListener("open", () => resolve());
        socket.addEventListener("error", () => reject(new Error(`${side.name}: a socket did not open`)));
      });
      socket.addEventListener("message", ({ data }) => chat.#hear(String(data), String(number % ROOMS)));
      const enter = side.enter(String(number % ROOMS));
      if (enter !== null) socket.send(enter);
      chat.#sockets.push(socket);
    }
    await Bun.sleep(300);
    return chat;
  }

  async talk(seconds: number): Promise<readonly number[]> {
    this.#late = [];
    const begun = performance.now();
    let said = 0;
    while (performance.now() - begun < seconds * 1_000) {
      for (const due = (performance.now() - begun) / 1_000 * MESSAGES_PER_SECOND; said < due; said++) {
        const speaker = Math.floor(Math.random() * SOCKETS);
        const room = String(speaker % ROOMS);
        const text = `${room}:${++this.#number}`;
        this.#awaited.set(text, SOCKETS / ROOMS);
        this.#sockets[speaker]!.send(this.#side.say(room, { text, sentMs: performance.now() }));
      }
      await Bun.sleep(TURN_MS);
    }
    const deadline = performance.now() + 10_000;
    while (this.#awaited.size > 0 && performance.now() < deadline && this.#failure === null) await Bun.sleep(5);
    if (this.#failure !== null || this.#awaited.size > 0) throw this.#failure ?? new Error(`${this.#side.name}: ${this.#awaited.size} messages were not heard by all`);
    return this.#late;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #hear(data: string, room: string): void {
    const frame = JSON.parse(data) as { readonly op: string; readonly messages?: readonly ChatMessage[] };
    if (frame.op === "error") this.#failure ??= new Error(data);
    for (const { text, sentMs } of frame.messages ?? []) {
      const left = this.#awaited.get(text);
      if (left === undefined || !text.startsWith(`${room}:`)) this.#failure ??= new Error(`${this.#side.name}: ${text} came to room ${room}, or once more`);
      else if (left === 1) this.#awaited.delete(text);
      else this.#awaited.set(text, left - 1);
      this.#late.push(performance.now() - sentMs);
    }
  }
}
