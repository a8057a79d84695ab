// The same shop every time: 5 warehouses, 240 products, their stock, 2,000 orders of 60 days. Plain records by table.

const WAREHOUSES = [
  ["Berlin", 52.52, 13.4], ["Hamburg", 53.55, 9.99], ["Lyon", 45.76, 4.84], ["Milano", 45.46, 9.19], ["Wien", 48.21, 16.37],
] as const;
const CATEGORIES = ["BOOKS", "GARDEN", "KITCHEN", "MUSIC", "TOYS"] as const;
const ADJECTIVES = ["Blue", "Quiet", "Little", "Solid", "Bright", "Simple", "Old", "Swift"] as const;
const THINGS = ["Lamp", "Kettle", "Spade", "Puzzle", "Novel", "Guitar"] as const;
const FIRST_DAY = Date.UTC(2026, 0, 1);
const DAY_MS = 86_400_000;

type Row = Record<string, unknown>;

export default function seed(): Record<string, Row[]> {
  const warehouses = WAREHOUSES.map(([name, lat, lon], index) => ({ id: `w${index + 1}`, name, place: { lat, lon } }));
  const products = Array.from({ length: 240 }, (_, index) => product(index));
  const stock = products.flatMap((item, index) => warehouses.map((warehouse, place) => ({
    id: `${item.id}-${warehouse.id}`, productId: item.id, warehouseId: warehouse.id, available: 20 + ((index * 7 + place * 13) % 80),
  })));
  const orders: Row[] = [];
  const lines: Row[] = [];
  for (let index = 0; index < 2_000; index++) {
    const bought = Array.from({ length: 1 + (index % 3) }, (_, line) => products[(index * 11 + line * 17) % products.length]!);
    const total = bought.reduce((sum, item, line) => sum + item.price * (1 + line), 0);
    orders.push({
      id: `o${index + 1}`, customerId: `c${1 + (index % 50)}`, status: index % 20 === 0 ? "CANCELLED" : "DELIVERED", total, currency: "EUR",
      warehouseId: `w${1 + (index % 5)}`, paymentId: `p${index + 1}`, placedAt: new Date(FIRST_DAY + (index % 60) * DAY_MS + index * 1_000).toISOString(),
    });
    bought.forEach((item, line) => lines.push({
      id: `o${index + 1}-${line + 1}`, orderId: `o${index + 1}`, productId: item.id, quantity: 1 + line, price: item.price, currency: "EUR",
    }));
  }
  return { Warehouse: warehouses, Product: products, Stock: stock, Order: orders, OrderLine: lines };
}

function product(index: number) {
  const category = CATEGORIES[index % CATEGORIES.length]!;
  const title = `${ADJECTIVES[index % ADJECTIVES.length]} ${THINGS[Math.floor(index / ADJECTIVES.length) % THINGS.length]} ${index + 1}`;
  const cost = 300 + ((index * 37) % 4_000);
  return {
    id: `p${index + 1}`, sku: `${category.slice(0, 3)}-${String(index + 1).padStart(4, "0")}`, title, category, price: Math.round(cost * 1.6), cost, currency: "EUR",
    description: `A ${title.toLowerCase()} for people who like ${category.toLowerCase()}.`, published: index % 12 !== 11,
  };
}
