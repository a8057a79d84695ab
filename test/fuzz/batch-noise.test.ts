// Nonsense sent to /batch: mutated batches, of which most mean nothing. None is a fault of the server, none that is refused leaves a
// trace, and what is answered is always the one shape or the one problem.
import { afterAll, beforeAll, expect, test } from "bun:test";
import { keysFor, startTestApp, type StartedApp } from "../scenarios/started-app.ts";
import { createDice, type Dice } from "./dice.ts";

const REQUESTS = process.env["AMBIT_TEST_SIZE"] === "long" ? 20_000 : 250;
const SEED = Number(process.env["AMBIT_TEST_SEED"] ?? 404);

const schema = `
type Thing @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) @allow(to: ["public"], do: [READ]) {
  id: ID! @primaryKey
  name: String @indexed(unique: true)
  size: Int @range(min: 0, max: 99)
  big: Long
  exact: Decimal
  more: JSON
  at: DateTime
  parentId: ID @indexed
  parent: Thing @relationship(from: "parentId")
  children: [Thing!]! @relationship(to: "parentId")
  grow(by: Int!): Thing! @action @allow(to: ["clerk"])
}
type Number @table @export @allow(to: ["clerk"], do: [READ, CREATE, UPDATE, DELETE]) { id: Long! @primaryKey value: Float }
type Endpoints { echo(more: JSON, size: Int!): JSON @http(path: "/echo/{size}") @allow(to: ["clerk"]) }`;

const resources = `/// <reference path="./.ambit/types.d.ts" />
import { Table, endpoints } from "ambit";
export class Thing extends Table("Thing") { async grow({ by }) { return this.update({ size: (this.size ?? 0) + by }); } }
export const Endpoints = endpoints({ async echo(ctx, { more, size }) { await ctx.db.Thing.count({}); return { more, size }; } });
`;

let app: StartedApp;
beforeAll(async () => { app = await startTestApp({ schema, resources, config: keysFor("clerk") }); });
afterAll(() => app?.stop());

const sound = (): unknown[] => [
  { id: "a", method: "POST", path: "/Thing", body: { id: "t1", name: "n1", size: 1, big: "9007199254740993", more: { x: [1, null, "é"] } } },
  { id: "b", method: "POST", path: "/Thing", body: [{ name: "n2", parentId: { $ref: "a/id" }, more: { $ref: "a/0/more" } }], headers: { prefer: "return=representation" } },
  { method: "GET", path: "/Thing?parentId=eq.{a/id}&select=id,name,parent(name),children(id)&order=name.desc&limit=3" },
  { method: "PATCH", path: "/Thing/{a/id}", body: { size: { $ref: "a/size" } }, headers: { "if-match": "*" } },
  { id: "c", method: "GET", path: "/Thing?select=size.sum(),count()" },
  { method: "POST", path: "/Thing/{a/id}/grow", body: { by: { $ref: "c/count" } } },
  { method: "POST", path: "/echo/{a/size}", body: { more: { $ref: "b" } } },
  { method: "PUT", path: "/Number/12", body: { value: 1.5 } },
  { id: "d", method: "GET", path: "/Number/12" },
  { method: "DELETE", path: "/Number?id=eq.{d/id}" },
  { method: "PATCH", path: "/Thing?size=lt.5&parentId=not.eq.{a/id}", body: { more: { $$ref: 1 } }, headers: { "content-type": "application/merge-patch+json", prefer: "max-affected=3,return=representation" } },
  { method: "DELETE", path: "/Thing?name=in.(n2,\"x,y\")" },
];

const nonsense: readonly unknown[] = [
  null, true, 0, -1, 1e308, 2 ** 53, "", "a", "/", "{", "}", "{a/id}", "/Thing/{a/id}/{b/id}", "a/id", "a/0", "a/", "$ref", "\u0001", "é😀", "x".repeat(70), "%", "%00", "%zz", "../..", "//", "?", "#", "GET", "PUT", "TRACE", "__proto__",
  [], [[]], {}, { $ref: "a/id" }, { $ref: "zz" }, { $ref: 1 }, { $ref: "a", x: 1 }, { __proto__: 1 }, "eq.{a/id}", "/Thing?id=eq.{a}", "/Thing?or=(id.eq.{a/id})", "/Thing/{a/more}", "/Thing/{a/name}/grow", "/batch", "/rpc/echo", "/admin/describe", "/Number/{a/id}", "/Number/{a/size}",
];

/** One place in the tree, changed. */
function mutated(dice: Dice, value: unknown, depth = 0): unknown {
  if (depth > 0 && (typeof value !== "object" || value === null || dice.chance(0.25))) return dice.chance(0.5) || typeof value !== "string" ? dice.pick(nonsense) : splice(dice, value);
  if (Array.isArray(value)) {
    const items = [...value] as unknown[];
    if (items.length === 0) return dice.pick(nonsense);
    const index = dice.below(items.length);
    const how = dice.below(4);
    if (how === 0) items.splice(index, 1);
    else if (how === 1) items.splice(index, 0, items[dice.below(items.length)]);
    else items[index] = mutated(dice, items[index], depth + 1);
    return items;
  }
  const members = Object.entries(value as object);
  if (members.length === 0) return dice.pick(nonsense);
  const [name] = dice.pick(members);
  if (dice.chance(0.15)) return Object.fromEntries(members.filter(([other]) => other !== name));
  if (dice.chance(0.1)) return Object.fromEntries([...members, [String(dice.pick(nonsense)), dice.pick(nonsense)]]);
  return Object.fromEntries(members.map(([other, item]) => [other, other === name ? mutated(dice, item, depth + 1) : item]));
}

function splice(dice: Dice, text: string): string {
  const at = dice.below(text.length + 1);
  return text.slice(0, at) + String(dice.pick(nonsense)) + text.slice(at + dice.below(4));
}

test(`nonsense is refused, and that is all, seed ${SEED}`, async () => {
  const dice = createDice(SEED);
  const seen = { done: 0, refused: 0, codes: new Set<string>() };
  const entries = (): number => (app.running.storage.reader.get('SELECT count(*) AS entries FROM "$log"') as { entries: number }).entries;
  const tidy = async (): Promise<void> => {
    for (const path of ["/Thing?id=not.is.null", "/Number?id=not.is.null"]) await fetch(app.url + path, { method: "DELETE", headers: { authorization: "Bearer key-clerk" } });
  };
  for (let index = 0; index < REQUESTS; index++) {
    let operations: unknown = sound();
    for (let count = dice.below(dice.chance(0.5) ? 2 : 5); count >= 0; count--) operations = mutated(dice, operations);
    const body = JSON.stringify(dice.chance(0.02) ? operations : { operations });
    const text = dice.chance(0.05) ? splice(dice, body) : body;
    const before = entries();
    const response = await fetch(`${app.url}/batch`, { method: "POST", headers: { "content-type": "application/json", ...(dice.chance(0.05) ? {} : { authorization: "Bearer key-clerk" }) }, body: text });
    const answer = await response.json() as { results?: { status: number; headers: object }[]; code?: string; status?: number; requestId?: string };
    const label = { seed: SEED, index, text, answer: JSON.stringify(answer).slice(0, 600) };
    if (response.status === 200) {
      seen.done++;
      expect({ label, shape: Array.isArray(answer.results) && answer.results.every(({ status, headers }) => status >= 200 && status < 400 && typeof headers === "object") }).toEqual({ label, shape: true });
      await tidy();
    } else {
      seen.refused++;
      seen.codes.add(answer.code!);
      expect({ label, fault: response.status >= 500, entries: entries(), named: [answer.status, typeof answer.code, typeof answer.requestId] }).toEqual({ label, fault: false, entries: before, named: [response.status, "string", "string"] });
    }
  }
  expect([seen.done > 5, seen.refused > REQUESTS / 2, seen.codes.size > 4]).toEqual([true, true, true]);
}, 600_000);
