import { endpoints } from "ambit";

export const Endpoints = endpoints({
  async pay(ctx, { warehouse, district, customer, amount }) {
    const { Warehouse, District, Customer, Payment } = ctx.system;
    const house = (await Warehouse.get(warehouse))!;
    const part = (await District.get(district))!;
    const who = (await Customer.get(customer))!;
    await Warehouse.update(warehouse, { total: house.total + amount });
    await District.update(district, { total: part.total + amount });
    await Customer.update(customer, { balance: who.balance - amount, payments: who.payments + 1 });
    await Payment.create({ customerId: customer, districtId: district, amount });
    return true;
  },
  async order(ctx, { customer, item }) {
    const { Customer, Item, Stock, OrderLine } = ctx.system;
    const who = (await Customer.get(customer))!;
    const what = (await Item.get(item))!;
    const stock = (await Stock.get(item))!;
    await Stock.update(item, { quantity: stock.quantity > 10 ? stock.quantity - 1 : stock.quantity + 90 });
    await OrderLine.create({ customerId: who.id, itemId: item, amount: what.price });
    return true;
  },
  async sums(ctx) {
    const warehouses = (await ctx.system.Warehouse.find()).reduce((sum, { total }) => sum + total, 0);
    return { warehouses, payments: await ctx.system.Payment.count(), lines: await ctx.system.OrderLine.count() };
  },
});
