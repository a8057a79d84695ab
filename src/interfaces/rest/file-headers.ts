// The headers of a download. What users bring is hostile until it is shown otherwise: nothing of it may run in a browser, and only what
// can do nothing but be looked at is shown there.
import type { FileValue } from "../../schema/file-type.ts";

const POLICY = "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";
const SHOWN = /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp|heic)|audio\/[a-z0-9.+-]+|video\/[a-z0-9.+-]+|text\/plain)$/;

export function fileHeaders({ type, name, hash }: FileValue): Record<string, string> {
  return {
    "content-type": type === "text/plain" ? "text/plain; charset=utf-8" : type,
    "content-disposition": disposition(SHOWN.test(type) ? "inline" : "attachment", name),
    "content-security-policy": POLICY,
    "accept-ranges": "bytes",
    etag: `"${hash}"`,
  };
}

/** RFC 6266: plain ASCII for the oldest, UTF-8 for all others. */
function disposition(kind: "inline" | "attachment", name: string | null): string {
  if (name === null) return kind;
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, "_");
  const encoded = encodeURIComponent(name).replace(/['()*!]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
  return `${kind}; filename="${ascii}"${ascii === name ? "" : `; filename*=UTF-8''${encoded}`}`;
}
