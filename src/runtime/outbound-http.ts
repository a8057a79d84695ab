// Calls to others over HTTP, each to the very address that the guard has judged: the name is not looked up a second time, and no redirect
// leads past it. The only place where the outbox meets the network, and the guarded `ctx.fetch`.
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { fault } from "../base/error.ts";
import type { CallOut } from "../jobs/delivery-attempt.ts";
import type { DispatchParts } from "../resources/dispatch-parts.ts";
import { createOutboundGuard, type OutboundGuard } from "../resources/outbound-guard.ts";

export function outboundGuard(allowPrivate: readonly string[], loopbackOnly: boolean): OutboundGuard {
  return createOutboundGuard({ allowPrivate, loopbackOnly, lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address) });
}

export function outboundCall(guard: OutboundGuard): CallOut {
  return async ({ url, method, headers, body, answerBytes }, signal) => {
    const call: PinnedCall = { url, method, headers: new Headers({ ...headers, "accept-encoding": "identity" }), body, signal, isPlain: true };
    const response = await pinnedFetch(call, guard).catch((error: unknown) => {
      // A kept connection may have been closed by then. The receiver tells repetitions by their key.
      if (codeOf(error) !== "ECONNRESET") throw error;
      return pinnedFetch({ ...call, isFresh: true }, guard);
    });
    const { bytes, truncated } = await readUpTo(response, answerBytes);
    return { status: response.status, headers: Object.fromEntries(response.headers), body: bytes, truncated };
  };
}

const REDIRECTS_MAX = 5;
/** Of the first host alone. */
const CREDENTIALS = ["authorization", "cookie", "proxy-authorization"];

/** As the platform's fetch, redirects included, but for addresses that the app may not call. */
export function guardedFetch(guard: OutboundGuard): DispatchParts["fetch"] {
  return async (given, init) => {
    const { url, method, headers, body, signal, redirect } = new Request(given as string, init);
    let call: PinnedCall = { url: new URL(url), method, headers: new Headers(headers), body: body === null ? null : new Uint8Array(await new Response(body).arrayBuffer()), signal, isPlain: (init as { readonly decompress?: boolean } | undefined)?.decompress === false };
    for (let hops = 0; ; hops++) {
      const response = await pinnedFetch(call, guard);
      Object.defineProperty(response, "url", { value: call.url.href });
      const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
      if (location === null || redirect === "manual") return response;
      await response.body?.cancel();
      if (redirect === "error" || hops >= REDIRECTS_MAX) throw new TypeError(`${call.url.host} redirects${redirect === "error" ? "" : " too often"}`);
      call = redirected(call, new URL(location, call.url), response.status);
    }
  };
}

interface PinnedCall { readonly url: URL; readonly method: string; readonly headers: Headers; readonly body: Uint8Array | null; readonly signal: AbortSignal; /** Over no kept connection. */ readonly isFresh?: boolean; /** The body as it came, whatever coding it says to have. */ readonly isPlain?: boolean }

/** As browsers do it: what changes something is not sent elsewhere, but asked for. */
function redirected({ url, method, headers: sent, body, ...rest }: PinnedCall, to: URL, status: number): PinnedCall {
  const becomesGet = method !== "HEAD" && (status === 303 || ((status === 301 || status === 302) && method === "POST"));
  const headers = new Headers(sent);
  if (url.origin !== to.origin) for (const name of CREDENTIALS) headers.delete(name);
  if (becomesGet) headers.delete("content-type");
  return { url: to, method: becomesGet ? "GET" : method, headers, body: becomesGet ? null : body, ...rest };
}

async function pinnedFetch(call: PinnedCall, guard: OutboundGuard): Promise<Response> {
  const addresses = await abortable(guard.addressesOf(call.url), call.signal);
  for (const address of addresses.slice(0, -1)) {
    try {
      return await fetchAt(address, call);
    } catch (error) {
      // Nobody was there to hear it.
      if (!NOT_CONNECTED.has(codeOf(error))) throw error;
    }
  }
  return fetchAt(addresses.at(-1)!, call);
}

const NOT_CONNECTED = new Set(["ConnectionRefused", "ECONNREFUSED", "EHOSTUNREACH", "ENETUNREACH"]);

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

function fetchAt(address: string, { url, method, headers, body, signal, isFresh = false, isPlain = false }: PinnedCall): Promise<Response> {
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  const target = new URL(url);
  target.hostname = isIP(address) === 6 ? `[${address}]` : address;
  return fetch(target, {
    method, signal, redirect: "manual", ...(body === null ? {} : { body }), headers: { ...Object.fromEntries(headers), host: url.host },
    keepalive: !isFresh,
    // What nobody asked to be compressed may unfold to any size.
    decompress: !isPlain,
    // Kept connections are told apart by address and by this name: a test looks.
    ...(url.protocol === "https:" && isIP(host) === 0 ? { tls: { serverName: host } } : {}),
  } as RequestInit);
}

async function readUpTo(response: Response, bytesMax: number): Promise<{ bytes: Uint8Array; truncated: boolean }> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    // Leaving the loop ends the stream.
    if (length > bytesMax) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, bytesMax), truncated: length > bytesMax };
}

/** A lookup cannot be ended; nobody waits for it any more. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let stop = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason instanceof Error ? signal.reason : fault("UNAVAILABLE", "The call was given up."));
    signal.addEventListener("abort", stop, { once: true });
  });
  work.catch(() => {});
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}
