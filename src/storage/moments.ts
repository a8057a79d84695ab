// Moments: when and by whom the entries were written that changed records with a history. They outlive the change log, for as long as
// any table keeps its history. Also turns a time into a position and back.
import type { Connection } from "./connection.ts";

/** How a version that stands came about, where it was not simply written. */
export type Coming = "cascade" | "migration" | "restored";

export interface Moment {
  readonly position: number;
  readonly time: string;
  readonly actor: string | null;
  /** By table and key as text; absent: written. A list: a change of the schema did it, and what the records had in these fields is not kept. */
  readonly causes: { readonly [table: string]: { readonly [id: string]: Coming } | readonly string[] };
}

export function keepMoment(connection: Connection, { position, time, actor, causes }: Moment): void {
  const text = Object.keys(causes).length === 0 ? null : JSON.stringify(causes);
  connection.query(`INSERT INTO "$moment" ("position", "time", "actor", "causes") VALUES (?1, ?2, ?3, ?4)`).run(position, time, actor, text);
}

/** Null: it is not kept any more, or changed no record with a history. */
export function readMoment(connection: Connection, position: number): Moment | null {
  const row = connection.query(`SELECT "time", "actor", "causes" FROM "$moment" WHERE "position" = ?1`).values(position)[0];
  if (row === undefined) return null;
  return { position, time: row[0] as string, actor: row[1] as string | null, causes: row[2] === null ? {} : JSON.parse(row[2] as string) as Moment["causes"] };
}

/** Who wrote is not named any more. */
export function eraseMomentActor(connection: Connection, actor: string): void {
  connection.run(`UPDATE "$moment" SET "actor" = NULL WHERE "actor" = ?1`, actor);
}

/** The last position that was not written after `time`. */
export function positionAt(connection: Connection, time: string, head: number): number {
  const next = connection.query(`SELECT min("position") FROM "$moment" WHERE "time" > ?1`).values(time)[0]![0] as number | null;
  return next === null ? head : next - 1;
}

/** The time of the last moment up to `position`; null when none is kept. */
export function timeAt(connection: Connection, position: number): string | null {
  return connection.query(`SELECT "time" FROM "$moment" WHERE "position" <= ?1 ORDER BY "position" DESC LIMIT 1`).values(position)[0]?.[0] as string | undefined ?? null;
}
