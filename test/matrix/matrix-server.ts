// A running app of the matrix over HTTP, and the requests to it: every answer is searched for what its receiver may not see.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SESSION_TABLE, tokenHash } from "../../src/access/signed-in.ts";
import type { Clock } from "../../src/base/clock.ts";
import { createLog } from "../../src/base/log.ts";
import { seededRandom } from "../../src/base/random.ts";
import { startApp, type RunningApp } from "../../src/runtime/start-app.ts";
import { fetchAsBatch } from "../processes/as-batch.ts";
import { Callers } from "../processes/as-call.ts";
import { decodedParts, EPOCH_MS, tokensOf } from "./canary-values.ts";
import { accounts, administratorToken, makeIdentities, sessionToken, type Who } from "./identities.ts";
import { Oracle } from "./oracle.ts";
import { seedOrder, seedWorld, type SeededWorld } from "./rows.ts";
import type { FieldModel, TableModel } from "./model.ts";
import { tableNamed, tables } from "./tables.ts";

export interface Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON, a text as it is. */
  readonly body?: unknown;
  /** Values that the answer may hold although the caller may not read them: it sent them, or code told it. */
  readonly known?: readonly unknown[];
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined: no JSON. */
  readonly json: unknown;
  /** `code` of the problem, or of the first error over GraphQL. */
  readonly code: string | null;
  readonly label: string;
}

interface Cell { readonly table: string; readonly field: string; readonly row: Readonly<Record<string, unknown>> }

function signed(app: RunningApp, subject: string): string {
  return app.accounts.tokens.sign({ subject, roles: [], tenant: null, claims: {}, issuedMs: EPOCH_MS, expiresMs: EPOCH_MS + 86_400_000 }, subject);
}

const PROBLEMS_SHOWN = 25;
const isLong = process.env["AMBIT_TEST_SIZE"] === "long";

/** For each test of the matrix. */
export const timeLimitMs = isLong ? 3_600_000 : 120_000;

export class Matrix {
  /** What is to be found; the seeded records, unless a test says otherwise. */
  world: SeededWorld;
  oracle: Oracle;
  identities: readonly Who[] = [];
  readonly app: RunningApp;
  requests = 0;
  /** Of them, in a batch, and over a WebSocket. */
  readonly ways = { batched: 0, called: 0 };
  checks = 0;
  readonly problems: string[] = [];
  /** How many values of one kind are tried. */
  readonly width = isLong ? 100 : 2;
  readonly log: string[];
  readonly #directory: string;
  readonly #time: { nowMs: number };
  readonly #callers: Callers;
  readonly #cells = new Map<string, Cell[]>();
  #visible = new WeakMap<Who, Map<string, boolean>>();
  readonly #hiddenNames = new Map<string, { readonly fields: RegExp; readonly tables: RegExp }>();
  readonly #once = new Map<string, Promise<Answer>>();

  private constructor(parts: { world: SeededWorld; app: RunningApp; directory: string; log: string[]; time: { nowMs: number } }) {
    this.world = parts.world;
    this.oracle = new Oracle(parts.world);
    this.app = parts.app;
    this.#callers = new Callers(parts.app.url);
    this.log = parts.log;
    this.#directory = parts.directory;
    this.#time = parts.time;
    this.setWorld(parts.world);
  }

  /** From now on these records are expected. */
  setWorld(world: SeededWorld): void {
    this.world = world;
    this.oracle = new Oracle(world);
    this.#cells.clear();
    this.#visible = new WeakMap();
    for (const [table, rows] of world.all) for (const row of rows) for (const [field, value] of Object.entries(row)) this.#plant({ table, field, row }, value);
  }

  static async start(options: { development?: boolean } = {}): Promise<Matrix> {
    // Where there is a disk of memory: nothing here is about what survives.
    const directory = mkdtempSync(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "ambit-matrix-"));
    const world = seedWorld();
    const log: string[] = [];
    // Time stands still, so that what has expired stays there, unseen; only while the records are written it is earlier.
    const time = { nowMs: EPOCH_MS - 7_200_000 };
    const clock: Clock = { now: () => time.nowMs, schedule: () => () => {} };
    const app = await startApp({
      directory: join(import.meta.dir, "app"), dataDirectory: join(directory, "data"), port: 0, environment: {}, adminToken: administratorToken,
      development: options.development ?? false, seed: null, clock, random: seededRandom(2), log: createLog({ clock, sink: (line) => log.push(line) }), forbidOutbound: true,
      onFatal: (error) => { throw error; },
    });
    const matrix = new Matrix({ world, app, directory, log, time });
    await matrix.seed();
    matrix.setTime(EPOCH_MS);
    matrix.identities = await makeIdentities(EPOCH_MS, { sign: (subject) => signed(app, subject), key: async (by, input) => (await matrix.makeKey(by, input)).token });
    return matrix;
  }

  async stop(): Promise<void> {
    await this.#callers.close();
    await this.app.stop();
    rmSync(this.#directory, { recursive: true, force: true });
  }

  /** One for each set of roles, where queries of every shape are tried; in the long size everybody. */
  get different(): readonly Who[] {
    return isLong ? this.identities : this.identities.filter(({ name }) => name !== "max" && name !== "plain");
  }

  get nowMs(): number {
    return this.#time.nowMs;
  }

  setTime(nowMs: number): void {
    this.#time.nowMs = nowMs;
  }

  who(name: string): Who {
    return this.identities.find((one) => one.name === name)!;
  }

  /** Writes the records as code without rules does. */
  async seed(): Promise<void> {
    await this.app.tables.commit((session) => {
      for (const { id, roles } of accounts) {
        session.write({ kind: "create", table: "Visitor", input: { id, email: `${id}@example.com`, roles }, onConflict: null }, { dialect: "code", authority: null, sent: null });
        const input = { token: tokenHash(sessionToken(id)), userId: id, expiresAt: new Date(EPOCH_MS + 86_400_000).toISOString() };
        session.write({ kind: "create", table: SESSION_TABLE, input, onConflict: null }, { dialect: "code", authority: null, sent: null });
      }
      for (const [name, rows] of seedOrder(this.world)) {
        const computed = tableNamed(name).fields.filter((field) => field.compute !== undefined).map((field) => field.name);
        for (const row of rows) {
          const input = Object.fromEntries(Object.entries(row).filter(([field]) => !computed.includes(field)));
          session.write({ kind: "create", table: name, input, onConflict: null }, { dialect: "wire", authority: null, sent: null });
        }
      }
    }, { actor: "seed", requestId: "seed" });
  }

  async ask(who: Who, path: string, request: Request = {}): Promise<Answer> {
    this.requests += 1;
    const method = request.method ?? "GET";
    const headers: Record<string, string> = { ...this.headersOf(who), ...request.headers };
    const body = request.body === undefined ? undefined : typeof request.body === "string" ? request.body : JSON.stringify(request.body);
    if (body !== undefined) headers["content-type"] ??= "application/json";
    const sent = { method, path, headers, ...(body === undefined ? {} : { body }) };
    const way = wayOf(path, request);
    const elsewhere = way === "batched" ? await fetchAsBatch(this.app.url, sent) : way === "called" ? await this.#callers.fetch(sent) : null;
    if (elsewhere !== null && way !== null) this.ways[way] += 1;
    const response = elsewhere ?? await fetch(`${this.app.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    const json = parsed(text, response.headers.get("content-type") ?? "");
    const code = response.status >= 400 && typeof json === "object" && json !== null && "code" in json ? String(json.code) : graphqlCode(json);
    const label = `${who.name} ${method} ${decodeURIComponent(path)}${request.headers === undefined ? "" : ` ${JSON.stringify(request.headers)}`}${body === undefined ? "" : ` ${body.slice(0, 300)}`}`;
    const answer: Answer = { status: response.status, headers: response.headers, text, json, code, label };
    this.searchAnswer(who, answer, `${path} ${body ?? ""} ${JSON.stringify(request.known ?? [])}`, `${decodeURIComponent(path)} ${JSON.stringify(request.headers ?? {})}`);
    if (response.status >= 500) this.fail(answer, "a fault");
    return answer;
  }

  headersOf({ token }: Who): Record<string, string> {
    return token === null ? {} : { authorization: `Bearer ${token}` };
  }

  /** `by`: the token of its maker; null: the administrator makes it. */
  async makeKey(by: string | null, input: object): Promise<{ readonly id: string; readonly token: string }> {
    const headers = { "content-type": "application/json", authorization: `Bearer ${by ?? administratorToken}` };
    const response = await fetch(`${this.app.url}${by === null ? "/admin" : "/auth"}/keys`, { method: "POST", headers, body: JSON.stringify(input) });
    if (!response.ok) throw new Error(await response.text());
    return await response.json() as { id: string; token: string };
  }

  /** Asked once, for comparisons. */
  askOnce(who: Who, path: string, request: Request = {}): Promise<Answer> {
    const key = `${who.name} ${path} ${JSON.stringify(request)}`;
    let asked = this.#once.get(key);
    if (asked === undefined) this.#once.set(key, asked = this.ask(who, path, request));
    return asked;
  }

  fail(answer: Answer | string, expected: string): void {
    const label = typeof answer === "string" ? answer : `${answer.label} -> ${answer.status} ${answer.code ?? ""}`;
    this.problems.push(`${label}\n    expected ${expected}${typeof answer === "string" ? "" : `\n    got ${answer.text.slice(0, 400)}`}`);
  }

  status(answer: Answer, status: number, code: string | null = null): boolean {
    this.checks += 1;
    const holds = answer.status === status && (code === null || answer.code === code);
    if (!holds) this.fail(answer, `${status} ${code ?? ""}`);
    return holds;
  }

  same(answer: Answer, actual: unknown, expected: unknown): boolean {
    this.checks += 1;
    const holds = Bun.deepEquals(actual, expected, true);
    if (!holds) this.fail(answer, difference(actual, expected));
    return holds;
  }

  /** For `expect(...).toEqual([])`: the first problems since the last report, and how many there are. */
  report(): string[] {
    // The log names routes, never values.
    for (const line of this.log.splice(0)) for (const token of tokensOf(line)) if (this.#cells.has(token)) this.problems.push(`the log has ${token}: ${line.slice(0, 300)}`);
    const problems = this.problems.splice(0);
    return problems.length <= PROBLEMS_SHOWN ? problems : [...problems.slice(0, PROBLEMS_SHOWN), `... and ${problems.length - PROBLEMS_SHOWN} more`];
  }

  /** Runs them a few at a time; their order decides nothing. */
  async together(work: readonly (() => Promise<void>)[], width = 16): Promise<void> {
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let index = next++; index < work.length; index = next++) await work[index]!();
    };
    await Promise.all(Array.from({ length: width }, lane));
  }

  #plant(cell: Cell, value: unknown): void {
    for (const token of tokensOf(JSON.stringify(value) ?? "")) {
      const cells = this.#cells.get(token);
      if (cells === undefined) this.#cells.set(token, [cell]);
      else cells.push(cell);
    }
  }

  #searchForLeaks(who: Who, answer: Answer, sent: string): void {
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const opaque = decodedParts(`${answer.headers.get("ambit-next-cursor") ?? ""} ${answer.headers.get("link") ?? ""}`).join("\n");
    for (const token of new Set(tokensOf(`${answer.text}\n${headers}\n${opaque}`))) {
      if (!this.isHidden(who, token) || sent.toLowerCase().includes(token.toLowerCase())) continue;
      const cell = this.#cells.get(token)![0]!;
      this.fail(answer, `no trace of ${cell.table}.${cell.field} (${token}), which is hidden`);
    }
  }

  /** For values and names that are hidden; `sent`: what the answer may repeat, `more` of it values alone. */
  searchAnswer(who: Who, answer: Answer, sent: string, more = ""): void {
    this.#searchForLeaks(who, answer, `${sent} ${more}`);
    if (answer.code !== null) this.#searchForNames(who, answer, sent);
  }

  /** What came to somebody another way than as an answer; to whoever of these it was. */
  searchText(whos: readonly Who[], label: string, text: string): void {
    for (const token of new Set(tokensOf(text))) if (whos.every((who) => this.isHidden(who, token))) this.fail(label, `no trace of ${this.#cells.get(token)![0]!.table}.${this.#cells.get(token)![0]!.field} (${token}), which is hidden\n    got ${text.slice(0, 400)}`);
  }

  /** Problems name no field that does not exist for the identity, suggestions included. */
  #searchForNames(who: Who, answer: Answer, sent: string): void {
    let names = this.#hiddenNames.get(who.name);
    if (names === undefined) this.#hiddenNames.set(who.name, names = { fields: wordsLike(hiddenNames(who, this.oracle)), tables: wordsLike(tables.filter((table) => !this.oracle.mayEver(who, table, "R")).map(({ name }) => name)) });
    for (const [name] of answer.text.matchAll(names.fields)) if (!sent.includes(name)) this.fail(answer, `no mention of ${name}, which is hidden`);
    // The table that was asked for is told; another one that is never to be read is not.
    for (const [name] of answer.text.matchAll(names.tables)) if (!sent.startsWith(`/${tableNamed(name).path ?? name}`) && !sent.includes(name)) this.fail(answer, `no mention of ${name}, which is hidden`);
  }

  /** A planted value that the identity sees in no place. */
  isHidden(who: Who, token: string): boolean {
    const cells = this.#cells.get(token);
    if (cells === undefined) return false;
    let known = this.#visible.get(who);
    if (known === undefined) this.#visible.set(who, known = new Map());
    let visible = known.get(token);
    if (visible === undefined) known.set(token, visible = cells.some((cell) => this.#seesCell(who, cell)));
    return !visible;
  }

  #seesCell(who: Who, { table: name, field: fieldName, row }: Cell): boolean {
    const table = tableNamed(name);
    if (this.world.ghosts.get(name)?.includes(row) === true || !this.oracle.sees(who, table, row)) return false;
    const field = table.fields.find((one) => one.name === fieldName);
    return field === undefined ? table.open : this.oracle.seesField(who, field, row);
  }
}

/** The same one for the same request. Null: alone, over HTTP. */
function wayOf(path: string, { headers }: Request): "batched" | "called" | null {
  const turn = path.length % 8;
  if (turn === 0) return "batched";
  // Endpoints, documents and the like are not called over sockets.
  const [, name] = /^\/(\w+)/.exec(path) ?? [];
  return turn % 2 === 1 && headers?.["authorization"] === undefined && tables.some((table) => table.path === name) ? "called" : null;
}

/** Any of these names, as a whole. */
function wordsLike(names: readonly string[]): RegExp {
  return names.length === 0 ? /(?!)/g : new RegExp(`\\b(?:${[...new Set(names)].join("|")})\\b`, "g");
}

/** Of fields that exist in no table for the identity, nor may be set by it. */
function hiddenNames(who: Who, oracle: Oracle): string[] {
  const isKnown = (table: TableModel, field: FieldModel): boolean => field.kind !== "internal"
    && (oracle.exists(who, field) || "CU".split("").some((verb) => oracle.mayEver(who, { ...table, rules: field.rules ?? [] }, verb)));
  const known = new Set(tables.flatMap((table) => table.fields.filter((field) => isKnown(table, field)).map(({ name }) => name)));
  // Also the name of a part of a nested object.
  return tables.flatMap((table) => table.fields.map(({ name }) => name)).filter((name) => !known.has(name) && name !== "note");
}

function graphqlCode(json: unknown): string | null {
  const errors = typeof json === "object" && json !== null && "errors" in json ? json.errors as { extensions: { code: string } }[] : [];
  return errors[0]?.extensions.code ?? null;
}

function parsed(text: string, type: string): unknown {
  if (!type.includes("json") || type.includes("ndjson")) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function difference(actual: unknown, expected: unknown): string {
  if (Array.isArray(actual) && Array.isArray(expected)) {
    const index = expected.findIndex((item, place) => !Bun.deepEquals(item, actual[place], true));
    const place = index < 0 ? expected.length : index;
    return `${expected.length} rows, not ${actual.length}; [${place}] ${JSON.stringify(expected[place])?.slice(0, 500)} and not ${JSON.stringify(actual[place])?.slice(0, 500)}`;
  }
  return JSON.stringify(expected)?.slice(0, 800) ?? "nothing";
}
