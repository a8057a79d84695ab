// Tickets: once, for a while, for whoever asked; bounded for each caller and for all.
import { expect, test } from "bun:test";
import { fakeClock } from "../base/clock.ts";
import { AmbitError } from "../base/error.ts";
import { seededRandom } from "../base/random.ts";
import { anonymousIdentity, subjectIdentity } from "./identities.ts";
import { createTickets, type Tickets } from "./tickets.ts";

const limits = { tickets: 4, callerTickets: 2, ticketMs: 30_000 };
const subject = (name: string, expiresAtMs: number | null = null) => subjectIdentity({ subject: name, roles: ["r"], tenant: "t", expiresAtMs });
const clock = fakeClock(0);
const opened = (): Tickets => createTickets(clock, seededRandom(7));

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof AmbitError ? error.code : String(error);
  }
  return "none";
}

test("a ticket is its holder, once", () => {
  const tickets = opened();
  const ann = subject("ann");
  const ticket = tickets.issue(ann, limits);
  expect(ticket).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(tickets.redeem(ticket)).toBe(ann);
  expect(codeOf(() => tickets.redeem(ticket))).toBe("INVALID_TOKEN");
});

test("it ends after its time, and with the credential that it came from", () => {
  const tickets = opened();
  const late = tickets.issue(subject("ann"), limits);
  const short = tickets.issue(subject("bob", clock.now() + 5_000), limits);
  const inTime = tickets.issue(subject("cid"), limits);
  clock.advance(5_000);
  expect(codeOf(() => tickets.redeem(short))).toBe("INVALID_TOKEN");
  clock.advance(24_999);
  expect(tickets.redeem(inTime).subject).toBe("cid");
  clock.advance(1);
  expect(codeOf(() => tickets.redeem(late))).toBe("INVALID_TOKEN");
});

test("nobody gets none, and nothing else is one", () => {
  const tickets = opened();
  expect(codeOf(() => tickets.issue(anonymousIdentity, limits))).toBe("UNAUTHENTICATED");
  for (const text of ["", "x", "eq.5", "__proto__", "A".repeat(43), "A".repeat(10_000)]) expect([text, codeOf(() => tickets.redeem(text))]).toEqual([text, "INVALID_TOKEN"]);
});

test("a caller's own oldest gives way; beyond all that may be out, none is given until some have ended", () => {
  const tickets = opened();
  const [first, second, third] = [1, 2, 3].map(() => tickets.issue(subject("ann"), limits));
  expect(codeOf(() => tickets.redeem(first!))).toBe("INVALID_TOKEN");
  tickets.issue(subject("bob"), limits);
  tickets.issue(subject("cid"), limits);
  expect(codeOf(() => tickets.issue(subject("dan"), limits))).toBe("OVERLOADED");
  // Who holds some already takes nobody's place.
  const fourth = tickets.issue(subject("ann"), limits);
  expect([codeOf(() => tickets.redeem(second!)), tickets.redeem(third!).subject, tickets.redeem(fourth).subject]).toEqual(["INVALID_TOKEN", "ann", "ann"]);
  clock.advance(30_000);
  expect(tickets.issue(subject("dan"), limits)).toBeString();
});

test("none counts any more where another app serves", () => {
  const tickets = opened();
  const [first] = [1, 2, 3, 4].map((number) => tickets.issue(subject(`s${number}`), limits));
  tickets.forgetAll();
  expect(codeOf(() => tickets.redeem(first!))).toBe("INVALID_TOKEN");
  expect(tickets.redeem(tickets.issue(subject("s1"), limits)).subject).toBe("s1");
});
