// What a model may do is a tool by its name: no two of a decision have the same, nor that of what ends a run or keeps a fact.
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { CompiledDecision } from "./compiled-decision.ts";

export const ANSWER = "answer";
export const REMEMBER = "remember";

export function sameToolNames({ name, declaration, reads, calls, writes }: CompiledDecision): Diagnostic[] {
  const taken = new Set([ANSWER, ...(declaration.memories.some(({ writes }) => writes.length > 0) ? [REMEMBER] : [])]);
  const tools = [...reads.map((read) => read.name), ...calls.map(({ tool }) => tool.name), ...declaration.mayAsk.map(({ decision }) => decision), ...writes.map((write) => write.name)];
  return tools.flatMap((tool): Diagnostic[] => {
    const isTaken = taken.has(tool);
    taken.add(tool);
    return !isTaken ? [] : [{
      code: "DUPLICATE_NAME", severity: "error", position: declaration.callable.position, message: `${name} shows its model two tools of the name ${tool}.`,
      why: "A model calls a tool by its name, and providers refuse a request with two of one name.", fix: "Give the read another name, or leave one of them out.", edits: [],
    }];
  });
}
