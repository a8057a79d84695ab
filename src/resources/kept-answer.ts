// The form in which an answer is kept under its Idempotency-Key: a result, or the problem that the app decided. Exact both ways.
import { covers, type Standing } from "../access/standing.ts";
import { AmbitError, fault, type ErrorExtras } from "../base/error.ts";
import type { Json, Value } from "../base/value.ts";
import type { StoredAnswer } from "../storage/idempotency.ts";
import { JsonText, type Result } from "./operation.ts";

interface KeptFacts {
  readonly version: number | null;
  readonly range: Result["range"];
  readonly affected: number;
  readonly createdId: string | null;
  readonly nextCursor: string | null;
  readonly public: boolean;
}

/** `code` distinguishes it from a result. */
interface KeptProblem { readonly code: string; readonly message: string; readonly extras: Omit<ErrorExtras, "cause"> }

/** Throws BODY_TOO_LARGE where the answer is longer than may be kept: before anything is committed. */
export function keptResult(result: Result, standing: Standing, bytesMax: number): StoredAnswer {
  const { version, range, affected, createdId, nextCursor } = result;
  const facts: KeptFacts = { version, range, affected, createdId: keyText(createdId), nextCursor, public: result.public };
  const body = result.body === undefined ? null : result.body instanceof JsonText ? result.body.text : JSON.stringify(result.body);
  if (body !== null && Buffer.byteLength(body) > bytesMax) {
    throw fault("BODY_TOO_LARGE", "The answer is too large to be kept for its Idempotency-Key.", { fix: "Ask for less with select= or Prefer: return=minimal." });
  }
  return { status: result.status, headers: { kind: "result", facts: JSON.stringify(facts), standing: JSON.stringify(standing) }, body };
}

export function keptProblem(error: AmbitError, standing: Standing): StoredAnswer {
  const { cause: _, ...extras } = error.extras;
  const problem: KeptProblem = { code: error.code, message: error.message, extras };
  return { status: error.status, headers: { kind: "problem", standing: JSON.stringify(standing) }, body: JSON.stringify(problem) };
}

/** The kept answer once more, to who has all the rights that it was given under; a kept problem is thrown. */
export function replayed(answer: StoredAnswer, standing: Standing): Result {
  if (!covers(standing, JSON.parse(answer.headers["standing"]!) as Standing)) {
    throw fault("FORBIDDEN", "The first request with this key was made with rights that you do not have now.", { where: "Idempotency-Key" });
  }
  const body = answer.body === null ? null : typeof answer.body === "string" ? answer.body : new TextDecoder().decode(answer.body);
  if (answer.headers["kind"] === "problem") {
    const { code, message, extras } = JSON.parse(body!) as KeptProblem;
    throw new AmbitError(answer.status, code, message, { ...extras, headers: { ...extras.headers, "idempotency-replayed": "true" } });
  }
  const facts = JSON.parse(answer.headers["facts"]!) as KeptFacts;
  return { ...facts, status: answer.status, body: body === null ? undefined : new JsonText(body), createdId: keyValue(facts.createdId), scanned: false, replayed: true };
}

/** A key with its type: a Long is a bigint in memory. */
function keyText(key: Value): string | null {
  if (key === null) return null;
  return typeof key === "bigint" ? `n${key}` : `j${JSON.stringify(key)}`;
}

function keyValue(text: string | null): Value {
  if (text === null) return null;
  return text.startsWith("n") ? BigInt(text.slice(1)) : JSON.parse(text.slice(1)) as Json;
}
