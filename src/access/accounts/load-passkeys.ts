// The part of sign-in that knows passkeys, loaded only where the app has them: it brings readers of certificates along.
import type { BetterAuthPlugin } from "better-auth";

/** `origins`: where pages that may use passkeys are. The name people see is `name`. */
export async function loadPasskeys({ url, origins, name }: { readonly url: string; readonly origins: readonly string[]; readonly name: string }): Promise<BetterAuthPlugin> {
  // Needed by what @better-auth/passkey loads. In a bundle that would come too late by itself: there ES modules are evaluated before the CommonJS ones that they import.
  await import("reflect-metadata");
  const { passkey } = await import("@better-auth/passkey");
  return passkey({ rpID: new URL(url).hostname, rpName: name, origin: [url, ...origins] });
}
