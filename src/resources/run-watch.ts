// Who follows runs, of decisions and of jobs: told of each move that is told here, and looks now and then for those that are not. A run is followed by
// whoever may see it, and nobody learns more of it than state, step and kind.
import { fault } from "../base/error.ts";
import type { Identity } from "../access/identity.ts";
import type { Clock } from "../base/clock.ts";
import type { Limits } from "../base/limits.ts";
import { FollowerTally } from "./follower-tally.ts";
import type { LiveSink, LiveSubscription } from "./live-frame.ts";

/** How far a run has come. Of a decision `step` counts requests to the model; of a job `done` and `total` are its own. */
export interface RunProgress {
  readonly state: string;
  readonly step?: number;
  readonly kind?: string | null;
  readonly done?: number | null;
  readonly total?: number | null;
  readonly isOver: boolean;
}

export type RunFrame = { readonly op: "progress" | "done"; readonly run: string } & Omit<RunProgress, "isOver">;

export interface RunSink extends Pick<LiveSink, "renew"> {
  tell(frame: RunFrame): void;
  /** The run is over, and so is this. */
  end(): void;
}

/** Throws NOT_FOUND where the run may not be seen. */
export type LookAtRun = () => RunProgress;

interface Follower { look(): void; renew(): void }

/** Jobs move without telling anybody. */
const LOOK_MS = 500;

export class RunWatch {
  readonly #clock: Clock;
  readonly #tally: FollowerTally;
  readonly #followers = new Map<string, Set<Follower>>();
  readonly #listeners: ((run: string) => void)[] = [];
  #isClosed = false;

  constructor({ clock, limits: { runFollowers: most, runFollowersOfSubject: mostOfSubject } }: { readonly clock: Clock; readonly limits: Pick<Limits, "runFollowers" | "runFollowersOfSubject"> }) {
    this.#clock = clock;
    this.#tally = new FollowerTally({ what: "runs", most, mostOfSubject });
  }

  /** Called for each run that has moved, as often as it does. Must not throw. */
  listen(listener: (run: string) => void): void {
    this.#listeners.push(listener);
  }

  /** It has moved, or ended. */
  changed(run: string): void {
    for (const listener of this.#listeners) listener(run);
    for (const follower of this.#followers.get(run) ?? []) follower.look();
  }

  /** How it stands now is told before this returns. Throws what `look` throws, OVERLOADED. */
  follow(run: string, look: LookAtRun, { identity, sink }: { readonly identity: Identity; readonly sink: RunSink }): LiveSubscription {
    if (this.#isClosed) throw fault("UNAVAILABLE", "The app is being replaced.", { retryAfterS: 1 });
    this.#tally.requireRoom(identity);
    const following = new Following(run, look, sink);
    following.tell(look());
    if (following.isOver) return following;
    const follower: Follower = { look: () => following.look(), renew: () => following.renew() };
    const followers = this.#followers.get(run) ?? new Set();
    this.#followers.set(run, followers.add(follower));
    const left = this.#tally.enter(identity);
    let cancel = (): void => {};
    const again = (): void => { cancel = this.#clock.schedule(LOOK_MS, () => { following.look(); if (!following.isOver) again(); }); };
    again();
    following.left = () => {
      cancel();
      followers.delete(follower);
      if (followers.size === 0) this.#followers.delete(run);
      left();
    };
    return following;
  }

  /** Whoever follows comes again, to what serves by then. */
  close(): void {
    this.#isClosed = true;
    for (const follower of [...this.#followers.values()].flatMap((followers) => [...followers])) follower.renew();
  }
}

class Following implements LiveSubscription {
  readonly #run: string;
  readonly #look: LookAtRun;
  readonly #sink: RunSink;
  #told = "";
  isOver = false;
  left = (): void => {};

  constructor(run: string, look: LookAtRun, sink: RunSink) {
    this.#run = run;
    this.#look = look;
    this.#sink = sink;
  }

  look(): void {
    if (this.isOver) return;
    try {
      this.tell(this.#look());
    } catch {
      // It is there no more, or not for them: a new request is told so.
      this.renew();
    }
  }

  /** Once, however often it is looked at. */
  tell({ isOver, ...progress }: RunProgress): void {
    const text = JSON.stringify(progress);
    if (isOver) {
      this.close();
      this.#sink.tell({ op: "done", run: this.#run, ...progress });
      this.#sink.end();
    } else if (text !== this.#told) {
      this.#told = text;
      this.#sink.tell({ op: "progress", run: this.#run, ...progress });
    }
  }

  renew(): void {
    this.close();
    this.#sink.renew();
  }

  /** After frames that were left out. */
  snapshot(): void {
    this.#told = "";
    this.look();
  }

  close(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.left();
  }
}
