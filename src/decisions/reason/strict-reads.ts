// Under `freshness: STRICT`: what a model has read, by itself or by its tools, must still be so when its answer is committed. Contexts and memory are
// compared there as they are; of everything else what was looked at is noted here, and held against what others commit.
import { createHash } from "node:crypto";
import { BodyConflict } from "../../resources/body-conflict.ts";
import type { Caller } from "../../resources/body.ts";
import { BufferedWork } from "../../resources/buffered-work.ts";
import { commitAs } from "../../resources/commit-as.ts";
import { LanePlace } from "../../resources/conflict-lanes.ts";
import type { DispatchCore } from "../../resources/dispatch-parts.ts";
import type { Work } from "../../resources/work.ts";
import type { WriteSession } from "../../tables/write-session.ts";

/** Of a read or a tool, once: how it was called, and the hash of what was told of it. */
export interface Reading { readonly name: string; readonly arguments: string; /** Hex. */ readonly hash: string }

export function hashOfReading(json: string): string {
  return createHash("sha256").update(json).digest("hex");
}

export class StrictReads {
  readonly #work: BufferedWork;

  constructor(core: DispatchCore, caller: Caller) {
    this.#work = new BufferedWork(core, commitAs(caller), { place: new LanePlace(core.lanes), atMs: core.clock.now() });
  }

  /** Notes what is read, and throws BodyConflict once what was read before is not so any more. */
  get work(): Work {
    return this.#work;
  }

  /** As far as anybody knows by now. */
  get isSo(): boolean {
    try {
      this.#work.certify();
      return true;
    } catch (error) {
      if (error instanceof BodyConflict) return false;
      throw error;
    }
  }

  /** In the commit. Throws BodyConflict. */
  hold(session: WriteSession): void {
    this.#work.apply(session, false);
  }

  /** Nothing is noted any more. */
  end(): void {
    this.#work.end();
  }
}
