// Peer: Express 5 with pg and PostgreSQL, on Node, as most write it: pool, prepared statements, JSON middleware.
import { createRequire } from "node:module";
import { join } from "node:path";

const [port, peers, socket] = process.argv.slice(2);
const require = createRequire(join(peers, "package.json"));
const express = require("express");
const { Pool } = require("pg");
const pool = new Pool({ host: socket, user: "postgres", database: "postgres", max: 16 });
const app = express();
app.disable("x-powered-by");
app.use(express.json());
app.get("/Item/:id", async (request, response) => {
  const { rows } = await pool.query({ name: "get", text: "SELECT * FROM item WHERE id = $1", values: [request.params.id] });
  if (rows.length === 0) response.sendStatus(404);
  else response.json(rows[0]);
});
app.get("/Item", async (request, response) => {
  const { rows } = await pool.query({ name: "list", text: "SELECT * FROM item WHERE category = $1 LIMIT 20", values: [Number(String(request.query.category).slice(3))] });
  response.json(rows);
});
app.put("/Item/:id", async (request, response) => {
  const { name, category, price, published, text } = request.body;
  await pool.query({ name: "put", text: "INSERT INTO item VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE SET name = $2, category = $3, price = $4, published = $5, text = $6", values: [request.params.id, name, category, price, published, text] });
  response.sendStatus(204);
});
app.listen(Number(port), "127.0.0.1", () => console.log(`listening ${port}`));
