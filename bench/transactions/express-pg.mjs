// Peer: Express 5 with pg and PostgreSQL, each request one SERIALIZABLE transaction that is repeated on a serialization failure.
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

const ATTEMPTS = 100;
const REPEATED = new Set(["40001", "40P01"]);

async function serializable(work) {
  const client = await pool.connect();
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        await client.query("BEGIN ISOLATION LEVEL SERIALIZABLE");
        await work((name, text, values) => client.query({ name, text, values }));
        await client.query("COMMIT");
        return;
      } catch (error) {
        await client.query("ROLLBACK");
        if (!REPEATED.has(error.code) || attempt === ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.random() * Math.min(50, 2 * attempt)));
      }
    }
  } finally {
    client.release();
  }
}

const answer = (handler) => async (request, response) => {
  try {
    await serializable((query) => handler(query, request.body));
    response.json(true);
  } catch (error) {
    response.status(409).json({ code: error.code });
  }
};

app.post("/pay", answer(async (query, { warehouse, district, customer, amount }) => {
  const house = (await query("w", "SELECT * FROM warehouse WHERE id = $1", [warehouse])).rows[0];
  const part = (await query("d", "SELECT * FROM district WHERE id = $1", [district])).rows[0];
  const who = (await query("c", "SELECT * FROM customer WHERE id = $1", [customer])).rows[0];
  await query("wu", "UPDATE warehouse SET total = $2 WHERE id = $1", [warehouse, house.total + amount]);
  await query("du", "UPDATE district SET total = $2 WHERE id = $1", [district, part.total + amount]);
  await query("cu", "UPDATE customer SET balance = $2, payments = $3 WHERE id = $1", [customer, who.balance - amount, who.payments + 1]);
  await query("p", "INSERT INTO payment (customer_id, district_id, amount) VALUES ($1, $2, $3)", [customer, district, amount]);
}));

app.post("/order", answer(async (query, { customer, item }) => {
  await query("c", "SELECT * FROM customer WHERE id = $1", [customer]);
  const what = (await query("i", "SELECT * FROM item WHERE id = $1", [item])).rows[0];
  const stock = (await query("s", "SELECT * FROM stock WHERE id = $1", [item])).rows[0];
  await query("su", "UPDATE stock SET quantity = $2 WHERE id = $1", [item, stock.quantity > 10 ? stock.quantity - 1 : stock.quantity + 90]);
  await query("l", "INSERT INTO order_line (customer_id, item_id, amount) VALUES ($1, $2, $3)", [customer, item, what.price]);
}));

app.get("/sums", async (_request, response) => {
  const { rows } = await pool.query("SELECT (SELECT sum(total) FROM warehouse)::int AS warehouses, (SELECT count(*) FROM payment)::int AS payments, (SELECT count(*) FROM order_line)::int AS lines");
  response.json(rows[0]);
});

app.listen(Number(port), "127.0.0.1", () => console.log(`listening ${port}`));
