// Loaded before `ambit start` by kill-points.test.ts: kills the process with SIGKILL at the statement that AMBIT_KILL_AT names.
import { Database } from "bun:sqlite";

export interface KillAt {
  /** How the statement begins. */
  readonly sql: string;
  readonly nth: number;
  /** Of the statement, or of the COMMIT that follows it. */
  readonly when: "before" | "after" | "before COMMIT" | "after COMMIT";
}

const wanted = process.env["AMBIT_KILL_AT"];
if (wanted !== undefined && wanted !== "") watch(JSON.parse(wanted) as KillAt);

function watch({ sql, nth, when }: KillAt): void {
  let count = 0;
  let isReached = false;
  const die = (): void => void process.kill(process.pid, "SIGKILL");
  const around = (text: string, run: () => unknown): unknown => {
    const isIt = text.startsWith(sql) && ++count === nth;
    isReached ||= isIt;
    const isCommit = isReached && text === "COMMIT";
    if ((isIt && when === "before") || (isCommit && when === "before COMMIT")) die();
    const result = run();
    if ((isIt && when === "after") || (isCommit && when === "after COMMIT")) die();
    return result;
  };
  const prepare = Database.prototype.prepare;
  Database.prototype.prepare = function (this: Database, text: string, ...more: []) {
    const statement = prepare.call(this, text, ...more);
    const run = statement.run.bind(statement);
    statement.run = ((...parameters: []) => around(text, () => run(...parameters))) as typeof statement.run;
    return statement;
  } as typeof prepare;
}
