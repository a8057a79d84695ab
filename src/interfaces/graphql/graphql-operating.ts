// What an operation turns out to be: an answer, or a query that is followed; and an answer as JSON.
import type { GraphqlErrorObject } from "./graphql-errors.ts";
import type { GraphqlFollowing, PortOperating } from "./graphql-port.ts";
import { objectText } from "./root-field.ts";

export interface GraphqlAnswer {
  /** Values and ready text, by response key. Undefined: the document was not executed. */
  readonly data?: Readonly<Record<string, unknown>> | null;
  readonly errors?: readonly GraphqlErrorObject[];
}

export type GraphqlOperating =
  | { readonly kind: "answer"; readonly answer: GraphqlAnswer }
  | { readonly kind: "live"; readonly live: GraphqlFollowing };

export function answerText({ data, errors }: GraphqlAnswer): string {
  const members: (readonly [string, unknown])[] = errors === undefined ? [] : [["errors", errors]];
  if (data !== undefined) members.push(["data", data === null ? null : objectText(Object.entries(data))]);
  return objectText(members).text;
}

export function asTexts(operating: GraphqlOperating): PortOperating {
  if (operating.kind === "live") return operating;
  const { answer } = operating;
  return { kind: "answer", text: answerText(answer), errors: answer.data === undefined ? JSON.stringify(answer.errors ?? []) : null };
}
