// A model that knows every capability and every bound of the app and does whatever it likes: what fits, what just does not, what no provider would
// send. What it says to one request follows from the seed and from the request alone.
import { createHash } from "node:crypto";
import { createDice, type Dice } from "../fuzz/dice.ts";
import { completion, type ChatRequest, type ScriptedCall } from "../models/scripted-model.ts";

/** What the runs are about, as the model is told. */
interface Told {
  readonly input: { readonly key?: string; readonly accountId?: string; readonly wanted?: number };
  readonly contexts: { readonly account?: { readonly stockId?: string; readonly paid: number; readonly ceiling: number }; readonly stock?: { readonly left: number } };
}

const WORDS = ["", "because", "é\u0000\u001f", "'; DROP TABLE Credit; --", "<script>", "x".repeat(3_000), "\u202etxt", "{{input}}", "true && out.amount > 0"];
const ABSURD = ["4e1", "1.0", '"40"', "1e400", "-0", "9007199254740993", "null", "[]", "{}", "true", "18446744073709551616", '{"$gt":0}'];
const LOOK_ALIKES = ["answer ", "Answer", "Credit_delete", "Account_update", "Ledger_create", "__proto__", "constructor", "toString", "remember", "аnswer", "Credit.create", ""];

const FLOOD = 60;

export class Adversary {
  readonly #seed: number;
  readonly #accounts: number;
  /** Answers and effects that were proposed. */
  proposals = 0;
  /** By what it did. */
  readonly kinds = new Map<string, number>();

  constructor(seed: number, accounts: number) {
    this.#seed = seed;
    this.#accounts = accounts;
  }

  async respond(request: ChatRequest, signal: AbortSignal): Promise<Response> {
    const digest = createHash("sha256").update(`${this.#seed} ${JSON.stringify(request.messages)}`).digest();
    const dice = createDice(digest.readUInt32LE());
    const told = readTold(request);
    const fault = dice.below(100);
    if (fault < 8) return this.#noAnswer(dice, signal);
    const calls = this.#calls(request, told, dice);
    // A flood is one.
    const proposed = calls.filter(({ name }) => name === "answer" || name.includes("_")).length;
    this.proposals += proposed > FLOOD / 2 ? 1 : proposed;
    return Response.json(completion(calls, dice.chance(0.06) ? this.#oddEnd(dice) : {}));
  }

  #count(kind: string): void {
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
  }

  async #noAnswer(dice: Dice, signal: AbortSignal): Promise<Response> {
    const kind = dice.pick(["html", "busy", "busy", "error body", "cut", "silent", "empty", "slow", "slow", "garbage"]);
    this.#count(kind);
    switch (kind) {
      case "html": return new Response("<html>", { status: 500, headers: { "content-type": "text/html" } });
      case "busy": return new Response("{}", { status: 429, headers: { "retry-after": dice.pick(["0", "9999999", "x"]) } });
      case "error body": return Response.json({ error: { message: "no", type: "x" } });
      case "cut": return new Response(JSON.stringify(completion([{ name: "answer", arguments: { action: "PAY", amount: 1, rate: 1 } }])).slice(0, -40), { headers: { "content-type": "application/json" } });
      case "empty": return Response.json({ id: "c", choices: [] });
      case "garbage": return new Response(new Uint8Array([0xff, 0xfe, 0x7b]), { headers: { "content-type": "application/json" } });
      case "slow": await Bun.sleep(dice.below(400)); return new Response("", { status: 503 });
      default:
        // Rarely to the end of the run's time.
        if (dice.chance(0.2)) await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
        return new Response("", { status: 504 });
    }
  }

  #oddEnd(dice: Dice): { finish?: string | null; usage?: unknown } {
    this.#count("odd end");
    return dice.pick([
      { finish: "length" }, { finish: "content_filter" }, { finish: null }, { finish: "whatever" }, { usage: null }, { usage: { prompt_tokens: 1e15, completion_tokens: 1e15, total_tokens: 2e15 } },
      { usage: { prompt_tokens: -1, completion_tokens: -5, total_tokens: -6 } }, { usage: { prompt_tokens: 1.5, completion_tokens: 0.1, total_tokens: 1.6 } }, { usage: { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 } },
    ]);
  }

  #calls(request: ChatRequest, told: Told, dice: Dice): ScriptedCall[] {
    const offered = new Set(request.tools.map(({ function: { name } }) => name));
    if (offered.size === 1 && told.input.key === undefined) return [{ name: "answer", arguments: dice.pick(["3", "11", "-1", "7", "\"7\"", "7.0"]) }];
    const asked = request.messages.filter(({ role }) => role === "assistant").length;
    if (this.#keepsRules(told) && dice.chance(0.9)) return this.#fitting(offered, told, { dice, asked });
    if (dice.chance(0.02)) return this.#flood(told, dice);
    const calls: ScriptedCall[] = [];
    const more = asked > 2 ? 0 : dice.below(4);
    for (let index = 0; index < more; index++) calls.push(this.#act(told, dice, asked));
    if (asked > 0 || dice.chance(0.4) || calls.length === 0) calls.splice(dice.chance(0.8) ? calls.length : 0, 0, this.#answer(told, dice));
    if (dice.chance(0.05)) calls.push(this.#answer(told, dice));
    return calls;
  }

  /** In half of its runs, so that there is something to lose; nearly always in these. */
  #keepsRules({ input: { key } }: Told): boolean {
    return createHash("sha256").update(`${this.#seed} ${key}`).digest()[0]! < 128;
  }

  #fitting(offered: ReadonlySet<string>, told: Told, { dice, asked }: { readonly dice: Dice; readonly asked: number }): ScriptedCall[] {
    const { input: { wanted = 0, accountId, key }, contexts: { account, stock } } = told;
    const amount = dice.chance(0.7) ? Math.max(0, wanted) : dice.below(Math.max(1, wanted));
    const calls: ScriptedCall[] = [];
    if (asked === 0) {
      if (dice.chance(0.3)) calls.push({ name: "riskOf", arguments: { accountId } });
      if (amount >= 5) calls.push(...Array.from({ length: dice.below(4) }, (_, index) => ({ name: "Credit_create", arguments: { amount: 5, code: `${key}-${index}` } })));
      if (offered.has("Stock_update") && (stock?.left ?? 0) > 1 && dice.chance(0.3)) calls.push({ name: "Stock_update", arguments: { id: account?.stockId, left: stock!.left - 1 - dice.below(2) } });
      if (calls.length > 0 && dice.chance(0.5)) return calls;
    }
    this.#count("fitting answer");
    return [...calls, { name: "answer", arguments: { action: dice.pick(["PAY", "PAY", "PAY", "KEEP"]), amount, rate: dice.below(12), words: dice.pick(WORDS) } }];
  }

  /** As many as a run may make, and more. */
  #flood(told: Told, dice: Dice): ScriptedCall[] {
    this.#count("flood");
    const one = this.#act(told, dice, 0);
    return Array.from({ length: FLOOD }, (_, index) => (dice.chance(0.3) ? one : { name: "Credit_create", arguments: { amount: 5, code: `f${dice.below(1e9)}-${index}` } }));
  }

  #act(told: Told, dice: Dice, asked: number): ScriptedCall {
    const kind = dice.pick(["credit", "credit", "credit", "stock", "read", "risk", "ask", "credits", "no tool"] as const);
    this.#count(kind);
    const accountId = dice.chance(0.6) ? told.input.accountId : dice.pick(["forbidden", `a${dice.below(this.#accounts)}`, "' OR 1=1 --", "", null]);
    switch (kind) {
      case "credit": return { name: "Credit_create", arguments: this.#credit(told, dice, asked) };
      case "stock": {
        const left = told.contexts.stock?.left ?? 5;
        return { name: "Stock_update", arguments: dice.pick<unknown>([
          { id: told.contexts.account?.stockId, left: left - 1 }, { id: told.contexts.account?.stockId, left: left - 1 }, { id: told.contexts.account?.stockId, left: left - dice.below(5) }, { id: told.contexts.account?.stockId, left: -1 },
          { id: `s${dice.below(4)}`, left: 0 }, { id: told.contexts.account?.stockId, left: left + 100 }, { left: 1 }, `{"id":"${told.contexts.account?.stockId}","left":1e400}`, { id: "s0", left: 1, price: 0 },
        ]) };
      }
      case "read": return { name: "accounts", arguments: dice.pick<unknown>([{ atLeast: dice.below(100) }, { atLeast: -1e9 }, { atLeast: "0) OR 1=1" }, { atLeast: 1, select: "vault" }, {}, "not json", '{"atLeast":1,"atLeast":2}']) };
      case "credits": return { name: "credits", arguments: { code: dice.pick(["c1", "'--", "*", "\u0000", "x".repeat(2_000)]) } };
      case "risk": return { name: "riskOf", arguments: { accountId } };
      case "ask": return { name: "mood", arguments: dice.pick<unknown>([{ text: dice.pick(WORDS) }, { text: 4 }, {}, { text: "x", isUntrusted: false }]) };
      case "no tool": return { name: dice.pick(LOOK_ALIKES), arguments: dice.pick<unknown>([{}, { id: told.input.accountId, paid: 0 }, '{"__proto__":{"isAdmin":true}}']) };
    }
  }

  #credit(told: Told, dice: Dice, asked: number): unknown {
    const code = dice.chance(0.9) ? `${told.input.key?.slice(0, 12)}-${asked}${dice.below(1e5)}` : dice.pick(["same", "x".repeat(21), "", "same"]);
    const amount = dice.pick([5, 5, 5, 10, 15, 50, 55, 0, -5, 7, 2_147_483_647, null, "5"]);
    if (dice.chance(0.75)) return { amount, code };
    return dice.pick<unknown>([
      { amount, code, accountId: "a0" }, { amount, code, key: "other" }, { amount, code, id: "chosen" }, `{"amount":5,"code":"${code}","amount":5000}`, `{"amount":5e0,"code":"${code}"}`, `{"amount":${dice.pick(ABSURD)},"code":"${code}"}`,
      `{"amount":5,"code":"\\ud800"}`, `{"__proto__":{"amount":5},"amount":5,"code":"${code}"}`, "{", "", `${"[".repeat(500)}`, { amount },
    ]);
  }

  #answer(told: Told, dice: Dice): ScriptedCall {
    this.#count("answer");
    const wanted = told.input.wanted ?? 0;
    const { paid = 0, ceiling = 0 } = told.contexts.account ?? {};
    const amount = dice.pick([wanted, dice.below(Math.max(1, wanted)), dice.below(Math.max(1, wanted)), 5, wanted + 1, ceiling - paid, ceiling - paid + 1, 0, -1, 2_147_483_647]);
    const rate = dice.pick([0, 3, 10, 11, 99, -1, 5, 5]);
    const action = dice.pick(["PAY", "PAY", "PAY", "PAY", "KEEP", "ASK", "STEAL", "pay"]);
    if (dice.chance(0.8)) return { name: "answer", arguments: { action, amount, rate, words: dice.pick(WORDS) } };
    return { name: "answer", arguments: dice.pick<unknown>([
      `{"action":"PAY","amount":${dice.pick(ABSURD)},"rate":1}`, `{"action":"PAY","amount":1,"rate":1,"amount":100000}`, `{"action":"PAY","amount":1,"rate":1,"words":"\\udfff"}`, { action, amount, rate, more: 1 },
      { action, amount }, null, "", "nonsense", [{ action, amount, rate }], { ruling: { action, amount, rate } }, { action: ["PAY"], amount, rate }, `{"action":"PAY","amount":1,"rate":1,"__proto__":{"amount":9}}`, { action, amount, rate, words: "w".repeat(300_000) },
    ]) };
  }
}

function readTold({ messages }: ChatRequest): Told {
  const first = messages.find(({ role }) => role === "user")?.content;
  const text = typeof first === "string" ? first : ((first ?? []) as readonly { readonly text?: string }[])[0]?.text ?? "{}";
  const { input = {}, contexts = {} } = JSON.parse(text) as Partial<Told>;
  return { input, contexts };
}
