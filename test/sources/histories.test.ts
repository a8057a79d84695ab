// Random histories of reads, writes, and changes at the source that it tells of: whoever asks after a change was acknowledged is never
// answered with what was before it. The seed is in the failure.
import { expect, test } from "bun:test";
import { createSources } from "../../src/cache/sources.ts";
import { seededRandom } from "../../src/base/random.ts";
import { openApp, user } from "../../src/resources/testing/open-app.ts";
import type { SourcePort } from "../../src/resources/source-port.ts";

const histories = process.env["AMBIT_TEST_SIZE"] === "long" ? 60 : 6;
const STEPS = 150;
const READERS = 6;
const IDS = ["a", "b"];

const sdl = `type Item @table @export @source(maxAge: "PT1S") @allow(to: ["member"], do: [READ, UPDATE]) { id: ID! @primaryKey number: Int! }
type Endpoints { tell(id: ID!, number: Int): Boolean! @http @allow(to: ["member"]) }`;

interface Ctx { readonly sources: { readonly Item: { invalidate(id: string): Promise<void>; keep(record: object): Promise<void> } } }

for (let seed = 1; seed <= histories; seed++) {
  test(`history ${seed}`, async () => {
    const random = seededRandom(seed);
    const pick = (most: number): number => Math.floor(random.next() * most);
    const pause = (most = 3): Promise<void> => new Promise((resolve) => { setTimeout(resolve, pick(most)); });
    const upstream = new Map(IDS.map((id) => [id, 0]));
    const acknowledged = new Map(IDS.map((id) => [id, 0]));
    let next = 0;
    const made: { port: SourcePort | null } = { port: null };
    const port: SourcePort = {
      ready: (...given) => made.port!.ready(...given), isReady: (...given) => made.port!.isReady(...given), write: (...given) => made.port!.write(...given),
      invalidate: (...given) => made.port!.invalidate(...given), keep: (...given) => made.port!.keep(...given),
    };
    const app = openApp(sdl, {
      parts: { sources: port },
      code: {
        Sources: {
          Item: {
            async get(_ctx: unknown, id: string) {
              await pause();
              const number = upstream.get(id)!;
              // Long enough for a change that comes and is told meanwhile.
              await pause(20);
              if (pick(12) === 0) throw new Error("down");
              return { number };
            },
            async put(_ctx: unknown, id: string, { number }: { readonly number: number }) {
              await pause();
              upstream.set(id, Math.max(number, upstream.get(id)!));
              await pause();
              if (pick(12) === 0) throw new Error("its answer was lost");
              return { number: upstream.get(id)! };
            },
          },
        },
        Endpoints: {
          async tell({ sources: { Item } }: Ctx, { id, number }: { readonly id: string; readonly number: number | null }) {
            await (number === null ? Item.invalidate(id) : Item.keep({ id, number }));
            return true;
          },
        },
      },
    });
    made.port = createSources({ storage: app.storage, clock: app.clock });
    const member = app.as(user("m", "member"));
    const acknowledge = (id: string, number: number): void => { acknowledged.set(id, Math.max(number, acknowledged.get(id)!)); };
    let seen = 0;
    const read = async (id: string): Promise<void> => {
      const least = acknowledged.get(id)!;
      const answer = await member.get("Item", id).catch(() => null);
      if (answer === null) return;
      seen++;
      expect((answer.body as { readonly number: number }).number).toBeGreaterThanOrEqual(least);
    };
    const change = async (id: string): Promise<void> => {
      const number = ++next;
      switch (pick(3)) {
        case 0:
          // Somebody else changes it there, and it is told.
          upstream.set(id, Math.max(number, upstream.get(id)!));
          await pause();
          await member.call("tell", { id });
          return acknowledge(id, number);
        case 1: {
          upstream.set(id, Math.max(number, upstream.get(id)!));
          const told = upstream.get(id)!;
          // What is kept must be what is there: nothing changes it on the way.
          await member.call("tell", { id, number: told });
          return acknowledge(id, told);
        }
        default:
          if (await member.update("Item", id, { number }).then(() => true, () => false)) acknowledge(id, number);
      }
    };
    const steps = { left: STEPS };
    const reader = async (): Promise<void> => {
      for (; steps.left > 0; steps.left--) {
        await read(IDS[pick(IDS.length)]!);
        await pause();
        if (pick(10) === 0) app.clock.advance(600);
      }
    };
    const writer = async (id: string): Promise<void> => {
      while (steps.left > 0) {
        await change(id);
        await pause();
      }
    };
    try {
      await Promise.all([...Array.from({ length: READERS }, reader), ...IDS.map(writer)]);
      expect(seen).toBeGreaterThan(STEPS / 4);
    } finally {
      await app.close();
    }
  }, 120_000);
}
