// Signatures over the raw body of a webhook: those of others verified (Standard Webhooks, Stripe, GitHub), our own made. Compares in
// constant time. Knows nothing of endpoints; what a verified message means is decided in resources/.
import { createHmac, timingSafeEqual } from "node:crypto";
import { fault, type AmbitError } from "../base/error.ts";
import type { Webhook } from "../schema/catalog.ts";

export interface SignedMessage {
  /** Lower-case name. */
  header(name: string): string | null;
  readonly bytes: Uint8Array;
}

export interface SignatureRule {
  readonly scheme: Webhook["scheme"];
  /** One, or several separated by spaces while one takes the place of another: any of them fits. */
  readonly secret: string;
  readonly nowMs: number;
  readonly toleranceMs: number;
}

/** More are not looked at. */
const SIGNATURES_MAX = 20;
const ID_LENGTH_MAX = 255;

/** Throws WEBHOOK_SIGNATURE. Answers the id that the scheme's own headers say; null: it has none there, or none was sent. */
export function verifySignature(message: SignedMessage, rule: SignatureRule): string | null {
  // Whoever knows that it is empty could sign with it.
  if (secretsOf(rule.secret).length === 0) throw refused("No secret is set for this endpoint.");
  switch (rule.scheme) {
    case "STANDARD": return verifyStandard(message, rule);
    case "STRIPE": return verifyStripe(message, rule);
    case "GITHUB": return verifyGithub(message, rule);
  }
}

/** The secrets of one setting. */
export function secretsOf(setting: string): readonly string[] {
  return setting.split(/\s+/).filter((secret) => secret !== "");
}

/** A secret of Standard Webhooks is base64 behind `whsec_`; another text stands for its own bytes. Null: it is not base64. */
export function standardKey(secret: string): Uint8Array | null {
  if (!secret.startsWith("whsec_")) return Buffer.from(secret, "utf8");
  const text = secret.slice("whsec_".length);
  const key = Buffer.from(text, "base64");
  return key.length > 0 && key.toString("base64").replace(/=+$/, "") === text.replace(/=+$/, "") ? key : null;
}

export interface OwnMessage { readonly id: string; readonly timestampS: number; readonly body: Uint8Array }

/** The value of `webhook-signature`: one signature for each secret, so that a receiver may know the old one or the new one. */
export function signStandard({ id, timestampS, body }: OwnMessage, secret: string): string {
  return secretsOf(secret).flatMap((one) => {
    const key = standardKey(one);
    return key === null ? [] : [`v1,${hmac(key, [`${id}.${timestampS}.`, body]).toString("base64")}`];
  }).join(" ");
}

function verifyStandard({ header, bytes }: SignedMessage, { secret, nowMs, toleranceMs }: SignatureRule): string {
  const [id, timestamp, sent] = [header("webhook-id"), header("webhook-timestamp"), header("webhook-signature")];
  if (id === null || id === "" || id.length > ID_LENGTH_MAX || timestamp === null || sent === null) throw refused("webhook-id, webhook-timestamp or webhook-signature is missing.");
  requireTime(timestamp, nowMs, toleranceMs);
  const given = sent.split(" ").filter((one) => one.startsWith("v1,")).map((one) => Buffer.from(one.slice(3), "base64"));
  const keys = secretsOf(secret).map(standardKey).filter((key) => key !== null);
  requireOne(given, keys.map((key) => hmac(key, [`${id}.${timestamp}.`, bytes])));
  return id;
}

function verifyStripe({ header, bytes }: SignedMessage, { secret, nowMs, toleranceMs }: SignatureRule): null {
  const parts = (header("stripe-signature") ?? "").split(",").map((part) => part.trim().split("=", 2) as [string, string?]);
  const timestamp = parts.find(([name]) => name === "t")?.[1];
  if (timestamp === undefined) throw refused("Stripe-Signature is missing, or has no time.");
  requireTime(timestamp, nowMs, toleranceMs);
  const given = parts.filter(([name]) => name === "v1").map(([, value = ""]) => Buffer.from(value, "hex"));
  requireOne(given, secretsOf(secret).map((key) => hmac(Buffer.from(key, "utf8"), [`${timestamp}.`, bytes])));
  return null;
}

function verifyGithub({ header, bytes }: SignedMessage, { secret }: SignatureRule): string | null {
  const sent = /^sha256=([0-9a-f]{64})$/.exec(header("x-hub-signature-256") ?? "")?.[1];
  if (sent === undefined) throw refused("X-Hub-Signature-256 is missing.");
  requireOne([Buffer.from(sent, "hex")], secretsOf(secret).map((key) => hmac(Buffer.from(key, "utf8"), [bytes])));
  const id = header("x-github-delivery");
  return id === null || id === "" || id.length > ID_LENGTH_MAX ? null : id;
}

/** Seconds since the epoch, as it was signed. */
function requireTime(text: string, nowMs: number, toleranceMs: number): void {
  if (!/^[0-9]{1,12}$/.test(text)) throw refused("The time of the signature cannot be read.");
  if (Math.abs(nowMs - Number(text) * 1_000) > toleranceMs) throw refused("The signature is too old, or of a time to come.");
}

function requireOne(given: readonly Buffer[], expected: readonly Buffer[]): void {
  let fits = false;
  // Without a way out before the last, so that the time says nothing of which one fits.
  for (const signature of given.slice(0, SIGNATURES_MAX)) {
    for (const known of expected) fits = (signature.length === known.length && timingSafeEqual(signature, known)) || fits;
  }
  if (!fits) throw refused("No signature fits the body.");
}

function hmac(key: Uint8Array, parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHmac("sha256", key);
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function refused(message: string): AmbitError {
  return fault("WEBHOOK_SIGNATURE", message);
}
