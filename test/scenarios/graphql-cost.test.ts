// What questions of a natural size cost: statements of nested queries over many rows, and introspection of a large app. Counted, not timed.
import { expect, test } from "bun:test";
import { getIntrospectionQuery } from "graphql";
import { startGraphqlApp } from "./graphql-app.ts";
import { startTestApp, type StartedApp } from "./started-app.ts";

/** SQL over the app's tables that readers ran meanwhile. */
async function statementsOf(app: StartedApp, work: () => Promise<void>): Promise<string[]> {
  const { reader } = app.running.storage;
  const plain = reader.query.bind(reader);
  const statements: string[] = [];
  Object.assign(reader, { query: (sql: string) => { statements.push(sql); return plain(sql); } });
  try {
    await work();
  } finally {
    Object.assign(reader, { query: plain });
  }
  // The runtime's own work goes on beside it.
  return statements.filter((sql) => !/"\$\w+"/.test(sql));
}

test("a query over three relations of a thousand rows is one statement, whatever the number of rows", async () => {
  const app = await startGraphqlApp();
  try {
    await app.running.tables.commit((session) => {
      const create = (table: string, input: object): unknown => session.write({ kind: "create", table, input: input as never, onConflict: null }, { dialect: "wire", authority: null, sent: null });
      for (let maker = 0; maker < 10; maker++) create("Maker", { id: `m${maker}`, name: `Maker ${maker}` });
      for (let index = 0; index < 1_000; index++) {
        create("Item", { id: `i${index}`, sku: `S-${index}`, title: `Item ${index}`, status: "LIVE", price: index, makerId: `m${index % 10}` });
        create("Part", { id: index, name: `Part ${index}`, itemId: `i${index}` });
        create("Screw", { id: index, partId: index });
      }
    }, { actor: "test", requestId: "rows" });
    const query = (least: number): string => `{ itemList(filter: { price: { gte: ${least} } }, order: [{ price: ASC }]) { total rows { id maker { name itemsAggregate { count } } parts(filter: { name: { like: "Part*" } }) { name screws { id part { item { id } } } } labels { id } } } }`;
    let rows = 0;
    const ask = (least: number) => async (): Promise<void> => {
      const { data } = await app.ask(query(least));
      const { itemList } = data as unknown as { itemList: { total: number; rows: { parts: { screws: { part: { item: { id: string } } }[] }[]; id: string }[] } };
      rows = itemList.rows.length;
      expect([itemList.total, itemList.rows.every(({ id, parts }) => parts[0]!.screws[0]!.part.item.id === id)]).toEqual([rows, true]);
    };
    // The first time the statement is prepared.
    await ask(998)();
    const few = await statementsOf(app, ask(997));
    const many = await statementsOf(app, ask(0));
    expect(rows).toBe(1_000);
    expect(many.length).toBeLessThanOrEqual(few.length);
    expect(many.length).toBeLessThanOrEqual(2);
    const several = async (): Promise<void> => { await app.ask("{ a: itemList(limit: 9) { rows { id } } b: itemAggregate { count } c: makerList { rows { items { parts { screws { id } } } } } }"); };
    await several();
    const fields = await statementsOf(app, several);
    expect(fields.length).toBeLessThanOrEqual(3);
  } finally {
    await app.stop();
  }
}, 120_000);

test("introspection of an app of two hundred tables reads nothing, and says the same each time", async () => {
  const tables = Array.from({ length: 200 }, (_, index) => `type T${index} @table @export @allow(to: ["public"], do: [READ, CREATE, UPDATE, DELETE]) { id: ID! @primaryKey a: String b: Int! c: Money @currency(code: "EUR") otherId: ID other: T${(index + 1) % 200} @relationship(from: "otherId") back: [T${(index + 199) % 200}!]! @relationship(to: "otherId") }`);
  const app = await startTestApp({ schema: tables.join("\n") });
  try {
    const ask = async (): Promise<string> => (await fetch(`${app.url}/graphql`, { method: "POST", headers: { "content-type": "application/json", "accept-encoding": "identity" }, body: JSON.stringify({ query: getIntrospectionQuery() }) })).text();
    let [first, second] = ["", ""];
    const statements = await statementsOf(app, async () => {
      first = await ask();
      second = await ask();
    });
    expect([statements, first === second, first.length > 1_000_000]).toEqual([[], true, true]);
  } finally {
    await app.stop();
  }
}, 120_000);
