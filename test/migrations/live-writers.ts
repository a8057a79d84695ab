// Clients that write while the schema changes under them. Each owns some records and knows of each what must be there: the last value
// that was acknowledged, or one that was on its way when the process died.
import type { HttpCaller } from "../processes/http-caller.ts";

/** What may be there; null: nothing. */
interface Expected { readonly acknowledged: number | null; readonly underway: number | null | undefined }

export interface LiveWriters {
  /** Resolves once none of them writes any more. */
  stop(): Promise<void>;
  /** What each record must be, and what else it may be. */
  readonly expected: ReadonlyMap<string, Expected>;
  readonly acknowledged: number;
  /** The longest that an acknowledged write took. */
  readonly slowestMs: number;
  /** Answers that should never be. */
  readonly wrong: readonly string[];
}

export interface WriterOptions {
  readonly caller: HttpCaller;
  readonly ids: readonly string[];
  /** Of the value of `a`, by the schema of the moment: changes when the server says 400. */
  readonly forms: readonly ((value: number) => unknown)[];
  readonly writers: number;
  readonly random: () => number;
}

const NEXT_VALUE = 1_000_000;

export function startWriters({ caller, ids, forms, writers, random }: WriterOptions): LiveWriters {
  const expected = new Map<string, Expected>();
  const wrong: string[] = [];
  const state = { stopped: false, acknowledged: 0, slowestMs: 0, form: 0, value: NEXT_VALUE };
  const write = async (id: string): Promise<void> => {
    const known = expected.get(id);
    const removes = known?.acknowledged !== null && random() < 0.1;
    const value = removes ? null : state.value++;
    const before = known?.acknowledged;
    expected.set(id, { acknowledged: before === undefined ? -1 : before, underway: value });
    const started = performance.now();
    for (let attempt = 0; attempt < 3; attempt++) {
      const used = state.form;
      const form = forms[used]!;
      let answer;
      try {
        answer = value === null ? await caller.delete(`/Item/${id}`) : await caller.put(`/Item/${id}`, { a: form(value), text: `text of ${value}` });
      } catch {
        // The process has died: it may have been done or not.
        state.stopped = true;
        return;
      }
      if (answer.status === 400 && used + 1 < forms.length) {
        state.form = Math.max(state.form, used + 1);
        continue;
      }
      // To delete what an earlier one has deleted is well.
      if (answer.status < 300 || (value === null && answer.status === 404 && before === undefined)) {
        expected.set(id, { acknowledged: value, underway: undefined });
        state.acknowledged++;
        state.slowestMs = Math.max(state.slowestMs, performance.now() - started);
      } else {
        wrong.push(`${answer.status} ${answer.text}`);
        expected.set(id, { acknowledged: before === undefined ? -1 : before, underway: undefined });
      }
      return;
    }
  };
  const run = async (own: readonly string[]): Promise<void> => {
    while (!state.stopped) await write(own[Math.floor(random() * own.length)]!);
  };
  const running = Array.from({ length: writers }, (_, number) => run(ids.filter((_id, index) => index % writers === number)));
  return {
    expected, wrong,
    get acknowledged() { return state.acknowledged; },
    get slowestMs() { return state.slowestMs; },
    async stop() {
      state.stopped = true;
      await Promise.all(running);
    },
  };
}
