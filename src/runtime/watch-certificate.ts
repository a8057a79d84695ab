// Looks at the files of http.tls again and again, so that a certificate that was renewed is shown without a restart. A pair that does not
// belong together, or cannot be read, is left alone: the files may just be written.
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { X509Certificate, createHash, createPrivateKey } from "node:crypto";
import { scheduleAt, type Clock } from "../base/clock.ts";
import { fault } from "../base/error.ts";
import { describeError, type Log } from "../base/log.ts";
import type { AppConfig } from "./config.ts";

export interface CertificatePair { readonly cert: string; readonly key: string }

export interface CertificateWatch {
  read(): Promise<CertificatePair | null>;
  /** From now on this one is shown. */
  renew(pair: CertificatePair): void;
  readonly clock: Clock;
  readonly log: Log;
}

const LOOKED_EVERY_MS = 10_000;

/** Answers how to stop. */
export function watchCertificate({ read, renew, clock, log }: CertificateWatch): { stop(): void } {
  let shown: string | null = null;
  let refused = "";
  let isStopped = false;
  let cancel = (): void => {};
  const look = async (): Promise<void> => {
    try {
      const pair = await read();
      // What is there at first was just read by who listens.
      if (shown === null && pair !== null) shown = nameOf(pair);
      if (pair === null || isStopped || nameOf(pair) === shown || nameOf(pair) === refused) return;
      refused = nameOf(pair);
      if (!new X509Certificate(pair.cert).checkPrivateKey(createPrivateKey(pair.key))) throw new Error("the key is not that of the certificate");
      renew(pair);
      shown = nameOf(pair);
      log.info("certificate-renewed", { until: new Date(new X509Certificate(pair.cert).validTo).toISOString() });
    } catch (error) {
      log.warn("certificate-not-renewed", describeError(error));
    } finally {
      if (!isStopped) again();
    }
  };
  const again = (): void => { cancel = scheduleAt(clock, clock.now() + LOOKED_EVERY_MS, () => { void look(); }); };
  void look();
  return {
    stop() {
      isStopped = true;
      cancel();
    },
  };
}

function nameOf({ cert, key }: CertificatePair): string {
  return createHash("sha256").update(JSON.stringify([cert, key])).digest("base64url");
}

/** The certificate of what listens over TLS follows its files. */
export function watchTls(config: AppConfig, { directory, clock, log }: { readonly directory: string; readonly clock: Clock; readonly log: Log }, listeners: readonly { renew(pair: CertificatePair): void }[]): { stop(): void } {
  if (config.http.tls === null) return { stop() {} };
  return watchCertificate({ read: () => readTls(config, directory), renew: (pair) => { for (const listener of listeners) listener.renew(pair); }, clock, log });
}

/** Null: no TLS. Throws CONFIG. */
export async function readTls(config: AppConfig, directory: string): Promise<CertificatePair | null> {
  if (config.http.tls === null) return null;
  const read = async (name: "cert" | "key"): Promise<string> => {
    const path = config.http.tls![name];
    try {
      return await readFile(isAbsolute(path) ? path : join(directory, path), "utf8");
    } catch (error) {
      throw fault("CONFIG", `http.tls.${name} cannot be read: ${path}.`, { cause: error });
    }
  };
  return { cert: await read("cert"), key: await read("key") };
}

