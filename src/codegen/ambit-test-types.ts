// The module `ambit/test`, which tests of an app import: the same for every app.

export const ambitTestTypes = `
declare module "ambit/test" {
  export interface TestResponse { readonly status: number; readonly headers: Headers; readonly body: any }
  /** Requests as one caller. A body is sent as JSON. */
  export interface TestClient {
    get(path: string, headers?: Record<string, string>): Promise<TestResponse>;
    post(path: string, body?: unknown, headers?: Record<string, string>): Promise<TestResponse>;
    put(path: string, body: unknown, headers?: Record<string, string>): Promise<TestResponse>;
    patch(path: string, body: unknown, headers?: Record<string, string>): Promise<TestResponse>;
    delete(path: string, headers?: Record<string, string>): Promise<TestResponse>;
  }
  export interface ScriptedCall { readonly name: string; readonly arguments: unknown }
  /** What a model says once: \`answer\`, behind \`calls\` of tools; arguments that are a text stand as they are. Or why it says nothing: \`fails\`. */
  export interface ModelWords {
    readonly answer?: unknown;
    readonly calls?: readonly ScriptedCall[];
    readonly text?: string;
    readonly finish?: "complete" | "cut" | "filtered" | "other";
    readonly usage?: { readonly input: number | null; readonly output: number | null };
    readonly fails?: "provider_unavailable" | "provider_timeout" | "rate_limited" | "circuit_open" | "model_refused" | "output_invalid" | "no_model";
  }
  /** What it is asked. \`step\` counts from 0 within the run; \`model\` is the alias; \`results\` are those of its last calls. */
  export interface ModelTurn {
    readonly decision: string;
    readonly step: number;
    readonly model: string;
    readonly input: any;
    readonly contexts: any;
    readonly results: readonly { readonly name: string; readonly result: any }[];
    readonly messages: readonly { readonly role: "system" | "user" | "assistant" | "tool"; readonly text?: string; readonly results?: readonly { readonly name: string; readonly json: string }[] }[];
    readonly tools: readonly { readonly name: string; readonly description: string; readonly parameters: object }[];
  }
  /** \`count\`: 1 for the first request to this model. A list: calls. */
  export type ModelFunction = (turn: ModelTurn, count: number) => ModelWords | readonly ScriptedCall[] | Promise<ModelWords | readonly ScriptedCall[]>;
  export type ModelStep = ModelWords | ModelFunction;
  /** How a run has ended. */
  export interface TestDecision {
    readonly run: string;
    readonly decision: string;
    readonly state: string;
    readonly source: string | null;
    /** As it is: \`bound:cap\`, not \`bounded\`. */
    readonly reason: string | null;
    readonly taint: "UNTRUSTED" | null;
    readonly parent: string | null;
    readonly tells: readonly string[];
    readonly input: any;
    readonly output: any;
    readonly effects: readonly { readonly operation: string; readonly id: any; readonly args: any; readonly before: any; readonly after: any }[];
    readonly calls: readonly { readonly name: string; readonly arguments: any; readonly result: any }[];
    readonly steps: number;
    readonly repairs: number;
    readonly clamped: readonly string[];
    readonly noted: readonly string[];
    /** All that the model has seen, as text. */
    readonly seen: string;
    /** Of a run beside a SHADOW: whether the model would have answered the same. */
    readonly agrees: boolean | null;
  }
  export interface TestApp {
    readonly url: string;
    /** A signed-in subject with these roles. */
    as(subject: string, ...roles: string[]): TestClient;
    tenant(name: string): Pick<TestApp, "as" | "administrator">;
    readonly anonymous: TestClient;
    readonly administrator: TestClient;
    /** Moves by milliseconds or an ISO 8601 duration; what falls due on the way happens. */
    readonly clock: { now(): Date; advance(by: number | string): void };
    /** What models say, all of them or by decision, where a list has one for each step. Decisions that are not named have no model. */
    model(script: ModelFunction | { readonly [decision: string]: ModelStep | readonly ModelStep[] }): void;
    /** Runs that have ended, in that order, once none is under way. */
    decisions(name?: string): Promise<TestDecision[]>;
    /** Models answer as this file of the app tells; AMBIT_RECORD=1 asks them what it does not tell yet, and adds it. */
    recordings(file: string): void;
    /** Resolves once no job is due or under way, and approvals, offers and commitments whose time is over have had their end; what is for later waits for the clock. */
    runJobs(): Promise<void>;
  }
  /** A test with a fresh database and a clock of its own. */
  export function test(name: string, body: (app: TestApp) => unknown): void;
  export function expect(value: unknown): any;
}
`.trim();
