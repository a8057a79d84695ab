// Who may write what: the exact refusal of each case, and that refusals tell nothing that the caller may not read.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Authority } from "./authority.ts";
import { authority, both, field, not, same, subject, text, type Rights } from "./testing/authority.ts";
import { create, failure, increment, openTables, remove, replace, update, wire, type OpenTables } from "./testing/open-tables.ts";
import type { Write } from "./write.ts";

const SDL = `
type Order @table {
  id: ID! @primaryKey
  owner: ID! @createdBy
  state: String! @default(value: "open") @readOnly
  code: String @fixed @indexed(unique: true)
  note: String
  staff: String
  hidden: String
  secret: String @internal
  total: Int @range(min: 0)
  projectId: ID
  project: Project @relationship(from: "projectId")
}
type Project @table { id: ID! @primaryKey lead: String open: String }
type Member @table @indexed(fields: ["projectId", "subject"], unique: true) {
  id: ID! @primaryKey projectId: ID! project: Project! @relationship(from: "projectId") subject: String! level: String!
}
`;

let app: OpenTables;
beforeEach(async () => {
  app = openTables(SDL);
  await app.writeAll([create("Order", { id: "mine", owner: "ann", code: "c1", note: "n", hidden: "h", secret: "s" }), create("Order", { id: "other", owner: "bob", note: "n" }), create("Order", { id: "closed", owner: "ann", state: "closed" })]);
});
afterEach(() => app.close());

const own = same(field("Order", "owner"), subject);
const open = same(field("Order", "state"), text("open"));
const ann = (rights: Rights, rest: { readonly [table: string]: Rights } = {}): Authority => authority("ann", { Order: rights, ...rest });
const nobody = (rights: Rights): Authority => authority(null, { Order: rights });

describe("the matrix of refusals", () => {
  const reads = (rights: Rights): Rights => ({ read: own, ...rights });
  const cases: [string, Authority, Write, string][] = [
    ["hidden update", ann(reads({})), update("Order", "other", { note: "x" }), "404 NOT_FOUND"],
    ["hidden delete", ann(reads({})), remove("Order", "other"), "404 NOT_FOUND"],
    ["hidden increment", ann(reads({})), increment("Order", "other", "total", 1), "404 NOT_FOUND"],
    ["missing update", ann(reads({})), update("Order", "none", { note: "x" }), "404 NOT_FOUND"],
    ["hidden update by who may not update at all", ann(reads({ update: false })), update("Order", "other", { note: "x" }), "404 NOT_FOUND"],
    ["visible update without the role", ann(reads({ update: false })), update("Order", "mine", { note: "x" }), "403 FORBIDDEN"],
    ["visible update, rule fails on the stored record", ann(reads({ update: open })), update("Order", "closed", { note: "x" }), "403 FORBIDDEN"],
    ["visible update, rule fails on the final record", ann(reads({ update: not(same(field("Order", "note"), text("x"))) })), update("Order", "mine", { note: "x" }), "403 FORBIDDEN"],
    ["rule over old and record", ann(reads({ update: same(field("Order", "note"), field("Order", "note", "old")) })), update("Order", "mine", { note: "x" }), "403 FORBIDDEN"],
    ["rule over old that holds", ann(reads({ update: same(field("Order", "note", "old"), text("n")) })), update("Order", "mine", { note: "x" }), "updated"],
    ["an unknown rule denies", ann(reads({ update: same(field("Order", "staff"), text("x")) })), update("Order", "mine", { note: "x" }), "403 FORBIDDEN"],
    ["403 comes before 412", ann(reads({ update: false })), update("Order", "mine", { note: "x" }, { precondition: { ifMatch: [99], ifNoneMatch: null } }), "403 FORBIDDEN"],
    ["412 comes before the input", ann(reads({})), update("Order", "mine", { nope: 1 }, { precondition: { ifMatch: [99], ifNoneMatch: null } }), "412 PRECONDITION_FAILED"],
    ["404 comes before the input", ann(reads({})), update("Order", "other", { nope: 1 }), "404 NOT_FOUND"],
    ["visible delete without the role", ann(reads({ remove: false })), remove("Order", "mine"), "403 FORBIDDEN"],
    ["visible delete, rule fails", ann(reads({ remove: open })), remove("Order", "closed"), "403 FORBIDDEN"],
    ["delete", ann(reads({ remove: open })), remove("Order", "mine"), "deleted"],
    ["create without the role", ann(reads({ create: false })), create("Order", { nope: 1 }), "403 FORBIDDEN"],
    ["create, rule fails on what is filled", ann(reads({ create: same(field("Order", "owner"), text("bob")) })), create("Order", {}), "403 FORBIDDEN"],
    ["create", ann(reads({ create: own })), create("Order", {}), "created"],
    ["create of a taken, hidden key", ann(reads({ create: own })), create("Order", { id: "other" }), "409 UNIQUE_VIOLATION"],
    ["create of a taken key that would be refused anyway", ann(reads({ create: not(own) })), create("Order", { id: "other" }), "403 FORBIDDEN"],
    ["PUT onto a hidden key", ann(reads({})), replace("Order", "other", { note: "x" }), "403 FORBIDDEN"],
    ["PUT onto a hidden key with If-None-Match", ann(reads({})), replace("Order", "other", {}, { precondition: { ifMatch: null, ifNoneMatch: "*" } }), "403 FORBIDDEN"],
    ["PUT of a new key without CREATE", ann(reads({ create: false })), replace("Order", "none", { note: "x" }), "403 FORBIDDEN"],
    ["PUT of a new key", ann(reads({})), replace("Order", "none", { note: "x" }), "created"],
    ["upsert onto a hidden key", ann(reads({})), create("Order", { id: "other", note: "x" }, { fields: null, resolution: "merge" }), "403 FORBIDDEN"],
    ["upsert that ignores, onto a hidden key", ann(reads({})), create("Order", { id: "other" }, { fields: null, resolution: "ignore" }), "403 FORBIDDEN"],
    ["upsert that ignores", ann(reads({})), create("Order", { id: "mine", note: "x" }, { fields: ["id"], resolution: "ignore" }), "ignored"],
    ["upsert that merges, by another key", ann(reads({})), create("Order", { code: "c1", note: "x" }, { fields: ["code"], resolution: "merge" }), "updated"],
    ["upsert that merges, not permitted", ann(reads({ update: false })), create("Order", { code: "c1", note: "x" }, { fields: ["code"], resolution: "merge" }), "403 FORBIDDEN"],
    ["upsert that merges, by a key that is hidden there", ann(reads({ fields: { code: { read: not(own) } } })), create("Order", { code: "c1", note: "x" }, { fields: ["code"], resolution: "merge" }), "403 FORBIDDEN"],
    ["upsert that ignores, by a key that is hidden there", ann(reads({ fields: { code: { read: not(own) } } })), create("Order", { code: "c1" }, { fields: ["code"], resolution: "ignore" }), "403 FORBIDDEN"],
    ["PUT repeats what is read there but not changed", ann(reads({ fields: { hidden: { read: own, update: false } } })), replace("Order", "mine", { note: "x", hidden: "h" }), "updated"],
    ["PUT repeats what may be changed elsewhere", ann(reads({ fields: { hidden: { update: not(own) } } })), replace("Order", "mine", { note: "x", hidden: "h" }), "updated"],
    ["PUT guesses what is hidden there", ann(reads({ fields: { hidden: { read: not(own), update: false } } })), replace("Order", "mine", { note: "x", hidden: "h" }), "403 FORBIDDEN"],
    ["upsert by what is not unique", ann(reads({})), create("Order", { note: "x" }, { fields: ["note"], resolution: "merge" }), "400 MALFORMED_QUERY"],
    ["upsert by an unknown field", ann(reads({})), create("Order", { note: "x" }, { fields: ["secret"], resolution: "merge" }), "400 UNKNOWN_FIELD"],
    ["anonymous create without the role", nobody({ create: false }), create("Order", {}), "401 UNAUTHENTICATED"],
    ["anonymous update, visible", nobody({ update: false }), update("Order", "mine", { note: "x" }), "401 UNAUTHENTICATED"],
    ["anonymous update, hidden", nobody({ read: own, update: false }), update("Order", "mine", { note: "x" }), "404 NOT_FOUND"],
    ["anonymous delete", nobody({ remove: own }), remove("Order", "mine"), "401 UNAUTHENTICATED"],
  ];
  for (const [name, who, write, expected] of cases) {
    test(name, async () => {
      const before = app.log().length;
      const got = await app.write(write, who).then((outcome) => outcome.status as string, (error: { status: number; code: string }) => `${error.status} ${error.code}`);
      expect(got).toBe(expected);
      expect(app.log().length - before).toBe(["created", "updated", "deleted"].includes(expected) ? 1 : 0);
    });
  }
});

describe("fields", () => {
  const limited: Rights = {
    fields: {
      staff: { create: false, update: false },
      hidden: { read: false, create: false, update: false },
      note: { update: same(field("Order", "state"), text("open")) },
      total: { read: own, update: true },
    },
  };

  test("one that the caller may not set is named only if it may be read", async () => {
    expect(await failure(app.write(update("Order", "mine", { staff: "x" }), ann(limited)))).toMatchObject({ status: 403, code: "FORBIDDEN", where: "staff", details: { table: "Order", fields: ["staff"] } });
    const hidden = await failure(app.write(update("Order", "mine", { hidden: "x" }), ann(limited)));
    expect(hidden).toMatchObject({ code: "VALIDATION_FAILED", where: "hidden", details: [{ code: "UNKNOWN_FIELD" }] });
    const unknown = await failure(app.write(update("Order", "mine", { hiddne: "x" }), ann(limited)));
    expect(unknown.message).toBe(hidden.message.replaceAll("hidden", "hiddne"));
    expect(await failure(app.write(update("Order", "mine", { secret: "x" }), ann({})))).toMatchObject({ code: "VALIDATION_FAILED", details: [{ code: "UNKNOWN_FIELD" }] });
  });

  test("one whose rule depends on the record is decided on it", async () => {
    expect((await app.write(update("Order", "mine", { note: "x" }), ann(limited))).status).toBe("updated");
    expect(await failure(app.write(update("Order", "closed", { note: "x" }), ann(limited)))).toMatchObject({ status: 403, where: "note" });
  });

  test("one that may be written but not read is accepted", async () => {
    const drop: Rights = { fields: { hidden: { read: false } } };
    expect((await app.write(create("Order", { hidden: "pw" }), ann(drop))).record).toMatchObject({ hidden: "pw" });
  });

  test("only what the caller itself sent is held to them", async () => {
    const added = (sent: string[]) => app.tables.commit((session) => session.write(update("Order", "mine", { note: "x", staff: "s", code: "c7", secret: "t" }), { dialect: "code", authority: ann(limited), sent: new Set(sent) }), { actor: null, requestId: "r" });
    expect(await failure(added(["note", "staff"]))).toMatchObject({ code: "FORBIDDEN" });
    expect(await failure(added(["note", "code"]))).toMatchObject({ code: "READ_ONLY_FIELD" });
    expect((await added(["note"])).value.record).toMatchObject({ staff: "s", code: "c7", secret: "t" });
  });

  test("read-only, fixed and filled ones may be repeated, not changed", async () => {
    const all = ann({});
    expect((await app.write(update("Order", "mine", { id: "mine", owner: "ann", state: "open", code: "c1", note: "y" }), all)).status).toBe("updated");
    for (const [name, value] of [["id", "x"], ["owner", "bob"], ["state", "paid"], ["code", "c2"], ["code", null], ["owner", null]] as const) {
      expect(await failure(app.write(update("Order", "mine", { [name]: value }), all))).toMatchObject({ status: 422, code: "READ_ONLY_FIELD", where: name });
    }
    expect(await failure(app.write(create("Order", { state: "paid", owner: "bob" }), all))).toMatchObject({ code: "READ_ONLY_FIELD", details: { fields: ["state", "owner"] } });
    expect((await app.write(create("Order", { state: "open", owner: "ann", code: "c9" }), all)).status).toBe("created");
    expect((await app.write(create("Order", { state: null, owner: null }), all)).record).toMatchObject({ state: "open", owner: "ann" });
  });

  test("PUT leaves what the caller may not change and empties the rest", async () => {
    const staff = ann({ fields: { staff: { update: false }, hidden: { update: own } } });
    await app.write(update("Order", "mine", { staff: "s", total: 3 }));
    const { record } = await app.write(replace("Order", "mine", { id: "mine", staff: "s", state: "open" }), staff);
    expect(record).toEqual({ id: "mine", owner: "ann", state: "open", code: "c1", note: null, staff: "s", hidden: null, secret: "s", total: null, projectId: null });
    expect(await failure(app.write(replace("Order", "mine", { staff: "other" }), staff))).toMatchObject({ code: "FORBIDDEN", where: "staff" });
  });

  test("a hidden value cannot be guessed by repeating it", async () => {
    const partly = ann({ fields: { state: { read: same(field("Order", "note"), text("shown")) } } });
    expect(await failure(app.write(update("Order", "mine", { state: "open" }), partly))).toMatchObject({ code: "READ_ONLY_FIELD" });
  });

  test("code without rules sets what clients cannot", async () => {
    expect((await app.write(create("Order", { owner: "eve", state: "paid", secret: "x" }))).record).toMatchObject({ owner: "eve", state: "paid", secret: "x" });
    expect((await app.write(update("Order", "mine", { state: "paid", code: "c2", secret: "y" }))).record).toMatchObject({ owner: "ann", state: "paid", code: "c2", secret: "y" });
  });
});

describe("references and other records", () => {
  const lead = same(field("Order", "lead", "record", ["project"]), subject);
  const project: Rights = { read: same(field("Project", "open"), text("yes")) };

  test("a record that the caller may not read is referred to as if it were missing", async () => {
    await app.writeAll([create("Project", { id: "p1", open: "yes" }), create("Project", { id: "p2", open: "no" })]);
    const who = ann({}, { Project: project });
    expect((await app.write(update("Order", "mine", { projectId: "p1" }), who)).status).toBe("updated");
    const hidden = await failure(app.write(update("Order", "mine", { projectId: "p2" }), who));
    expect(hidden).toEqual(await failure(app.write(update("Order", "mine", { projectId: "p9" }), who)));
    expect(hidden).toMatchObject({ status: 409, code: "REFERENCE_VIOLATION", where: "projectId" });
  });

  test("rules follow to-one relations, also to what the same bulk creates", async () => {
    await app.writeAll([create("Project", { id: "p1", lead: "ann" }), create("Project", { id: "p2", lead: "bob" })]);
    const who = ann({ create: lead }, { Project: {} });
    expect((await app.write(create("Order", { projectId: "p1" }), who)).status).toBe("created");
    expect(await failure(app.write(create("Order", { projectId: "p2" }), who))).toMatchObject({ code: "FORBIDDEN" });
    const bulk = [create("Order", { projectId: "p3" }), create("Project", { id: "p3", lead: "ann" })];
    expect((await app.writeAll(bulk, who)).map((outcome) => outcome.status)).toEqual(["created", "created"]);
    expect((await app.writeAll([...bulk].reverse().map((write) => JSON.parse(JSON.stringify(write).replaceAll("p3", "p4")) as Write), who)).map((outcome) => outcome.status)).toEqual(["created", "created"]);
  });

  test("a grant counts once it is there; nobody grants it to themselves", async () => {
    await app.writeAll([create("Project", { id: "p1" }), create("Project", { id: "p2" }), create("Member", { projectId: "p1", subject: "ann", level: "admin" })]);
    const admin = { op: "exists", table: "Member", row: "m", where: both(same(field("Member", "projectId", "m"), field("Member", "projectId")), same(field("Member", "subject", "m"), subject), same(field("Member", "level", "m"), text("admin"))) } as const;
    const who = (name: string): Authority => authority(name, { Project: {}, Member: { create: admin } });
    expect((await app.write(create("Member", { projectId: "p1", subject: "bob", level: "admin" }), who("ann"))).status).toBe("created");
    expect((await app.write(create("Member", { projectId: "p1", subject: "cy", level: "admin" }), who("bob"))).status).toBe("created");
    expect(await failure(app.write(create("Member", { projectId: "p2", subject: "ann", level: "admin" }), who("ann")))).toMatchObject({ code: "FORBIDDEN" });
    const selfGrant = [create("Member", { id: "x1", projectId: "p2", subject: "ann", level: "admin" }), create("Member", { id: "x2", projectId: "p2", subject: "dan", level: "admin" })];
    expect(await failure(app.writeAll(selfGrant, who("ann")))).toMatchObject({ code: "FORBIDDEN", where: "[0]" });
    // Within one session, what was granted before counts.
    await app.tables.commit((session) => {
      session.write(create("Project", { id: "p3" }), wire(null));
      session.write(create("Member", { projectId: "p3", subject: "ann", level: "admin" }), wire(null));
      session.write(create("Member", { projectId: "p3", subject: "eve", level: "guest" }), wire(who("ann")));
    }, { actor: "ann", requestId: "r" });
  });
});

test("a value that is set blindly is written, so that no version tells whether it was there", async () => {
  const version = (): number => app.tables.get("Order", "mine")!.version;
  const writes = async (write: Write, rights: Rights): Promise<boolean> => {
    const before = version();
    await app.write(write, ann({ read: own, ...rights }));
    return version() !== before;
  };
  const blind: Rights = { fields: { hidden: { read: false } } };
  expect(await writes(update("Order", "mine", { hidden: "h" }), blind)).toBe(true);
  expect(await writes(update("Order", "mine", { hidden: "h" }), { fields: { hidden: { read: not(own) } } })).toBe(true);
  expect(await writes(update("Order", "mine", { hidden: "h" }), {})).toBe(false);
  expect(await writes(update("Order", "mine", { note: "n" }), blind)).toBe(false);
  // What PUT leaves out and may be changed is empty afterwards, whatever it was.
  await app.write(update("Order", "mine", { hidden: null }));
  expect(await writes(replace("Order", "mine", { note: "n", code: "c1" }), blind)).toBe(true);
  expect(await writes(replace("Order", "mine", { note: "n", code: "c1" }), { fields: { hidden: { read: false, update: false } } })).toBe(false);
  expect(app.tables.get("Order", "mine")!.values).toMatchObject({ note: "n", hidden: null, code: "c1" });
});

test("broken constraints name only what the caller may read", async () => {
  const blind = authority("ann", { Order: { fields: { code: { read: false } } }, Project: {} });
  expect(await failure(app.write(create("Order", { code: "c1" }), blind))).toEqual({ code: "UNIQUE_VIOLATION", status: 409, message: "A unique value of Order is taken.", where: undefined, details: { table: "Order" } });
  expect(await failure(app.write(update("Order", "mine", { projectId: "none" }), authority("ann", { Order: {}, Project: {} })))).toMatchObject({ message: "projectId names a record of Project that does not exist." });
  expect(await failure(app.write(update("Order", "mine", { projectId: "none" }), authority("ann", { Order: {} })))).toMatchObject({ message: "projectId names a record that does not exist." });
  await app.write(create("Project", { id: "p1" }));
  await app.write(update("Order", "mine", { projectId: "p1" }));
  expect(await failure(app.write(remove("Project", "p1"), blind))).toMatchObject({ details: { constraint: "Order.projectId", table: "Order" } });
  expect(await failure(app.write(remove("Project", "p1"), authority("ann", { Project: {} })))).toEqual({ code: "REFERENCE_VIOLATION", status: 409, message: "This record of Project is still referred to.", where: undefined, details: { table: "Project" } });
});

test("a refusal says where the rule failed only in development", async () => {
  const rights = { Order: { update: open } };
  expect(await failure(app.write(update("Order", "closed", { note: "x" }), authority("ann", rights)))).toMatchObject({ details: undefined });
  expect(await failure(app.write(update("Order", "closed", { note: "x" }), authority("ann", rights, true)))).toMatchObject({ details: { table: "Order", verb: "UPDATE", failedOn: "stored record" } });
});
