// The named anomalies of weaker isolation, each as a race of two or three bodies: none happens; with certification turned off each does.
import { afterEach, describe, expect, test } from "bun:test";
import { endpoints } from "../../src/resources/app-api.ts";
import { administrator, nobody, openApp, type OpenApp } from "../../src/resources/testing/open-app.ts";
import type { TestContext } from "../../src/resources/testing/typed-context.ts";
import { createMeeting, type Meeting } from "./meeting.ts";

const SDL = `
type Doctor @table @export { id: ID! @primaryKey onCall: Boolean! shift: Int! @indexed }
type Booking @table @export { id: ID! @primaryKey room: ID! @indexed from: Int! to: Int! }
type Note @table @export { id: ID! @primaryKey text: String! tag: String }
type Account @table @export { id: ID! @primaryKey balance: Int! }
type Endpoints {
  run(mode: String!): JSON @http(method: POST) @allow(to: ["public"])
}
`;

type Modes = { [mode: string]: (ctx: TestContext) => Promise<unknown> };
const apps: OpenApp[] = [];
afterEach(async () => { for (const app of apps.splice(0)) await app.close(); });

interface Scene { readonly app: OpenApp; readonly meeting: Meeting; call(mode: string): Promise<unknown> }

function open(certifies: boolean, modes: (meeting: Meeting) => Modes): Scene {
  const meeting = createMeeting();
  const bodies = modes(meeting);
  const Endpoints = endpoints({ run: (ctx: TestContext, { mode }: { mode: string }) => bodies[mode]!(ctx) });
  const app = openApp(SDL, { code: { Endpoints }, certifies });
  apps.push(app);
  return { app, meeting, call: async (mode) => (await app.as(nobody).call("run", { mode })).body };
}

/** True where the invariant held. */
type Anomaly = (certifies: boolean) => Promise<boolean>;

/** Two doctors on call; each goes off if another one stays. Reads overlap, writes do not. */
const writeSkew: Anomaly = async (certifies) => {
  const off = (meeting: Meeting, id: string) => async (ctx: TestContext): Promise<unknown> => {
    const others = await ctx.system["Doctor"]!.count({ onCall: true, shift: 1 });
    await meeting.everyone(2);
    if (others > 1) await ctx.system["Doctor"]!.update(id, { onCall: false });
    return others;
  };
  const { app, call } = open(certifies, (meeting) => ({ ann: off(meeting, "ann"), bob: off(meeting, "bob") }));
  await app.as(administrator).create("Doctor", [{ id: "ann", onCall: true, shift: 1 }, { id: "bob", onCall: true, shift: 1 }, { id: "cy", onCall: true, shift: 2 }]);
  await Promise.all([call("ann"), call("bob")]);
  return (await app.as(administrator).list("Doctor", "onCall=is.true&shift=eq.1")).result.range!.rows === 1;
};

/** A booking is made where none overlaps: what was read is the absence of records. */
const phantom: Anomaly = async (certifies) => {
  const book = (meeting: Meeting, from: number, to: number) => async (ctx: TestContext): Promise<unknown> => {
    const taken = await ctx.system["Booking"]!.first({ room: "r1", from: { lt: to }, to: { gt: from } });
    await meeting.everyone(2);
    if (taken === null) await ctx.system["Booking"]!.create({ room: "r1", from, to });
    return taken === null;
  };
  const { app, call } = open(certifies, (meeting) => ({ early: book(meeting, 9, 11), late: book(meeting, 10, 12) }));
  await Promise.all([call("early"), call("late")]);
  return (await app.as(administrator).list("Booking")).result.range!.rows === 1;
};

/** Two append to one text that each has read. */
const lostUpdate: Anomaly = async (certifies) => {
  const append = (meeting: Meeting, word: string) => async (ctx: TestContext): Promise<unknown> => {
    const note = (await ctx.system["Note"]!.get("n")) as unknown as { text: string };
    await meeting.everyone(2);
    return ctx.system["Note"]!.update("n", { text: `${note.text} ${word}` });
  };
  const { app, call } = open(certifies, (meeting) => ({ left: append(meeting, "left"), right: append(meeting, "right") }));
  await app.as(administrator).create("Note", { id: "n", text: "-" });
  await Promise.all([call("left"), call("right")]);
  const { text } = app.tables.get("Note", "n")!.values as { text: string };
  return text.includes("left") && text.includes("right");
};

/**
 * Fekete's: a withdrawal that overdraws costs a fee; a deposit commits; a report reads both accounts between the two. If the report
 * shows the deposit and not the withdrawal, the withdrawal came after it, and there was money enough: no fee.
 */
const readOnly: Anomaly = async (certifies) => {
  const balance = async (ctx: TestContext, id: string): Promise<number> => ((await ctx.system["Account"]!.get(id)) as unknown as { balance: number }).balance;
  const { app, meeting, call } = open(certifies, (place) => ({
    async withdraw(ctx) {
      const x = await balance(ctx, "x");
      const fee = x + await balance(ctx, "y") < 10 ? 1 : 0;
      place.arrive("read");
      await place.wait("reported");
      return ctx.system["Account"]!.update("x", { balance: x - 10 - fee });
    },
    deposit: (ctx) => ctx.system["Account"]!.update("y", { balance: 20 }),
    async report(ctx) { return [await balance(ctx, "x"), await balance(ctx, "y")]; },
  }));
  await app.as(administrator).create("Account", [{ id: "x", balance: 0 }, { id: "y", balance: 0 }]);
  const withdrawal = call("withdraw");
  await meeting.wait("read");
  await call("deposit");
  expect(await call("report")).toEqual([0, 20]);
  meeting.arrive("reported");
  await withdrawal;
  return app.tables.get("Account", "x")!.values["balance"] === -10;
};

/** Half of a transfer seen: the second read comes after it. */
const readSkew: Anomaly = async (certifies) => {
  const { app, meeting, call } = open(certifies, (place) => ({
    async sum(ctx) {
      const x = (await ctx.system["Account"]!.get("x")) as unknown as { balance: number };
      place.arrive("read x");
      await place.wait("moved");
      const y = (await ctx.system["Account"]!.get("y")) as unknown as { balance: number };
      return x.balance + y.balance;
    },
    async move(ctx) {
      await ctx.system["Account"]!.increment("x", "balance", -5);
      await ctx.system["Account"]!.increment("y", "balance", 5);
      return null;
    },
  }));
  await app.as(administrator).create("Account", [{ id: "x", balance: 10 }, { id: "y", balance: 10 }]);
  const sum = call("sum");
  await meeting.wait("read x");
  await call("move");
  meeting.arrive("moved");
  return await sum === 20;
};

const anomalies: { readonly [name: string]: Anomaly } = { "write skew": writeSkew, phantom, "lost update": lostUpdate, "read-only anomaly": readOnly, "read skew": readSkew };

describe.each(Object.keys(anomalies))("%s", (name) => {
  test("does not happen", async () => { expect(await anomalies[name]!(true)).toBe(true); });
  test("happens without certification", async () => { expect(await anomalies[name]!(false)).toBe(false); });
});
