// What a file is, from its first bytes alone: what its sender calls it is not believed. Nothing in it is unpacked or run.

const TEXT = "text/plain";
const UNKNOWN = "application/octet-stream";

/** A media type without parameters. `head`: as many bytes as storage/file-store.ts keeps of the beginning. */
export async function sniffType(head: Uint8Array): Promise<string> {
  // Loaded with the first file: an app without any starts without it.
  const { fileTypeFromBuffer } = await import("file-type");
  const found = await fileTypeFromBuffer(head).catch(() => undefined);
  if (found !== undefined) return found.mime.split(";")[0]!;
  return isText(head) ? TEXT : UNKNOWN;
}

/** UTF-8, perhaps cut in the middle of a character, without control characters but those of layout. */
function isText(head: Uint8Array): boolean {
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(head, { stream: true });
    return !/\p{Cc}/u.test(text.replace(/[\t\n\v\f\r]/g, ""));
  } catch {
    return false;
  }
}
