// An app whose decisions are asked over HTTP while a scripted model answers: what tests of boundaries share. Seeds and looks past the rules.
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { RecordValues } from "../../src/base/value.ts";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { scriptedModel, type ScriptedCall, type ScriptedModel } from "../models/scripted-model.ts";

export interface Answered { readonly status: number; readonly body: { readonly [name: string]: unknown }; readonly reason: string | null; readonly source: string | null; readonly taint: string | null; readonly run: string }

export interface BoundsApp {
  readonly app: StartedApp;
  readonly model: ScriptedModel;
  decide(name: string, input: object): Promise<Answered>;
  /** Writes as nobody in particular. */
  write(table: string, id: string, input: RecordValues): Promise<void>;
  row(table: string, id: string): RecordValues | null;
  /** Of the data file, beside the app's tables. */
  values(sql: string): readonly (readonly unknown[])[];
  stop(): Promise<void>;
}

export async function startBoundsApp(schema: string, options: { readonly resources?: string; readonly config?: string; /** More of them, after a comma. */ readonly models?: string } = {}): Promise<BoundsApp> {
  const model = scriptedModel(() => []);
  const config = `${keysFor("support")}${options.config ?? ""}models: { default: { provider: openai-compatible, model: scripted, url: "${model.url}", price: { input: "1 USD", output: "1 USD" } }${options.models ?? ""} }\n`;
  const app = await startTestApp({ schema, config, ...(options.resources === undefined ? {} : { resources: options.resources }) });
  const { tables } = app.running;
  const data = join(app.directory, "data");
  const file = new Database(join(data, "data.db"), { readonly: true });
  return {
    app, model,
    async decide(name, input) {
      const response = await fetch(`${app.url}/decide/${name}`, { method: "POST", headers: { "content-type": "application/json", authorization: "Bearer key-support" }, body: JSON.stringify(input) });
      const { headers } = response;
      return { status: response.status, body: await response.json() as Answered["body"], reason: headers.get("ambit-reason"), source: headers.get("ambit-source"), taint: headers.get("ambit-taint"), run: headers.get("ambit-run") ?? "" };
    },
    async write(table, id, input) {
      await tables.commit((session) => {
        const how = { dialect: "wire", authority: null, sent: null } as const;
        if (tables.get(table, id) === null) session.write({ kind: "create", table, input: { id, ...input }, onConflict: null }, how);
        else session.write({ kind: "update", table, id, input, merge: false, precondition: null }, how);
      }, { actor: "test", requestId: "seed" });
    },
    row: (table, id) => tables.get(table, id)?.values ?? null,
    values: (sql) => file.query(sql).values(),
    async stop() {
      file.close();
      await app.stop();
      await model.stop();
    },
  };
}

export function answers(value: unknown): ScriptedCall {
  return { name: "answer", arguments: value };
}
