import { expect, test } from "bun:test";
import { noPreferences, readPreferences, type Preferences } from "./preferences.ts";

const rows: readonly (readonly [string | null, Partial<Preferences>])[] = [
  [null, {}],
  ["", {}],
  ["return=representation", { return: "representation", applied: ["return=representation"] }],
  ["return=minimal, count=exact", { return: "minimal", count: "exact", applied: ["return=minimal", "count=exact"] }],
  ["count=exact,return=headers-only", { return: "headers-only", count: "exact", applied: ["count=exact", "return=headers-only"] }],
  ["Return=\"representation\"; foo=bar", { return: "representation", applied: ["return=representation"] }],
  ["return=minimal, return=representation", { return: "minimal", applied: ["return=minimal"] }],
  ["resolution=merge-duplicates", { resolution: "merge", applied: ["resolution=merge-duplicates"] }],
  ["resolution=ignore-duplicates,missing=default", { resolution: "ignore", missingDefault: true, applied: ["resolution=ignore-duplicates", "missing=default"] }],
  ["handling=strict, max-affected=5", { strict: true, maxAffected: 5, applied: ["handling=strict", "max-affected=5"] }],
  ["max-affected=0", { maxAffected: 0, applied: ["max-affected=0"] }],
  ["scan=refuse, tx=commit", { refuseScan: true, applied: ["scan=refuse", "tx=commit"] }],
  ["respond-async, wait=10, return=everything, odder", { respondAsync: true }],
  [",,=,;", {}],
];
for (const [header, expected] of rows) test(`Prefer: ${header}`, () => expect(readPreferences(header)).toEqual({ ...noPreferences, ...expected }));

for (const header of ["handling=strict, odder", "handling=strict, return=everything", "odder, handling=strict", "tx=rollback", "max-affected=many", "max-affected=-1", "scan=please", "handling=strict, __proto__=1"]) {
  test(`refused: ${header}`, () => expect(() => readPreferences(header)).toThrow(expect.objectContaining({ code: "UNSUPPORTED_PREFERENCE" })));
}
