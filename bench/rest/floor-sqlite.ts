// Thin floor: Bun.serve and bun:sqlite with durable commits; no sign-in, no rules, no validation, no log.
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { inBatches, type Item } from "./items.ts";

const [port, folder] = [Number(process.argv[2]), process.argv[3]!];
const db = new Database(join(folder, "floor.db"));
db.run("PRAGMA journal_mode = WAL");
db.run("PRAGMA synchronous = FULL");
db.run("CREATE TABLE IF NOT EXISTS item (id TEXT PRIMARY KEY, name TEXT NOT NULL, category INTEGER NOT NULL, price INTEGER NOT NULL, published INTEGER NOT NULL, text TEXT NOT NULL) STRICT");
db.run("CREATE INDEX IF NOT EXISTS item_category ON item (category)");
const put = db.query("INSERT INTO item VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (id) DO UPDATE SET name = ?2, category = ?3, price = ?4, published = ?5, text = ?6");
const store = (one: Item): void => { put.run(one.id, one.name, one.category, one.price, one.published ? 1 : 0, one.text); };
await inBatches(10_000, async (items) => { db.transaction(() => { for (const one of items) store(one); })(); });

const byId = db.query("SELECT id, name, category, price, published, text FROM item WHERE id = ?");
const byCategory = db.query("SELECT id, name, category, price, published, text FROM item WHERE category = ? LIMIT 20");
const headers = { "content-type": "application/json" };

const server = Bun.serve({
  port, hostname: "127.0.0.1",
  async fetch(request) {
    const path = request.url.slice(request.url.indexOf("/", 8));
    if (request.method === "PUT") {
      store({ ...(await request.json() as Item), id: path.slice(6) });
      return new Response(null, { status: 204 });
    }
    if (path.startsWith("/Item/")) {
      const row = byId.get(path.slice(6));
      return row === null ? new Response(null, { status: 404 }) : new Response(JSON.stringify(row), { headers });
    }
    const category = Number(/category=eq\.(\d+)/.exec(path)?.[1]);
    return new Response(JSON.stringify(byCategory.all(category)), { headers });
  },
});
console.log(`listening ${server.port}`);
