// Sign-in by better-auth on the app's own records: one instance for what serves, made with the first request. Loaded only where the schema has @account.
import { betterAuth, type BetterAuthOptions, type BetterAuthPlugin } from "better-auth";
import { bearer, genericOAuth, organization, twoFactor } from "better-auth/plugins";
import type { Clock } from "../../base/clock.ts";
import type { Limits } from "../../base/limits.ts";
import type { Log } from "../../base/log.ts";
import type { AccountDeclaration, Table } from "../../schema/catalog.ts";
import { askingAgain, type RemoteKeySet } from "../key-sets.ts";
import { accountAdapter } from "./account-adapter.ts";
import { AccountRequests } from "./account-requests.ts";
import { scopeOf } from "./account-scope.ts";
import { hashOutside } from "./hash-outside.ts";
import type { AccountFeatures } from "./account-routes.ts";
import type { AccountPort, PasswordHashing } from "./account-store.ts";
import type { OidcProvider } from "./oidc-provider.ts";
import { oidcProviders } from "./oidc-providers.ts";
import { loadPasskeys } from "./load-passkeys.ts";
import { People } from "./people.ts";
import { sessionCookie } from "./session-cookie.ts";

export interface AccountOptions {
  readonly account: AccountDeclaration;
  readonly tables: ReadonlyMap<string, Table>;
  readonly features: Omit<AccountFeatures, "oidc" | "invites">;
  readonly oidc: readonly OidcProvider[];
  /** Where the app is for its users, without a path. */
  readonly url: string;
  /** Origins that answers may lead back to, besides its own. */
  readonly origins: readonly string[];
  readonly secret: string;
  readonly hashing: PasswordHashing;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  token(): string;
}

/** What of better-auth is used. */
export interface Library {
  handler(request: Request): Promise<Response>;
  readonly $context: Promise<{ readonly socialProviders: readonly { readonly id: string; readonly idToken?: { jwks: unknown } }[] }>;
}

export async function createAccounts(options: AccountOptions): Promise<AccountPort> {
  const people = new People(options.tables.get(options.account.table)!, options.account);
  const features: AccountFeatures = { ...options.features, oidc: options.oidc.length > 0, invites: options.account.signUp !== "CLOSED" };
  const passkeys = features.passkeys ? [await loadPasskeys({ url: options.url, origins: options.origins, name: options.account.table })] : [];
  return new AccountRequests({ ...options, features, people, open: () => opened(betterAuth(libraryOptions(options, people, passkeys)) as unknown as Library, options.clock) });
}

/** With keys of providers that are asked for again when they have become others. */
function opened({ handler, $context }: Library, clock: Clock): Library {
  return {
    handler,
    $context: $context.then((context) => {
      for (const { idToken } of context.socialProviders) if (idToken !== undefined) idToken.jwks = askingAgain(idToken.jwks as RemoteKeySet, clock);
      return context;
    }),
  };
}

function libraryOptions({ account, features, oidc, url, origins, secret, hashing, limits, log, tables }: AccountOptions, people: People, passkeys: readonly BetterAuthPlugin[]): BetterAuthOptions {
  const secure = url.startsWith("https:");
  return {
    appName: account.table, baseURL: url, basePath: "/auth", secret, trustedOrigins: [...origins],
    database: accountAdapter({ people, tables, sessionsMax: limits.accountSessions, hashing }),
    emailAndPassword: {
      enabled: features.password, requireEmailVerification: features.mail, autoSignIn: true, revokeSessionsOnPasswordReset: true,
      minPasswordLength: limits.passwordLengthMin, maxPasswordLength: limits.passwordLengthMax, resetPasswordTokenExpiresIn: seconds(limits.mailLinkMs),
      password: { hash: (password) => hashOutside(hashing, password), verify: ({ password, hash }) => hashing.verify(password, hash) },
      ...(features.mail ? {
        sendResetPassword: ({ user, url: link }) => mailTo(user.email, "Reset your password", link),
        // Whoever made the account never had the address; who has it takes it over, alone.
        onPasswordReset: async ({ user }) => { if (!user.emailVerified) await people.removeWaysIn(user.id); },
        onExistingUserSignUp: ({ user }) => scopeOf().store.mail({ to: user.email, subject: "You have an account already", text: "Somebody tried to sign up with this address, which has an account already. If it was you: sign in, or reset your password." }),
      } : {}),
    },
    emailVerification: { expiresIn: seconds(limits.mailLinkMs), sendOnSignUp: features.mail, sendOnSignIn: features.mail, ...(features.mail ? { sendVerificationEmail: ({ user, url: link }) => mailTo(user.email, "Confirm your address", link) } : {}) },
    session: { expiresIn: seconds(limits.sessionMs), updateAge: seconds(limits.sessionRefreshMs), freshAge: seconds(limits.sessionRefreshMs), cookieCache: { enabled: false } },
    account: { accountLinking: { enabled: true, trustedProviders: [], allowDifferentEmails: false }, updateAccountOnSignIn: true },
    verification: { storeIdentifier: "hashed" },
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // Its own refusals become answers; whatever else goes wrong is ours to tell.
    onAPIError: { onError(error) { throw error; } },
    logger: { level: "error", disableColors: true, log: (level, message) => { if (level === "error") log.warn("sign-in-failed", { why: message.split(":")[0]!.slice(0, 200) }); } },
    advanced: {
      cookiePrefix: "ambit", useSecureCookies: false, defaultCookieAttributes: { secure, httpOnly: true, sameSite: "lax", path: "/" }, cookies: { session_token: { name: sessionCookie(secure) } },
      // Looked at before, for every path (interfaces/http/cookie-credential.ts).
      disableCSRFCheck: true,
      // Said, or the library would not look where links lead to wherever NODE_ENV is test.
      disableOriginCheck: false,
      database: { generateId: false }, ipAddress: { ipAddressHeaders: ["x-ambit-address"] },
    },
    plugins: [
      bearer(), genericOAuth({ config: oidcProviders(oidc) }),
      ...(features.totp ? [twoFactor({ issuer: account.table })] : []),
      ...passkeys,
      ...(features.organizations ? [organization({
        invitationExpiresIn: seconds(limits.invitationMs),
        sendInvitationEmail: ({ id, email, organization: { name } }) => (features.mail ? scopeOf().store.mail({ to: email, subject: `You are invited to ${name}`, text: `Sign in at ${url} and accept the invitation ${id}.` }) : Promise.resolve()),
      })] : []),
    ],
  };
}

function mailTo(to: string, subject: string, link: string): Promise<void> {
  return scopeOf().store.mail({ to, subject, text: `${subject}: ${link}\n\nIf it was not you who asked for this, ignore it.` });
}

function seconds(ms: number): number {
  return Math.max(1, Math.floor(ms / 1_000));
}
