// A session that comes as a cookie: browsers send it whoever asks them to, so it counts only where the page is one of our own.
import { isSignedBy, sessionIn } from "../../access/accounts/session-cookie.ts";
import { invalidToken } from "../../access/invalid-token.ts";
import { fault } from "../../base/error.ts";

export interface CookiePolicy {
  readonly secure: boolean;
  /** That cookies are signed with. */
  readonly secret: string;
  /** Pages of the app that stand elsewhere. */
  readonly origins: readonly string[];
}

/** `null` for what is absent. */
export interface CookieRequest {
  readonly method: string;
  header(name: string): string | null;
}

const SAFE = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * As an Authorization header would have it; null: there is no such cookie. `isOpening`: of a connection over which more is asked, such as a
 * WebSocket. Throws ORIGIN_NOT_ALLOWED for a page of somebody else, INVALID_TOKEN for what was changed.
 */
export function cookieCredential(request: CookieRequest, policy: CookiePolicy, isOpening = false): string | null {
  const cookie = request.header("cookie");
  const session = cookie === null ? null : sessionIn(cookie, policy.secure);
  if (session === null) return null;
  requireOwnPage(request, policy, isOpening);
  if (!isSignedBy(policy.secret, session)) throw invalidToken("The session's cookie is not as this app has set it.");
  return `Bearer ${session.token}`;
}

/** Where what is asked may change something. Without any word of where it comes from there must be no cookie. */
export function requireOwnPage(request: CookieRequest, policy: CookiePolicy, isOpening = false): void {
  const origin = request.header("origin");
  if (origin !== null) {
    if (!isOwn(origin, request, policy)) throw refused();
    return;
  }
  const site = request.header("sec-fetch-site");
  if (site === "same-origin") return;
  if (isOpening || !SAFE.has(request.method)) throw refused();
  // Read by a page of somebody else it tells that page nothing; a link that leads here is followed by whoever clicks on it.
  if (site !== null && site !== "none" && request.header("sec-fetch-mode") !== "navigate") throw refused();
}

function isOwn(origin: string, request: CookieRequest, { origins, secure }: CookiePolicy): boolean {
  if (origins.includes(origin)) return true;
  const host = request.header("host");
  return host !== null && origin.toLowerCase() === `${secure ? "https" : "http"}://${host.toLowerCase()}`;
}

function refused(): Error {
  return fault("ORIGIN_NOT_ALLOWED", "A session in a cookie is only for the app's own pages.");
}
