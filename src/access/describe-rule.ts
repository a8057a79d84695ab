// Rules in words, for whoever builds the app: `ambit describe` and the refusals of development. Clients of others never read them.
import type { AllowRule } from "../schema/catalog.ts";

/** `viewer: READ on project where record.open`; of a callable without the verbs. */
export function describeRule(rule: AllowRule): string {
  const where = rule.where === null ? "" : ` where ${rule.where.source}`;
  const on = rule.on === null ? "" : ` on ${rule.on.join(".") || "record"}`;
  return `${rule.to.join(", ")}${rule.do.length === 0 ? "" : `: ${rule.do.join(" ")}`}${on}${where}`;
}

/** Why a caller with these roles was refused: what would have allowed it, and who asked. `what`: `UPDATE of Project`, `close`. */
export function explainRefusal(what: string, rules: readonly AllowRule[], caller: { readonly subject: string | null; readonly roles: readonly string[] }): string {
  const who = caller.subject === null ? "Nobody is signed in." : `The caller is ${caller.subject}, ${caller.roles.length === 0 ? "without roles" : `with the roles ${caller.roles.join(", ")}`}.`;
  if (rules.length === 0) return `No @allow permits ${what}. ${who}`;
  return `What permits ${what}: ${rules.map((rule) => `@allow ${describeRule(rule)} (${rule.position.file}:${rule.position.line})`).join("; ")}. ${who}`;
}
