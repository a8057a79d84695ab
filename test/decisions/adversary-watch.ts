// Loaded before `ambit start` by adversary.test.ts: at every COMMIT it looks at what is about to be committed, and writes down what runs have spent
// above a limit. It adds up the journal by itself, and looks at the kept sums too.
import { Database, type Statement } from "bun:sqlite";
import { appendFileSync } from "node:fs";
import type { Ceilings } from "./adversary-app.ts";

export interface Watch { readonly file: string; readonly ceilings: Ceilings }

interface Spent { readonly tokens: number; readonly micros: number }
interface Step { readonly reserved: Spent; readonly lost: Spent; readonly settled?: Spent }

const wanted = process.env["AMBIT_WATCH"];
if (wanted !== undefined && wanted !== "") watch(JSON.parse(wanted) as Watch);

type Prepare = (this: Database, text: string, ...more: []) => Statement;

function watch({ file, ceilings }: Watch): void {
  const prepare = Database.prototype.prepare as Prepare;
  const looker = new Looker(ceilings);
  let isSeen = false;
  let touched: [string, number][] = [];
  Database.prototype.prepare = function (this: Database, text: string, ...more: []) {
    const statement = prepare.call(this, text, ...more);
    const isStep = text.startsWith(`INSERT INTO "$decision_step"`);
    if (!isStep && text !== "COMMIT") return statement;
    const run = statement.run.bind(statement);
    // Finalized each time: who closes the database wants no open statements.
    const read: Read = (sql, ...parameters) => {
      const reading = prepare.call(this, sql);
      try {
        return reading.values(...parameters as never[]);
      } finally {
        reading.finalize();
      }
    };
    statement.run = ((...parameters: never[]) => {
      if (isStep) touched.push([parameters[0]!, parameters[1]!]);
      else if (read(`SELECT 1 FROM sqlite_schema WHERE "name" = '$decision_step'`).length > 0) {
        if (!isSeen) appendFileSync(`${file}.seen`, `${process.pid}\n`);
        isSeen = true;
        for (const found of looker.look(touched, read)) appendFileSync(file, `${found}\n`);
        touched = [];
      }
      return run(...parameters);
    }) as typeof statement.run;
    return statement;
  } as typeof Database.prototype.prepare;
}

type Read = (sql: string, ...parameters: readonly unknown[]) => unknown[][];

class Looker {
  readonly #limits: readonly (readonly [place: RegExp, limit: number])[];
  readonly #ceilings: Ceilings;
  /** By step. */
  readonly #spent = new Map<string, Spent>();
  /** By place. */
  readonly #totals = new Map<string, Spent>();
  #isLoaded = false;

  constructor(ceilings: Ceilings) {
    const { each, all, tenant, subject, day, both, subjectRuns, dayRuns } = ceilings;
    this.#ceilings = ceilings;
    this.#limits = [
      [/"SUBJECT_DAY",null,"\w+","each"/, each], [/"DECISION_DAY",null,"\w+","all"/, all], [/"TENANT_DAY",null,"tenant"/, tenant], [/"SUBJECT_DAY".*runs$/, subjectRuns], [/"DECISION_DAY".*runs$/, dayRuns],
      [/"SUBJECT_DAY".*(?:tokens|cost)$/, subject], [/"DECISION_DAY".*(?:tokens|cost)$/, day], [/"TENANT_DAY".*(?:tokens|cost)$/, both],
    ];
  }

  look(touched: readonly (readonly [string, number])[], read: Read): string[] {
    const steps = this.#isLoaded ? touched : read(`SELECT "run", "number" FROM "$decision_step"`) as [string, number][];
    this.#isLoaded = true;
    const found = steps.flatMap(([run, number]) => this.#add(run, number, read));
    for (const [scope, amount] of read(`SELECT "scope", "amount" FROM "$decision_sum"`) as [string, number][]) {
      const limit = this.#limits.find(([place]) => place.test(scope))?.[1];
      if (limit === undefined || amount > limit) found.push(`${scope} is ${amount} of ${limit}`);
    }
    return found;
  }

  #add(run: string, number: number, read: Read): string[] {
    const [row] = read(`SELECT "facts", "name", "subject", "admitted", "parent" FROM "$decision_step" LEFT JOIN "$decision" ON "id" = "run" WHERE "run" = ?1 AND "number" = ?2`, run, number);
    // Undone within the transaction.
    if (row === undefined) return [];
    const [facts, name, subject, admitted, parent] = row as [string, string | null, string | null, number, string | null];
    if (name === null) return [`${run} has steps and is no run`];
    const { reserved, lost, settled = reserved } = JSON.parse(facts) as Step;
    const key = `${run} ${number}`;
    const before = this.#spent.get(key) ?? { tokens: 0, micros: 0 };
    const spent = { tokens: settled.tokens + lost.tokens, micros: settled.micros + lost.micros };
    this.#spent.set(key, spent);
    return this.#places({ run, name, subject, parent, day: new Date(admitted).toISOString().slice(0, 10) }).flatMap(([place, tokens, micros]) => {
      const total = this.#totals.get(place) ?? { tokens: 0, micros: 0 };
      const now = { tokens: total.tokens + spent.tokens - before.tokens, micros: total.micros + spent.micros - before.micros };
      this.#totals.set(place, now);
      return now.tokens > tokens || now.micros > micros ? [`${place} has spent ${JSON.stringify(now)}`] : [];
    });
  }

  /** With what may be spent there, tokens and millionths. */
  #places({ run, name, subject, parent, day }: { readonly run: string; readonly name: string; readonly subject: string | null; readonly parent: string | null; readonly day: string }): readonly (readonly [string, number, number])[] {
    const { run: most, subject: ofSubject, day: ofDay, both } = this.#ceilings;
    return [
      // Whom it asks draws on the same budget.
      ...(name === "pay" || name === "mood" ? [[`run ${parent ?? run}`, most, Infinity] as const] : []),
      ...(name === "pay" ? [[`pay ${subject} ${day}`, ofSubject, ofSubject] as const] : []),
      ...(name === "hear" ? [[`hear ${day}`, ofDay, ofDay] as const] : []),
      ...(name === "hear" || name === "mood" ? [[`both ${day}`, both, both] as const] : []),
    ];
  }
}
