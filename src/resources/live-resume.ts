// Goes on from a position that a subscriber was told before: what the log says since then, or why only a snapshot can tell.
import { logTail, type LogEntry } from "../changes/log.ts";
import { readPosition } from "../changes/wire-position.ts";
import { touches, type ReadDependencies } from "../query/footprint.ts";
import type { DispatchCore } from "./dispatch-parts.ts";
import type { ChangeFrame, ResetReason } from "./live-frame.ts";
import type { LiveQuery } from "./live-query.ts";

export interface Resumption {
  readonly since: string;
  readonly head: number;
  /** What this query tells of the head. */
  readonly current: string;
  readonly query: LiveQuery;
  /** Of its answer as it is now; null: changes alone tell. */
  readonly dependencies: ReadDependencies | null;
  readonly entriesSince: (position: number) => Iterable<LogEntry>;
}

/** Frames of the entries since then, or why there is none. */
export function resumeFrom(resumption: Resumption, core: DispatchCore): readonly ChangeFrame[] | ResetReason {
  const { since, head, current, query } = resumption;
  const [then, now] = [partsOf(since), partsOf(current)];
  if (then === null || now === null || then.mark !== now.mark) return "query";
  if (then.epoch !== now.epoch) return "epoch";
  if (then.position > head) return "ahead";
  if (then.position === head) return [];
  if ((logTail(core.storage.reader) ?? Infinity) > then.position + 1) return "trimmed";
  if (head - then.position > core.limits.resumeEntries) return "far";
  if (resumption.dependencies !== null && resumption.dependencies.validUntil !== null) return "changed";
  const frames: ChangeFrame[] = [];
  for (const entry of resumption.entriesSince(then.position)) {
    if (entry.migration !== undefined) return "schema";
    if (entry.erased === true) return "trimmed";
    if (resumption.dependencies !== null) {
      if (isTouched(resumption.dependencies, entry, core)) return "changed";
      continue;
    }
    const changes = query.changesOf(entry.changes);
    if (changes !== null) frames.push(query.change(entry.position, changes));
  }
  return frames;
}

function isTouched({ footprints }: ReadDependencies, { changes }: LogEntry, { book }: DispatchCore): boolean {
  return changes.some((change) => footprints.some((footprint) => touches(change, footprint, book)));
}

/** The position, and after it which query it was told by. */
function partsOf(text: string): { readonly epoch: string; readonly position: number; readonly mark: string } | null {
  const end = text.lastIndexOf(".");
  const position = end < 0 ? null : readPosition(text.slice(0, end));
  return position === null ? null : { ...position, mark: text.slice(end + 1) };
}
