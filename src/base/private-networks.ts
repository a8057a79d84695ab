// Which addresses are of the public internet, and which are this machine's, a private network's, or of no known use. Asks nobody.
import { BlockList, isIP } from "node:net";

const NOT_PUBLIC_4 = [
  "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24",
  // A cloud's own, in the midst of public ones.
  "168.63.129.16/32",
  "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
];
/** All that is public lies in here, */
const PUBLIC_6 = ["2000::/3"];
/** but for what leads elsewhere: tunnels that hold an IPv4 address, and addresses of documents. */
const NOT_PUBLIC_6 = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

const notPublic4 = networks(NOT_PUBLIC_4);
const public6 = networks(PUBLIC_6);
const notPublic6 = networks(NOT_PUBLIC_6);
const loopback = networks(["127.0.0.0/8", "::1/128"]);

/** An address or a network such as `10.0.0.0/8`, as text; false for anything else. */
export function isNetwork(text: string): boolean {
  const [address = "", bits, ...more] = text.split("/");
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^[0-9]{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** Of what `isNetwork`. */
export function networks(texts: readonly string[]): BlockList {
  const list = new BlockList();
  for (const text of texts) {
    const [address = "", bits] = text.split("/");
    const family = isIP(address) === 4 ? "ipv4" : "ipv6";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

/** `address`: plain, or an IPv4 one in IPv6's clothes. */
export function isIn(list: BlockList, address: string): boolean {
  const plain = plainAddress(address);
  const version = isIP(plain);
  return version !== 0 && list.check(plain, version === 4 ? "ipv4" : "ipv6");
}

export function isPublic(address: string): boolean {
  const plain = plainAddress(address);
  switch (isIP(plain)) {
    case 4: return !notPublic4.check(plain, "ipv4");
    case 6: return public6.check(plain, "ipv6") && !notPublic6.check(plain, "ipv6");
    default: return false;
  }
}

export function isLoopback(address: string): boolean {
  return isIn(loopback, address);
}

/** Without a zone; `::ffff:127.0.0.1` and `::ffff:7f00:1` are 127.0.0.1. */
export function plainAddress(address: string): string {
  const text = address.replace(/%.*$/, "");
  const dotted = /^(?:0*:){2,5}:?ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text) ?? /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text);
  if (dotted !== null) return dotted[1]!;
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/i.exec(text);
  if (hex === null) return text;
  const [high, low] = [parseInt(hex[1]!, 16), parseInt(hex[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join(".");
}
