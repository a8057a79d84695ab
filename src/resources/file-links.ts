// Signs links to files, with a key that is kept in the data file: a link made before a restart, or before a restore, stays good.
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Random } from "../base/random.ts";
import type { Storage } from "../storage/open-storage.ts";
import { readMeta, writeMeta } from "../storage/system-tables.ts";

const KEY = "file link key";
const KEY_BYTES = 32;

export interface FileLinks {
  /** Base64url. `expires`: seconds since the epoch. */
  sign(id: string, expires: number): Promise<string>;
  verify(id: string, expires: number, signature: string): Promise<boolean>;
}

export function createFileLinks(storage: Pick<Storage, "reader" | "commit">, random: Random): FileLinks {
  let key: Promise<Buffer> | null = null;
  const load = async (): Promise<Buffer> => {
    const known = readMeta(storage.reader, KEY);
    if (known !== null) return Buffer.from(known, "hex");
    const made = await storage.commit((connection) => {
      const before = readMeta(connection, KEY);
      if (before !== null) return before;
      const text = Buffer.from(random.bytes(KEY_BYTES)).toString("hex");
      writeMeta(connection, KEY, text);
      return text;
    });
    return Buffer.from(made, "hex");
  };
  const digest = async (id: string, expires: number): Promise<Buffer> => {
    key ??= load().catch((error: unknown) => { key = null; throw error; });
    return createHmac("sha256", await key).update(`${id} ${expires}`).digest();
  };
  return {
    sign: async (id, expires) => (await digest(id, expires)).toString("base64url"),
    async verify(id, expires, signature) {
      const wanted = await digest(id, expires);
      const given = Buffer.from(signature, "base64url");
      return given.length === wanted.length && timingSafeEqual(given, wanted);
    },
  };
}
