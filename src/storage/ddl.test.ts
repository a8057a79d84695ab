import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import type { RecordValues } from "../base/value.ts";
import { type Connection, connect } from "./connection.ts";
import { tableDdl } from "./ddl.ts";
import { recordCodec } from "./record-codec.ts";
import { foldedKeys } from "./token-rows.ts";
import { type App, appOf, tableOf } from "./testing/storage-fixture.ts";

function created(text: string): { app: App; connection: Connection; add(table: string, values: RecordValues): void } {
  const app = appOf(text);
  const connection = connect(new Database(":memory:"), 100);
  connection.execute("PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA recursive_triggers = ON");
  for (const table of app.catalog.tables.values()) for (const sql of tableDdl(table, app.catalog)) connection.execute(sql);
  const add = (table: string, values: RecordValues): void => {
    const codec = recordCodec(tableOf(app, table), app.catalog);
    connection.run(codec.insertSql, ...codec.encode(values, 1, null));
  };
  return { app, connection, add };
}

function columns(connection: Connection, table: string): string[] {
  return connection.all(`PRAGMA table_info("${table}")`).map((row) => `${row["name"]} ${row["type"]}${row["notnull"] === 1 ? " NOT NULL" : ""}${row["pk"] === 1 ? " PK" : ""}`);
}

function indexes(connection: Connection, table: string): string[] {
  return connection.values(`SELECT name FROM pragma_index_list(?1) WHERE name NOT LIKE 'sqlite_%' ORDER BY name`, table).map((row) => String(row[0]));
}

test("a column for each stored field, of the type that its values have, and companions where SQLite could not compare", () => {
  const { connection } = created(`
    enum Kind { A B }
    type Place { lat: Float! lon: Float! }
    type Thing @table(name: "things", expiration: "P1D", open: true) {
      id: ID! @primaryKey
      text: String! count: Int! big: Long ratio: Float yes: Boolean at: DateTime day: Date wait: Duration
      price: Money @currency(code: "EUR") exact: Decimal! json: JSON bytes: Bytes kind: Kind! place: Place tags: [String!]! vector: Vector
      double: Int @computed(rule: "record.count * 2")
      kept: Int @computed(rule: "record.count * 2", stored: true)
    }`);
  expect(columns(connection, "things")).toEqual([
    "$row INTEGER PK", "id TEXT NOT NULL", "text TEXT NOT NULL", "count INTEGER NOT NULL", "big INTEGER", "ratio REAL", "yes INTEGER", "at TEXT", "day TEXT",
    "wait TEXT", "wait$key INTEGER", "price INTEGER", "exact TEXT NOT NULL", "exact$key TEXT", "json TEXT", "bytes TEXT", "kind TEXT NOT NULL", "place TEXT",
    "tags TEXT NOT NULL", "vector TEXT", "vector$key BLOB", "kept INTEGER", "$version INTEGER NOT NULL", "$open TEXT", "$expires TEXT",
  ]);
  expect(indexes(connection, "things")).toEqual(["things$index($expires)"]);
  expect(connection.values("SELECT strict FROM pragma_table_list WHERE name = 'things'")).toEqual([[1]]);
});

test("an Int or Long primary key is SQLite's own row key", () => {
  const { connection } = created("type Small @table { id: Int! @primaryKey } type Large @table { number: Long! @primaryKey }");
  expect(columns(connection, "Small")).toEqual(["id INTEGER PK", "$version INTEGER NOT NULL"]);
  expect(columns(connection, "Large")).toEqual(["number INTEGER PK", "$version INTEGER NOT NULL"]);
});

test("who signs in is found by an index in all tenants at once, as written and by the folded text", () => {
  const { app, connection } = created(`type User @table(tenant: "orgId") @account(signUp: OPEN) { id: ID! @primaryKey orgId: ID! email: String! @indexed(unique: true, fold: true) }`);
  expect(indexes(connection, "User")).toEqual(["User$index(email$fold)", "User$index(email)", "User$index(orgId)", "User$index(orgId,email)", "User$unique(orgId,email$fold)"]);
  const steps: string[] = [];
  const explaining = { values: (sql: string, ...parameters: string[]) => {
    steps.push(...connection.values(`EXPLAIN QUERY PLAN ${sql}`, ...parameters).map((row) => String(row[3])));
    return connection.values(sql, ...parameters);
  } };
  foldedKeys(explaining as unknown as Connection, tableOf(app, "User"), { field: "email", text: "Mia@example.com" });
  explaining.values(`SELECT "id" FROM "User" WHERE "email" = ?1`, "mia@example.com");
  expect(steps.map((step) => step.replace("COVERING ", ""))).toEqual(["SEARCH User USING INDEX User$index(email$fold) (email$fold=?)", "SEARCH User USING INDEX User$index(email) (email=?)"]);
});

test("indexes: compound, unique, folded, on companions; the primary key stands last where it orders", () => {
  const { connection, add } = created(`
    type Account @table @indexed(fields: ["status", "score"]) @indexed(fields: ["status", "login"], unique: true) {
      id: ID! @primaryKey
      email: String @indexed(unique: true, fold: true)
      login: String status: String score: Decimal @indexed
    }`);
  expect(indexes(connection, "Account")).toEqual([
    "Account$index(email)", "Account$index(score$key)", "Account$index(status,score$key)", "Account$unique(email$fold)", "Account$unique(status,login)",
  ]);
  const plan = (sql: string): string => connection.all(`EXPLAIN QUERY PLAN ${sql}`).map((row) => String(row["detail"])).join("; ");
  expect(plan(`SELECT 1 FROM Account WHERE status = 'x' ORDER BY "score$key", id LIMIT 20`)).toBe("SEARCH Account USING COVERING INDEX Account$index(status,score$key) (status=?)");
  expect(plan(`SELECT login FROM Account ORDER BY "score$key", id LIMIT 20`)).not.toContain("B-TREE");
  add("Account", { id: "1", email: "A@x", status: "s", login: null, score: "1.50" });
  add("Account", { id: "2", email: null, status: "s", login: null, score: "1.5" });
  add("Account", { id: "3", email: null, status: "s", login: "l", score: null });
  expect(() => add("Account", { id: "4", email: "a@X" })).toThrow("UNIQUE constraint failed: Account.email$fold");
  expect(() => add("Account", { id: "4", status: "s", login: "l" })).toThrow("UNIQUE constraint failed: Account.status, Account.login");
  expect(connection.values(`SELECT count(*) FROM Account WHERE "score$key" = (SELECT "score$key" FROM Account WHERE id = '2')`)).toEqual([[2]]);
});

test("keys that relations go by are indexed; a missing parent and a parent in use are refused", () => {
  const { connection, add } = created(`
    type Author @table { id: ID! @primaryKey books: [Book!]! @relationship(to: "authorId") tags: [Tag!]! @relationship(through: "Tagged") }
    type Book @table { id: ID! @primaryKey authorId: ID! author: Author! @relationship(from: "authorId", onDelete: CASCADE) partOf: ID whole: Book @relationship(from: "partOf") }
    type Tag @table { id: ID! @primaryKey }
    type Tagged @table { id: ID! @primaryKey authorId: ID! author: Author @relationship(from: "authorId") tagId: ID! @indexed tag: Tag @relationship(from: "tagId") }`);
  expect(indexes(connection, "Book")).toEqual(["Book$index(authorId)", "Book$index(partOf)"]);
  expect(indexes(connection, "Tagged")).toEqual(["Tagged$index(authorId)", "Tagged$index(tagId)"]);
  expect(() => add("Book", { id: "b", authorId: "a" })).toThrow("FOREIGN KEY constraint failed");
  add("Author", { id: "a" });
  add("Book", { id: "b", authorId: "a", partOf: "b" });
  expect(() => connection.run("DELETE FROM Author")).toThrow("FOREIGN KEY constraint failed");
  connection.run("UPDATE Book SET partOf = NULL");
  connection.run("DELETE FROM Book");
  connection.run("DELETE FROM Author");
});

test("full text follows inserts, updates and deletes, also of fields that another table searches", () => {
  const { connection, add } = created(`
    type Post @table @search(fields: ["title", "comments.body"]) { id: ID! @primaryKey title: String! rank: String @indexed(type: TEXT) other: Int comments: [Comment!]! @relationship(to: "postId") }
    type Comment @table { id: Int! @primaryKey postId: ID! body: String post: Post @relationship(from: "postId") }`);
  const found = (table: string, words: string): unknown[] => connection.values(`SELECT rowid FROM "${table}$text" WHERE "${table}$text" MATCH ?1 ORDER BY rowid`, words).map((row) => row[0]);
  add("Post", { id: "a", title: "Müde Bären", rank: "first" });
  add("Post", { id: "b", title: "Other", rank: null });
  add("Comment", { id: 7, postId: "a", body: "Ein Kommentar" });
  add("Comment", { id: -8, postId: "a", body: null });
  expect(found("Post", "baren")).toEqual([1]);
  expect(found("Post", '"rank$" : first')).toEqual([1]);
  expect(found("Comment", "kommentar")).toEqual([7]);
  connection.run("UPDATE Post SET title = 'New title' WHERE id = 'a'");
  connection.run("UPDATE Post SET other = 5");
  expect([found("Post", "baren"), found("Post", "title"), found("Post", "first")]).toEqual([[], [1], [1]]);
  connection.run("UPDATE Comment SET body = 'late' WHERE id = -8");
  expect(found("Comment", "late")).toEqual([-8]);
  connection.run("DELETE FROM Comment");
  connection.run("DELETE FROM Post");
  expect([found("Post", "title"), found("Comment", "late")]).toEqual([[], []]);
});

test("places follow inserts, updates and deletes; without both coordinates a record is in no tree", () => {
  const { connection, add } = created(`
    type Point { lat: Float! lon: Float! name: String }
    type Shop @table @indexed(type: GEO, fields: ["latitude", "longitude"]) { id: ID! @primaryKey place: Point @indexed(type: GEO) latitude: Float longitude: Float }`);
  const tree = (name: string): unknown[] => connection.values(`SELECT row, minLat, maxLon FROM "Shop$geo$${name}" ORDER BY row`);
  add("Shop", { id: "a", place: { lat: 1.5, lon: 2.5, name: "x" }, latitude: 10, longitude: 20 });
  add("Shop", { id: "b", place: null, latitude: 10, longitude: null });
  expect([tree("place"), tree("latitude")]).toEqual([[[1, 1.5, 2.5]], [[1, 10, 20]]]);
  connection.run("UPDATE Shop SET longitude = 30");
  connection.run(`UPDATE Shop SET place = NULL WHERE id = 'a'`);
  connection.run(`UPDATE Shop SET place = '{"lat":3,"lon":4}' WHERE id = 'b'`);
  expect([tree("place"), tree("latitude")]).toEqual([[[2, 3, 4]], [[1, 10, 30], [2, 10, 30]]]);
  connection.run("UPDATE Shop SET latitude = NULL WHERE id = 'b'");
  connection.run("DELETE FROM Shop WHERE id = 'a'");
  expect([tree("place"), tree("latitude")]).toEqual([[[2, 3, 4]], []]);
});
