// The cookie that carries a session, for whoever sets it and whoever reads it.

/** With TLS no other host, and no page without TLS, can set one of this name. */
export function sessionCookie(secure: boolean): string {
  return secure ? "__Host-ambit-session" : "ambit-session";
}

/** The token in a Cookie header; null: there is none. What stands behind its dot is a signature for the library alone: the token cannot be guessed. */
export function sessionToken(header: string, secure: boolean): string | null {
  const name = sessionCookie(secure);
  for (const part of header.split(";")) {
    const at = part.indexOf("=");
    if (at < 0 || part.slice(0, at).trim() !== name) continue;
    const value = part.slice(at + 1).trim().replace(/^"(.*)"$/, "$1");
    const [token] = value.split(/\.|%2E/i);
    return token === undefined || !/^[A-Za-z0-9]{16,128}$/.test(token) ? null : token;
  }
  return null;
}
