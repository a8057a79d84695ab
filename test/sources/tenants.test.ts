// A source on a table of tenants: each asks for itself, and nobody gets what is another's. And a process that dies between there and here.
import { afterEach, expect, test } from "bun:test";
import { subjectIdentity } from "../../src/access/identities.ts";
import { createSources } from "../../src/cache/sources.ts";
import { administrator, openApp, refusal, user, type OpenApp } from "../../src/resources/testing/open-app.ts";
import type { SourcePort } from "../../src/resources/source-port.ts";

let app: OpenApp;
afterEach(() => app.close());

/** The sources of an app need its storage, which is opened with it. */
function open(sdl: string, sources: object, directory?: string): OpenApp {
  const made: { port: SourcePort | null } = { port: null };
  const port: SourcePort = {
    ready: (...given) => made.port!.ready(...given), isReady: (...given) => made.port!.isReady(...given), write: (...given) => made.port!.write(...given),
    invalidate: (...given) => made.port!.invalidate(...given), keep: (...given) => made.port!.keep(...given),
  };
  app = openApp(sdl, { code: { Sources: sources }, parts: { sources: port }, ...(directory === undefined ? {} : { directory }) });
  made.port = createSources({ storage: app.storage, clock: app.clock });
  return app;
}

const of = (tenant: string): ReturnType<typeof subjectIdentity> => subjectIdentity({ subject: `of ${tenant}`, roles: ["member"], tenant });

test("each tenant asks for itself; what is another's is not there, and is not asked for again", async () => {
  const asked: string[] = [];
  const sources = {
    Contact: {
      get(ctx: { auth: { tenant: string | null } }, id: string) {
        asked.push(`${ctx.auth.tenant} ${id}`);
        return id.startsWith(ctx.auth.tenant ?? "-") ? { name: `${id} of ${ctx.auth.tenant}` } : null;
      },
    },
  };
  open(`type Contact @table(tenant: "org") @export @source(maxAge: "PT1M") @allow(to: ["member"], do: [READ]) { id: ID! @primaryKey org: ID! name: String! }`, sources);
  expect((await refusal(app.as(of("b")).get("Contact", "a1"))).code).toBe("NOT_FOUND");
  expect((await app.as(of("a")).get("Contact", "a1")).body).toMatchObject({ org: "a", name: "a1 of a" });
  expect((await refusal(app.as(of("b")).get("Contact", "a1"))).code).toBe("NOT_FOUND");
  expect((await app.as(administrator).get("Contact", "a1")).body).toMatchObject({ org: "a" });
  expect((await refusal(app.as(administrator).get("Contact", "b1"))).code).toBe("NOT_FOUND");
  expect(asked).toEqual(["b a1", "a a1"]);
});

test("keys that are numbers are the same there and here", async () => {
  const put: unknown[] = [];
  open(`type Part @table @export @source(maxAge: "PT1M") @allow(to: ["smith"], do: [READ, CREATE]) { id: Int! @primaryKey name: String! }`, {
    Part: { get: (_ctx: unknown, id: number) => (id < 5 ? null : { name: `part ${id + 1}` }), put(_ctx: unknown, id: unknown, record: unknown) { put.push([id, record]); } },
  });
  const { body } = await app.as(user("s", "smith")).create("Part", { name: "nail" });
  expect(body).toEqual([{ id: 1, name: "nail" }]);
  expect(put).toEqual([[1, { id: 1, name: "nail" }]]);
  expect((await app.as(user("s", "smith")).get("Part", 7)).body).toEqual({ id: 7, name: "part 8" });
});

test("others that refer to what is gone at its source keep it, and it is told as a failure", async () => {
  let there = true;
  open(`type City @table @export @source(maxAge: "PT1M") @allow(to: ["member"], do: [READ]) { id: ID! @primaryKey }
    type House @table @export @allow(to: ["member"], do: [READ, CREATE]) { id: ID! @primaryKey cityId: ID! city: City! @relationship(from: "cityId") }`, { City: { get: () => (there ? {} : null) } });
  const member = app.as(user("m", "member"));
  await member.get("City", "x");
  await member.create("House", { cityId: "x" });
  there = false;
  app.clock.advance(60_000);
  expect((await refusal(member.get("City", "x"))).code).toBe("SOURCE_INVALID");
  expect((await member.list("City")).body).toEqual([{ id: "x" }]);
});

test("a process that dies after its source took a write finds it when it asks again; ages survive", async () => {
  const upstream = new Map([["a", "before"], ["b", "kept"]]);
  const sdl = `type Item @table @export @source(maxAge: "PT1H") @allow(to: ["member"], do: [READ, UPDATE]) { id: ID! @primaryKey text: String! }`;
  let asked = 0;
  const get = (_ctx: unknown, id: string): object => { asked++; return { text: upstream.get(id) }; };
  let stopped = (): void => {};
  const isStopped = new Promise<void>((resolve) => { stopped = resolve; });
  open(sdl, {
    Item: {
      get,
      // It has taken the write, and its answer never comes.
      put: (_ctx: unknown, id: string, { text }: { text: string }) => { upstream.set(id, text); stopped(); return new Promise(() => {}); },
    },
  });
  const member = user("m", "member");
  await app.as(member).get("Item", "a");
  await app.as(member).get("Item", "b");
  void app.as(member).update("Item", "a", { text: "after" }).catch(() => {});
  await isStopped;
  const { directory } = app;
  await app.close(true);
  open(sdl, { Item: { get } }, directory);
  asked = 0;
  expect((await app.as(member).get("Item", "b")).result.served).toMatchObject({ how: "kept" });
  expect(asked).toBe(0);
  expect((await app.as(member).get("Item", "a")).body).toMatchObject({ text: "after" });
});
