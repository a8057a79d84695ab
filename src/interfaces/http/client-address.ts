// The address of the client behind trusted proxies. Whoever is not such a proxy is believed nothing.
import { BlockList, isIP } from "node:net";

export interface ProxyTrust {
  /** `peer`: the other end of the connection; `forwarded`: X-Forwarded-For. The last address that no trusted proxy could have invented. */
  clientAddress(peer: string, forwarded: string | null): string;
}

/** `proxies`: addresses and networks such as `10.0.0.0/8`. */
export function createProxyTrust(proxies: readonly string[]): ProxyTrust {
  const trusted = new BlockList();
  for (const proxy of proxies) {
    const [address = "", bits] = proxy.split("/");
    const family = familyOf(address);
    if (family === null) continue;
    if (bits === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(bits), family);
  }
  const isTrusted = (address: string): boolean => {
    const family = familyOf(address);
    return family !== null && trusted.check(address, family);
  };
  return {
    clientAddress(peer, forwarded) {
      let address = unmapped(peer);
      if (proxies.length === 0 || forwarded === null) return address;
      const hops = forwarded.split(",").map((hop) => unmapped(hop.trim().replace(/^\[(.*)\](?::[0-9]+)?$/, "$1")));
      while (hops.length > 0 && isTrusted(address)) {
        const next = hops.pop()!;
        if (isIP(next) === 0) return address;
        address = next;
      }
      return address;
    },
  };
}

function unmapped(address: string): string {
  return address.startsWith("::ffff:") ? address.slice(7) : address;
}

function familyOf(address: string): "ipv4" | "ipv6" | null {
  const version = isIP(address);
  return version === 4 ? "ipv4" : version === 6 ? "ipv6" : null;
}
