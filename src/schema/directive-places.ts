// On what each directive may stand, finer than SDL can say. Data only; rules/directive-places.ts enforces it.
// Misplaced @http @webhook @page @retry @every @secret(where) have codes of their own, so here they are allowed on every field.

export type Place =
  | "table" | "channel" | "nested-type" | "other-type"
  | "stored-field" | "computed-field" | "relation" | "action"
  | "endpoint" | "job" | "decision" | "tool" | "fact"
  | "channel-field" | "input-field" | "interface-field" | "nested-field" | "argument";

const callables: readonly Place[] = ["action", "endpoint", "job", "decision", "tool"];
const values: readonly Place[] = ["stored-field", "channel-field", "nested-field", "input-field", "argument"];
const fields: readonly Place[] = ["stored-field", "computed-field", "relation", ...callables, "channel-field", "nested-field"];

export const placesOf: ReadonlyMap<string, readonly Place[]> = new Map<string, readonly Place[]>([
  ["table", ["table"]],
  ["channel", ["table", "channel"]],
  ["export", ["table", "channel", "endpoint", "decision"]],
  ["allow", ["table", "channel", "stored-field", "computed-field", "relation", "action", "endpoint", "decision", "tool", "fact"]],
  ["grants", ["table"]],
  ["account", ["table", "channel", "nested-type"]],
  ["personal", ["table"]],
  ["check", ["table", "stored-field"]],
  ["search", ["table"]],
  ["source", ["table", "channel", "nested-type"]],
  ["renamed", ["table", "stored-field"]],
  ["limit", ["table", "channel", ...callables]],
  ["primaryKey", ["stored-field"]],
  ["indexed", ["table", "stored-field", "computed-field"]],
  ["relationship", ["relation"]],
  ["default", ["stored-field", "computed-field", "channel-field"]],
  ["computed", ["stored-field", "computed-field"]],
  ["createdTime", ["stored-field", "computed-field", "channel-field"]],
  ["updatedTime", ["stored-field", "computed-field"]],
  ["createdBy", ["stored-field", "computed-field", "channel-field"]],
  ["sequence", ["stored-field", "computed-field"]],
  ["expiresAt", ["stored-field"]],
  ["readOnly", ["stored-field"]],
  ["fixed", ["stored-field"]],
  ["internal", ["stored-field", "computed-field"]],
  ["embed", ["stored-field", "computed-field"]],
  ["length", [...values, "fact"]],
  ["range", [...values, "fact"]],
  ["pattern", [...values, "fact"]],
  ["currency", [...values, "fact", "computed-field", ...callables]],
  ["sensitive", [...values, "fact", "computed-field"]],
  ["secret", ["table", "channel", "nested-type", ...values, "computed-field"]],
  ["untrusted", [...values, "fact", "computed-field"]],
  ["redact", [...values, "fact"]],
  ["action", ["action"]],
  ["http", fields],
  ["webhook", fields],
  ["page", fields],
  ["retry", fields],
  ["every", fields],
  ["decision", ["decision"]],
  ["context", ["decision"]],
  ["mayRead", ["decision"]],
  ["mayCall", ["decision"]],
  ["mayAsk", ["decision"]],
  ["mayWrite", ["decision"]],
  ["bound", ["decision"]],
  ["budget", ["decision"]],
  ["memory", ["decision"]],
  ["approval", ["decision"]],
  ["fallback", ["decision"]],
  ["effect", ["decision"]],
  ["rollout", ["decision"]],
  ["negotiates", ["decision"]],
  ["commitment", ["nested-type", "table"]],
  ["on", ["decision"]],
  ["acknowledge", ["decision", "table", "nested-type"]],
]);
