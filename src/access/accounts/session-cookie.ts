// The cookie that carries a session, for whoever sets it and whoever reads it.
import { createHmac, timingSafeEqual } from "node:crypto";

/** With TLS no other host, and no page without TLS, can set one of this name. */
export function sessionCookie(secure: boolean): string {
  return secure ? "__Host-ambit-session" : "ambit-session";
}

export interface CookieSession { readonly token: string; /** Made by `sessionSignature`, or by somebody else. */ readonly signature: string }

/** What a Cookie header has; null: there is none. */
export function sessionIn(header: string, secure: boolean): CookieSession | null {
  const name = sessionCookie(secure);
  for (const part of header.split(";")) {
    const at = part.indexOf("=");
    if (at < 0 || part.slice(0, at).trim() !== name) continue;
    const value = part.slice(at + 1).trim().replace(/^"(.*)"$/, "$1");
    const [, token, signature = ""] = /^([A-Za-z0-9]{16,128})(?:(?:\.|%2E)(.*))?$/i.exec(value) ?? [];
    return token === undefined ? null : { token, signature };
  }
  return null;
}

/** As the library signs it. The token alone cannot be guessed either: this tells what was changed on the way, and by what other app it was set. */
export function isSignedBy(secret: string, { token, signature }: CookieSession): boolean {
  // As text: of its last character some bits are padding.
  const [expected, given] = [createHmac("sha256", secret).update(token).digest("base64"), signature.replaceAll(/%(?:2B|2F|3D)/gi, (code) => decodeURIComponent(code))].map((text) => Buffer.from(text)) as [Buffer, Buffer];
  return given.length === expected.length && timingSafeEqual(expected, given);
}
