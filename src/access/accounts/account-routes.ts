// The paths of sign-in, behind `/auth`: those of what config.yaml switches on and no others, whatever the library has besides.

export interface AccountFeatures {
  readonly password: boolean;
  readonly mail: boolean;
  readonly oidc: boolean;
  readonly invites: boolean;
  readonly passkeys: boolean;
  readonly totp: boolean;
  readonly organizations: boolean;
}

type Routes = readonly (readonly [path: string, method: "GET" | "POST"])[];

const SESSIONS: Routes = [["/get-session", "GET"], ["/list-sessions", "GET"], ["/sign-out", "POST"], ["/revoke-session", "POST"], ["/revoke-sessions", "POST"], ["/revoke-other-sessions", "POST"], ["/error", "GET"]];
const PASSWORD: Routes = [["/sign-up/email", "POST"], ["/sign-in/email", "POST"], ["/change-password", "POST"]];
const MAIL: Routes = [["/request-password-reset", "POST"], ["/reset-password", "POST"], ["/reset-password/*", "GET"], ["/send-verification-email", "POST"], ["/verify-email", "GET"]];
const OIDC: Routes = [["/sign-in/social", "POST"], ["/callback/*", "GET"], ["/link-social", "POST"], ["/list-accounts", "GET"], ["/unlink-account", "POST"]];
const TOTP: Routes = ["enable", "disable", "get-totp-uri", "verify-totp", "verify-backup-code", "generate-backup-codes"].map((name) => [`/two-factor/${name}`, "POST"] as const);
const PASSKEYS: Routes = [
  ...["generate-register-options", "generate-authenticate-options", "list-user-passkeys"].map((name) => [`/passkey/${name}`, "GET"] as const),
  ...["verify-registration", "verify-authentication", "delete-passkey", "update-passkey"].map((name) => [`/passkey/${name}`, "POST"] as const),
];
const ORGANIZATIONS: Routes = [
  ...["list", "get-full-organization", "get-invitation", "list-invitations", "list-user-invitations", "list-members", "get-active-member"].map((name) => [`/organization/${name}`, "GET"] as const),
  ...["create", "update", "delete", "set-active", "invite-member", "accept-invitation", "reject-invitation", "cancel-invitation", "remove-member", "update-member-role", "leave"].map((name) => [`/organization/${name}`, "POST"] as const),
];

/** Method by path; a star stands for one segment. */
export function accountRoutes({ password, mail, oidc, invites, passkeys, totp, organizations }: AccountFeatures): ReadonlyMap<string, "GET" | "POST"> {
  const chosen: Routes = [
    ...SESSIONS, ...(password ? PASSWORD : []), ...(password && mail ? MAIL : []), ...(oidc ? OIDC : []), ...(invites ? [["/invite", "POST"] as const] : []),
    ...(passkeys ? PASSKEYS : []), ...(totp ? TOTP : []), ...(organizations ? ORGANIZATIONS : []),
  ];
  return new Map(chosen);
}

/** The path as the table has it. */
export function routeOf(path: string, routes: ReadonlyMap<string, unknown>): string | null {
  if (routes.has(path)) return path.includes("*") ? null : path;
  const starred = path.replace(/\/[^/]+$/, "/*");
  return routes.has(starred) ? starred : null;
}
