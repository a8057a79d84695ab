// Whom the app may call: nobody in private networks unless config.yaml names them. The address that was judged is the one to connect to,
// so that a name cannot mean another one a moment later. Looks names up through what it is given; connects to nobody.
import { isIP } from "node:net";
import { fault, type AmbitError } from "../base/error.ts";
import { isIn, isLoopback, isNetwork, isPublic, networks, plainAddress } from "../base/private-networks.ts";

export interface OutboundRules {
  /** `outbound.allowPrivate`: names of hosts, addresses, networks. */
  readonly allowPrivate: readonly string[];
  /** For tests: nobody but this machine. */
  readonly loopbackOnly: boolean;
  /** All addresses of a name. */
  lookup(host: string): Promise<readonly string[]>;
}

export interface OutboundGuard {
  /** What can be told of any process, without a lookup. Throws OUTBOUND_REFUSED. */
  check(url: URL): void;
  /** The addresses to connect to, one after the other; at least one. Throws OUTBOUND_REFUSED, or what the lookup throws. */
  addressesOf(url: URL): Promise<readonly string[]>;
}

/** More of one name are not tried. */
const ADDRESSES_MAX = 4;

export function createOutboundGuard({ allowPrivate, loopbackOnly, lookup }: OutboundRules): OutboundGuard {
  const allowed = networks(allowPrivate.filter(isNetwork));
  const names = new Set(allowPrivate.filter((entry) => !isNetwork(entry)).map((name) => nameOf(name)));

  /** Why not; null: it may be called. */
  const against = (host: string, address: string): string | null => {
    if (isPublic(address) || names.has(host) || isIn(allowed, address)) return null;
    return host === address ? `${host} is no public address` : `${host} leads to ${address}, which is no public address`;
  };
  const judge = (host: string, address: string): void => {
    const reason = against(host, address);
    if (reason !== null) throw refusal(reason);
  };
  const check = (url: URL): void => {
    if (url.protocol !== "https:" && url.protocol !== "http:") throw refusal(`${url.protocol} is not a scheme of HTTP`);
    if (url.username !== "" || url.password !== "") throw refusal("its URL holds a name or a password", "Send them in the header Authorization.");
    const host = hostOf(url);
    if (isIP(host) !== 0) judge(host, plainAddress(host));
    else if (isLocalName(host)) judge(host, "127.0.0.1");
  };
  return {
    check,
    async addressesOf(url) {
      check(url);
      const host = hostOf(url);
      const isHere = isIP(host) !== 0 ? isLoopback(host) : isLocalName(host);
      if (loopbackOnly && !isHere) throw refusal(`tests may not call ${host}`);
      const addresses = isIP(host) !== 0 ? [host] : await lookup(host);
      if (addresses.length === 0) throw refusal(`${host} has no address`);
      // A name that leads here and there is not to be trusted with either.
      for (const address of addresses) {
        if (loopbackOnly && !isLoopback(address)) throw refusal(`tests may not call ${address}`);
        judge(host, plainAddress(address));
      }
      return [...new Set(addresses.map(plainAddress))].slice(0, ADDRESSES_MAX);
    },
  };
}

function hostOf(url: URL): string {
  return nameOf(url.hostname.replace(/^\[(.*)\]$/, "$1"));
}

function nameOf(host: string): string {
  return host.toLowerCase().replace(/\.$/, "");
}

function isLocalName(host: string): boolean {
  return host === "localhost" || host.endsWith(".localhost");
}

function refusal(reason: string, fix?: string): AmbitError {
  return fault("OUTBOUND_REFUSED", `The call is not made: ${reason}.`, fix === undefined ? {} : { fix });
}
