// Who tries credentials until one fits: wrong keys and tokens are counted by address, wrong sign-ins by address and by account. What was
// used up comes back evenly, so nobody is locked out for good; a credential that was right before is never held up.
import { createHash } from "node:crypto";
import { AmbitError } from "../base/error.ts";
import { addressGroup } from "../base/address-group.ts";
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import type { RateQuestion } from "../base/rate-meter.ts";
import type { Identity } from "../access/identity.ts";
import type { AccountAnswer, AccountRequest } from "../access/accounts/account-store.ts";
import type { SecurityRecord } from "./security-record.ts";
import type { UsageMeter } from "./usage-meter.ts";

interface Authenticator { authenticate(credential: string | null): Identity | Promise<Identity> }
export interface GuardedAuthenticator { authenticate(credential: string | null, address?: string): Identity | Promise<Identity> }

export interface GuessGuardParts {
  readonly meter: UsageMeter;
  readonly security: SecurityRecord;
  readonly clock: Clock;
  readonly limits: () => Limits;
}

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HOUR_MS = 60 * MINUTE_MS;
const KNOWN_MAX = 10_000;
/** Of the guesses at a second factor that one pending sign-in is good for. */
const FACTOR_GUESSES = 5;

export class GuessGuard {
  readonly #parts: GuessGuardParts;
  /** Hashes of credentials that were right, those used last at the end. */
  readonly #right = new Set<string>();
  /** Account and address of sign-ins that were right. */
  readonly #familiar = new Set<string>();

  constructor(parts: GuessGuardParts) {
    this.#parts = parts;
  }

  /** Throws TOO_MANY_REQUESTS while too many wrong credentials came from an address. Without one nothing is counted. */
  guarding(authenticator: Authenticator): GuardedAuthenticator {
    return {
      authenticate: (credential, address) => {
        if (credential === null || address === undefined) return authenticator.authenticate(credential);
        const name = hashOf(credential);
        if (!this.#right.has(name)) this.#parts.meter.require(this.#wrongFrom(address));
        const right = (identity: Identity): Identity => {
          remember(this.#right, name);
          return identity;
        };
        const wrong = (error: unknown): never => {
          if (error instanceof AmbitError && error.code === "INVALID_TOKEN") this.#count(name, address);
          throw error;
        };
        try {
          const found = authenticator.authenticate(credential);
          return found instanceof Promise ? found.then(right, wrong) : right(found);
        } catch (error) {
          return wrong(error);
        }
      },
    };
  }

  /** One request of sign-in: spent before it is tried, so that many at once gain nothing, and given back where it was right. */
  async signIn(request: AccountRequest, { by, requestId }: { readonly by: string; readonly requestId: string }, tried: () => Promise<AccountAnswer>): Promise<AccountAnswer> {
    const attempt = attemptOf(request, by);
    if (attempt === null) return tried();
    const questions = this.#attempts(attempt, request.address);
    this.#parts.meter.take(questions);
    try {
      const answer = await tried();
      const subject = subjectIn(answer);
      // A first factor alone proves nothing yet.
      if (attempt.isGivenBack && (subject !== null || attempt.pending !== null)) {
        this.#parts.meter.giveBack(questions);
        if (attempt.account !== null) remember(this.#familiar, pairOf(attempt.account, request.address));
      }
      this.#tell(attempt.done, { attempt, subject, address: request.address, requestId });
      return answer;
    } catch (error) {
      // Not permitted, whatever the guess: nothing was learnt, sent or made.
      if (error instanceof AmbitError && error.status === 403) this.#parts.meter.giveBack(questions);
      this.#tell(attempt.refused, { attempt, subject: null, address: request.address, requestId });
      throw error;
    }
  }

  #tell(event: string, { attempt: { account }, subject, address, requestId }: { readonly attempt: Attempt; readonly subject: string | null; readonly address: string; readonly requestId: string }): void {
    this.#parts.security.note({ event, subject: null, about: subject, tenant: null, address, requestId, details: account === null ? {} : { account } });
  }

  #attempts({ kind, account, pending }: Attempt, address: string): RateQuestion[] {
    const { signInAttempts, accountSignInAttempts, addressSignInAttempts } = this.#parts.limits();
    const from = addressGroup(address);
    const ask = (limit: string, who: string, count: number, windowMs: number): RateQuestion => ({ limit, who, rate: { count, windowMs }, cost: 1 });
    return [
      ask("sign-in from address", from, addressSignInAttempts, QUARTER_MS),
      ...(account === null ? [] : [ask(kind, pairOf(account, address), signInAttempts, QUARTER_MS)]),
      // Whoever has signed in from there before is not held up by what others try elsewhere.
      ...(account === null || this.#familiar.has(pairOf(account, address)) ? [] : [ask(`${kind} of account`, account, accountSignInAttempts, HOUR_MS)]),
      ...(pending === null ? [] : [ask("second factor", pending, FACTOR_GUESSES, QUARTER_MS)]),
    ];
  }

  #wrongFrom(address: string): RateQuestion {
    return { limit: "credentials", who: addressGroup(address), rate: { count: this.#parts.limits().wrongCredentialsPerMinute, windowMs: MINUTE_MS }, cost: 1 };
  }

  #count(name: string, address: string): void {
    this.#right.delete(name);
    const { meter, security } = this.#parts;
    meter.spend(this.#wrongFrom(address));
    security.note({ event: "credential-refused", subject: null, about: null, tenant: null, address, requestId: null, details: {} });
  }
}

/** The end of the set is what was used last. */
function remember(set: Set<string>, name: string): void {
  if (!set.delete(name) && set.size >= KNOWN_MAX) set.delete(set.values().next().value!);
  set.add(name);
}

function pairOf(account: string, address: string): string {
  return `${account} ${addressGroup(address)}`;
}

interface AttemptKind {
  readonly kind: string;
  /** Events of the security record. */
  readonly done: string;
  readonly refused: string;
  /** What was right costs nothing. */
  readonly isGivenBack: boolean;
}

interface Attempt extends AttemptKind {
  /** Of whom, as a hash; null: not said. */
  readonly account: string | null;
  /** Of the sign-in that waits for its second factor, as a hash. */
  readonly pending: string | null;
}

const KINDS: Readonly<Record<string, AttemptKind>> = {
  "/sign-in/email": { kind: "sign-in", done: "signed-in", refused: "sign-in-refused", isGivenBack: true },
  "/change-password": { kind: "password change", done: "password-changed", refused: "password-change-refused", isGivenBack: true },
  "/sign-up/email": { kind: "sign-up", done: "signed-up", refused: "sign-up-refused", isGivenBack: false },
  "/request-password-reset": { kind: "password reset", done: "password-reset-asked", refused: "password-reset-refused", isGivenBack: false },
  "/send-verification-email": { kind: "confirmation", done: "confirmation-asked", refused: "confirmation-refused", isGivenBack: false },
  "/reset-password": { kind: "new password", done: "password-reset", refused: "password-reset-refused", isGivenBack: true },
};
const SECOND: AttemptKind = { kind: "second factor", done: "second-factor-accepted", refused: "second-factor-refused", isGivenBack: true };

/** Null: nothing can be guessed there. */
function attemptOf({ method, path, headers, body }: AccountRequest, by: string): Attempt | null {
  if (method !== "POST") return null;
  const isSecond = path.startsWith("/two-factor/verify-");
  const kind = isSecond ? SECOND : KINDS[path];
  if (kind === undefined) return null;
  const email = isSecond ? null : nameIn(body, by);
  return { ...kind, account: email === null ? null : hashOf(email), pending: isSecond ? hashOf(headers["cookie"] ?? headers["authorization"] ?? "") : null };
}

/** What one signs in with; the app's own field stands for it. */
function nameIn(body: Uint8Array | null, by: string): string | null {
  try {
    const given = JSON.parse(new TextDecoder().decode(body ?? new Uint8Array())) as { readonly [name: string]: unknown };
    const email = given["email"] ?? given[by];
    return typeof email === "string" ? email.trim().toLowerCase() : null;
  } catch {
    return null;
  }
}

function subjectIn({ body }: AccountAnswer): string | null {
  try {
    const { user } = JSON.parse(body ?? "null") as { readonly user?: { readonly id?: unknown } };
    return typeof user?.id === "string" || typeof user?.id === "number" ? String(user.id) : null;
  } catch {
    return null;
  }
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("base64url").slice(0, 22);
}
