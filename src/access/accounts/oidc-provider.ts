// One provider of OpenID Connect, as config.yaml names it. No code: whoever reads the settings loads nothing of sign-in.

export interface OidcProvider {
  readonly name: string;
  readonly issuer: string;
  readonly clientId: string;
  readonly clientSecret: string | null;
  readonly scopes: readonly string[];
  /** Null: no roles come from there. `map` translates and, where given, lists all that may come. */
  readonly roles: { readonly claim: string; readonly map?: Readonly<Record<string, string>> | null } | null;
  readonly tenant: { readonly claim: string } | null;
}
