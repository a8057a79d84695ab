// Who asks: nobody, everybody signed in, the four roles, two subjects with one role, several roles at once, roles within records, the administrator; with
// keys of the settings and of the data, whole and narrowed, with sessions of accounts, with tokens of an issuer and of the app's own.
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
  /** What their key is good for; absent: everything that they may. */
  readonly only?: readonly string[];
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

/** Of a key of somebody who has all three roles: narrowed to two of them, and to these tables, verbs and calls. */
const narrow: readonly string[] = [
  "Org:READ", "Project:READ", "Project:UPDATE", "Project.rename", "Task", "Note:READ", "Note:CREATE", "Person:READ", "Sample", "Scrap:READ", "Scrap:DELETE",
  "projects", "everyProject", "pageOfProjects", "pageBySecrets", "pageOfAll", "task", "tasksWhere", "countWhere", "titles", "write", "mine",
];

/** How the identities that need it get their credentials. */
export interface Credentials {
  /** A token of the app's own. */
  sign(subject: string): string;
  /** A key that the administrator (`by` null) or somebody who is signed in makes. */
  key(by: string | null, input: object): Promise<string>;
}

/** The auditor comes with a token, because static keys have no claims. `atMs`: the time of the app's clock. */
export async function makeIdentities(atMs: number, { sign, key }: Credentials): Promise<readonly Who[]> {
  const token = await new SignJWT({ roles: ["auditor"], desk: "north" }).setProtectedHeader({ alg: "HS256" }).setSubject("aud").setIssuer("https://id.example.com")
    .setIssuedAt(Math.floor(atMs / 1000)).setExpirationTime(Math.floor(atMs / 1000) + 86_400).sign(new TextEncoder().encode("a-shared-secret-of-at-least-32-bytes"));
  return [
    anonymous,
    subject("plain", "key-plain", []),
    subject("mia", await key(null, { subject: "mia", roles: ["member"] }), ["member"]),
    subject("max", sessionToken("max"), ["member"]),
    subject("eve", sessionToken("eve"), ["editor"]),
    subject("aud", token, ["auditor"], { desk: "north" }),
    subject("kim", "key-kim", ["keeper"]),
    subject("mix", sessionToken("mix"), ["member", "editor", "auditor"]),
    { ...subject("mix", await key(sessionToken("mix"), { roles: ["member", "editor"], only: narrow }), ["member", "editor"]), name: "nel", only: narrow },
    subject("wes", sign("wes"), []),
    administrator,
  ];
}
