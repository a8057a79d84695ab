// An app whose decisions wait for people, asked and approved over HTTP: what tests of approvals share.
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { fakeClock, type FakeClock } from "../../src/base/clock.ts";
import type { RecordValues } from "../../src/base/value.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { answers } from "./bounds-app.ts";
import { scriptedModel, type ScriptedModel } from "../models/scripted-model.ts";
import { until } from "../processes/waits.ts";

export interface Said { readonly status: number; readonly headers: Headers; readonly body: { readonly [name: string]: unknown } }
/** As GET /approvals shows it. */
export interface Shown { readonly id: string; readonly run: string; readonly hash: string; readonly output: unknown; readonly effects: unknown; readonly [name: string]: unknown }

export interface ApprovalsApp {
  readonly app: StartedApp;
  readonly model: ScriptedModel;
  readonly clock: FakeClock;
  /** As the subject NAME, with the role NAME. */
  call(who: string, method: string, path: string, body?: object | null, headers?: Record<string, string>): Promise<Said>;
  /** All that wait, as this one sees them. */
  queue(who: string): Promise<readonly Shown[]>;
  /** The one of this run. */
  waiting(run: unknown, who?: string): Promise<Shown>;
  approve(who: string, shown: Shown, more?: object): Promise<Said>;
  write(table: string, id: string, input: RecordValues, actor?: string): Promise<void>;
  row(table: string, id: string): RecordValues | null;
  values(sql: string): readonly (readonly unknown[])[];
  /** Once the run is in this state. */
  until(run: unknown, state: string): Promise<void>;
  stop(): Promise<void>;
}

export const PEOPLE = ["support", "manager", "director", "clerk", "author"];

export async function startApprovalsApp(schema: string, options: { readonly config?: string; readonly resources?: string; readonly people?: readonly string[] } = {}): Promise<ApprovalsApp> {
  const model = scriptedModel(() => [answers({ amount: 80, reason: "because" })]);
  const clock = fakeClock();
  const app = await startTestApp({
    schema, config: `${keysFor(...options.people ?? PEOPLE)}${options.config ?? ""}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}" } }\n`,
    ...(options.resources === undefined ? {} : { resources: options.resources }),
  }, { clock });
  const file = new Database(join(app.directory, "data", "data.db"), { readonly: true });
  const call: ApprovalsApp["call"] = async (who, method, path, body = null, headers = {}) => {
    const response = await fetch(app.url + path, { method, headers: { "content-type": "application/json", ...(who === "" ? {} : { authorization: `Bearer ${who.includes("-") ? who : `key-${who}`}` }), ...headers }, ...(body === null ? {} : { body: JSON.stringify(body) }) });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(text === "" ? "{}" : text) as Said["body"] };
  };
  const queue = async (who: string): Promise<readonly Shown[]> => (await call(who, "GET", "/approvals?limit=100")).body as unknown as readonly Shown[];
  return {
    app, model, clock, call, queue,
    async waiting(run, who = "manager") {
      const found = (await queue(who)).find((one) => one.run === run);
      if (found === undefined) throw new Error(`${String(run)} does not wait for ${who}`);
      return found;
    },
    approve: (who, { id, hash }, more = {}) => call(who, "POST", `/approvals/${id}`, { verdict: "APPROVE", hash, ...more }),
    async write(table, id, input, actor = "seed") {
      const { tables } = app.running;
      await tables.commit((session) => {
        const how = { dialect: "wire", authority: null, sent: null } as const;
        if (tables.get(table, id) === null) session.write({ kind: "create", table, input: { id, ...input }, onConflict: null }, how);
        else session.write({ kind: "update", table, id, input, merge: false, precondition: null }, how);
      }, { actor, requestId: "seed" });
    },
    row: (table, id) => app.running.tables.get(table, id)?.values ?? null,
    values: (sql) => file.query(sql).values(),
    async until(run, state) {
      const found = (): unknown => file.query(`SELECT "state" FROM "$decision" WHERE "id" = ?1`).values(String(run))[0]?.[0];
      await until(() => found() === state, () => `${String(run)} is ${state}; it is ${String(found())}`);
    },
    async stop() {
      file.close();
      await app.stop();
      await model.stop();
    },
  };
}
