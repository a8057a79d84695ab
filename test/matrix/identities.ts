// Who asks: nobody, everybody signed in, the four roles, two subjects with one role, several roles at once, roles within records, the administrator; with
// keys, with sessions of accounts, with tokens of an issuer and of the app's own.
import { SignJWT } from "jose";

export interface Who {
  readonly name: string;
  /** Null: anonymous. */
  readonly token: string | null;
  readonly subject: string | null;
  /** `public` and `authenticated` among them. */
  readonly roles: ReadonlySet<string>;
  readonly claims: Readonly<Record<string, string>>;
  readonly administrator: boolean;
}

export const administratorToken = "administrator-of-the-matrix";

function subject(name: string, token: string, roles: readonly string[], claims: Readonly<Record<string, string>> = {}): Who {
  return { name, token, subject: name, roles: new Set(["public", "authenticated", ...roles]), claims, administrator: false };
}

export const anonymous: Who = { name: "anonymous", token: null, subject: null, roles: new Set(["public"]), claims: {}, administrator: false };
export const administrator: Who = { name: "administrator", token: administratorToken, subject: null, roles: new Set(["public", "authenticated"]), claims: {}, administrator: true };

/** People of the app's type with @account, signed in; their tokens are `session-of-NAME`, filled up to the length of real ones. */
export const accounts: readonly { readonly id: string; readonly roles: readonly string[] }[] = [{ id: "max", roles: ["member"] }, { id: "eve", roles: ["editor"] }, { id: "mix", roles: ["member", "editor", "auditor"] }];

export function sessionToken(id: string): string {
  return `session${id}`.padEnd(32, "0");
}

/** The auditor comes with a token, because static keys have no claims. `atMs`: the time of the app's clock. `sign`: a token of the app's own. */
export async function makeIdentities(atMs: number, sign: (subject: string) => string): Promise<readonly Who[]> {
  const token = await new SignJWT({ roles: ["auditor"], desk: "north" }).setProtectedHeader({ alg: "HS256" }).setSubject("aud").setIssuer("https://id.example.com")
    .setIssuedAt(Math.floor(atMs / 1000)).setExpirationTime(Math.floor(atMs / 1000) + 86_400).sign(new TextEncoder().encode("a-shared-secret-of-at-least-32-bytes"));
  return [
    anonymous,
    subject("plain", "key-plain", []),
    subject("mia", "key-mia", ["member"]),
    subject("max", sessionToken("max"), ["member"]),
    subject("eve", sessionToken("eve"), ["editor"]),
    subject("aud", token, ["auditor"], { desk: "north" }),
    subject("kim", "key-kim", ["keeper"]),
    subject("mix", sessionToken("mix"), ["member", "editor", "auditor"]),
    subject("wes", sign("wes"), []),
    administrator,
  ];
}
