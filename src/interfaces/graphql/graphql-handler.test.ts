// The handler by itself: what all fields of a document may take together, what a fault tells, that other paths go on.
import { describe, expect, test } from "bun:test";
import { anonymousIdentity } from "../../access/identities.ts";
import { fakeClock } from "../../base/clock.ts";
import { createLog } from "../../base/log.ts";
import { defaultLimits } from "../../base/limits.ts";
import { JsonText, type OperationBody, type Result } from "../../resources/operation.ts";
import type { Answer, Exchange, HttpHandler } from "../http/exchange.ts";
import { withGraphql } from "./with-graphql.ts";
import { schemaFixture } from "./testing/schema-fixture.ts";

const text = "type T @table @export @allow(to: [\"public\"], do: [READ]) { id: ID! @primaryKey name: String! }";
const found = (body: string): Result => ({ status: 200, body: new JsonText(body), version: null, range: { offset: 0, rows: 0, total: 7 }, affected: 0, createdId: null, nextCursor: null, scanned: true, replayed: false, public: false });

function handling(dispatch: (body: OperationBody) => Result | Promise<Result>): { ask(query: string): Promise<{ answer: Answer; json: { data?: unknown; errors?: { message: string; extensions: { code: string } }[] }; exchange: Exchange }>; advance(ms: number): void; log: string[]; handler: HttpHandler } {
  const clock = fakeClock();
  const log: string[] = [];
  const { parts } = schemaFixture(text, anonymousIdentity);
  const next: HttpHandler = { handle: () => ({ status: 299, headers: {}, body: null }), methods: () => ["GET"] };
  const { handler } = withGraphql(next, { ...parts, clock, log: createLog({ clock, sink: (line) => log.push(line) }), dispatcher: { dispatch: ({ body }) => dispatch(body) } });
  return {
    handler, log, advance: (ms) => clock.advance(ms),
    async ask(query) {
      const exchange = {
        method: "POST", path: "/graphql", segments: ["graphql"], query: "", requestId: "r-1", identity: anonymousIdentity, limits: defaultLimits, signal: new AbortController().signal, isLocal: true,
        header: (name: string) => (name === "content-type" ? "application/json" : null), headers: () => ({}), body: async () => new TextEncoder().encode(JSON.stringify({ query })), unhurried() {}, route: "", dispatchMs: 0, scanned: false,
      } as unknown as Exchange;
      const answer = await handler.handle(exchange);
      return { answer, exchange, json: JSON.parse(String(answer.body)) as never };
    },
  };
}

describe("a document", () => {
  test("begins no read when its time is over", async () => {
    const app = handling(() => {
      app.advance(defaultLimits.queryMs / 2 + 1);
      return found("[]");
    });
    const { json } = await app.ask("{ a: tList { rows { id } } b: tList { rows { id } } c: tList { rows { id } } d: tList { total } }");
    expect(json).toMatchObject({ data: { a: { rows: [] }, b: { rows: [] }, c: null, d: null }, errors: [{ extensions: { code: "QUERY_TIMEOUT" } }, { extensions: { code: "QUERY_TIMEOUT" } }] });
  });

  test("has its answer in the order in which it asks, whichever is there first", async () => {
    const app = handling(async (body) => {
      await new Promise((resolve) => setTimeout(resolve, body.kind === "get" ? 5 : 0));
      return found(body.kind === "get" ? "{\"id\":\"x\",\"name\":\"n\"}" : "[{\"id\":\"y\"}]");
    });
    const { answer, exchange } = await app.ask("{ one: t(id: \"x\") { name } list: tList { total rows { id } } kind: __typename }");
    expect(answer.body).toBe("{\"data\":{\"one\":{\"name\":\"n\"},\"list\":{\"total\":7,\"rows\":[{\"id\":\"y\"}]},\"kind\":\"Query\"}}");
    expect([exchange.route, exchange.scanned, exchange.dispatchMs > 0]).toEqual(["/graphql", true, true]);
  });

  test("tells an incident of what nobody expected, and no more", async () => {
    const app = handling((body) => {
      if (body.kind === "get") throw new Error("the secret is 4711");
      return found("[{\"name\":null}]");
    });
    const { answer, json } = await app.ask("{ t(id: \"x\") { id } tList { rows { name __typename } } }");
    expect(json.data).toEqual({ t: null, tList: null });
    expect(json.errors?.map(({ message, extensions }) => `${extensions.code} ${message}`)).toEqual(["INTERNAL Unexpected fault. Incident r-1.", "INTERNAL Unexpected fault. Incident r-1."]);
    expect(answer.body).not.toContain("4711");
    expect(app.log.join("\n")).toContain("4711");
  });

  test("may introspect beside what it reads", async () => {
    const app = handling(() => found("[]"));
    const { json } = await app.ask("{ tList { rows { id } } ...f __type(name: \"T\") { fields { name type { kind ofType { name } } } } ready: __type(name: \"Ready\") { name } } fragment f on Query { s: __schema { queryType { name } } }");
    expect(json).toEqual({ data: { tList: { rows: [] }, s: { queryType: { name: "Query" } }, __type: { fields: [{ name: "id", type: { kind: "NON_NULL", ofType: { name: "ID" } } }, { name: "name", type: { kind: "NON_NULL", ofType: { name: "String" } } }] }, ready: null } });
  });
});

test("other paths go on to the next handler", async () => {
  const { handler } = handling(() => found("[]"));
  expect(await handler.handle({ segments: ["T"] } as unknown as Exchange)).toMatchObject({ status: 299 });
  expect([handler.methods(["T"]), handler.methods(["graphql"]), handler.methods(["graphql", "x"])]).toEqual([["GET"], ["GET", "HEAD", "POST", "OPTIONS"], []]);
});
