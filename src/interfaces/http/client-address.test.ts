import { expect, test } from "bun:test";
import { createProxyTrust } from "./client-address.ts";

const rows: readonly (readonly [string, readonly string[], string, string | null, string])[] = [
  ["nobody is trusted", [], "9.9.9.9", "1.2.3.4", "9.9.9.9"],
  ["a mapped address is the plain one", [], "::ffff:9.9.9.9", null, "9.9.9.9"],
  ["one proxy", ["10.0.0.1"], "10.0.0.1", "1.2.3.4", "1.2.3.4"],
  ["a stranger's header", ["10.0.0.1"], "10.0.0.2", "1.2.3.4", "10.0.0.2"],
  ["two proxies of a network", ["10.0.0.0/8"], "10.0.0.1", "1.2.3.4, 10.9.9.9", "1.2.3.4"],
  ["an invented first hop", ["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"],
  ["only proxies", ["10.0.0.0/8"], "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ["no address", ["10.0.0.1"], "10.0.0.1", "unknown", "10.0.0.1"],
  ["version 6", ["fd00::/8"], "fd00::1", "[2001:db8::7]:443", "2001:db8::7"],
];
for (const [name, proxies, peer, forwarded, expected] of rows) {
  test(name, () => expect(createProxyTrust(proxies).clientAddress(peer, forwarded)).toBe(expected));
}
