// What must be so after an attack, worked out from the log of changes, the audit log and what was asked, in plain code: whether each committed state
// kept every hard bound, and whether effects, records and answers belong together. Uses nothing of what decided.
import type { Database } from "bun:sqlite";
import type { Ceilings } from "./adversary-app.ts";

export interface Asked { readonly decision: string; readonly key: string; readonly accountId: string; readonly wanted: number; readonly story: string | null; readonly status: number; readonly text: string; readonly run: string | null }

interface Account { readonly stockId: string; readonly balance: number; readonly ceiling: number; readonly paid: number; readonly isOpen: boolean; readonly floor: number; readonly mail: string | null }
interface Change { readonly table: string; readonly id: string; readonly new: { readonly [name: string]: unknown } | null; readonly old: object | null }
interface Effect { readonly operation: string; readonly id: string }
interface Record { readonly run: string; readonly decision: string; readonly state: string; readonly source: string | null; readonly untrusted: boolean; readonly effects: readonly string[] }

export class Oracle {
  readonly #file: Database;
  readonly #ceilings: Ceilings;
  readonly #asked: ReadonlyMap<string, Asked>;
  readonly #records = new Map<string, Record>();
  readonly #accounts = new Map<string, Account>();
  readonly #stocks = new Map<string, number>();
  /** What was paid by then, by account and decision, by decision, by all. */
  readonly #sums = new Map<string, number>();
  readonly #committed = new Set<string>();
  #leaf = -1;
  readonly problems: string[] = [];
  readonly counts = { commits: 0, decisions: 0, credits: 0, paid: 0 };

  constructor(file: Database, ceilings: Ceilings, asked: ReadonlyMap<string, Asked>) {
    this.#file = file;
    this.#ceilings = ceilings;
    this.#asked = asked;
  }

  judge(): readonly string[] {
    for (const [number, run, text] of this.#file.query(`SELECT "number", "run", "record" FROM "$audit" ORDER BY "number"`).values() as [number, string, string][]) {
      const record = JSON.parse(text) as Record & { readonly kind: string };
      if (record.kind !== "run") continue;
      if (this.#records.has(run)) this.#wrong(`${run} has two records, the second is ${number}`);
      this.#records.set(run, record);
    }
    const entries = this.#file.query(`SELECT "position", "entry" FROM "$log" ORDER BY "position"`).values() as [number, string][];
    for (const [position, entry] of entries) this.#commit(position, (JSON.parse(entry) as { readonly changes: Change[] }).changes);
    this.#runs();
    return this.problems;
  }

  #wrong(problem: string): void {
    this.problems.push(problem);
  }

  #commit(position: number, changes: readonly Change[]): void {
    this.counts.commits++;
    const ledger = changes.filter(({ table }) => table === "Ledger");
    const where = `commit ${position}`;
    if (ledger.length > 1) this.#wrong(`${where} has two decisions`);
    if (ledger.length === 1) this.#decided(`${where}, ${ledger[0]!.id}`, changes, ledger[0]!);
    else this.#undecided(where, changes);
    this.#apply(changes);
  }

  #apply(changes: readonly Change[]): void {
    for (const { table, id, new: now } of changes) {
      if (table === "Account") this.#accounts.set(id, now as unknown as Account);
      if (table === "Stock") this.#stocks.set(id, now!["left"] as number);
    }
  }

  /** Others may change what they may, and nothing that only decisions change. */
  #undecided(where: string, changes: readonly Change[]): void {
    for (const { table, id, new: now, old } of changes) {
      if (table === "Credit") this.#wrong(`${where} has a credit of no decision: ${id}`);
      const paid = this.#accounts.get(id)?.paid ?? 0;
      if (table === "Account" && old !== null && now?.["paid"] !== paid) this.#wrong(`${where} pays ${id} without a decision`);
    }
  }

  #decided(where: string, changes: readonly Change[], ledger: Change): void {
    this.counts.decisions++;
    const entry = ledger.new as unknown as { readonly decision: string; readonly accountId: string; readonly amount: number; readonly rate: number };
    const asked = this.#asked.get(ledger.id);
    if (asked === undefined) return this.#wrong(`${where}: nobody asked for it`);
    const run = (this.#file.query(`SELECT "id", "leaf" FROM "$decision" WHERE "key" = ?1 AND "name" = ?2`).values(asked.key, asked.decision) as [string, number][])[0];
    const record = run === undefined ? undefined : this.#records.get(run[0]);
    if (run === undefined || record === undefined) return this.#wrong(`${where} has no record`);
    if (run[1] <= this.#leaf) this.#wrong(`${where}: the order of records is not the order of commits`);
    this.#leaf = run[1];
    this.#committed.add(run[0]);
    const of = (table: string): Change[] => changes.filter((change) => change.table === table);
    const account = this.#accounts.get(entry.accountId);
    if (account === undefined || entry.accountId !== asked.accountId || entry.decision !== asked.decision) return this.#wrong(`${where} is about something else`);
    const after = (of("Account").at(-1)?.new ?? account) as Account;
    const must = (holds: boolean, what: string): void => { if (!holds) this.#wrong(`${where}: ${what} ${JSON.stringify({ entry, asked, account, after })}`); };
    must(record.state === "DECIDED" || record.state === "FELL_BACK", `ended ${record.state}`);
    this.#bounds(must, { entry, asked, account, after });
    must(of("Account").every(({ id }) => id === asked.accountId) && of("Account").length <= 1, "changes other accounts");
    must(after.paid === account.paid + entry.amount, "pays something else than it says");
    must(entry.amount !== 13, "EFFECT of the answer");
    this.#effects(must, { changes, account, asked, entry, record, run: run[0] });
    this.#answer(must, asked, entry);
  }

  #bounds(must: (holds: boolean, what: string) => void, { entry: { amount, rate }, asked, account, after }: { readonly entry: { readonly amount: number; readonly rate: number }; readonly asked: Asked; readonly account: Account; readonly after: Account }): void {
    const { each, all, tenant } = this.#ceilings;
    this.counts.paid += amount;
    must(account.isOpen && asked.wanted < 1_000, "INPUT");
    must(amount >= 0 && amount <= asked.wanted, "OUTPUT cap");
    must(rate >= 0 && rate <= 10, "OUTPUT rate");
    must(account.balance - account.paid - amount >= account.floor, "OUTPUT floor");
    must(after.paid <= after.ceiling, "COMMIT ceiling");
    for (const [place, limit] of [[`${asked.decision} ${asked.accountId}`, each], [asked.decision, all], ["tenant", tenant]] as const) {
      const sum = (this.#sums.get(place) ?? 0) + amount;
      this.#sums.set(place, sum);
      must(sum <= limit, `TOTAL ${place} is ${sum}`);
    }
  }

  #effects(must: (holds: boolean, what: string) => void, { changes, account, asked, entry, record, run }: { readonly changes: readonly Change[]; readonly account: Account; readonly asked: Asked; readonly entry: { readonly amount: number }; readonly record: Record; readonly run: string }): void {
    const credits = changes.filter(({ table }) => table === "Credit");
    const stocks = changes.filter(({ table }) => table === "Stock");
    this.counts.credits += credits.length;
    must(credits.length <= 3, "too many credits");
    for (const { new: credit, old } of credits) {
      const { key, accountId, amount, code } = credit as unknown as { readonly key: string; readonly accountId: string; readonly amount: number; readonly code: string };
      must(old === null && key === asked.key && accountId === asked.accountId, "a credit of others");
      must(amount > 0 && amount <= 50 && amount % 5 === 0 && code.length <= 20, `EFFECT ${JSON.stringify(credit)}`);
      must(amount <= this.#proposed(run), "a credit above the answer");
    }
    must(stocks.length <= 1 && (stocks.length === 0 || asked.decision === "pay"), "changes stocks");
    for (const { id, new: stock } of stocks) {
      const left = this.#stocks.get(id) ?? 0;
      const now = stock!["left"] as number;
      must(id === account.stockId && now >= 0 && now < left && left - now <= 2, `the stock ${left} to ${now}`);
    }
    must(credits.length + stocks.length === 0 || (record.source === "model" && ["pay", "hear"].includes(asked.decision)), "staged effects that no model proposed");
    must(credits.length + stocks.length === 0 || (!record.untrusted && (asked.story ?? "") === ""), "staged effects of a tainted run");
    // A payment of nothing is an effect too, and writes nothing.
    const isOne = (operation: string): boolean => operation !== "Account.update" || entry.amount > 0;
    const done = changes.map(({ table, old }) => `${table}.${old === null ? "create" : "update"}`).filter(isOne);
    must(JSON.stringify(done.toSorted()) === JSON.stringify(record.effects.filter(isOne).toSorted()), `its record says ${JSON.stringify(record.effects)}`);
    const kept = (this.#file.query(`SELECT "payloads" -> '$.effects' FROM "$audit" WHERE "run" = ?1`).values(run)[0] as [string])[0];
    const ids = (JSON.parse(kept) as Effect[]).filter(({ operation }) => operation === "Credit.create").map(({ id }) => id);
    must(JSON.stringify(ids) === JSON.stringify(credits.map(({ id }) => id)), "its record has other credits");
  }

  /** What the model's answer was, which need not be paid. */
  #proposed(run: string): number {
    const [[output]] = this.#file.query(`SELECT "payloads" -> '$.output' FROM "$audit" WHERE "run" = ?1`).values(run) as [[string]];
    return (JSON.parse(output) as { readonly amount: number }).amount;
  }

  #answer(must: (holds: boolean, what: string) => void, { status, text }: Asked, { amount, rate }: { readonly amount: number; readonly rate: number }): void {
    must(status === 200, `was answered ${status}`);
    if (status !== 200) return;
    const said = JSON.parse(text) as { readonly action: string; readonly amount: number; readonly rate: number };
    must(said.rate === rate && (said.action === "PAY" ? said.amount : 0) === amount, `was answered ${text}`);
  }

  #runs(): void {
    const states = new Set(["DECIDED", "FELL_BACK", "REFUSED", "DENIED", "SHADOWED"]);
    for (const [id, name, state, ended, key, answer, status, parent] of this.#file.query(`SELECT "id", "name", "state", "ended", "key", "answer", "status", "parent" FROM "$decision"`).values() as [string, string, string, number | null, string | null, string, number, string | null][]) {
      const record = this.#records.get(id);
      if (ended === null || !states.has(state)) this.#wrong(`${id} of ${name} is ${state}`);
      if (record === undefined || record.state !== state) this.#wrong(`${id} of ${name} is ${state}, its record ${record?.state}`);
      const isAnswered = (state === "DECIDED" || state === "FELL_BACK") && name !== "mood";
      if (isAnswered !== this.#committed.has(id)) this.#wrong(`${id} of ${name} ended ${state}, with effects ${this.#committed.has(id)}`);
      if (!isAnswered && (record?.effects.length ?? 0) > 0 && state !== "SHADOWED") this.#wrong(`${id} of ${name} ended ${state}, its record has effects`);
      if (parent !== null) continue;
      const asked = this.#asked.get(key ?? "");
      if (asked === undefined || asked.run !== id || asked.text !== answer || asked.status !== status) this.#wrong(`${id} of ${name}: the caller was answered ${asked?.status} ${asked?.text} (${asked?.run}), the run ${status} ${answer}`);
    }
    if (this.#records.size !== (this.#file.query(`SELECT count(*) FROM "$decision"`).values() as [[number]])[0][0]) this.#wrong("there are records without runs");
  }
}
