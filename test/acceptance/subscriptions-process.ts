// The billing backend of examples/ as a process, with everybody who calls it and its payment provider. Also the steps that tests repeat.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type AppProcess, startApp } from "../processes/app-process.ts";
import { type HttpAnswer, type HttpCaller, httpCaller } from "../processes/http-caller.ts";
import { movableClock } from "../processes/movable-clock.ts";
import { root, scratchFolder } from "../processes/scratch-folder.ts";
import { standard, standardSecret, type Signed } from "../webhooks/signed.ts";
import { expectStatus } from "./store-process.ts";
import { comesTrue } from "../processes/waits.ts";

export interface Contract {
  readonly id: string;
  readonly planId: string;
  readonly status: string;
  readonly trialEndsAt: string;
  readonly failures: number;
  readonly sequence: string | null;
  readonly nextPlanId: string | null;
  readonly period: number;
  readonly periodStartsAt: string | null;
  readonly periodEndsAt: string | null;
}

export interface InvoiceLine { readonly kind: string; readonly planId: string; readonly startsAt: string; readonly endsAt: string; readonly units: string | null; readonly amount: number }

export interface Invoice {
  readonly id: string;
  readonly number: number;
  readonly period: number;
  readonly planId: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly units: string;
  readonly lines: readonly InvoiceLine[];
  readonly total: number;
}

export interface Notice { readonly kind: string; readonly level: number | null }
export interface Company { readonly owner: HttpCaller; readonly meter: HttpCaller; /** Who looks after it. */ readonly care: HttpCaller; /** Who approves. */ readonly manager: HttpCaller }
export interface ProviderEvent { readonly type: string; readonly contractId: string; readonly sequence: number }
export interface Durations { readonly trialMs: number; readonly dunningMs: number }

export interface Billing {
  readonly acme: Company;
  readonly globex: Company;
  readonly administrator: HttpCaller;
  readonly anonymous: HttpCaller;
  /** As the provider sends it. */
  tell(id: string, event: ProviderEvent): Promise<HttpAnswer>;
  deliver(signed: Signed): Promise<HttpAnswer>;
  url(): string;
  /** In any file of the data directory. */
  hasOnDisk(text: string): boolean;
  /** Its clock, also while it is dead. */
  forward(byMs: number): Promise<void>;
  /** `kill -9`. */
  kill(): Promise<void>;
  /** On the same data, after it was killed; `without`: this key is gone. */
  restart(durations?: Durations, without?: keyof typeof keys): Promise<void>;
  stop(): Promise<void>;
}

const keys = {
  ACME_OWNER_KEY: "key-of-the-owner-of-acme", ACME_METER_KEY: "key-of-the-meter-of-acme", ACME_CARE_KEY: "key-of-who-cares-for-acme", ACME_MANAGER_KEY: "key-of-the-manager-for-acme",
  GLOBEX_OWNER_KEY: "key-of-the-owner-of-globex", GLOBEX_METER_KEY: "key-of-the-meter-of-globex", GLOBEX_CARE_KEY: "key-of-who-cares-for-globex", GLOBEX_MANAGER_KEY: "key-of-the-manager-for-globex",
} as const;
const ADMINISTRATOR_KEY = "key-of-the-administrator";

const billingFolder = join(root, "examples", "subscriptions");

/** `environment`: more of it. */
export async function startBilling(durations: Durations, environment: Readonly<Record<string, string>> = {}): Promise<Billing> {
  const scratch = scratchFolder();
  const data = scratch.free("data");
  const clock = movableClock(scratch);
  const start = ({ trialMs, dunningMs }: Durations, { seed, without }: { readonly seed?: string; readonly without?: string } = {}): Promise<AppProcess> => startApp(billingFolder, {
    data, temporary: scratch.path, ...(seed === undefined ? {} : { seed }),
    environment: {
      ...keys, ...environment, ...clock.environment, PROVIDER_SECRET: standardSecret, TRIAL_MS: String(trialMs), DUNNING_MS: String(dunningMs),
      AMBIT_ADMIN_TOKEN: ADMINISTRATOR_KEY, AMBIT_LOG: "quiet", ...(without === undefined ? {} : { [without]: "" }),
    },
  });
  let process = await start(durations, { seed: "seed.ts" });
  const caller = (token: string | null): HttpCaller => httpCaller(() => process.url, token);
  const anonymous = caller(null);
  const deliver = ({ headers, body }: Signed): Promise<HttpAnswer> => anonymous.post("/hooks/provider", body, headers);
  return {
    acme: { owner: caller(keys.ACME_OWNER_KEY), meter: caller(keys.ACME_METER_KEY), care: caller(keys.ACME_CARE_KEY), manager: caller(keys.ACME_MANAGER_KEY) },
    globex: { owner: caller(keys.GLOBEX_OWNER_KEY), meter: caller(keys.GLOBEX_METER_KEY), care: caller(keys.GLOBEX_CARE_KEY), manager: caller(keys.GLOBEX_MANAGER_KEY) },
    administrator: caller(ADMINISTRATOR_KEY), anonymous, deliver,
    tell: (id, event) => deliver(standard(id, event, { nowMs: clock.now() })),
    url: () => process.url,
    hasOnDisk: (text) => readdirSync(data, { recursive: true, withFileTypes: true }).some((file) => file.isFile() && readFileSync(join(file.parentPath, file.name)).includes(text)),
    forward: (byMs) => clock.forward(byMs, process),
    kill: () => process.kill(),
    async restart(changed = durations, without) { process = await start(changed, without === undefined ? {} : { without }); },
    async stop() {
      await process.kill();
      scratch.remove();
    },
  };
}

export async function subscribe({ owner }: Company): Promise<Contract> {
  return expectStatus(await owner.post("/subscribe", { planId: "team" }), 200).json<Contract>();
}

export async function contractOf({ owner }: Company): Promise<Contract> {
  const [contract] = expectStatus(await owner.get("/Contract"), 200).json<Contract[]>();
  return contract!;
}

export async function invoicesOf({ owner }: Company): Promise<Invoice[]> {
  return expectStatus(await owner.get("/Invoice?order=number"), 200).json<Invoice[]>();
}

/** Subscribed, and paid for: its first period has begun. */
export async function paying(billing: Billing, company: Company, planId = "team"): Promise<Contract> {
  const { id } = expectStatus(await company.owner.post("/subscribe", { planId }), 200).json<Contract>();
  expectStatus(await billing.tell(`paid-${id}`, { type: "PAYMENT_SUCCEEDED", contractId: id, sequence: 1 }), 200);
  return contractOf(company);
}

/** What the company was told, in the order of time. */
export async function noticesOf({ owner }: Company): Promise<Notice[]> {
  return expectStatus(await owner.get("/Notice?select=kind,level&order=createdAt"), 200).json<Notice[]>();
}

/** Asks until it holds; fails with what was there last. */
export async function until<T>(ask: () => Promise<T>, holds: (found: T) => boolean): Promise<T> {
  let found: T;
  if (await comesTrue(async () => holds(found = await ask()))) return found!;
  throw new Error(`still ${JSON.stringify(found!)}`);
}
