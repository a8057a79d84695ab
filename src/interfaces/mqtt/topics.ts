// Names of topics and filters over them: `Product/42` is a record or a channel's key, `Product/+` all of them, `#` whatever there is. Text
// only: what is there and who may see it is not known here.
import { fault } from "../../base/error.ts";

/** `key` null: every one. */
export interface TopicFilter {
  /** Of `$share/GROUP/...`; null: not shared. */
  readonly group: string | null;
  /** Export name of a table or channel; null: every one. */
  readonly name: string | null;
  readonly key: string | null;
}

/** Of one topic. */
export interface TopicName { readonly name: string; readonly key: string }

const LENGTH_MAX = 1_024;
/** What a level cannot hold as it is, and the sign that says so. */
const ESCAPED = /[%/+#\p{Cc}\ufffd]/gu;

export function topicText(name: string, key: string): string {
  return `${name}/${key.replace(ESCAPED, (sign) => encodeURIComponent(sign))}`;
}

/** Null: nothing of ours has such a name. */
export function readTopic(text: string): TopicName | null {
  if (!isText(text) || /[+#]/.test(text)) return null;
  const levels = text.split("/");
  if (levels.length !== 2 || levels[0] === "") return null;
  const key = decoded(levels[1]!);
  return key === null || key === "" ? null : { name: levels[0]!, key };
}

/** Null: well formed, but nothing of ours can ever match. Throws VALIDATION_FAILED for what is no filter. */
export function readFilter(text: string): TopicFilter | null {
  if (!isText(text)) throw malformed(text);
  const [group, levels] = grouped(text.split("/"));
  const last = levels.length - 1;
  levels.forEach((level, index) => {
    if (/[+#]/.test(level) && (level.length > 1 || (level === "#" && index < last))) throw malformed(text);
  });
  const [first, second, third] = levels;
  // `T/+/#` and `T/42/#` include their parent.
  if (levels.length > 3 || (third !== undefined && third !== "#")) return null;
  if (first === "#") return { group, name: null, key: null };
  if (second === undefined || first === "") return null;
  const name = first === "+" ? null : first!;
  if (second === "+" || second === "#") return { group, name, key: null };
  const key = decoded(second);
  return key === null || key === "" ? null : { group, name, key };
}

function grouped(levels: readonly string[]): [string | null, readonly string[]] {
  if (levels[0] !== "$share") return [null, levels];
  const group = levels[1] ?? "";
  if (group === "" || /[+#]/.test(group) || levels.length < 3) throw malformed(levels.join("/"));
  return [group, levels.slice(2)];
}

/** U+FFFD stands where the bytes were no UTF-8. */
function isText(text: string): boolean {
  return text !== "" && text.length <= LENGTH_MAX && !/[\0\ufffd]/.test(text) && text.isWellFormed();
}

function decoded(level: string): string | null {
  if (!level.includes("%")) return level;
  try {
    return decodeURIComponent(level);
  } catch {
    return null;
  }
}

function malformed(text: string): Error {
  return fault("VALIDATION_FAILED", "This is no topic filter.", { details: text.slice(0, 100), fix: "Write NAME/KEY, NAME/+, or #." });
}
