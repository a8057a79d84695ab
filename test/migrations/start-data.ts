// The data of an app as its first start leaves them, with a seed; nothing runs afterwards.
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { systemRandom } from "../../src/base/random.ts";
import { startApp } from "../../src/runtime/start-app.ts";

export async function startTestData(directory: string, seed: string): Promise<void> {
  const app = await startApp({
    directory, seed, dataDirectory: join(directory, ".ambit", "data"), port: 0, environment: {}, adminToken: null, development: false,
    clock: systemClock(), random: systemRandom(), log: silentLog(), forbidOutbound: true, onFatal(error) { throw error; },
  });
  await app.stop();
}
