// A provider of OpenID Connect on this machine: people sign in there by being named in `login_hint`, without a page in between.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import Provider, { type Configuration } from "oidc-provider";

export interface IssuedPerson {
  readonly [claim: string]: unknown;
}

export interface Issuer {
  readonly url: string;
  /** By subject; what stands here when somebody signs in is told. */
  readonly people: Map<string, IssuedPerson>;
  /** Called with what the provider answers to a request for tokens; may answer otherwise. */
  tamper: ((answer: { [name: string]: unknown }) => { [name: string]: unknown } | Promise<{ [name: string]: unknown }>) | null;
  /** Published instead of its own keys. */
  keys: readonly object[] | null;
  stop(): Promise<void>;
}

export async function startIssuer(redirects: readonly string[]): Promise<Issuer> {
  let handle: ((request: IncomingMessage, response: ServerResponse) => void) | null = null;
  const server: Server = createServer((request, response) => handle!(request, response));
  await new Promise<void>((resolve) => { server.listen(0, "127.0.0.1", resolve); });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const people = new Map<string, IssuedPerson>();
  const issuer: Issuer = {
    url, people, tamper: null, keys: null,
    stop: () => new Promise((resolve) => { server.closeAllConnections(); server.close(() => resolve()); }),
  };
  const provider = new Provider(url, configuration(redirects, people));
  provider.use(async (context, next) => {
    await next();
    if (context.path === "/token" && issuer.tamper !== null && typeof context.body === "object" && context.body !== null) context.body = await issuer.tamper(context.body as { [name: string]: unknown });
    if (context.path === "/jwks" && issuer.keys !== null) context.body = { keys: issuer.keys };
  });
  const answer = provider.callback();
  handle = (request, response) => {
    if (request.url!.startsWith("/interaction/")) void interact(provider, request, response);
    else void answer(request, response);
  };
  return issuer;
}

function configuration(redirects: readonly string[], people: Map<string, IssuedPerson>): Configuration {
  return {
    clients: [{ client_id: "shop", client_secret: "shop-secret-shop-secret-shop-secret", redirect_uris: [...redirects], grant_types: ["authorization_code"], response_types: ["code"], token_endpoint_auth_method: "client_secret_post" }],
    cookies: { keys: ["cookie-key"] },
    conformIdTokenClaims: false,
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name", "groups", "org"] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_: unknown, interaction: { readonly uid: string }) => `/interaction/${interaction.uid}` },
    pkce: { required: () => true },
    findAccount: (_: unknown, id: string) => ({ accountId: id, claims: () => ({ sub: id, ...people.get(id) }) }),
    ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
  };
}

/** Whoever is named is signed in and agrees to everything. */
async function interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { params, session } = await provider.interactionDetails(request, response);
  const accountId = session?.accountId ?? String(params["login_hint"]);
  const grant = new provider.Grant({ accountId, clientId: String(params["client_id"]) });
  grant.addOIDCScope("openid email profile");
  await provider.interactionFinished(request, response, { login: { accountId }, consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: false });
}
