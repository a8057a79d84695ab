// What every sample begins with: six products, two authors, two warehouses, three orders.

const product = (id: string, title: string, fields: Record<string, unknown>) => ({ id, sku: id.toUpperCase().padEnd(3, "0"), title, ...fields });

export default {
  Product: [
    product("lamp", "Blue lamp", { category: "KITCHEN", price: 4_900, cost: 3_000, description: "A small blue lamp for the desk.", tags: ["light", "small"], attributes: { colour: "blue", size: { cm: 30 } }, grams: 800, views: "9007199254740993", shape: [1, 0, 0] }),
    product("kettle", "Quiet kettle", { category: "KITCHEN", price: 5_900, cost: 4_000, description: "Boils water without noise.", tags: ["water"], attributes: { colour: "red", size: { cm: 25 } }, grams: 1_200, views: "9007199254740992", shape: [0.9, 0.1, 0] }),
    product("novel", "The long novel", { category: "BOOKS", price: 1_900, cost: 800, description: "A novel about a lamp and the sea.", tags: ["paper"], grams: 300, shape: [0, 1, 0] }),
    product("poems", "Little poems", { category: "BOOKS", price: 1_200, cost: 500, tags: ["paper", "small"], grams: 150, shape: [0, 0.9, 0.1] }),
    product("atlas", "Old atlas", { category: "BOOKS", price: 8_900, cost: 6_000, currency: "USD", grams: 2_400, shape: [0, 0, 1] }),
    product("draft", "Not yet for sale", { category: "BOOKS", price: 2_000, cost: 1_000, published: false }),
  ],
  Author: [{ id: "ada", name: "Ada" }, { id: "ben", name: "Ben" }],
  Authorship: [
    { id: "a1", authorId: "ada", productId: "novel" }, { id: "a2", authorId: "ada", productId: "poems" }, { id: "a3", authorId: "ben", productId: "poems" },
  ],
  Warehouse: [
    { id: "berlin", name: "Berlin", place: { lat: 52.52, lon: 13.405 } }, { id: "lyon", name: "Lyon", place: { lat: 45.764, lon: 4.8357 } },
  ],
  Stock: [
    { id: "s1", productId: "lamp", warehouseId: "berlin", available: 5 }, { id: "s2", productId: "lamp", warehouseId: "lyon", available: 2 },
    { id: "s3", productId: "novel", warehouseId: "berlin", available: 40 },
  ],
  Notice: [{ id: "hours", text: "Open from 9 to 6." }],
  Customer: [{ id: "c1", name: "Cleo" }, { id: "c2", name: "Dan" }],
  Order: [
    { id: "o1", customerId: "c1", productId: "lamp", quantity: 1, total: 4_900 },
    { id: "o2", customerId: "c1", productId: "novel", quantity: 2, total: 3_800, status: "PAID" },
    { id: "o3", customerId: "c2", productId: "poems", quantity: 1, total: 1_200 },
  ],
};
