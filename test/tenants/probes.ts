// Two runs of the app: one where tenants a and b have records, one where b is alone. Whoever is of b must get the same answers from both.
import { fetchAsBatch, isBatched } from "../processes/as-batch.ts";
import { systemRandom, type Random } from "../../src/base/random.ts";
import { startTestApp, adminToken, type StartedApp } from "../scenarios/started-app.ts";
import { CANARY, CANARY_NUMBER, config, countries, resources, rowsOf, schema } from "./tenant-app.ts";

export interface Request {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined: no JSON. */
  readonly json: unknown;
  readonly code: string | null;
}

const system = { dialect: "code", authority: null, sent: null } as const;

export class Probes {
  /** With both tenants. */
  readonly both: StartedApp;
  /** With b only. */
  readonly alone: StartedApp;
  readonly problems: string[] = [];
  requests = 0;

  private constructor(both: StartedApp, alone: StartedApp) {
    this.both = both;
    this.alone = alone;
  }

  static async start(): Promise<Probes> {
    const probes = new Probes(await startTestApp({ schema, config, resources }, { random: countingRandom() }), await startTestApp({ schema, config, resources }, { random: countingRandom() }));
    await probes.#seed(probes.both, [countries, rowsOf("a"), rowsOf("b")]);
    await probes.#seed(probes.alone, [countries, rowsOf("b")]);
    return probes;
  }

  async stop(): Promise<void> {
    await Promise.all([this.both.stop(), this.alone.stop()]);
  }

  /** As `who`: the name of a key, "admin", "admin:TENANT", or "public". */
  async ask(who: string, path: string, request: Request = {}, app: StartedApp = this.both): Promise<Answer> {
    this.requests += 1;
    const headers: Record<string, string> = { ...credential(who), ...request.headers };
    const body = request.body === undefined ? undefined : typeof request.body === "string" ? request.body : JSON.stringify(request.body);
    if (body !== undefined) headers["content-type"] ??= "application/json";
    const sent = { method: request.method ?? "GET", headers, ...(body === undefined ? {} : { body }) };
    const response = (isBatched(path) ? await fetchAsBatch(app.url, { ...sent, path }) : null) ?? await fetch(`${app.url}${path}`, sent);
    const text = await response.text();
    const json = /json(?!.*ndjson)/.test(response.headers.get("content-type") ?? "") && text !== "" && !text.includes("}\n{") ? JSON.parse(text) as unknown : undefined;
    const code = response.status >= 400 && typeof json === "object" && json !== null && "code" in json ? String(json.code) : null;
    return { status: response.status, headers: response.headers, text, json, code };
  }

  /** Asks both runs; they must agree, and nothing of a may be in the answer but what was sent. */
  async probe(who: string, path: string, request: Request = {}): Promise<Answer> {
    const [both, alone] = [await this.ask(who, path, request), await this.ask(who, path, request, this.alone)];
    const label = `${who} ${request.method ?? "GET"} ${decodeURIComponent(path)} ${request.body === undefined ? "" : JSON.stringify(request.body).slice(0, 300)}`;
    const [one, other] = [shape(both), shape(alone)];
    if (one !== other) this.problems.push(`${label}\n  with a:    ${one.slice(0, 700)}\n  without a: ${other.slice(0, 700)}`);
    this.#searchForCanaries(label, both, `${decodeURIComponent(path)} ${JSON.stringify(request)}`);
    if (both.status >= 500) this.problems.push(`${label}\n  a fault: ${both.text.slice(0, 300)}`);
    return both;
  }

  /** What a has, as the administrator sees it: every record with its version. */
  async stateOfA(): Promise<string> {
    const tables = ["Org", "Project", "Task", "Tag", "ProjectTag", "Note"];
    const ids = Object.fromEntries(tables.map((table) => [table, rowsOf("a")[table]!.map(({ id }) => String(id))]));
    const parts: string[] = [];
    for (const table of tables) {
      parts.push((await this.ask("admin:a", `/${table}?order=id`)).text);
      for (const id of ids[table]!) parts.push(JSON.stringify(this.both.running.tables.get(table, id), (_, value: unknown) => (typeof value === "bigint" ? String(value) : value)));
    }
    return parts.join("\n");
  }

  report(): string[] {
    const problems = this.problems.splice(0);
    return problems.length <= 12 ? problems : [...problems.slice(0, 12), `... and ${problems.length - 12} more`];
  }

  #searchForCanaries(label: string, answer: Answer, sent: string): void {
    const headers = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
    const cursors = [answer.headers.get("ambit-next-cursor") ?? "", ...[.../"next":"([^"]*)"/g.exec(answer.text) ?? []].slice(1)];
    const cursor = cursors.map((text) => Buffer.from(text, "base64url").toString("utf8")).join("\n");
    const found = `${answer.text}\n${headers}\n${cursor}`.toLowerCase();
    for (const token of [CANARY, CANARY_NUMBER]) if (found.includes(token) && !sent.toLowerCase().includes(token)) this.problems.push(`${label}\n  tells ${token}: ${answer.text.slice(0, 500)}`);
  }

  async #seed(app: StartedApp, worlds: readonly ReturnType<typeof rowsOf>[]): Promise<void> {
    await app.running.tables.commit((session) => {
      for (const world of worlds) for (const [table, rows] of Object.entries(world)) for (const input of rows) session.write({ kind: "create", table, input, onConflict: null }, system);
    }, { actor: "seed", requestId: "seed" });
  }
}

/** Keys that are made up in one millisecond sort by time, too: both runs have them in one order. */
function countingRandom(): Random {
  const random = systemRandom();
  let count = 0;
  return {
    next: () => random.next(),
    bytes(length) {
      const bytes = random.bytes(length);
      if (length !== 16) return bytes;
      count += 1;
      bytes.set([(count >>> 22) & 0x0f, (count >>> 14) & 0xff, (count >>> 8) & 0x3f, count & 0xff], 6);
      return bytes;
    },
  };
}

function credential(who: string): Record<string, string> {
  if (who === "public") return {};
  if (who === "admin") return { authorization: `Bearer ${adminToken}` };
  if (who.startsWith("admin:")) return { authorization: `Bearer ${adminToken}`, "x-ambit-tenant": who.slice("admin:".length) };
  return { authorization: `Bearer key-${who}` };
}

/** What must be the same in both runs. Positions, times and made-up keys are of each run alone. */
function shape({ status, headers, text }: Answer): string {
  const kept = ["content-range", "location", "etag", "ambit-next-cursor", "link", "preference-applied", "cache-control", "content-type"].map((name) => `${name}: ${headers.get(name) ?? ""}`).join("\n");
  return `${status}\n${kept}\n${text}`
    .replace(/"requestId":"[^"]*"/g, '"requestId"')
    .replace(/"incident":"[^"]*"/g, '"incident"')
    .replace(/\\?"v\d+(-[a-z]+)?\\?"/g, '"v"')
    .replace(/W\/\\?"[^"]*"/g, 'W/"')
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/g, "UUID")
    .replace(/"position":"[^"]*"/g, '"position"')
    .replace(/"next":"[^"]*"/g, '"next"')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "TIME");
}
