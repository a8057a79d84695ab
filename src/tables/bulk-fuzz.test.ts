// Random bulks in two orders on two directories: the same outcome, the same records, a log that replays to them, sound references.
import { expect, test } from "bun:test";
import { seededRandom, type Random } from "../base/random.ts";
import { create, increment, openTables, remove, replace, update, type OpenTables } from "./testing/open-tables.ts";
import type { Write } from "./write.ts";

const SDL = `
type Team @table { id: ID! @primaryKey name: String @indexed(unique: true) rank: Int! @indexed(unique: true) }
type Member @table @check(rule: "record.age >= 0") @indexed(fields: ["teamId", "place"], unique: true) {
  id: ID! @primaryKey
  teamId: ID! team: Team! @relationship(from: "teamId", onDelete: CASCADE)
  mentorId: ID mentor: Member @relationship(from: "mentorId", onDelete: SET_NULL)
  place: Int! age: Int! @default(value: 1)
}
type Badge @table { id: ID! @primaryKey memberId: ID! member: Member! @relationship(from: "memberId") deputyId: ID deputy: Badge @relationship(from: "deputyId") until: DateTime @expiresAt }
`;
const TABLES = ["Team", "Member", "Badge"] as const;
const KEYS = 6;

test.each([1, 2, 3])("the order of a bulk never decides (seed %d)", async (seed) => {
  const random = seededRandom(seed);
  const [left, right] = [openTables(SDL), openTables(SDL)];
  let accepted = 0;
  try {
    for (let round = 0; round < 150; round++) {
      const writes = bulk(left, random);
      const order = writes.map((_, index) => index).sort(() => random.next() - 0.5);
      const outcomes = await Promise.all([run(left, writes), run(right, order.map((index) => writes[index]!))]);
      const context = `seed ${seed} round ${round}: ${JSON.stringify(writes)} order ${JSON.stringify(order)} ${JSON.stringify(outcomes)}`;
      expect(outcomes[0] === "ok" ? "ok" : "refused", context).toBe(outcomes[1] === "ok" ? "ok" : "refused");
      expect(content(left), context).toEqual(content(right));
      expect(left.storage.reader.all("PRAGMA foreign_key_check"), context).toEqual([]);
      if (outcomes[0] === "ok") accepted++;
      const step = Math.floor(random.next() * 3) * 400;
      left.clock.advance(step);
      right.clock.advance(step);
    }
    expect(replayed(left), `seed ${seed}`).toEqual(content(left));
    expect(accepted, `seed ${seed}`).toBeGreaterThan(40);
  } finally {
    await Promise.all([left.close(), right.close()]);
  }
}, 120_000);

async function run(app: OpenTables, writes: readonly Write[]): Promise<string> {
  return app.writeAll(writes).then(() => "ok", (error: { code?: string; message: string }) => {
    if (error.code === undefined) throw error;
    return `${error.code} ${error.message}`;
  });
}

/** At most one write for each record, as a bulk of one request has; mostly ones that are possible. */
function bulk(app: OpenTables, random: Random): Write[] {
  const pick = (count: number): number => Math.floor(random.next() * count);
  const chosen = new Map<string, { table: (typeof TABLES)[number]; id: string; exists: boolean }>();
  for (let count = 1 + pick(5); count > 0; count--) {
    const table = TABLES[pick(3)]!;
    const id = `${table[0]!}${pick(KEYS)}`;
    chosen.set(id, { table, id, exists: app.tables.get(table, id) !== null });
  }
  return [...chosen.values()].map(({ table, id, exists }) => {
    const key = (other: (typeof TABLES)[number]): string => {
      const there = Array.from({ length: KEYS }, (_, index) => `${other[0]!}${index}`).filter((name) => (pick(12) === 0 ? true : chosen.get(name)?.exists === false || app.tables.get(other, name) !== null));
      return there[pick(there.length)] ?? `${other[0]!}0`;
    };
    const input = inputOf(table, pick, key);
    const full = { id, ...input };
    const upsert = create(table, full, { fields: null, resolution: "merge" });
    if (!exists && pick(10) > 0) return [create(table, full), replace(table, id, full), upsert][pick(3)]!;
    const partial = Object.fromEntries(Object.entries(input).filter(() => pick(2) === 0));
    const changes: Write[] = [update(table, id, partial), update(table, id, partial), replace(table, id, full), upsert, remove(table, id), ...(table === "Member" ? [increment(table, id, "age", pick(3) - 1)] : [])];
    return changes[pick(changes.length)]!;
  });
}

function inputOf(table: (typeof TABLES)[number], pick: (count: number) => number, key: (table: (typeof TABLES)[number]) => string): { [field: string]: unknown } {
  switch (table) {
    case "Team": return { name: pick(3) === 0 ? null : `n${pick(8)}`, rank: pick(14) };
    case "Member": return { teamId: key("Team"), mentorId: pick(2) === 0 ? null : key("Member"), place: pick(8), age: pick(8) };
    case "Badge": return { memberId: key("Member"), deputyId: pick(3) === 0 ? key("Badge") : null, until: pick(3) === 0 ? `2026-01-01T00:0${pick(9)}:00Z` : null };
  }
}

function content(app: OpenTables): unknown {
  return TABLES.map((table) => app.storage.reader.all(`SELECT * FROM "${table}" ORDER BY "id"`).map((row) => ({ ...row, $row: null, $expires: null, $version: null })));
}

function replayed(app: OpenTables): unknown {
  const state = new Map<string, Map<unknown, object>>(TABLES.map((table) => [table, new Map()]));
  for (const { changes } of app.log()) {
    for (const { table, id, new: image } of changes) {
      if (image === null) state.get(table)!.delete(id);
      else state.get(table)!.set(id, image);
    }
  }
  return TABLES.map((table) => [...state.get(table)!].sort(([a], [b]) => (String(a) < String(b) ? -1 : 1)).map(([, image]) => ({ ...image, $row: null, $expires: null, $version: null })));
}
