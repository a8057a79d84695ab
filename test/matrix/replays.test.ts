// Idempotency keys: an answer is replayed to its own subject only, and only while it still has the rights that it had.
import { afterAll, afterEach, beforeAll, expect, test } from "bun:test";
import type { Who } from "./identities.ts";
import { Matrix, timeLimitMs, type Answer, type Request } from "./matrix-server.ts";
import { differences, restore } from "./stored-rows.ts";

let matrix: Matrix;
beforeAll(async () => { matrix = await Matrix.start(); });
afterAll(() => matrix?.stop());
afterEach(async () => {
  await restore(matrix);
  expect(matrix.report()).toEqual([]);
  expect(differences(matrix)).toEqual([]);
});

let keys = 0;
const freshKey = (): string => `0f8b7c1e-5a6e-4c1b-9d3a-${String(++keys).padStart(12, "0")}`;

/** The same subject with the role of a member alone: a keeper once. */
function demoted(kim: Who): Who {
  return { ...kim, name: "kim", token: "key-kim-demoted", roles: new Set(["public", "authenticated", "member"]) };
}

/** What the demoted one sees is asked of an oracle of their own. */
function hides(answer: Answer): boolean {
  const text = `${answer.text} ${[...answer.headers].join(" ")}`;
  return !["zq9101x", "zq9102x"].some((word) => text.includes(word));
}

const project = (matrix_: Matrix, ownerId: string): Record<string, unknown> => ({
  id: `replayed-${ownerId}`, orgId: matrix_.world.rows("Org")[0]!["id"], ownerId, code: "REPLAY", title: "t", stage: "DRAFT", slug: "zq9101x", plan: "zq9102x",
});

const writesOf = (matrix_: Matrix): readonly (readonly [string, Request])[] => [
  ["/Project", { method: "POST", body: project(matrix_, "somebody") }],
  ["/Project/replayed-put", { method: "PUT", body: { ...project(matrix_, "somebody"), id: "replayed-put", code: "REPLAY2", slug: "zq9102x" } }],
  [`/Project/${String(matrix_.world.rows("Project")[3]!["id"])}`, { method: "PATCH", body: { slug: "zq9101x again" } }],
  [`/Project?id=eq.${String(matrix_.world.rows("Project")[3]!["id"])}`, { method: "PATCH", body: { plan: "zq9102x" } }],
  ["/rpc/keepers", { method: "POST", body: {} }],
  ["/keepers", { method: "POST", body: {} }],
];

test("the same subject with fewer roles gets no answer that the others have earned", async () => {
  const kim = matrix.who("kim");
  for (const [path, request] of writesOf(matrix)) {
    const headers = { prefer: "return=representation", "idempotency-key": freshKey() };
    const first = await matrix.ask(kim, path, { ...request, headers });
    expect([path, first.status < 300]).toEqual([path, true]);
    const again = await matrix.ask(kim, path, { ...request, headers });
    matrix.same(again, [again.status, again.text, again.headers.get("idempotency-replayed")], [first.status, first.text, "true"]);
    const lesser = await matrix.ask(demoted(kim), path, { ...request, headers, known: ["zq9101x", "zq9102x"] });
    if (lesser.status < 400 || !hides(lesser)) matrix.fail(lesser, "a refusal");
    const late = await matrix.ask(kim, path, { ...request, headers });
    matrix.same(late, late.text, first.text);
  }
}, timeLimitMs);

test("another subject's key is a key of one's own", async () => {
  const note = { taskId: matrix.world.rows("Task")[0]!["id"], body: "replayed" };
  const headers = { prefer: "return=representation", "idempotency-key": freshKey() };
  const ids = new Set<unknown>();
  for (const name of ["plain", "mia", "max", "wes", "kim", "administrator"]) {
    const who = matrix.who(name);
    const first = await matrix.ask(who, "/notes", { method: "POST", body: note, headers });
    if (first.code === "REFERENCE_VIOLATION") continue;
    if (!matrix.status(first, 201)) continue;
    matrix.same(first, first.headers.get("idempotency-replayed"), null);
    ids.add((first.json as { id: string }[])[0]!.id);
    const again = await matrix.ask(who, "/notes", { method: "POST", body: note, headers });
    matrix.same(again, [again.text, again.headers.get("idempotency-replayed")], [first.text, "true"]);
  }
  expect(ids.size).toBeGreaterThan(2);
  // Nobody signed in: the key alone is the secret, so it must be one; and it opens nobody's answer.
  const anonymous = matrix.who("anonymous");
  matrix.status(await matrix.ask(anonymous, "/notes", { method: "POST", body: note, headers }), 401, "UNAUTHENTICATED");
  matrix.status(await matrix.ask(anonymous, "/rpc/projects", { method: "POST", body: {}, headers: { "idempotency-key": "1" } }), 400, "MALFORMED_HEADER");
}, timeLimitMs);

test("answers of calls are replayed as they were, and hold no more than before", async () => {
  for (const who of matrix.identities) {
    const headers = { "idempotency-key": freshKey() };
    const first = await matrix.ask(who, "/rpc/everyProject", { method: "POST", body: {}, headers });
    const again = await matrix.ask(who, "/rpc/everyProject", { method: "POST", body: {}, headers });
    matrix.same(again, [again.status, again.text], [first.status, first.text]);
  }
}, timeLimitMs);
