// What a person says of what waits for approval, from the body of a request. Throws VALIDATION_FAILED, and judges nothing.
import { fault } from "../../base/error.ts";
import type { RawInput } from "../../tables/write.ts";

export type Verdict =
  | { readonly do: "APPROVE"; readonly hash: string }
  | { readonly do: "REJECT"; readonly reason: string | null }
  /** Undefined: as it was proposed. */
  | { readonly do: "EDIT"; readonly hash: string; readonly output: unknown; readonly effects: unknown };

const MEMBERS: Readonly<Record<Verdict["do"], readonly string[]>> = { APPROVE: ["verdict", "hash"], REJECT: ["verdict", "hash", "reason"], EDIT: ["verdict", "hash", "output", "effects"] };
const REASON_LENGTH_MAX = 1_000;

export function readVerdict(input: RawInput): Verdict {
  const { verdict, hash, reason, output, effects } = input as { readonly [name: string]: unknown };
  const problem = (where: string, message: string, fix: string): Error => fault("VALIDATION_FAILED", message, { where, fix });
  if (verdict !== "APPROVE" && verdict !== "REJECT" && verdict !== "EDIT") throw problem("verdict", "verdict is APPROVE, REJECT or EDIT.", "Send {\"verdict\": \"APPROVE\", \"hash\": \"...\"}.");
  const unknown = Object.keys(input).find((name) => !MEMBERS[verdict].includes(name));
  if (unknown !== undefined) throw problem(unknown, `${verdict} has no ${unknown}.`, `Send ${MEMBERS[verdict].join(", ")}.`);
  if (verdict === "REJECT") {
    if (reason !== undefined && reason !== null && (typeof reason !== "string" || reason.length > REASON_LENGTH_MAX)) throw problem("reason", `reason is a text of at most ${REASON_LENGTH_MAX} characters.`, "Shorten it.");
    return { do: verdict, reason: typeof reason === "string" ? reason : null };
  }
  if (typeof hash !== "string") throw problem("hash", `${verdict} is of what was shown: it needs its hash.`, "Send the hash of the approval.");
  if (verdict === "EDIT" && output === undefined && effects === undefined) throw problem("output", "Nothing is edited.", "Send output, effects or both, or APPROVE.");
  return verdict === "APPROVE" ? { do: verdict, hash } : { do: verdict, hash, output, effects };
}
