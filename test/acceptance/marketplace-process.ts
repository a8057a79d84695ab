// The marketplace of examples/ as a process, with everybody who calls it and a model that answers by script.
import { join } from "node:path";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { type HttpCaller, httpCaller } from "../processes/http-caller.ts";
import { root, scratchFolder } from "../processes/scratch-folder.ts";

export interface Marketplace {
  readonly sam: HttpCaller;
  readonly sue: HttpCaller;
  readonly bob: HttpCaller;
  readonly bea: HttpCaller;
  readonly stan: HttpCaller;
  readonly stella: HttpCaller;
  readonly administrator: HttpCaller;
  readonly anonymous: HttpCaller;
  readonly model: ScriptedModel;
  readonly url: string;
  /** `kill -9`, and again on the same data. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const keys = {
  SELLER_KEY: "key-of-sam", OTHER_SELLER_KEY: "key-of-sue", BUYER_KEY: "key-of-bob", OTHER_BUYER_KEY: "key-of-bea", STAFF_KEY: "key-of-stan", OTHER_STAFF_KEY: "key-of-stella",
} as const;
const ADMINISTRATOR_KEY = "key-of-the-administrator";

/** `hasModel` false: none is configured. */
export async function startMarketplace({ hasModel = true }: { readonly hasModel?: boolean } = {}): Promise<Marketplace> {
  const scratch = scratchFolder();
  const data = scratch.free("data");
  const model = scriptedModel(() => []);
  const start = (seed?: string): Promise<AppProcess> => startApp(join(root, "examples", "marketplace"), {
    data, temporary: scratch.path, ...(seed === undefined ? {} : { seed }),
    environment: { ...keys, ...(hasModel ? { MODEL_URL: model.url, MODEL_KEY: "key-of-the-model" } : {}), AMBIT_ADMIN_TOKEN: ADMINISTRATOR_KEY, AMBIT_LOG: "quiet" },
  });
  let process = await start("seed.ts");
  const caller = (token: string | null): HttpCaller => httpCaller(() => process.url, token);
  return {
    sam: caller(keys.SELLER_KEY), sue: caller(keys.OTHER_SELLER_KEY), bob: caller(keys.BUYER_KEY), bea: caller(keys.OTHER_BUYER_KEY), stan: caller(keys.STAFF_KEY), stella: caller(keys.OTHER_STAFF_KEY),
    administrator: caller(ADMINISTRATOR_KEY), anonymous: caller(null), model,
    get url() { return process.url; },
    async restart() {
      await process.kill();
      process = await start();
    },
    async stop() {
      await process.kill();
      await model.stop();
      scratch.remove();
    },
  };
}
