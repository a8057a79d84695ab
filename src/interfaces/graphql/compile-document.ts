// A document from its text, bounded and validated against one caller's schema. Kept by roles and text: the same document is read once.
import type { DocumentNode, GraphQLError, GraphQLSchema } from "graphql";
import { parse } from "graphql/language/parser";
import { GraphQLError as GraphQLProblem } from "graphql/error/GraphQLError";
import { validate } from "graphql/validation/validate";
import { specifiedRules } from "graphql/validation/specifiedRules";
import type { Limits } from "../../base/limits.ts";
import { fault } from "../../base/error.ts";
import { checkDocumentSize, tooLarge } from "./document-size.ts";

/** Errors: what validation says of it. */
export interface CompiledDocument {
  readonly document: DocumentNode;
  readonly errors: readonly GraphQLError[];
}

const ERRORS_MAX = 10;

/** Throws MALFORMED_DOCUMENT, DOCUMENT_TOO_LARGE. */
export function compileDocument(text: string, schema: GraphQLSchema, limits: Limits): CompiledDocument {
  const document = parsed(text, limits.graphqlTokens);
  checkDocumentSize(document, limits);
  return { document, errors: validate(schema, document, specifiedRules, { maxErrors: ERRORS_MAX }) };
}

function parsed(text: string, tokens: number): DocumentNode {
  try {
    return parse(text, { maxTokens: tokens });
  } catch (error) {
    if (!(error instanceof GraphQLProblem)) throw error;
    if (error.message.includes(`more that ${tokens} tokens`) || error.message.includes(`more than ${tokens} tokens`)) throw tooLarge(`more than ${tokens} tokens`, "Send values as variables, or ask in several requests.");
    const [location] = error.locations ?? [];
    throw fault("MALFORMED_DOCUMENT", error.message, location === undefined ? {} : { where: `${location.line}:${location.column}` });
  }
}
