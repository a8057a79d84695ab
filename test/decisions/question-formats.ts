// The formats of endpoints that answer questions, written by hand: answers as bytes of OpenAI's and Google's decisions, and what stands in a request.
import type { QuestionProvider } from "../../src/models/questions.ts";
import { json, Raw } from "./wire-formats.ts";

/** Numbers that are a text stand in the body as they are. */
type Figure = number | string;
type Likely = Readonly<Record<string, Figure>>;
export type ToldAnswer =
  | { readonly choice: string; readonly likely?: Likely }
  | { readonly score: Figure; readonly likely?: Likely }
  | { readonly yes: Figure }
  | "refused";

export interface ToldAnswers {
  readonly answers: { readonly [member: string]: ToldAnswer };
  /** Of each figure; null: there are none. */
  readonly count?: string | null;
}

export interface Asked { readonly state: readonly string[]; readonly questions: readonly { readonly name: string; readonly type: string; readonly text: string; readonly values: readonly string[] }[] }

export interface QuestionFormat {
  readonly name: string;
  readonly provider: QuestionProvider;
  body(told: ToldAnswers): string;
  asked(request: string): Asked;
}

const figure = (value: Figure): unknown => (typeof value === "string" ? new Raw(value) : value);
const figures = (likely: Likely): object => Object.fromEntries(Object.entries(likely).map(([value, one]) => [value, figure(one)]));

const openai: QuestionFormat = {
  name: "decisions", provider: "openai",
  body: ({ answers, count = "100" }) => json({
    model: "m", answers: Object.entries(answers).map(([name, answer]) => ({ name, ...ofOpenai(answer) })),
    ...(count === null ? {} : { usage: { input_tokens: new Raw(count), output_tokens: 0, total_tokens: new Raw(count) } }),
  }),
  asked(request) {
    const { input, questions } = JSON.parse(request) as { input: { content: { type: string; text: string }[] }[]; questions: { type: string; name: string; instructions: string; choices?: { value: string }[]; levels?: { label: string; description: string }[] }[] };
    return {
      state: input.flatMap(({ content }) => content.map(({ text }) => text)),
      questions: questions.map(({ name, type, instructions, choices = [], levels = [] }) => ({ name, type, text: instructions, values: [...choices.map(({ value }) => value), ...levels.map(({ description }) => description)] })),
    };
  },
};

function ofOpenai(answer: ToldAnswer): object {
  if (answer === "refused") return { type: "refusal" };
  if ("yes" in answer) return { type: "predicate", probability: figure(answer.yes) };
  const probabilities = Object.entries(answer.likely ?? {}).map(([value, one]) => ({ value: "choice" in answer ? value : Number(value), probability: figure(one) }));
  return "choice" in answer ? { type: "choice", choice: answer.choice, probabilities, confidence: 0.5 } : { type: "score", score: figure(answer.score), probabilities, confidence: 0.5 };
}

const google: QuestionFormat = {
  name: "gemini", provider: "google",
  body({ answers, count = "100" }) {
    const isBlocked = Object.values(answers).includes("refused");
    return json({
      ...(isBlocked ? { prompt_feedback: { block_reason: "SAFETY" } } : { answers: Object.fromEntries(Object.entries(answers).map(([name, answer]) => [name, ofGoogle(answer)])) }),
      ...(count === null ? {} : { usage: { total_input_tokens: new Raw(count), total_output_tokens: 0, total_tokens: new Raw(count) } }),
    });
  },
  asked(request) {
    const { input, questions } = JSON.parse(request) as { input: { text: string }[]; questions: Record<string, { type: string; instructions: string; criteria?: Record<string, string | null> | string[] }> };
    return {
      state: input.map(({ text }) => text),
      questions: Object.entries(questions).map(([name, { type, instructions, criteria = {} }]) => ({ name, type: type === "noul" ? "predicate" : type, text: instructions, values: Array.isArray(criteria) ? criteria : Object.keys(criteria) })),
    };
  },
};

function ofGoogle(answer: ToldAnswer): object {
  if (answer === "refused") return {};
  if ("yes" in answer) return { type: "noul", noul: figure(answer.yes), confidence: 0.5 };
  const probabilities = figures(answer.likely ?? {});
  return "choice" in answer ? { type: "choice", choice: answer.choice, probabilities, confidence: 0.5 } : { type: "score", score: figure(answer.score), probabilities, legend: { 0: "low" } };
}

export const questionFormats: readonly QuestionFormat[] = [openai, google];
