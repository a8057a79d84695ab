// How many streams follow things of one kind: of everybody together, and of one subject, so that nobody takes all the room. All who are not signed in are one.
import type { Identity } from "../access/identity.ts";
import { fault } from "../base/error.ts";

export interface FollowerTallyParts { /** In messages. */ readonly what: string; readonly most: number; readonly mostOfSubject: number }

export class FollowerTally {
  readonly #parts: FollowerTallyParts;
  readonly #bySubject = new Map<string, number>();
  #count = 0;

  constructor(parts: FollowerTallyParts) {
    this.#parts = parts;
  }

  /** One more can be counted. Throws OVERLOADED. */
  requireRoom(identity: Identity): void {
    const { what, most, mostOfSubject } = this.#parts;
    if (this.#count >= most) throw fault("OVERLOADED", `Too many ${what} are followed.`, { retryAfterS: 1 });
    if ((this.#bySubject.get(subjectOf(identity)) ?? 0) >= mostOfSubject) throw fault("OVERLOADED", `You follow too many ${what}.`, { retryAfterS: 1, fix: "End a stream before the next begins." });
  }

  /** Counts one more; to be called when it leaves. */
  enter(identity: Identity): () => void {
    const subject = subjectOf(identity);
    this.#count++;
    this.#bySubject.set(subject, (this.#bySubject.get(subject) ?? 0) + 1);
    return () => {
      this.#count--;
      const left = this.#bySubject.get(subject)! - 1;
      if (left === 0) this.#bySubject.delete(subject);
      else this.#bySubject.set(subject, left);
    };
  }
}

function subjectOf({ kind, tenant, subject }: Identity): string {
  return JSON.stringify([kind, tenant, subject]);
}
