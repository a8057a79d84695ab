// Words of what is asked, for looking things up by: those of texts that the model is shown, each once, so many at most. Pure.
import type { Json, RecordValues } from "../../base/value.ts";
import { shownInput } from "../context/kept-back.ts";
import type { CompiledDecision } from "../policy/compiled-decision.ts";

const WORDS_MAX = 32;
const TEXT_LENGTH_MAX = 4_000;
/** Shorter ones are in everything. */
const WORD = /[\p{L}\p{N}]{3,}/gu;

/** The same texts as a whole. */
export function textsIn(input: RecordValues, decision: CompiledDecision): string {
  return textsOf(shownInput(decision, input)).join("\n\n").slice(0, TEXT_LENGTH_MAX).trim();
}

export function wordsIn(input: RecordValues, decision: CompiledDecision): string[] {
  const words = new Set<string>();
  for (const text of textsOf(shownInput(decision, input))) {
    for (const [word] of text.slice(0, TEXT_LENGTH_MAX).toLowerCase().matchAll(WORD)) {
      if (words.size >= WORDS_MAX) return [...words];
      words.add(word);
    }
  }
  return [...words];
}

function textsOf(value: Json): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsOf) : [];
}
