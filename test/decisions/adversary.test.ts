// A model as adversary: it proposes whatever it likes, over HTTP, to a real process that is killed at random while others write. Afterwards every
// committed state has kept every hard bound, effects, records and answers belong together, no more was spent than may be, and no secret was told.
// AMBIT_PROPOSALS says how many; AMBIT_TEST_SEED plans the same ones again.
import { afterAll, expect, test } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { ambitHere } from "../processes/ambit-here.ts";
import { scratchFolder } from "../processes/scratch-folder.ts";
import { Attack } from "./adversary-attack.ts";
import { Oracle } from "./adversary-oracle.ts";

const PROPOSALS = Number(process.env["AMBIT_PROPOSALS"] ?? (process.env["AMBIT_TEST_SIZE"] === "long" ? 50_000 : 2_000));
const KILLS = Math.max(4, Math.floor(PROPOSALS / 1_000));

const scratch = scratchFolder();
afterAll(() => scratch.remove());

const lines = (file: string): string[] => (existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : []);
const sorted = (counts: ReadonlyMap<string, number>): string => [...counts].toSorted(([, left], [, right]) => right - left).map(([name, count]) => `${count} ${name}`).join(", ");

test(`${PROPOSALS} proposals of an adversary`, async () => {
  const seed = Number(process.env["AMBIT_TEST_SEED"] ?? randomBytes(4).readUInt32LE());
  console.log(`seed ${seed} (AMBIT_TEST_SEED=${seed} plans the same proposals again)`);
  const attack = new Attack({ seed, proposals: PROPOSALS, kills: KILLS, scratch });
  try {
    await attack.run();
  } catch (error) {
    throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}\n${attack.log()}`, { cause: error });
  } finally {
    await attack.stop();
  }
  using file = attack.open();
  const oracle = new Oracle(file, attack.ceilings, attack.asked);
  const problems = [...attack.problems, ...oracle.judge()];
  const { commits, decisions, credits, paid } = oracle.counts;
  console.log(`${attack.adversary.proposals} proposals in ${attack.requests} answers to ${attack.asked.size} runs, ${attack.kills} kills, ${attack.repeated} requests repeated, ${attack.writes} writes of others; ${commits} commits, ${decisions} with a decision, ${credits} credits, ${paid} paid\n${sorted(attack.ends)}\n${sorted(attack.adversary.kinds)}`);
  expect({ seed, problems: problems.slice(0, 5), count: problems.length }).toEqual({ seed, problems: [], count: 0 });
  expect({ seed, leaks: attack.leaks, above: lines(attack.watched).slice(0, 5) }).toEqual({ seed, leaks: 0, above: [] });
  // There was something to lose.
  expect({ seed, few: [decisions, credits, paid, attack.writes].filter((count) => count < PROPOSALS / 100) }).toEqual({ seed, few: [] });
  // Each process that came to commit anything was watched.
  expect(lines(`${attack.watched}.seen`).length).toBeGreaterThanOrEqual(Math.ceil(KILLS / 2));
  expect(attack.adversary.proposals).toBeGreaterThanOrEqual(PROPOSALS);
  const { code, out, err } = await ambitHere(["audit", "verify", "--data", attack.data]);
  expect({ seed, code, out: code === 0 ? "" : out, err }).toEqual({ seed, code: 0, out: "", err: "" });
}, 3_600_000);
