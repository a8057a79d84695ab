// Signed calls as the three kinds of senders make them, by node:crypto alone.
import { createHmac } from "node:crypto";

export const standardSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
export const stripeSecret = "whsec_stripe_secret_of_tests";
export const githubSecret = "github-secret-of-tests";

export interface Signed { readonly headers: Readonly<Record<string, string>>; readonly body: string }

const hmac = (key: string | Uint8Array, text: string): ReturnType<typeof createHmac> => createHmac("sha256", key).update(text);

export function standard(id: string, payload: unknown, { nowMs = Date.now(), secret = standardSecret } = {}): Signed {
  const body = typeof payload === "string" ? payload : JSON.stringify(payload);
  const time = String(Math.floor(nowMs / 1_000));
  const signature = hmac(Buffer.from(secret.slice("whsec_".length), "base64"), `${id}.${time}.${body}`).digest("base64");
  return { body, headers: { "content-type": "application/json", "webhook-id": id, "webhook-timestamp": time, "webhook-signature": `v1,${signature}` } };
}

export function stripe(payload: unknown, { nowMs = Date.now() } = {}): Signed {
  const body = JSON.stringify(payload);
  const time = Math.floor(nowMs / 1_000);
  return { body, headers: { "content-type": "application/json; charset=utf-8", "stripe-signature": `t=${time},v1=${hmac(stripeSecret, `${time}.${body}`).digest("hex")},v0=00` } };
}

export function github(id: string | null, payload: unknown): Signed {
  const body = JSON.stringify(payload);
  return { body, headers: { "content-type": "application/json", "x-hub-signature-256": `sha256=${hmac(githubSecret, body).digest("hex")}`, ...(id === null ? {} : { "x-github-delivery": id }) } };
}
