// One request to a decisions endpoint, in the place of a model that calls the tool `answer`: the same messages are what it judges, each member of the
// answer is a question. What answers not all of them, or contradicts itself, is no answer.
import type { Experimental_DecisionModelV4, Experimental_DecisionModelV4Answer, Experimental_DecisionModelV4Question } from "@ai-sdk/provider";
import { assert } from "../base/assert.ts";
import type { Json } from "../base/value.ts";
import type { ModelAnswer, ModelMessage, ModelRequest } from "./model.ts";
import { questionsOf, type Question } from "./questions.ts";

export interface Answered extends Pick<ModelAnswer, "calls" | "probabilities"> { readonly isRefused: boolean }

/** Said nothing that counts. */
export const unanswered: Answered = { calls: [], isRefused: false };

/** Throws what the package throws: also for answers that are none. */
export async function askQuestions(model: Experimental_DecisionModelV4, { messages, tools }: ModelRequest, signal: AbortSignal): Promise<Answered> {
  const [tool] = tools;
  assert(tool !== undefined && tools.length === 1, "who only answers questions is offered the answer alone");
  const questions = [...questionsOf(tool.parameters)].map(([name, question]): [string, Question] => {
    assert(question !== null, "what is no question is refused at the start");
    return [name, question];
  });
  const { answers } = await model.doDecide({
    state: messages.flatMap(stateOf).map((text) => ({ type: "text", text })),
    questions: Object.fromEntries(questions.map(([name, question]) => [name, wordsOf(name, question)])),
    abortSignal: signal,
  });
  const values: { [name: string]: Json } = {};
  const probabilities: { [name: string]: Readonly<Record<string, number>> } = {};
  for (const [name, question] of questions) {
    const answer = Object.hasOwn(answers, name) ? answers[name] : undefined;
    if (answer?.type === "refusal") return { calls: [], isRefused: true };
    const read = answer === undefined ? null : readAnswer(question, answer);
    if (read === null) return unanswered;
    values[name] = read.value;
    if (read.likely !== null) probabilities[name] = read.likely;
  }
  return { calls: [{ id: "call_0", name: tool.name, arguments: JSON.stringify(values) }], isRefused: false, probabilities };
}

/** As text, byte for byte what the run has recorded. */
function stateOf(message: ModelMessage): string[] {
  switch (message.role) {
    case "system": case "user": return [message.text];
    case "assistant": return message.calls.map((call) => `{"answered":${call.arguments}}`);
    case "tool": return message.results.map(({ json }) => json);
  }
}

function wordsOf(name: string, { about, ...question }: Question): Experimental_DecisionModelV4Question {
  const instructions = (text: string): string => (about === "" ? text : `${text} ${about}`);
  switch (question.kind) {
    case "choice": return { type: "choice", instructions: instructions(`By the policy, choose "${name}" of the answer.`), criteria: Object.fromEntries(question.values.map((value) => [value, null])) };
    case "score": {
      const { from, levels } = question;
      return { type: "score", instructions: instructions(`By the policy, choose "${name}" of the answer, from ${from} to ${from + levels - 1}.`), criteria: Array.from({ length: levels }, (_, level) => String(from + level)) };
    }
    case "boolean": return { type: "boolean", instructions: instructions(`By the policy, "${name}" of the answer is true.`) };
  }
}

/** `likely`: by value; null: the provider has not said. */
interface Read { readonly value: Json; readonly likely: Readonly<Record<string, number>> | null }

function readAnswer(question: Question, answer: Experimental_DecisionModelV4Answer): Read | null {
  switch (answer.type) {
    case "boolean": {
      const { probability } = answer;
      return question.kind === "boolean" && isWithin(probability, 1) ? { value: probability >= 0.5, likely: { true: probability } } : null;
    }
    case "choice": {
      const { choice, probabilities = null } = answer;
      if (question.kind !== "choice" || !question.values.includes(choice)) return null;
      if (probabilities === null) return { value: choice, likely: null };
      return isDistribution(probabilities, question.values) && Object.values(probabilities).every((one) => one <= probabilities[choice]! + 2 * ROUNDING) ? { value: choice, likely: probabilities } : null;
    }
    case "score": return question.kind === "score" ? readScore(question, answer) : null;
    case "box": case "refusal": return null;
  }
}

/** Levels count from 0, a scale from where it begins. */
function readScore({ from, levels }: Extract<Question, { kind: "score" }>, answer: Extract<Experimental_DecisionModelV4Answer, { type: "score" }>): Read | null {
  const { score, probabilities = null } = answer;
  if (!isWithin(score, levels - 1)) return null;
  const value = from + Math.round(score);
  if (probabilities === null) return { value, likely: null };
  if (!isDistribution(probabilities, Array.from({ length: levels }, (_, level) => String(level)))) return null;
  const weighed = Object.entries(probabilities).map(([level, one]): [number, number] => [Number(level), one]);
  const mean = weighed.reduce((sum, [level, one]) => sum + level * one, 0);
  // As far as each may be rounded.
  if (Math.abs(mean - score) > ROUNDING * (1 + weighed.reduce((sum, [level]) => sum + level, 0))) return null;
  return { value, likely: Object.fromEntries(weighed.map(([level, one]) => [String(from + level), one])) };
}

/** Providers tell two decimal places. */
const ROUNDING = 0.005 + 1e-6;

function isWithin(value: number, max: number): boolean {
  return Number.isFinite(value) && value >= 0 && value <= max;
}

/** Of exactly these values. */
function isDistribution(probabilities: Readonly<Record<string, number>>, values: readonly string[]): boolean {
  const all = Object.values(probabilities);
  if (all.length !== values.length || !values.every((value) => Object.hasOwn(probabilities, value)) || !all.every((one) => isWithin(one, 1))) return false;
  return Math.abs(all.reduce((sum, one) => sum + one, 0) - 1) <= ROUNDING * values.length;
}
