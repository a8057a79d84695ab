// Words of what is asked, for looking things up by: those of texts that the model is shown, each once, so many at most. Pure.
import type { RecordValues, Value } from "../../base/value.ts";
import type { InputField } from "../../schema/catalog.ts";
import { isHidden } from "../context/kept-back.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";

const WORDS_MAX = 32;
const TEXT_LENGTH_MAX = 4_000;
/** Shorter ones are in everything. */
const WORD = /[\p{L}\p{N}]{3,}/gu;

/** The same texts as a whole. */
export function textsIn(input: RecordValues, decision: CompiledDecision): string {
  const given = decision.declaration.callable.arguments as ReadonlyMap<string, InputField>;
  return [...given].flatMap(([name, argument]) => (isHidden(decision, argument) ? [] : textsOf(input[name] ?? null))).join("\n\n").slice(0, TEXT_LENGTH_MAX).trim();
}

export function wordsIn(input: RecordValues, decision: CompiledDecision): string[] {
  const words = new Set<string>();
  for (const [name, argument] of decision.declaration.callable.arguments as ReadonlyMap<string, InputField>) {
    if (isHidden(decision, argument)) continue;
    for (const text of textsOf(input[name] ?? null)) {
      for (const [word] of text.slice(0, TEXT_LENGTH_MAX).toLowerCase().matchAll(WORD)) {
        if (words.size >= WORDS_MAX) return [...words];
        words.add(word);
      }
    }
  }
  return [...words];
}

function textsOf(value: Value): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap((item) => textsOf(item as Value)) : [];
}
