// Providers of OpenID Connect as config.yaml names them: who somebody is comes from a verified ID token alone, roles and tenant by mapping.
import { betterFetch } from "@better-fetch/fetch";
import type { GenericOAuthConfig } from "better-auth/plugins";
import { decodeJwt } from "jose";
import type { Json } from "../../base/value.ts";
import { mappedRoles, mappedTenant } from "../mapped-claims.ts";
import { scopeOf } from "./account-scope.ts";
import type { OidcProvider } from "./oidc-provider.ts";

export function oidcProviders(providers: readonly OidcProvider[]): GenericOAuthConfig[] {
  return providers.map((provider) => ({
    providerId: provider.name,
    discoveryUrl: discoveryUrl(provider.issuer),
    requireIdTokenVerification: true, pkce: true,
    clientId: provider.clientId, ...(provider.clientSecret === null ? {} : { clientSecret: provider.clientSecret }),
    scopes: [...provider.scopes],
    getUserInfo: async ({ idToken, accessToken }) => {
      // The library has verified it, nonce included, where there is one: so there must be one.
      const claims = idToken === undefined ? null : decodeJwt(idToken) as Claims;
      return claims === null || !isForUs(claims, provider) ? null : profileOf(await allClaims(provider, claims, accessToken), provider);
    },
  }));
}

type Claims = { readonly [name: string]: Json };
type Profile = NonNullable<Awaited<ReturnType<NonNullable<GenericOAuthConfig["getUserInfo"]>>>>;

const TIMEOUT_MS = 5_000;

/** Of a token for several, and of one that says so, we are who asked for it. */
function isForUs({ aud, azp }: Claims, { clientId }: OidcProvider): boolean {
  return azp === undefined ? !Array.isArray(aud) || aud.length === 1 : azp === clientId;
}

/** What the token lacks may stand in the provider's answer about the same person. */
async function allClaims({ issuer, roles, tenant }: OidcProvider, token: Claims, accessToken: string | undefined): Promise<Claims> {
  const wanted = ["email", "email_verified", ...(roles === null ? [] : [roles.claim]), ...(tenant === null ? [] : [tenant.claim])];
  if (accessToken === undefined || wanted.every((name) => token[name] !== undefined)) return token;
  const discovery = await betterFetch<{ userinfo_endpoint?: string }>(discoveryUrl(issuer), { timeout: TIMEOUT_MS });
  const endpoint = discovery.data?.userinfo_endpoint;
  if (endpoint === undefined) return token;
  const { data } = await betterFetch<{ sub?: string; [name: string]: Json | undefined }>(endpoint, { timeout: TIMEOUT_MS, headers: { authorization: `Bearer ${accessToken}` } });
  return data !== null && typeof data === "object" && data.sub === token["sub"] ? { ...data as Claims, ...token } : token;
}

function profileOf(claims: Claims, { roles, tenant }: OidcProvider): Profile {
  scopeOf().provider = { roles: roles === null ? [] : mappedRoles(claims, roles), tenant: tenant === null ? null : mappedTenant(claims, tenant.claim) };
  const text = (name: string): string | undefined => (typeof claims[name] === "string" ? claims[name] : undefined);
  return { id: String(claims["sub"]), sub: String(claims["sub"]), email: text("email") ?? null, emailVerified: claims["email_verified"] === true, name: text("name") ?? "", image: text("picture") };
}

function discoveryUrl(issuer: string): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}
