// (a) and (b) of bench/fanout: how many deliveries a second, one publication in a turn of the event loop or many, on all sides in alternation.
import { cpuSeconds, type Side } from "./fanout-sides.ts";
import { Crowd } from "./crowd.ts";
import { perSecondText, ratioText, type Measured } from "./figures.ts";
import type { Running } from "../rest/sides.ts";

export interface Kind { readonly name: "single" | "joined"; readonly together: number }

export const KINDS: readonly Kind[] = [{ name: "single", together: 1 }, { name: "joined", together: 100 }];

export interface DeliveryPlan { readonly title: string; readonly subscribers: number; readonly sides: readonly Side[]; readonly rounds: number; readonly seconds: number; readonly floor: string; readonly gates: readonly string[] }

interface Started { readonly side: Side; readonly running: Running; readonly crowd: Crowd; readonly results: Record<Kind["name"], Measured[]> }

export async function measureDeliveries({ title, subscribers, sides, rounds, seconds, floor, gates }: DeliveryPlan): Promise<void> {
  const started: Started[] = [];
  try {
    for (const side of sides) {
      try {
        const running = await side.start();
        const crowd = await Crowd.open(side.port, subscribers, side.wire).catch(async (error: unknown) => {
          await running.stop();
          throw error;
        });
        started.push({ side, running, crowd, results: { single: [], joined: [] } });
      } catch (error) {
        console.log(`left out: ${side.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    for (let round = -1; round < rounds; round++) {
      for (const kind of KINDS) {
        for (const one of started) {
          if (one.side.kinds.includes(kind.name)) one.results[kind.name].push(await measure(one, kind, round < 0 ? Math.max(seconds, WARM_UP_SECONDS) : seconds));
        }
      }
      // The first is for warming up.
      if (round < 0) for (const { results } of started) Object.assign(results, { single: [], joined: [] });
    }
    print(title, started, floor);
    for (const gate of gates) console.log(gate);
  } finally {
    for (const { crowd, running } of started) {
      crowd.close();
      await running.stop().catch(() => undefined);
    }
  }
}

/** Compilers work beside the first ones, on the same core. */
const WARM_UP_SECONDS = 5;

let numbers = 0;

async function measure({ side, running, crowd }: Started, { together }: Kind, seconds: number): Promise<Measured> {
  const cpuBefore = cpuSeconds(running.pid);
  const begun = performance.now();
  let published = 0;
  while (performance.now() - begun < seconds * 1_000) {
    const texts = Array.from({ length: together }, () => `message ${++numbers} of those that everybody gets`);
    crowd.send(Buffer.concat(texts.map((text) => side.wire.publish(side.topic, text))));
    const heard = await crowd.heard(together);
    if (heard.some((text, index) => text !== texts[index])) throw new Error(`${side.name}: heard ${heard[0]} instead of ${texts[0]}`);
    published += together;
  }
  const deliveries = published * crowd.size;
  return { perSecond: deliveries * 1_000 / (performance.now() - begun), perCpuSecond: deliveries / (cpuSeconds(running.pid) - cpuBefore) };
}

function print(title: string, started: readonly Started[], floor: string): void {
  console.log(`\n${title}: deliveries a second, and for each second of the server's processor\n`);
  console.log(`| side | ${KINDS.map(({ name }) => `${name} | of ${floor} | per cpu s | of ${floor}`).join(" | ")} |\n|${" --- |".repeat(1 + KINDS.length * 4)}`);
  for (const { side, results } of started) {
    const cells = KINDS.flatMap(({ name }) => {
      const base = started.find((one) => one.side.name.includes(floor) && one.side.kinds.includes(name))?.results[name] ?? [];
      return (["perSecond", "perCpuSecond"] as const).flatMap((what) => [perSecondText(results[name], what), ratioText(results[name], base, what)]);
    });
    console.log(`| ${side.name} | ${cells.join(" | ")} |`);
  }
}
