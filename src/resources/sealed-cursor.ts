// Cursors of pages that app code makes by what its caller may not read: sealed, so that a client can hand them back, but neither look
// into them nor make one. The key is this process's own; afterwards such a page begins anew.
import { createCipheriv, createDecipheriv } from "node:crypto";
import type { Random } from "../base/random.ts";
import { malformedCursor } from "../query/cursor.ts";

const CIPHER = "aes-256-gcm";
/** No other cursor begins with it. */
const MARK = "~";
const IV_BYTES = 12;
const TAG_BYTES = 16;

export class CursorSeal {
  readonly #key: Uint8Array;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.#key = random.bytes(32);
  }

  isSealed(cursor: string): boolean {
    return cursor.startsWith(MARK);
  }

  seal(cursor: string): string {
    const iv = this.#random.bytes(IV_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, iv, { authTagLength: TAG_BYTES });
    const text = Buffer.concat([cipher.update(cursor, "utf8"), cipher.final()]);
    return MARK + Buffer.concat([iv, cipher.getAuthTag(), text]).toString("base64url");
  }

  /** Throws MALFORMED_CURSOR for what this process has not sealed. */
  open(sealed: string): string {
    const bytes = Buffer.from(sealed.slice(MARK.length), "base64url");
    try {
      const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, IV_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAuthTag(bytes.subarray(IV_BYTES, IV_BYTES + TAG_BYTES));
      return Buffer.concat([decipher.update(bytes.subarray(IV_BYTES + TAG_BYTES)), decipher.final()]).toString("utf8");
    } catch {
      throw malformedCursor("The cursor is not one of this run. Begin with the first page.");
    }
  }
}
