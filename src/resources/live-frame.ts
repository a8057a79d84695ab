// What a subscriber is told: rows as they are, changes of them in order of position, and why it must begin anew. No wire types here.
import type { AmbitError } from "../base/error.ts";

/** `key` and `record` are JSON text; who lost sight of a record is told its key alone. */
export type LiveChange =
  | { readonly type: "enter" | "update"; readonly key: string; readonly record: string }
  | { readonly type: "leave"; readonly key: string };

/** Why changes cannot be told one by one. */
export type ResetReason = "query" | "epoch" | "ahead" | "trimmed" | "far" | "schema" | "changed" | "rights" | "reload";

/** One object for all who share it, so that it is encoded once. `at` is the number behind the opaque `position`. */
export type LiveFrame =
  /** All rows, a JSON list: whatever was told before no longer counts. */
  | { readonly op: "snapshot"; readonly at: number; readonly position: string; readonly rows: string }
  /** Of one log entry, or of several at once where the whole answer was read again. Without changes: nothing happened up to there. */
  | { readonly op: "change"; readonly at: number; readonly position: string; readonly changes: readonly LiveChange[] }
  /** A snapshot follows. */
  | { readonly op: "reset"; readonly reason: ResetReason }
  /** Changes were left out for somebody who reads too slowly; a snapshot follows. */
  | { readonly op: "gap" };

export type PlacedFrame = Extract<LiveFrame, { op: "snapshot" | "change" }>;
export type ChangeFrame = Extract<LiveFrame, { op: "change" }>;

/** Where frames go. Never throws; what it cannot take it leaves out, and asks for a snapshot later. */
export interface LiveSink {
  take(frame: LiveFrame): void;
  /** The subscription has ended by itself. */
  fail(error: AmbitError): void;
  /** Another app serves from now on: subscribe there. */
  renew(): void;
}

export interface LiveSubscription {
  /** Gives the sink all rows as they are now. */
  snapshot(): void;
  close(): void;
}
