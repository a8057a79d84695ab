// Signatures of the three schemes: published examples, and everything about them that can be wrong.
import { expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { AmbitError } from "../base/error.ts";
import { seededRandom } from "../base/random.ts";
import { secretsOf, signStandard, standardKey, verifySignature, type SignatureRule } from "./webhook-signature.ts";

const toleranceMs = 300_000;

function verify(headers: Readonly<Record<string, string>>, body: string, rule: Omit<SignatureRule, "toleranceMs">): string | null {
  try {
    return verifySignature({ header: (name) => headers[name] ?? null, bytes: Buffer.from(body) }, { ...rule, toleranceMs }) ?? "without id";
  } catch (error) {
    if (!(error instanceof AmbitError) || error.code !== "WEBHOOK_SIGNATURE" || error.status !== 401) throw error;
    return null;
  }
}

// As the documentation of Standard Webhooks and of Svix shows it.
const published = {
  secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", body: `{"test": 2432232314}`, nowMs: 1_614_265_330_000,
  headers: { "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek", "webhook-timestamp": "1614265330", "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" },
};

test("Standard Webhooks: the published example", () => {
  const { secret, body, nowMs, headers } = published;
  expect(verify(headers, body, { scheme: "STANDARD", secret, nowMs })).toBe(headers["webhook-id"]);
  expect(signStandard({ id: headers["webhook-id"], timestampS: nowMs / 1_000, body: Buffer.from(body) }, secret)).toBe(headers["webhook-signature"]);
});

test("Standard Webhooks: what does not fit is refused", () => {
  const { secret, body, nowMs, headers } = published;
  const rule = { scheme: "STANDARD", secret, nowMs } as const;
  const wrong: [string, Readonly<Record<string, string>>, string, Partial<typeof rule>][] = [
    ["another body", headers, `${body} `, {}],
    ["another id", { ...headers, "webhook-id": "msg_other" }, body, {}],
    ["another time", { ...headers, "webhook-timestamp": "1614265331" }, body, {}],
    ["a time that is no number", { ...headers, "webhook-timestamp": "1614265330x" }, body, {}],
    ["an empty signature", { ...headers, "webhook-signature": "" }, body, {}],
    ["a signature without its version", { ...headers, "webhook-signature": headers["webhook-signature"].slice(3) }, body, {}],
    ["a shorter signature", { ...headers, "webhook-signature": "v1,g0hM9SsE" }, body, {}],
    ["a version that nobody asked for", { ...headers, "webhook-signature": headers["webhook-signature"].replace("v1", "v1a") }, body, {}],
    ["too late", headers, body, { nowMs: nowMs + toleranceMs + 1 }],
    ["too early", headers, body, { nowMs: nowMs - toleranceMs - 1 }],
    ["another secret", headers, body, { secret: "whsec_b3RoZXIgc2VjcmV0IG9mIG90aGVycw==" }],
    ["no secret", headers, body, { secret: "" }],
    ["blank secrets", headers, body, { secret: "  " }],
    ["an id of thousands", { ...headers, "webhook-id": "x".repeat(5_000) }, body, {}],
  ];
  for (const [name, given, text, other] of wrong) expect([name, verify(given, text, { ...rule, ...other } as SignatureRule)]).toEqual([name, null]);
  for (const name of Object.keys(headers)) expect(verify({ ...headers, [name]: undefined as unknown as string }, body, rule)).toBeNull();
  for (const shiftMs of [toleranceMs, -toleranceMs]) expect(verify(headers, body, { ...rule, nowMs: nowMs + shiftMs })).not.toBeNull();
});

test("one of several signatures, one of several secrets", () => {
  const { secret, body, nowMs, headers } = published;
  const signatures = `v1,AAAA v2,x ${headers["webhook-signature"]}`;
  expect(verify({ ...headers, "webhook-signature": signatures }, body, { scheme: "STANDARD", secret: `whsec_b3RoZXI= ${secret}`, nowMs })).not.toBeNull();
  const many = `${"v1,AAAA ".repeat(20)}${headers["webhook-signature"]}`;
  expect(verify({ ...headers, "webhook-signature": many }, body, { scheme: "STANDARD", secret, nowMs })).toBeNull();
  const both = signStandard({ id: "m", timestampS: 1, body: Buffer.from("b") }, `${secret} plain-text-secret`).split(" ");
  expect(both.length).toBe(2);
  expect(both[1]).toBe(`v1,${createHmac("sha256", "plain-text-secret").update("m.1.b").digest("base64")}`);
});

test("secrets of Standard Webhooks are base64 behind whsec_, others stand for themselves", () => {
  expect(standardKey("whsec_aGVsbG8=")).toEqual(Buffer.from("hello"));
  expect(standardKey("whsec_aGVsbG8")).toEqual(Buffer.from("hello"));
  expect(standardKey("hello")).toEqual(Buffer.from("hello"));
  for (const broken of ["whsec_", "whsec_a*b", "whsec_a"]) expect(standardKey(broken)).toBeNull();
  expect(secretsOf(" a\n b ")).toEqual(["a", "b"]);
});

test("Stripe: time and body, one of several v1, never v0", () => {
  const [secret, body, time] = ["whsec_test_secret", `{"id":"evt_1"}`, 1_492_774_577];
  const signature = createHmac("sha256", secret).update(`${time}.${body}`).digest("hex");
  const rule = { scheme: "STRIPE", secret, nowMs: time * 1_000 } as const;
  const header = (value: string): Record<string, string> => ({ "stripe-signature": value });
  expect(verify(header(`t=${time},v1=${signature}`), body, rule)).toBe("without id");
  expect(verify(header(`t=${time}, v1=${"0".repeat(64)}, v1=${signature}, v0=${signature}`), body, rule)).toBe("without id");
  expect(verify(header(`t=${time},v1=${signature}`), body, { ...rule, secret: `whsec_new ${secret}` })).toBe("without id");
  for (const wrong of [`t=${time},v0=${signature}`, `v1=${signature}`, `t=${time}`, `t=${time + 1},v1=${signature}`, `t=,v1=${signature}`, "", `t=${time},v1=${signature.slice(2)}`, `t=${time},v1=zz`]) {
    expect([wrong, verify(header(wrong), body, rule)]).toEqual([wrong, null]);
  }
  expect(verify(header(`t=${time},v1=${signature}`), body, { ...rule, nowMs: time * 1_000 + toleranceMs + 1 })).toBeNull();
  expect(verify({}, body, rule)).toBeNull();
});

test("GitHub: the published example", () => {
  const [secret, body] = ["It's-a-Secret-to-Everybody", "Hello, World!"];
  const rule = { scheme: "GITHUB", secret, nowMs: 0 } as const;
  const signature = `sha256=${createHmac("sha256", secret).update(body).digest("hex")}`;
  expect(verify({ "x-hub-signature-256": signature, "x-github-delivery": "d-1" }, body, rule)).toBe("d-1");
  expect(verify({ "x-hub-signature-256": signature }, body, rule)).toBe("without id");
  for (const wrong of [signature.toUpperCase(), signature.slice(7), `sha1=${signature.slice(7)}`, `${signature}00`, ""]) {
    expect([wrong, verify({ "x-hub-signature-256": wrong }, body, rule)]).toEqual([wrong, null]);
  }
  expect(verify({ "x-hub-signature-256": signature }, "Hello, World?", rule)).toBeNull();
  // Its published secret has spaces, which separate secrets here: known by its last word it must not pass.
  const published = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
  expect(createHmac("sha256", "It's a Secret to Everybody").update(body).digest("hex")).toBe(published.slice(7));
  expect(verify({ "x-hub-signature-256": published }, body, { ...rule, secret: "It's a Secret to Everybody" })).toBeNull();
});

test("whatever is sent is refused, never something else, unless it is signed", () => {
  const random = seededRandom(Number(process.env["AMBIT_TEST_SEED"] ?? 7));
  const pieces = ["t=", "v1=", "v1,", ",", "=", " ", "sha256=", "0", "ff".repeat(32), "1614265330", "-1", "1e3", "NaN", "é", "\u0000", published.headers["webhook-signature"], published.headers["webhook-id"], "x".repeat(300)];
  const text = (): string => Array.from({ length: Math.floor(random.next() * 6) }, () => pieces[Math.floor(random.next() * pieces.length)]!).join("");
  const names = ["webhook-id", "webhook-timestamp", "webhook-signature", "stripe-signature", "x-hub-signature-256", "x-github-delivery"];
  const schemes = ["STANDARD", "STRIPE", "GITHUB"] as const;
  for (let round = 0; round < 2_000; round++) {
    const headers = Object.fromEntries(names.filter(() => random.next() < 0.8).map((name) => [name, text()]));
    expect([headers, verify(headers, text(), { scheme: schemes[round % 3]!, secret: published.secret, nowMs: published.nowMs })]).toEqual([headers, null]);
  }
});
