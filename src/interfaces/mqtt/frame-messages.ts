// Frames of followed queries as messages: a record is its JSON, one that is gone an empty payload. Made once for all who share a frame.
import type { LiveFrame } from "../../resources/live-frame.ts";
import { Message } from "./message.ts";
import { topicText } from "./topics.ts";

/** `isThere` false: it has gone, for this receiver at least. */
export interface RecordMessage { readonly key: string; readonly isThere: boolean; readonly message: Message }

const EMPTY = new Uint8Array(0);
const made = new WeakMap<LiveFrame, readonly RecordMessage[]>();

/** `topics`: the first level. `primaryKey` names the member of a row that is its key. */
export function frameMessages(frame: Extract<LiveFrame, { op: "snapshot" | "change" }>, topics: string, primaryKey: string): readonly RecordMessage[] {
  let messages = made.get(frame);
  if (messages === undefined) made.set(frame, messages = frame.op === "snapshot" ? ofRows(frame.rows, topics, primaryKey) : frame.changes.map((change) => {
    const key = keyText(JSON.parse(change.key));
    return change.type === "leave" ? goneMessage(topics, key) : { key, isThere: true, message: new Message({ topic: topicText(topics, key), payload: Buffer.from(change.record) }) };
  }));
  return messages;
}

export function goneMessage(topics: string, key: string): RecordMessage {
  return { key, isThere: false, message: new Message({ topic: topicText(topics, key), payload: EMPTY }) };
}

function ofRows(rows: string, topics: string, primaryKey: string): RecordMessage[] {
  return (JSON.parse(rows) as Record<string, unknown>[]).map((row) => {
    const key = keyText(row[primaryKey]);
    return { key, isThere: true, message: new Message({ topic: topicText(topics, key), payload: Buffer.from(JSON.stringify(row)) }) };
  });
}

function keyText(key: unknown): string {
  return typeof key === "string" ? key : JSON.stringify(key);
}
