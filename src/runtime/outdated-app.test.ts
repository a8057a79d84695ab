// What a change of the schema overtook is done again once, by what serves then, and nothing else is.
import { expect, test } from "bun:test";
import { anonymousIdentity } from "../access/identities.ts";
import { fault } from "../base/error.ts";
import type { SocketApp } from "../interfaces/http/served-app.ts";
import { catalogChanged } from "../storage/catalog-changed.ts";
import { renewingPublish } from "./outdated-app.ts";

const request = { topic: "Board/1", message: {}, identity: anonymousIdentity, requestId: "r", address: "" };

test("a publication that nothing stores is done, or refused, at once", () => {
  let count = 0;
  const publish = renewingPublish(() => { count++; }, () => { throw new Error("nobody asks"); });
  expect([publish(request), count]).toEqual([undefined, 1]);
  expect(() => renewingPublish(() => { throw fault("FORBIDDEN", "No."); }, () => publish)(request)).toThrow("No.");
});

test("one that the next schema overtook is done by the next app; another refusal stands", async () => {
  const next: string[] = [];
  const later: SocketApp["publish"] = async ({ topic }) => { next.push(topic); };
  await renewingPublish(async () => { throw catalogChanged(); }, () => later)(request);
  expect(next).toEqual(["Board/1"]);
  await expect(Promise.resolve(renewingPublish(async () => { throw fault("OVERLOADED", "Full."); }, () => later)(request))).rejects.toThrow("Full.");
  // Nothing has taken its place: it is refused, not tried for ever.
  const alone: SocketApp["publish"] = renewingPublish(async () => { throw catalogChanged(); }, () => alone);
  await expect(Promise.resolve(alone(request))).rejects.toThrow("changed meanwhile");
  expect(next).toHaveLength(1);
});
