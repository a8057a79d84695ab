// What a backtest is asked for, as JSON of the administrator or of the command line. Strict; what of the app does not fit is found by those who compile it.
import { fault } from "../base/error.ts";
import type { Json } from "../base/value.ts";
import type { BacktestRequest } from "../resources/decision-port.ts";

const LAST = 500;
const LAST_MAX = 100_000;
const REPEAT_MAX = 10;
const BOUNDS_MAX = 50;
const MEMBERS: readonly string[] = ["decision", "last", "repeat", "policy", "model", "candidate", "bounds", "maxCost"];

/** Throws VALIDATION_FAILED. */
export function readBacktest(body: Json): BacktestRequest {
  const given = typeof body === "object" && body !== null && !Array.isArray(body) ? body : {};
  const unknown = Object.keys(given).find((name) => !MEMBERS.includes(name));
  if (unknown !== undefined) throw problem(unknown, `${unknown} is not known here.`, `It may have ${MEMBERS.join(", ")}.`);
  const text = (name: string): string | null => {
    const value = given[name] ?? null;
    if (value !== null && typeof value !== "string") throw problem(name, `${name} is a text.`, "Send a string.");
    return value;
  };
  const decision = text("decision");
  if (decision === null) throw problem("decision", "decision is missing.", 'Send {"decision": NAME, "bounds": {NAME: CEL}}.');
  return {
    decision, last: whole(given["last"] ?? LAST, "last", LAST_MAX), repeat: whole(given["repeat"] ?? 1, "repeat", REPEAT_MAX), policy: text("policy"), model: text("model"), candidate: text("candidate"),
    bounds: rules(given["bounds"] ?? {}), maxCost: text("maxCost"),
  };
}

function whole(value: Json, name: string, max: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw problem(name, `${name} is a whole number from 1 to ${max}.`, `Send {"${name}": 1}.`);
}

function rules(value: Json): Readonly<Record<string, string>> {
  const entries = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : null;
  const isRight = entries !== null && entries.length <= BOUNDS_MAX && entries.every((entry): entry is [string, string] => /^[A-Za-z_]\w*$/.test(entry[0]) && typeof entry[1] === "string" && entry[1].trim() !== "");
  if (!isRight) throw problem("bounds", `bounds are rules by name, at most ${BOUNDS_MAX}.`, 'Send {"bounds": {"cap": "out.amount <= 50"}}.');
  return Object.fromEntries(entries as [string, string][]);
}

function problem(where: string, message: string, fix: string): Error {
  return fault("VALIDATION_FAILED", message, { where, fix });
}
