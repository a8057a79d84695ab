import { expect, test } from "bun:test";
import { anonymousIdentity, subjectIdentity } from "../../access/identities.ts";
import { AmbitError } from "../../base/error.ts";
import { defaultLimits } from "../../base/limits.ts";
import type { Exchange } from "../http/exchange.ts";
import { readIdempotency } from "./idempotency-key.ts";

const me = subjectIdentity({ subject: "me", roles: [], tenant: null });
const exchange = (key: string | null, more: Partial<Exchange> = {}): Exchange => ({
  method: "POST", path: "/Order", query: "", identity: me, limits: { ...defaultLimits, idempotencyKeyLength: 30 }, header: () => key, ...more,
} as unknown as Exchange);
const body = new TextEncoder().encode("{}");

const refused = (key: string, more: Partial<Exchange> = {}): string | null => {
  try {
    readIdempotency(exchange(key, more), body);
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(AmbitError);
    return (error as AmbitError).code;
  }
};

test("without the header there is no claim", () => {
  expect(readIdempotency(exchange(null), body)).toBeNull();
});

test("scope is method, path and query; quotes of the draft standard are not part of the key", () => {
  expect(readIdempotency(exchange("\"k-1\"", { query: "a=1" }), body)).toMatchObject({ key: "k-1", scope: "POST /Order?a=1" });
  expect(readIdempotency(exchange("k-1"), body)!.fingerprint).not.toBe(readIdempotency(exchange("k-1"), new TextEncoder().encode("[]"))!.fingerprint);
});

test("a key is bounded by limits.idempotencyKeyLength, visible and not empty", () => {
  expect(refused("k".repeat(30))).toBeNull();
  for (const key of ["k".repeat(31), "", "two words", "\u00e4", "\"\""]) expect(refused(key)).toBe("MALFORMED_HEADER");
});

test("a stranger's key must not be guessable", () => {
  expect(refused("order-1", { identity: anonymousIdentity })).toBe("MALFORMED_HEADER");
  expect(refused("0b9f1f2e6c1d4b6f9a3e5d", { identity: anonymousIdentity })).toBeNull();
});
