// What a decisions endpoint is asked for one answer: a question for each member that the answer's JSON Schema declares. Such endpoints choose from a
// list, place on a scale, and say how likely yes is; what is nothing of the kind is no question.
import type { Json } from "../base/value.ts";

/** `about`: what the schema says of the member. */
export type Question =
  | { readonly kind: "choice"; readonly about: string; readonly values: readonly string[] }
  | { readonly kind: "score"; readonly about: string; readonly from: number; readonly levels: number }
  | { readonly kind: "boolean"; readonly about: string };

/** Providers that have such an endpoint. */
export type QuestionProvider = "openai" | "google";

/** What it takes in one request; of values and of levels two at least. */
const LIMITS: Readonly<Record<QuestionProvider, { readonly questions: number; readonly values: number; readonly levels: number }>> = {
  openai: { questions: 400, values: 255, levels: 10 },
  google: { questions: 1_000, values: 255, levels: 255 },
};

export function asksQuestions(provider: string): provider is QuestionProvider {
  return Object.hasOwn(LIMITS, provider);
}

type Schema = { readonly [name: string]: Json };

/** By member of the answer, in order of declaration; null: it is no question. `parameters`: of an object, with its definitions. */
export function questionsOf(parameters: Schema): ReadonlyMap<string, Question | null> {
  const definitions = schemaAt(parameters, "$defs");
  return new Map(Object.keys(schemaAt(parameters, "properties")).map((name) => [name, questionOf(schemaAt(schemaAt(parameters, "properties"), name), definitions)]));
}

/** Why an answer of this schema cannot be asked of the provider. Null: it can. */
export function misfitOf(parameters: Schema, provider: QuestionProvider): string | null {
  const questions = questionsOf(parameters);
  const limits = LIMITS[provider];
  if (questions.size > limits.questions) return `has more than ${limits.questions} fields`;
  for (const [name, question] of questions) {
    if (question === null) return `has ${name}, which is neither an enum nor a Boolean nor a number of a scale`;
    const [count, max, what] = question.kind === "choice" ? [question.values.length, limits.values, "values"] : question.kind === "score" ? [question.levels, limits.levels, "levels"] : [2, 2, ""];
    if (count < 2 || count > max) return `has ${name} with ${count} ${what}, where ${provider} takes 2 to ${max}`;
  }
  return null;
}

function questionOf(declared: Schema, definitions: Schema): Question | null {
  const { description: own = null } = declared;
  const schema = bare(declared, definitions);
  const { type, enum: values, minimum, maximum, description = null } = schema;
  const about = [...new Set([own, description])].filter((text) => typeof text === "string").join(" ");
  if (Array.isArray(values)) return { kind: "choice", about, values: values.map(String) };
  if (type === "boolean") return { kind: "boolean", about };
  if (type !== "integer" || typeof minimum !== "number" || typeof maximum !== "number") return null;
  return { kind: "score", about, from: Math.ceil(minimum), levels: Math.floor(maximum) - Math.ceil(minimum) + 1 };
}

/** Without null beside it, and with what it refers to in its place: what is asked for is always answered. */
function bare(schema: Schema, definitions: Schema): Schema {
  const { $ref: reference, anyOf: choices, type } = schema;
  if (Array.isArray(choices)) return bare(choices[0] as Schema, definitions);
  if (typeof reference === "string") return schemaAt(definitions, reference.slice("#/$defs/".length));
  return Array.isArray(type) ? { ...schema, type: type[0]! } : schema;
}

function schemaAt(schema: Schema, name: string): Schema {
  return Object.hasOwn(schema, name) ? schema[name] as Schema : {};
}
