import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../base/clock.ts";
import type { AmbitError } from "../base/error.ts";
import { silentLog } from "../base/log.ts";
import { systemRandom } from "../base/random.ts";
import { startApp, type RunningApp } from "./start-app.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "ambit-seed-"));
  writeFileSync(join(directory, "schema.graphql"), "type City @table { id: ID! @primaryKey name: String! @length(min: 2) country: Country @relationship(from: \"countryId\") countryId: ID }\ntype Country @table { id: ID! @primaryKey }\n");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

let count = 0;

function start(seed: string): Promise<RunningApp> {
  const file = `seed-${count++}.ts`;
  writeFileSync(join(directory, file), seed);
  return startApp({
    directory, dataDirectory: join(directory, "data"), port: 0, environment: {}, adminToken: null, development: false, seed: file,
    clock: systemClock(), random: systemRandom(), log: silentLog(), forbidOutbound: true, onFatal() {},
  });
}

const refused = async (seed: string): Promise<{ code: string; message: string; where: string | undefined }> => {
  const error = await start(seed).then(async (app) => { await app.stop(); throw new Error("was not refused"); }, (thrown: unknown) => thrown as AmbitError);
  return { code: error.code, message: error.message, where: error.extras.where };
};

test("writes into an empty database only, in any order of tables", async () => {
  const seed = `export default { City: [{ id: "b", name: "Berlin", countryId: "de" }], Country: [{ id: "de" }] };`;
  const first = await start(seed);
  expect(first.tables.get("City", "b")?.values["name"]).toBe("Berlin");
  await first.stop();
  const second = await start(seed.replace("Berlin", "Bonn"));
  expect(second.tables.get("City", "b")?.values["name"]).toBe("Berlin");
  await second.stop();
});

test("one bad record, and nothing is written", async () => {
  expect(await refused(`export default () => ({ Country: [{ id: "de" }], City: [{ id: "a", name: "Aachen" }, { id: "b", name: "B" }] });`))
    .toEqual({ code: "SEED", message: expect.stringContaining("City record 1 of the seed"), where: "City[1]" });
  const app = await start(`export default {};`);
  expect(app.tables.get("Country", "de")).toBeNull();
  await app.stop();
});

test("says what is wrong with the file", async () => {
  expect(await refused(`export const x = 1;`)).toMatchObject({ code: "SEED", message: expect.stringContaining("no default export") });
  expect(await refused(`export default { Town: [] };`)).toMatchObject({ code: "SEED", message: "The seed has records of Town, which is not a table." });
  expect(await refused(`export default { City: {} };`)).toMatchObject({ code: "SEED", message: "The seed of City is not an array of records." });
  expect(await refused(`throw new Error("no");`)).toMatchObject({ code: "SEED", message: expect.stringContaining("does not load: no") });
});
