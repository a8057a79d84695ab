import { expect, test } from "bun:test";
import { subjectIdentity, anonymousIdentity } from "../../access/identities.ts";
import type { Identity } from "../../access/identity.ts";
import { fakeClock } from "../../base/clock.ts";
import { fault } from "../../base/error.ts";
import { createCredentialMemory } from "./credential-memory.ts";
import type { ServedApp } from "./served-app.ts";

function appWith(authenticate: (credential: string | null) => Identity | Promise<Identity>): ServedApp {
  return { authenticator: { authenticate } } as unknown as ServedApp;
}

test("asks once a second, at the end of the credential, and again after a reload", () => {
  const clock = fakeClock();
  const memory = createCredentialMemory(clock);
  let asked = 0;
  const ends = clock.now() + 1_300;
  const answer = (credential: string | null): Identity => {
    asked++;
    if (credential === null) return anonymousIdentity;
    return subjectIdentity({ subject: credential, roles: [], tenant: null, expiresAtMs: ends });
  };
  const app = appWith(answer);
  expect(memory.identify(app, "a")).toMatchObject({ subject: "a" });
  expect(memory.identify(app, "a")).toBe(memory.identify(app, "a"));
  expect(asked).toBe(1);
  expect(memory.identify(app, "b")).toMatchObject({ subject: "b" });
  expect(asked).toBe(2);
  clock.advance(1_000);
  memory.identify(app, "a");
  expect(asked).toBe(3);
  clock.advance(300);
  memory.identify(app, "a");
  expect(asked).toBe(4);
  memory.identify(appWith(answer), "a");
  expect(asked).toBe(5);
});

test("refusals and strangers are asked about each time", () => {
  const memory = createCredentialMemory(fakeClock());
  let asked = 0;
  const app = appWith((credential) => {
    asked++;
    if (credential === "bad") throw fault("INVALID_TOKEN", "No.");
    return anonymousIdentity;
  });
  for (let round = 0; round < 3; round++) {
    expect(() => memory.identify(app, "bad")).toThrow("No.");
    memory.identify(app, null);
  }
  expect(asked).toBe(6);
});

test("what takes time is left to the authenticator", async () => {
  const memory = createCredentialMemory(fakeClock());
  const app = appWith(() => Promise.resolve(anonymousIdentity));
  expect(await memory.identify(app, "later")).toBe(anonymousIdentity);
});
