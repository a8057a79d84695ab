// The headers that every answer has, whichever interface made it.
import type { Answer, Exchange } from "./exchange.ts";
import { hundredths } from "./fixed-point.ts";

export const VARY = "Accept, Accept-Encoding, Authorization, Cookie";
const HSTS = "max-age=31536000";

/** The same for all. Nothing we answer is a page: whatever a browser takes it for, it may load and run nothing. */
const FIXED = {
  "x-content-type-options": "nosniff", "referrer-policy": "no-referrer", "content-security-policy": "default-src 'none'; frame-ancestors 'none'", vary: VARY,
};
const TEMPLATES_MAX = 100;

/** Headers of one set of names, with the values of the last answer that had it. */
interface Template { readonly names: readonly string[]; readonly values: string[]; readonly headers: Headers }

/**
 * Headers as the listener writes them. A Response copies them when it is made, so one object serves all answers with the
 * same names, and only values that changed are set: making Headers anew costs more than the rest of a small answer.
 */
export class HeaderTemplates {
  readonly #templates = new Map<string, Template>();
  readonly #alike = new WeakMap<object, Template>();
  #last: Template = { names: [], values: [], headers: new Headers() };

  /** To be used at once: the next call changes it. */
  of(answer: Answer): Headers {
    const template = answer.alike === undefined ? fits(this.#last, answer) ? this.#last : this.#find(answer) : this.#ofAlike(answer.alike, answer);
    const { names, values, headers } = template;
    for (let index = 0; index < names.length; index++) {
      const value = answer.headers[names[index]!]!;
      if (values[index] === value) continue;
      headers.set(names[index]!, value);
      values[index] = value;
    }
    this.#last = template;
    return headers;
  }

  #find(answer: Answer): Template {
    const names = Object.keys(answer.headers);
    const key = names.join();
    let template = this.#templates.get(key);
    if (template === undefined) {
      if (this.#templates.size >= TEMPLATES_MAX) this.#templates.clear();
      this.#templates.set(key, template = templateOf(names));
    }
    return template;
  }

  #ofAlike(alike: object, answer: Answer): Template {
    let template = this.#alike.get(alike);
    if (template === undefined || !fits(template, answer)) this.#alike.set(alike, template = templateOf(Object.keys(answer.headers)));
    return template;
  }
}

function templateOf(names: readonly string[]): Template {
  const headers = new Headers(FIXED);
  for (const name of names) headers.set(name, "");
  return { names, values: names.map(() => ""), headers };
}

/** The same names in the same order. */
function fits({ names }: Template, answer: Answer): boolean {
  let index = 0;
  for (const name in answer.headers) if (names[index++] !== name) return false;
  return index === names.length && index > 0;
}

/** Those that differ. `secure`: over TLS. `rate`: what is left of it. */
export function addCommonHeaders(answer: Answer, exchange: Exchange, { secure, rate }: { readonly secure: boolean; readonly rate: Readonly<Record<string, string>> | null }): void {
  const { headers } = answer;
  headers["cache-control"] ??= "private, no-cache";
  headers["x-request-id"] = exchange.requestId;
  if (exchange.cached === "hit") headers["server-timing"] = exchange.scanned ? "cache;desc=hit, scan" : "cache;desc=hit";
  else if (exchange.dispatchMs > 0) headers["server-timing"] = `db;dur=${hundredths(exchange.dispatchMs)}${exchange.cached === undefined ? "" : ", cache;desc=miss"}${exchange.scanned ? ", scan" : ""}`;
  if (rate !== null && headers["ratelimit"] === undefined) Object.assign(headers, rate);
  if (secure) headers["strict-transport-security"] = HSTS;
}
