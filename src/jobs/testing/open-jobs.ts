// Test support: an app below the interfaces whose jobs run, on a clock that stands still until it is moved. For tests only.
import { createLog } from "../../base/log.ts";
import { seededRandom } from "../../base/random.ts";
import type { Json } from "../../base/value.ts";
import { compileCatalogExpressions } from "../../expression/compile-catalog.ts";
import type { JobQueue } from "../../resources/job-port.ts";
import type { RunQuestion } from "../../resources/operation.ts";
import { administrator, openApp, type AppOptions, type OpenApp } from "../../resources/testing/open-app.ts";
import { createJobs, type Jobs, type ServedApp } from "../create-jobs.ts";

export interface OpenJobs extends OpenApp {
  readonly jobs: Jobs;
  /** As the administrator sees it. */
  run(id: string): Promise<Run>;
  ask(question: RunQuestion): Promise<Json>;
  /** Moves the clock, and waits for what then runs. */
  advance(ms: number): Promise<void>;
  /** Ends without a word, as a kill does; the data stay. */
  crash(): Promise<string>;
}

export interface Run { readonly id: string; readonly job: string; readonly state: string; readonly attempts: number; readonly progress: Json; readonly result: Json; readonly problem: { readonly code: string } | null; readonly dueAt: string }

/** The clock of each begins anew; the ids must not. */
let opened = 0;

export async function openJobs(sdl: string, options: AppOptions = {}): Promise<OpenJobs> {
  const made: { jobs: Jobs | null } = { jobs: null };
  const own = (): JobQueue => made.jobs!.queue;
  const queue: JobQueue = { order: (order) => own().order(order), bringAbout: (work) => own().bringAbout(work), find: (id) => own().find(id), list: (filter) => own().list(filter), cancel: (id) => own().cancel(id), replay: (id) => own().replay(id) };
  const app = openApp(sdl, { ...options, parts: { ...options.parts, jobs: queue } });
  const { storage, clock, catalog, dispatcher, log } = app;
  const { book } = compileCatalogExpressions(catalog);
  const served: ServedApp = { catalog, book, limits: app.limits, dispatch: (operation) => dispatcher.dispatch(operation), renew: (identity) => identity };
  const jobs = made.jobs = createJobs({ storage, clock, random: seededRandom(++opened), log: createLog({ clock, sink: (line) => log.push(JSON.parse(line) as { [name: string]: Json }) }), current: () => served });
  await jobs.start();
  const ask = async (question: RunQuestion): Promise<Json> => (await app.as(administrator).send({ kind: "run", ask: question })).body ?? null;
  return {
    ...app, jobs, ask,
    run: async (id) => await ask({ do: "find", id }) as unknown as Run,
    async advance(ms) {
      clock.advance(ms);
      await jobs.settled();
    },
    async crash() {
      const stopped = jobs.stop(0);
      clock.advance(0);
      await stopped;
      await app.close(true);
      return app.directory;
    },
    async close(keep) {
      const stopped = jobs.stop(0);
      clock.advance(0);
      await stopped;
      await app.close(keep);
    },
  };
}
